import { type Clock, systemClock, type Timer } from '../clock.ts'

/**
 * Ends what a client waits for. It waits by its own clock: where the broker's is a test's, which stands still, it is answered all
 * the same, and where that is moved it need not wait.
 */
export function setClientTimer(clock: Clock, callback: () => void, delayMs: number, name: string): Timer {
  const timers = [clock, systemClock].map(each => each.setTimer(callback, delayMs, { name }))
  return {
    cancel: () => {
      for (const timer of timers) timer.cancel()
    },
  }
}
