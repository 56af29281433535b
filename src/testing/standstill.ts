import { warn } from '../events.ts'
import type { TestBench } from './test-client.ts'
import { describeTimers } from './test-clock.ts'
import { afterRealDelay } from './turns.ts'

// Less than the patience of any test runner, which ends a test without a word about why.
const patienceMs = 2000
// Kafka clients wait in real time, and some of them for seconds.
const clientsPatienceMs = 4000

/**
 * Warns of a wait for what only the broker's time can bring, while that stands still; returns what ends the watch. Where
 * Kafka clients are at work, it is they who are waited for, and `explain` says what is the matter.
 */
export function watchStandstill(
  { now, pending, served }: TestBench,
  what: string,
  explain?: () => string,
): () => void {
  const began = now()
  const warnAfter = (ms: number, reason: () => string | undefined) =>
    afterRealDelay(ms, () => {
      const text = now() === began ? reason() : undefined
      if (text === undefined) return
      warn(`Waited ${ms / 1000} s of real time for ${what}, and the broker's time stands still. ${text}`)
    })
  const watches = [
    warnAfter(patienceMs, () => {
      const timers = pending()
      if (served() || timers.length === 0) return undefined
      return `What waits for time: ${describeTimers(timers)}. Start it, advance the broker's time, then await it`
    }),
    warnAfter(clientsPatienceMs, () => {
      if (!served()) return undefined
      const state = explain === undefined ? '' : `. Now: ${explain()}`
      return `A Kafka client may need longer, but no time-out of the broker ends this wait${state}`
    }),
  ]
  return () => {
    for (const unwatch of watches) unwatch()
  }
}
