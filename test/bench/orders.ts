import { Broker, topic } from '../../src/index.ts'

/** What the records of every row are. */
export interface Order {
  readonly id: number
  readonly total: number
}

export interface OrderMessage {
  readonly topic: 'orders'
  readonly key: string
  readonly value: Order
}

const keys: readonly string[] = Array.from({ length: 1000 }, (_, i) => `customer-${i}`)

export function keyOf(i: number): string {
  return keys[i % keys.length]!
}

/** A message of its own, as a sender has it. */
export function message(i: number): OrderMessage {
  return { topic: 'orders', key: keyOf(i), value: { id: i, total: i & 255 } }
}

/** Counts what it is given, and keeps the last one, so that no record can be optimised away. */
export class Sink {
  total = 0
  last: { readonly value: Order } | undefined
  #left = Number.POSITIVE_INFINITY
  #complete: (() => void) | undefined

  readonly take = (record: { readonly value: Order }): void => {
    this.total += record.value.total
    this.last = record
    if (--this.#left === 0) this.#complete?.()
  }

  readonly takeAsync = async (record: { readonly value: Order }): Promise<void> => {
    this.total += record.value.total
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
export function orderBroker(options: { readonly partitions?: number; readonly maxRecords?: number } = {}) {
  const { partitions = 12, maxRecords } = options
  const topics = { orders: topic<Order>({ partitions }) }
  return new Broker(maxRecords === undefined ? { topics } : { topics, maxRecords })
}
