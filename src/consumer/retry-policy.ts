import { InvalidOptionError } from '../errors.ts'
import { forgetPromise } from '../maybe-promise.ts'
import { describeError } from '../thrown.ts'
import {
  type Check,
  type Checks,
  callback,
  checkOptions,
  duration,
  fraction,
  integer,
  invalidOption,
  name,
  type OtherWords,
  optionError,
} from '../validate.ts'
import { describeValue } from '../value-text.ts'

/** A topic in which records wait for another attempt. */
export interface DelayedRetry<Name extends string = string> {
  readonly topic: Name
  /** How long a record waits there, in milliseconds. */
  readonly delayMs: number
}

/** How often a handler gets a record, and when; `Name` names the topics in which it may wait. */
export interface RetryOptions<Name extends string = string> {
  /** Attempts in all, the first included; default 5. `Infinity` never gives up. */
  attempts?: number | undefined
  /** Milliseconds before the second attempt, doubling to 10 s (or this, if that is longer); default 100. */
  delayMs?: number | undefined
  /** Instead of `delayMs`: milliseconds to wait after a failed attempt (1 for the first). */
  backoff?: ((attempt: number) => number) | undefined
  /** The random share of each delay, from 0 (default) to 1: records that failed together are not retried together. */
  jitter?: number | undefined
  /**
   * Whether another attempt can help; where it returns false the record is given up at once. Default always. If it
   * throws, or returns a promise, which would count as true, the consumer stops with an `InvalidOptionError`, and the
   * handler's error is an 'error' event.
   */
  retryable?: ((error: unknown) => boolean) | undefined
  /**
   * Topics to which a record is written after its last attempt, before `onFailure`: to the first, from which it is
   * handed out once more after the delay, then to the next. Its partition and its key do not wait, so **order is
   * lost**: later records of its key are handled before it. The handler gets the record as it was. The topics must
   * exist, with the codec of the topics that they serve; the consumer, which needs a groupId, reads them, too.
   * Default none.
   */
  topics?: readonly DelayedRetry<Name>[] | undefined
}

const attempts: Check = {
  expected: 'a whole number of at least 1, or Infinity',
  accepts: value => value === Number.POSITIVE_INFINITY || integer(1).accepts(value),
}

const delayedRetries: Check = {
  expected: 'an array of { topic, delayMs }, each topic once',
  accepts: value =>
    Array.isArray(value) &&
    value.every(each => name.accepts(each?.topic) && duration.accepts(each?.delayMs)) &&
    new Set(value.map(each => each.topic)).size === value.length,
}

const backoffs: Check = {
  expected:
    'a function from the failed attempt to milliseconds, such as attempt => 100 * attempt ' +
    "(for a delay that doubles give 'delayMs')",
  accepts: callback.accepts,
}

const longestDelayMs = 10_000

const checks: Checks<RetryOptions> = {
  attempts,
  delayMs: duration,
  backoff: backoffs,
  jitter: fraction,
  retryable: callback,
  topics: delayedRetries,
}

// What KafkaJS and others have.
const otherWords: OtherWords<RetryOptions> = {
  retries: { instead: `'attempts' counts the first one, too` },
  initialRetryTime: 'delayMs',
  delay: 'delayMs',
}

/** Decides whether and when a failed record is retried. */
export class RetryPolicy {
  readonly attempts: number
  readonly topics: readonly DelayedRetry[]
  readonly #backoff: (attempt: number) => number
  readonly #jitter: number
  readonly #retryable: (error: unknown) => boolean
  readonly #random: () => number

  constructor(options: RetryOptions = {}, random: () => number) {
    checkOptions('run: retry', options, checks, otherWords)
    this.#jitter = options.jitter ?? 0
    this.#retryable = options.retryable ?? (() => true)
    this.#random = random
    this.topics = options.topics ?? []
    const { delayMs = 100, backoff } = options
    if (options.delayMs !== undefined && backoff !== undefined) {
      throw new InvalidOptionError(`run: retry: options 'delayMs' and 'backoff' exclude each other`, {
        option: 'backoff',
      })
    }
    this.attempts = options.attempts ?? 5
    this.#backoff = backoff ?? (attempt => doubled(delayMs, attempt, Math.max(delayMs, longestDelayMs)))
  }

  /**
   * Whether another attempt can help.
   *
   * @throws InvalidOptionError where `retryable` throws, or answers with a promise
   */
  worthwhile(error: unknown): boolean {
    const answer = called('retryable', () => this.#retryable(error))
    if (!forgetPromise(answer)) return answer
    throw invalidOption('run: retry', 'retryable', 'a function that answers at once', answer)
  }

  /**
   * Milliseconds to wait after failed attempt number `attempt`.
   *
   * @throws InvalidOptionError where `backoff` throws, or returns something else
   */
  delayAfter(attempt: number): number {
    const delayMs = called('backoff', () => this.#backoff(attempt))
    if (duration.accepts(delayMs)) {
      return this.#jitter === 0 ? delayMs : delayMs * (1 - this.#jitter * this.#random())
    }
    forgetPromise(delayMs)
    throw new InvalidOptionError(
      `run: retry: backoff(${attempt}) expected ${duration.expected}, gave ${describeValue(delayMs)}`,
      { option: 'backoff', expected: duration.expected, received: delayMs },
    )
  }
}

function called<T>(option: 'retryable' | 'backoff', call: () => T): T {
  try {
    return call()
  } catch (cause) {
    throw optionError('run: retry', option, `threw: ${describeError(cause)}`, { cause })
  }
}

// More doublings reach every limit, and after a thousand 0 ms would become 0 times Infinity.
const mostDoublings = 64

/** `firstMs`, doubled with every attempt after the first, at most `mostMs`. */
export function doubled(firstMs: number, attempt: number, mostMs: number): number {
  return Math.min(mostMs, firstMs * 2 ** Math.min(attempt - 1, mostDoublings))
}
