import type { BrokerClock } from '../broker-clock.ts'
import { Deadline } from '../deadline.ts'
import { type BrokerletError, isRetriable, TimeoutError } from '../errors.ts'

/** How long to retry, and after which failures. */
export interface RetryOptions {
  readonly clock: BrokerClock
  readonly random: () => number
  readonly timeoutMs: number
  /** Since when it is tried, by the monotonic clock; default now. */
  readonly since?: number | undefined
  /** Whether an attempt that is under way when the time is over is still waited for; default false. */
  readonly outlasts?: boolean
  /** Whether to try again after a retriable failure. */
  goesOn?(error: unknown): boolean | Promise<boolean>
}

const usualDelayMs = 50
const longestDelayMs = 1000

// While the end of a producer's last transaction is written: that takes a few milliseconds, not a change of the cluster.
const concurrentDelayMs = 5

/**
 * Returns how long to wait before an attempt: the delay doubles, and varies at random by a fifth, so that
 * clients do not come all at once.
 */
export function backoffMs(
  attempt: number,
  random: () => number,
  firstDelayMs: number = usualDelayMs,
): number {
  const delayMs = Math.min(firstDelayMs * 2 ** Math.min(attempt - 1, 10), longestDelayMs)
  return delayMs * (0.8 + 0.4 * random())
}

/**
 * Tries until an attempt succeeds or fails for good, or the time is over. An attempt that is under way then is left to
 * itself: what it comes to counts for nothing.
 *
 * @throws TimeoutError with the last failure as its cause
 */
export async function retry<T>(what: string, attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, random, timeoutMs, since = clock.monotonic(), outlasts = false } = options
  const leftMs = () => timeoutMs - (clock.monotonic() - since)
  let failure: BrokerletError | undefined
  let over = false
  const gaveUp = () => {
    over = true
    const why = failure === undefined ? 'not answered yet' : failure.message
    const cause = failure === undefined ? {} : { cause: failure }
    return new TimeoutError(`${what}: gave up after ${timeoutMs} ms: ${why}`, cause)
  }
  const attempts = async (): Promise<T> => {
    for (let count = 1; ; count++) {
      try {
        return await attempt()
      } catch (error) {
        if (!isRetriable(error)) throw error
        failure = error
        const left = leftMs()
        if (over || left <= 0) throw gaveUp()
        const firstDelayMs = error.code === 'CONCURRENT_TRANSACTIONS' ? concurrentDelayMs : usualDelayMs
        await clock.sleep(Math.min(left, backoffMs(count, random, firstDelayMs)))
        if (over) throw gaveUp()
        if (options.goesOn !== undefined && !(await options.goesOn(error))) throw error
      }
    }
  }
  if (outlasts) return attempts()
  const deadline = new Deadline(clock, Math.max(0, leftMs()), what)
  const late = deadline.passed.then(() => {
    throw gaveUp()
  })
  try {
    return await Promise.race([attempts(), late])
  } finally {
    deadline.cancel()
  }
}
