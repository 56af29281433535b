import type { BrokerClock } from '../broker-clock.ts'
import { type BrokerletError, TimeoutError } from '../errors.ts'
import { describeError } from '../thrown.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'

interface Outage {
  since: number
  error: unknown
}

/** What is tried again and again without success: tells of it each time that it has lasted for so long. */
export class Outages<Item extends { readonly position: TopicPartition }> {
  readonly #clock: BrokerClock
  readonly #timeoutMs: number
  readonly #tell: (error: BrokerletError) => void
  readonly #failing = new Map<Item, Outage>()

  constructor(clock: BrokerClock, timeoutMs: number, tell: (error: BrokerletError) => void) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#tell = tell
  }

  /** Notes that an item could not be read. */
  failed(item: Item, error: unknown): void {
    const outage = this.#failing.get(item)
    if (outage === undefined) this.#failing.set(item, { since: this.#clock.monotonic(), error })
    else outage.error = error
  }

  /** Notes that an item was read, or is not to be read now. */
  over(item: Item): void {
    this.#failing.delete(item)
  }

  /** Tells of what has lasted for long by now, in one error; forgets what is not tried any more. */
  look(isTried: (item: Item) => boolean): void {
    for (const item of [...this.#failing.keys()]) if (!isTried(item)) this.over(item)
    const now = this.#clock.monotonic()
    const long = [...this.#failing].filter(([, { since }]) => now - since >= this.#timeoutMs)
    if (long.length === 0) return
    for (const [, outage] of long) outage.since = now
    const names = long.map(([{ position }]) => formatTopicPartition(position)).join(', ')
    const [{ position }, { error }] = long[0]!
    const { topic, partition } = position
    const text = `Reading ${names}: no success for ${this.#timeoutMs} ms: ${describeError(error)}`
    this.#tell(new TimeoutError(text, { topic, partition, cause: error }))
  }
}
