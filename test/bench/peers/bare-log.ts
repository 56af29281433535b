import { partitionForKey } from '../../../src/producer/partitioner.ts'
import { noHeaders } from '../../../src/record.ts'
import type { Work } from '../measure.ts'
import { type MakeMessage, message, type OrderMessage, type Sink } from '../orders.ts'
import { inBatches, type Peer } from '../peer.ts'

const partitionCount = 12
const segmentRecords = 4096
// So that the log keeps a million records in all, as a broker does.
const mostSegments = Math.ceil(1_000_000 / partitionCount / segmentRecords)

interface BareRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: unknown
  readonly value: unknown
  readonly headers: object
}

type BareHandler = (record: BareRecord) => unknown

class BareSegment {
  baseOffset = 0
  count = 0
  readonly slots: unknown[] = new Array(2 * segmentRecords)
  readonly timestamps = new Float64Array(segmentRecords)
}

/** Columns to write to, and how far they have been read. */
class BarePartition {
  readonly topic: string
  readonly index: number
  queued = false
  #segments: BareSegment[] = []
  #end = 0
  #read = 0

  constructor(topic: string, index: number) {
    this.topic = topic
    this.index = index
  }

  append(key: string, value: unknown, timestamp: number): number {
    let segment = this.#segments.at(-1)
    if (segment === undefined || segment.count === segmentRecords) segment = this.#roll()
    const at = segment.count++
    segment.slots[2 * at] = key
    segment.slots[2 * at + 1] = value
    segment.timestamps[at] = timestamp
    return this.#end++
  }

  // Reuses the arrays of the oldest segment.
  #roll(): BareSegment {
    const segment =
      this.#segments.length < mostSegments ? new BareSegment() : (this.#segments.shift() as BareSegment)
    segment.baseOffset = this.#end
    segment.count = 0
    this.#segments.push(segment)
    return segment
  }

  next(): BareRecord | undefined {
    if (this.#read === this.#end) return undefined
    const offset = this.#read++
    let i = this.#segments.length - 1
    while (offset < this.#segments[i]!.baseOffset) i--
    const { baseOffset, slots, timestamps } = this.#segments[i]!
    const at = offset - baseOffset
    const { topic, index: partition } = this
    const [key, value] = [slots[2 * at], slots[2 * at + 1]]
    return { topic, partition, offset, timestamp: timestamps[at]!, key, value, headers: noHeaders }
  }
}

/** Hands records out, one partition after the other, and awaits the handler's promise. */
class BareLog {
  readonly #partitions: readonly BarePartition[]
  readonly #handler: BareHandler
  readonly #ready: BarePartition[] = []
  #asleep = true

  constructor(topic: string, handler: BareHandler) {
    this.#partitions = Array.from({ length: partitionCount }, (_, index) => new BarePartition(topic, index))
    this.#handler = handler
  }

  send(order: OrderMessage): Promise<object> {
    const sent = this.#append(order, Date.now())
    this.#wake()
    return Promise.resolve(sent)
  }

  sendBatch(messages: readonly OrderMessage[]): Promise<object[]> {
    const timestamp = Date.now()
    const sent = new Array<object>(messages.length)
    for (let i = 0; i < messages.length; i++) sent[i] = this.#append(messages[i]!, timestamp)
    this.#wake()
    return Promise.resolve(sent)
  }

  #append({ topic, key, value }: OrderMessage, timestamp: number): object {
    const partition = this.#partitions[partitionForKey(key, partitionCount)]!
    const offset = partition.append(key, value, timestamp)
    if (!partition.queued) this.#queue(partition)
    return { topic, partition: partition.index, offset, timestamp }
  }

  #wake(): void {
    if (!this.#asleep) return
    this.#asleep = false
    void Promise.resolve().then(this.#go)
  }

  #queue(partition: BarePartition): void {
    partition.queued = true
    this.#ready.push(partition)
  }

  readonly #go = (): void => {
    for (let partition = this.#ready.at(-1); partition !== undefined; partition = this.#ready.at(-1)) {
      for (let record = partition.next(); record !== undefined; record = partition.next()) {
        const answer = this.#handler(record)
        if (answer instanceof Promise) return void answer.then(this.#go)
      }
      partition.queued = false
      this.#ready.pop()
    }
    this.#asleep = true
  }
}

function batchOf(make: MakeMessage, from: number, to: number): OrderMessage[] {
  const batch: OrderMessage[] = []
  for (let i = from; i < to; i++) batch.push(make(i))
  return batch
}

function lastOf(log: BareLog, make: MakeMessage, from: number, to: number): Promise<object> | undefined {
  let last: Promise<object> | undefined
  for (let i = from; i < to; i++) last = log.send(make(i))
  return last
}

/**
 * The least that keeps records by key: the library's own partitioner, columns, the place of each record as the answer,
 * and an object for each record that is read. Nothing is checked, nothing can fail, and there are no groups or commits.
 * As with brokerlet, the sender waits for an asynchronous handler, too.
 */
export function bareLog(sender: 'batch' | 'sends', handler: 'sync' | 'async'): Peer {
  return {
    name: 'bare log',
    start: ({ sink, messages: { kept } }) => {
      const log = new BareLog('orders', handler === 'sync' ? sink.take : sink.takeAsync)
      const send =
        sender === 'batch'
          ? (from: number, to: number) => log.sendBatch(batchOf(kept, from, to))
          : (from: number, to: number) => lastOf(log, kept, from, to)
      if (handler === 'sync') return inBatches(send)
      return inBatches(async (from, to) => {
        const taken = sink.expect(to - from)
        await send(from, to)
        await taken
      })
    },
  }
}

/** The same log, with each send awaited before the next. */
export function bareLogAwaited(sink: Sink): Work {
  const log = new BareLog('orders', sink.take)
  return async records => {
    for (let i = 0; i < records; i++) await log.send(message(i))
  }
}
