import { Broker, topic } from '../../src/index.ts'

/** The value of the records in most rows. */
export interface Order {
  readonly id: number
  readonly total: number
}

/** A message to send; each row decides what its value is. */
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
 * Makers of messages: for messages that are kept, and for those that are dropped at once. The two are separate
 * functions, as in two programs: V8 learns for each allocation site whether its objects live long, and then allocates
 * them where they need not be moved.
 */
export interface Messages {
  readonly kept: MakeMessage
  readonly passed: MakeMessage
}

/** Makes a new message with a small object. */
export function message(i: number): OrderMessage<Order> {
  return { topic: 'orders', key: keyOf(i), value: { id: i, total: i & 255 } }
}

/** Makes the same message, for callers that do not keep it. */
export function passingMessage(i: number): OrderMessage<Order> {
  return { topic: 'orders', key: keyOf(i), value: { id: i, total: i & 255 } }
}

export const messages: Messages = { kept: message, passed: passingMessage }

const manyKeys: readonly string[] = Array.from({ length: 10_000 }, (_, i) => `customer-${i}`)

/** The same messages with 10,000 keys, so that each of 1,000 partitions gets some. */
export const scattered: Messages = {
  kept: i => ({ topic: 'orders', key: manyKeys[i % manyKeys.length]!, value: { id: i, total: i & 255 } }),
  passed: i => ({ topic: 'orders', key: manyKeys[i % manyKeys.length]!, value: { id: i, total: i & 255 } }),
}

// Made once and passed on by reference, as within a process: making a string of 1 KiB takes longer than sending it.
const texts: readonly string[] = keys.map(key => Buffer.alloc(1024, `${key} `).toString('latin1'))
const buffers: readonly Buffer[] = keys.map(key => Buffer.alloc(100, `${key} `))

/** Messages with a string of 1 KiB. */
export const textMessages: Messages = {
  kept: i => ({ topic: 'orders', key: keyOf(i), value: texts[i % texts.length]! }),
  passed: i => ({ topic: 'orders', key: keyOf(i), value: texts[i % texts.length]! }),
}

/** Messages with a buffer of 100 bytes. */
export const bufferMessages: Messages = {
  kept: i => ({ topic: 'orders', key: keyOf(i), value: buffers[i % buffers.length]! }),
  passed: i => ({ topic: 'orders', key: keyOf(i), value: buffers[i % buffers.length]! }),
}

/** Keeps the last record and its value, so that no record is optimised away, and counts records. */
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

  /** Starts to count anew; resolves once this many more records were taken. */
  expect(records: number): Promise<void> {
    this.#left = records
    return new Promise(resolve => {
      this.#complete = resolve
    })
  }
}

/** A broker with one topic, and defaults for all else. */
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

export type OrderBroker = ReturnType<typeof orderBroker>
export type OrderConsumer = ReturnType<OrderBroker['consumer']>
