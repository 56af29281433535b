import { json, type RecordOf, type TopicDefinition, topic } from '../../../src/index.ts'
import { TestBroker } from '../../../src/testing/index.ts'
import { Lot } from '../../helpers/lot.ts'
import type { Scene } from '../scene.ts'

interface Value {
  readonly id: number
  /** How many attempts fail. */
  readonly fails: number
}

type Order = RecordOf<{ orders: TopicDefinition<Value> }, 'orders'>

/** What became of a record. */
interface Fate {
  readonly sent: object
  readonly key: string | null
  /** When its handler failed, by the number of the attempt. */
  readonly failedAt: Map<number, number>
  begun: boolean
  ended: boolean
}

/** A group with retry topics, whose members fail, crash, close and join, as a seed decides. */
export class RetryTopics implements Scene {
  readonly problems: string[] = []
  readonly #lot: Lot
  readonly #broker
  readonly #fates: Fate[] = []
  // The ids of the records in the retry topics, by topic, partition and offset; and what was told to be gone there.
  readonly #waiting = new Map<string, number>()
  readonly #gone: string[] = []
  readonly #attempts: number
  readonly #topics: { topic: 'soon' | 'later'; delayMs: number }[]
  readonly #ordering: 'partition' | 'key' | 'none'
  readonly #onFailure: 'skip' | 'restart' | { deadLetter: 'letters' }
  readonly #alive = new Set<string>()
  #members = 0
  #inHand = 0
  #heals = false

  constructor(seed: number) {
    const lot = new Lot(seed)
    this.#lot = lot
    this.#attempts = lot.oneOf([1, 2])
    this.#ordering = lot.oneOf(['partition', 'key', 'none'])
    this.#onFailure = lot.oneOf(['skip', 'restart', { deadLetter: 'letters' }])
    const both = [
      { topic: 'soon', delayMs: lot.oneOf([0, 500]) },
      { topic: 'later', delayMs: lot.oneOf([100, 5000]) },
    ] as const
    this.#topics = both.slice(0, lot.oneOf([1, 2, 2]))
    const codec = lot.chance(0.4) ? { codec: json } : {}
    const made = (partitions: number) => topic<Value>({ partitions, ...codec })
    const topics = { orders: made(lot.oneOf([1, 3])), soon: made(2), later: made(1), letters: made(1) }
    this.#broker = new TestBroker({ seed, topics })
    this.#broker.on('recordsDropped', ({ topic: name, partition, from, to }) =>
      this.#drop(name, partition, from, to),
    )
  }

  get transcript(): string {
    return String(this.#broker.timeline)
  }

  async run(): Promise<void> {
    const lot = this.#lot
    this.#join()
    for (let i = 0; i < 40; i++) {
      const step = lot.below(20)
      if (step < 10) this.#send()
      else if (step < 12) this.#join()
      else if (step < 13 && this.#alive.size > 0) this.#crash(lot.oneOf([...this.#alive]))
      else if (step < 14) this.#trim(lot.oneOf(['soon', 'later']))
      else await this.#broker.advance(lot.oneOf([1, 50, 1000, 3000]))
    }
    this.#heals = true
    this.#join()
    await this.#broker.advanceUntilIdle()
    for (const place of this.#gone) {
      const id = this.#waiting.get(place)
      if (id !== undefined) this.#fates[id]!.ended = true
    }
    for (const [id, { ended }] of this.#fates.entries()) if (!ended) this.problems.push(`${id} is lost`)
    await this.#broker.close()
  }

  #send(): void {
    const id = this.#fates.length
    const key = this.#lot.oneOf(['a', 'b', null])
    const value = { id, fails: this.#lot.oneOf([0, 0, 1, 2, 3, 9]) }
    const { topic: name, partition, offset, timestamp } = this.#broker.topic('orders').append({ key, value })
    const sent = { topic: name, partition, offset, timestamp, key, value, headers: {} }
    this.#fates.push({ sent, key, failedAt: new Map(), begun: false, ended: false })
  }

  #join(): void {
    if (this.#alive.size === 4) return
    const { clock } = this.#broker
    const clientId = `m${++this.#members}`
    const consumer = this.#broker.consumer({
      groupId: 'g',
      clientId,
      topics: ['orders'],
      sessionTimeoutMs: 2000,
    })
    this.#alive.add(clientId)
    consumer.on('error', () => {})
    consumer.on('restarting', () => {})
    consumer.on('skipped', ({ record }) => this.#end(record.value))
    consumer.on('deadLettered', ({ record }) => this.#end(record.value))
    consumer.on('delayed', ({ record, to }) =>
      this.#waiting.set(`${to.topic}-${to.partition}@${to.offset}`, (record.value as Value).id),
    )
    consumer.on('offsetReset', ({ topic: name, partition, from, to }) =>
      this.#drop(name, partition, from, to),
    )
    const eachRecord = async (record: Order, { attempt }: { readonly attempt: number }) => {
      const { id, fails } = record.value
      this.#begin(record, attempt)
      this.#inHand++
      await clock.sleep(this.#lot.oneOf([0, 0, 1, 10, 700]))
      this.#inHand--
      if (!this.#heals && this.#fates[id]!.failedAt.size < fails) {
        this.#fail(id, attempt)
        throw new Error('planned')
      }
      if (this.#alive.has(clientId)) this.#end(record.value)
    }
    const retry = { attempts: this.#attempts, delayMs: 50, topics: this.#topics }
    const options = {
      ordering: this.#ordering,
      concurrency: this.#lot.oneOf([1, 4]),
      onFailure: this.#onFailure,
    }
    // One that crashes, or that is closed with the broker, may still be starting.
    consumer.run({ eachRecord, retry, ...options }).catch(() => {})
  }

  #crash(member: string): void {
    this.#alive.delete(member)
    this.#broker.crash({ group: 'g', member })
  }

  // What a handler has in hand counts as read: nobody is told that it is gone, and a crash may lose it.
  #trim(name: 'soon' | 'later'): void {
    if (this.#inHand > 0) return
    const log = this.#lot.oneOf(this.#broker.topic(name).partitions)
    log.deleteRecords(this.#lot.below(log.highWatermark + 1))
  }

  #drop(name: string, partition: number, from: number, to: number): void {
    for (let offset = from; offset < to; offset++) this.#gone.push(`${name}-${partition}@${offset}`)
  }

  #end(value: unknown): void {
    this.#fates[(value as Value).id]!.ended = true
  }

  // After a crash it may fail once more.
  #fail(id: number, attempt: number): void {
    const { failedAt } = this.#fates[id]!
    if (!failedAt.has(attempt)) failedAt.set(attempt, this.#broker.clock.now())
  }

  #begin(record: Order, attempt: number): void {
    const { id } = record.value
    const fate = this.#fates[id]!
    const got = { ...record, headers: { ...record.headers } }
    if (JSON.stringify(got) !== JSON.stringify(fate.sent)) this.problems.push(`${id} is not as it was sent`)
    const later = this.#topics[attempt - this.#attempts - 1]
    const failedAt = fate.failedAt.get(attempt - 1)
    if (later && !(this.#broker.clock.now() - failedAt! >= later.delayMs))
      this.problems.push(`${id} has attempt ${attempt} too early`)
    if (!fate.begun) this.#checkOrder(id, record, fate)
    fate.begun = true
  }

  // What comes before it in its order has been handled, or was put aside.
  #checkOrder(id: number, { partition, key }: Order, fate: Fate): void {
    if (this.#ordering === 'none' || (this.#ordering === 'key' && key === null)) return
    const aside = new Set(this.#waiting.values())
    for (const [other, before] of this.#fates.slice(0, id).entries()) {
      const sameOrder = this.#ordering === 'partition' || before.key === fate.key
      const samePartition = (before.sent as { partition: number }).partition === partition
      if (sameOrder && samePartition && !before.ended && !aside.has(other))
        this.problems.push(`${id} begins before ${other} has ended`)
    }
  }
}
