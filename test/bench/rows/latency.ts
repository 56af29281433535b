import { EventEmitter, on } from 'node:events'
import { performance } from 'node:perf_hooks'
import { Broker, topic } from '../../../src/index.ts'
import { inRounds, quantile, type Scale, toFigure } from '../measure.ts'
import { keyOf, type OrderMessage } from '../orders.ts'
import type { Row } from '../row.ts'

/** A record with the time when it was sent, in milliseconds. */
type Stamped = OrderMessage<{ readonly id: number; readonly sentAt: number }>

// Made in two places, as `Messages` are.
const kept = (i: number): Stamped => ({
  topic: 'orders',
  key: keyOf(i),
  value: { id: i, sentAt: performance.now() },
})
const passed = (i: number): Stamped => ({
  topic: 'orders',
  key: keyOf(i),
  value: { id: i, sentAt: performance.now() },
})

/** The latencies of records, in milliseconds. */
class Latencies {
  readonly #taken: number[] = []

  readonly take = (record: Pick<Stamped, 'value'>): void => {
    this.#taken.push(performance.now() - record.value.sentAt)
  }

  /** Returns the 99th percentile of this many records, in microseconds, and starts anew. */
  p99(records: number): number {
    const taken = this.#taken.splice(0)
    if (taken.length !== records) throw new Error(`${taken.length} of ${records} records were taken`)
    return quantile(taken, 0.99) * 1000
  }
}

/** Sends a burst in each turn of the event loop. */
async function inTurns(records: number, burst: number, send: (i: number) => void): Promise<void> {
  for (let sent = 0; sent < records; ) {
    for (const end = Math.min(sent + burst, records); sent < end; sent++) send(sent)
    await new Promise(resolve => setImmediate(resolve))
  }
  await new Promise(resolve => setImmediate(resolve))
}

async function measure(scale: Scale, burst: number) {
  const broker = new Broker({ topics: { orders: topic<Stamped['value']>({ partitions: 12 }) } })
  const producer = broker.producer()
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  const mine = new Latencies()
  await consumer.run({ eachRecord: mine.take })
  const emitter = new EventEmitter()
  const yours = new Latencies()
  const stop = new AbortController()
  const reading = (async () => {
    for await (const [record] of on(emitter, 'orders', { signal: stop.signal })) yours.take(record)
  })()
  const ours: number[] = []
  const theirs: number[] = []
  const records = Math.ceil(scale.records / 10)
  const emit = async () => {
    await inTurns(records, burst, i => emitter.emit('orders', passed(i)))
    return yours.p99(records)
  }
  await inRounds(scale, async counts => {
    const before = await emit()
    await inTurns(records, burst, i => void producer.send(kept(i)))
    const p99 = mine.p99(records)
    const after = await emit()
    if (!counts) return
    ours.push(p99)
    theirs.push((before + after) / 2)
  })
  stop.abort()
  await reading.catch(() => {})
  await broker.close()
  return [toFigure('events.on', ours, theirs)]
}

export const latencies: readonly Row[] = [
  {
    name: 'latency-turn',
    section: 'latency',
    what: 'p99 of one `send` in a turn of the event loop',
    unit: 'µs',
    targets: { 'events.on': 1.5 },
    measure: scale => measure(scale, 1),
  },
  {
    name: 'latency-burst',
    section: 'latency',
    what: 'p99 of bursts of 100 `send` in a turn',
    unit: 'µs',
    targets: { 'events.on': 1.5 },
    measure: scale => measure(scale, 100),
  },
]
