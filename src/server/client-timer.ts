import { type Clock, systemClock, type Timer } from '../clock.ts'

/**
 * Ends what a client waits for, by the broker's clock or the system's, whichever is first. A client waits in real time:
 * it is answered even if the broker's clock is a test's that stands still, and earlier if the test moves it.
 */
export function setClientTimer(clock: Clock, callback: () => void, delayMs: number, name: string): Timer {
  const timers = [clock, systemClock].map(each => each.setTimer(callback, delayMs, { name }))
  return {
    cancel: () => {
      for (const timer of timers) timer.cancel()
    },
  }
}
