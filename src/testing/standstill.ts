import { warn } from '../events.ts'
import type { TestBench } from './test-client.ts'
import { describeTimers } from './test-clock.ts'
import { afterRealDelay } from './turns.ts'

// Less than the patience of any test runner, which ends a test without a word about why.
const patienceMs = 2000

/**
 * Warns of a wait for what only the broker's time can bring, while that stands still; returns what ends the watch.
 */
export function watchStandstill({ now, pending }: TestBench, what: string): () => void {
  const began = now()
  return afterRealDelay(patienceMs, () => {
    const timers = pending()
    if (timers.length === 0 || now() !== began) return
    warn(
      `Waited ${patienceMs / 1000} s of real time for ${what}, and the broker's time stands still. ` +
        `What waits for time: ${describeTimers(timers)}. Start it, advance the broker's time, then await it`,
    )
  })
}
