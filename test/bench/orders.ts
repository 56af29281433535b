import { Broker, topic } from '../../src/index.ts'

/** What the records of most rows are. */
export interface Order {
  readonly id: number
  readonly total: number
}

/** A message as a sender has it; what its value is, is the row's. */
export interface OrderMessage<V = unknown> {
  readonly topic: 'orders'
  readonly key: string
  readonly value: V
}

export type MakeMessage = (i: number) => OrderMessage

const keys: readonly string[] = Array.from({ length: 1000 }, (_, i) => `customer-${i}`)

export function keyOf(i: number): string {
  return keys[i % keys.length]!
}

/**
 * Messages that are kept, and the same where they are forgotten at once. They are made in two places, as in two programs: V8
 * learns for each place in the code whether what is made there lives long, and then makes it where it need not be moved.
 */
export interface Messages {
  readonly kept: MakeMessage
  readonly passed: MakeMessage
}

/** A message of its own, with a small object. */
export function message(i: number): OrderMessage<Order> {
  return { topic: 'orders', key: keyOf(i), value: { id: i, total: i & 255 } }
}

/** The same for who does not keep it. */
export function passingMessage(i: number): OrderMessage<Order> {
  return { topic: 'orders', key: keyOf(i), value: { id: i, total: i & 255 } }
}

export const messages: Messages = { kept: message, passed: passingMessage }

const manyKeys: readonly string[] = Array.from({ length: 10_000 }, (_, i) => `customer-${i}`)

/** The same with 10,000 keys, so that each of 1,000 partitions gets some. */
export const scattered: Messages = {
  kept: i => ({ topic: 'orders', key: manyKeys[i % manyKeys.length]!, value: { id: i, total: i & 255 } }),
  passed: i => ({ topic: 'orders', key: manyKeys[i % manyKeys.length]!, value: { id: i, total: i & 255 } }),
}

// Made once, and handed on by reference as in any process: making a text of 1 KiB takes longer than sending it.
const texts: readonly string[] = keys.map(key => Buffer.alloc(1024, `${key} `).toString('latin1'))
const buffers: readonly Buffer[] = keys.map(key => Buffer.alloc(100, `${key} `))

/** One with a string of 1 KiB. */
export const textMessages: Messages = {
  kept: i => ({ topic: 'orders', key: keyOf(i), value: texts[i % texts.length]! }),
  passed: i => ({ topic: 'orders', key: keyOf(i), value: texts[i % texts.length]! }),
}

/** One with a buffer of 100 bytes. */
export const bufferMessages: Messages = {
  kept: i => ({ topic: 'orders', key: keyOf(i), value: buffers[i % buffers.length]! }),
  passed: i => ({ topic: 'orders', key: keyOf(i), value: buffers[i % buffers.length]! }),
}

/** Keeps the last record and its value, so that none can be optimised away, and counts. */
export class Sink {
  last: { readonly value: unknown } | undefined
  value: unknown
  #left = Number.POSITIVE_INFINITY
  #complete: (() => void) | undefined

  readonly take = (record: { readonly value: unknown }): void => {
    this.value = record.value
    this.last = record
    if (--this.#left === 0) this.#complete?.()
  }

  readonly takeAsync = async (record: { readonly value: unknown }): Promise<void> => {
    this.value = record.value
    this.last = record
    if (--this.#left === 0) this.#complete?.()
  }

  /** Counts anew; resolves once so many more records were taken. */
  expect(records: number): Promise<void> {
    this.#left = records
    return new Promise(resolve => {
      this.#complete = resolve
    })
  }
}

/** A broker with one topic, all else by default. */
export function orderBroker(
  options: {
    readonly partitions?: number
    readonly segmentRecords?: number
    readonly maxRecords?: number
  } = {},
) {
  const { partitions = 12, segmentRecords, maxRecords } = options
  const size = segmentRecords === undefined ? {} : { segmentRecords }
  const topics = { orders: topic<unknown>({ partitions, ...size }) }
  return new Broker(maxRecords === undefined ? { topics } : { topics, maxRecords })
}
