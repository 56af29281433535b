import type { BrokerClock } from '../broker-clock.ts'
import { isBrokerletError, TimeoutError } from '../errors.ts'

/** How long to retry, and after which failures. */
export interface RetryOptions {
  readonly clock: BrokerClock
  readonly random: () => number
  readonly timeoutMs: number
  /** Whether to try again after a retriable failure. */
  goesOn?(error: unknown): boolean | Promise<boolean>
}

const firstDelayMs = 50
const longestDelayMs = 1000

/**
 * Returns how long to wait before an attempt: the delay doubles, and varies at random by a fifth, so that
 * clients do not come all at once.
 */
export function backoffMs(attempt: number, random: () => number): number {
  const delayMs = Math.min(firstDelayMs * 2 ** Math.min(attempt - 1, 10), longestDelayMs)
  return delayMs * (0.8 + 0.4 * random())
}

/**
 * Tries until an attempt succeeds or fails for good, or the time is over.
 *
 * @throws TimeoutError with the last failure as its cause
 */
export async function retry<T>(what: string, attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, random, timeoutMs } = options
  const began = clock.monotonic()
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt()
    } catch (error) {
      if (!isBrokerletError(error) || !error.retriable) throw error
      const leftMs = timeoutMs - (clock.monotonic() - began)
      if (leftMs <= 0) {
        throw new TimeoutError(`${what}: gave up after ${timeoutMs} ms: ${error.message}`, { cause: error })
      }
      await clock.sleep(Math.min(leftMs, backoffMs(attempts, random)))
      if (options.goesOn !== undefined && !(await options.goesOn(error))) throw error
    }
  }
}
