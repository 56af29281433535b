import { type Attributes, metrics as globalMetrics } from '@opentelemetry/api'
import {
  AggregationTemporality,
  type Histogram,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { instrument } from 'brokerlet/opentelemetry'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { Broker, RunOptions } from '../../src/index.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { collectWarnings } from '../helpers/warnings.ts'

const warnings = collectWarnings()

let exporter: InMemoryMetricExporter
let meterProvider: MeterProvider
let stop = () => {}

beforeEach(() => {
  exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1_000_000 })
  meterProvider = new MeterProvider({ readers: [reader] })
})
afterEach(async () => {
  stop()
  vi.restoreAllMocks()
  await meterProvider.shutdown()
})

function brokerWithOrders() {
  stop()
  const made = testBroker()
  made.broker.createTopic('orders', { partitions: 2 })
  made.broker.createTopic('payments')
  stop = instrument({ meterProvider, brokers: [made.broker] })
  return made
}

async function metricNamed(name: string) {
  await meterProvider.forceFlush()
  const all =
    exporter
      .getMetrics()
      .at(-1)
      ?.scopeMetrics.flatMap(({ metrics }) => metrics) ?? []
  return all.find(({ descriptor }) => descriptor.name === name)
}

/** The points of a metric, each as its attributes and its value, or how many values a histogram has. */
async function points(name: string): Promise<[Attributes, number][]> {
  return ((await metricNamed(name))?.dataPoints ?? []).map(({ attributes, value }) => [
    attributes,
    typeof value === 'number' ? value : (value as { count: number }).count,
  ])
}

const unitOf = async (name: string) => (await metricNamed(name))?.descriptor.unit

async function run(broker: Broker, options: Partial<RunOptions> = {}) {
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], clientId: 'biller' })
  await consumer.run({ eachRecord: () => broker.clock.sleep(1), ...options } as RunOptions)
  return consumer
}

const base = { 'messaging.system': 'kafka' }
const billing = { ...base, 'messaging.consumer.group.name': 'billing' }

it('counts what is sent, by topic, and what fails', async () => {
  const { broker } = brokerWithOrders()
  const producer = broker.producer()
  await producer.sendBatch(['orders', 'orders', 'payments'].map(topic => ({ topic, value: 1 })))
  await rejectionOf(producer.send({ topic: 'orders', value: undefined }))
  const send = { ...base, 'messaging.operation.name': 'send', 'messaging.operation.type': 'send' }
  expect(await points('messaging.client.sent.messages')).toEqual([
    [{ ...send, 'messaging.destination.name': 'orders' }, 2],
    [{ ...send, 'messaging.destination.name': 'payments' }, 1],
    [{ ...send, 'messaging.destination.name': 'orders', 'error.type': 'INVALID_RECORD' }, 1],
  ])
  expect(await unitOf('messaging.client.sent.messages')).toBe('{message}')
})

it('counts what is handed out once, also where it is tried again', async () => {
  const { broker, clock } = brokerWithOrders()
  for (const value of [1, 2, 3]) broker.topic('orders').append({ value, partition: 0 })
  await run(broker, {
    eachRecord: async ({ value }, { attempt }) => {
      if (value === 2 && attempt === 1) throw new Error('boom')
    },
  })
  await clock.advance(200)
  broker.topic('payments').append({ value: 1 })
  await broker.consumer({ topics: ['payments'] }).poll()
  const process = { ...billing, 'messaging.operation.name': 'process', 'messaging.operation.type': 'process' }
  const poll = { ...base, 'messaging.operation.name': 'poll', 'messaging.operation.type': 'receive' }
  expect(await points('messaging.client.consumed.messages')).toEqual([
    [{ ...process, 'messaging.destination.name': 'orders' }, 3],
    [{ ...poll, 'messaging.destination.name': 'payments' }, 1],
  ])
  expect(await points('messaging.process.duration')).toEqual([
    [{ ...process, 'messaging.destination.name': 'orders' }, 3],
    [{ ...process, 'messaging.destination.name': 'orders', 'error.type': 'Error' }, 1],
  ])
  expect(await unitOf('messaging.process.duration')).toBe('s')
})

it('measures how long send, poll and commit take', async () => {
  const { broker } = brokerWithOrders()
  await broker.producer().send({ topic: 'payments', value: 1 })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['payments'], autoCommit: false })
  await consumer.poll()
  await consumer.commit()
  const operations = await points('messaging.client.operation.duration')
  expect(operations.map(([attributes, count]) => [attributes['messaging.operation.name'], count])).toEqual([
    ['send', 1],
    ['poll', 1],
    ['commit', 1],
  ])
  expect(operations.map(([attributes]) => attributes['messaging.destination.name'])).toEqual([
    'payments',
    'payments',
    'payments',
  ])
})

it('measures what fails, by its error, and counts nothing as consumed', async () => {
  const { broker } = brokerWithOrders()
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.ready()
  const stopped = new AbortController()
  const polled = rejectionOf(consumer.poll({ timeoutMs: 1000, signal: stopped.signal }))
  stopped.abort(new RangeError('enough'))
  await polled
  expect(await points('messaging.client.operation.duration')).toEqual([
    [
      {
        ...billing,
        'messaging.operation.name': 'poll',
        'messaging.operation.type': 'receive',
        'error.type': 'RangeError',
      },
      1,
    ],
  ])
  expect(await points('messaging.client.consumed.messages')).toEqual([])
})

it('observes lag by group and partition, and how many members a group has', async () => {
  const { broker, clock } = brokerWithOrders()
  for (const value of [1, 2, 3]) broker.topic('orders').append({ value, partition: 0 })
  const consumer = await run(broker)
  await clock.advance(10)
  expect(await points('kafka.consumer_group.members')).toEqual([[{ group: 'billing' }, 1]])
  await consumer.close()
  expect(await points('kafka.consumer_group.members')).toEqual([[{ group: 'billing' }, 0]])
  for (const value of [4, 5]) broker.topic('orders').append({ value, partition: 0 })
  expect(await points('kafka.consumer_group.lag')).toEqual([
    [{ group: 'billing', topic: 'orders', partition: 0 }, 2],
    [{ group: 'billing', topic: 'orders', partition: 1 }, 0],
  ])
})

it('counts every event by its name: retries, skips, losses, stalls', async () => {
  const { broker, clock } = brokerWithOrders()
  for (const key of ['a', 'b']) broker.topic('orders').append({ key, value: key, partition: 0 })
  const consumer = await run(broker, {
    concurrency: 2,
    ordering: 'key',
    windowRecords: 1,
    retry: { attempts: 2, delayMs: 10 },
    onFailure: 'skip',
    eachRecord: async ({ key }) => {
      if (key === 'a') throw new Error('boom')
    },
  })
  await clock.advance(10)
  await consumer.close()
  const counts = Object.fromEntries(
    (await points('brokerlet.events'))
      .filter(([attributes]) => attributes['messaging.consumer.group.name'] === 'billing')
      .map(([attributes, count]) => [attributes['brokerlet.event.name'], count]),
  )
  expect(counts).toMatchObject({ assigned: 1, retrying: 1, skipped: 1, stalled: 2, revoked: 1, closed: 1 })
})

it('measures in seconds, in buckets as the conventions of OpenTelemetry have them', async () => {
  let now = 1000
  vi.spyOn(systemClock, 'monotonic').mockImplementation(() => now)
  const { broker, clock } = brokerWithOrders()
  broker.topic('orders').append({ value: 1, partition: 0 })
  await run(broker, {
    eachRecord: async () => {
      now += 250
    },
  })
  await clock.settle()
  const [point] = (await metricNamed('messaging.process.duration'))!.dataPoints
  const { sum, buckets } = point!.value as Histogram
  expect(sum).toBe(0.25)
  expect(buckets.boundaries).toEqual([
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
  ])
})

it('says of everything it measures what it is, and in which unit', async () => {
  const { broker, clock } = brokerWithOrders()
  await broker.producer().send({ topic: 'orders', value: 1 })
  await run(broker)
  await clock.advance(10)
  await meterProvider.forceFlush()
  const told = exporter
    .getMetrics()
    .at(-1)!
    .scopeMetrics.flatMap(({ metrics }) => metrics)
  const texts = told.map(({ descriptor: { name, unit, description } }) => `${name} (${unit}): ${description}`)
  expect(texts.sort()).toEqual([
    'brokerlet.events ({event}): Events of brokers and consumers, by name.',
    'kafka.consumer_group.lag ({message}): Records that a group has not handled, by partition.',
    'kafka.consumer_group.members ({member}): Members of a group.',
    'messaging.client.consumed.messages ({message}): Messages that consumers were handed.',
    'messaging.client.operation.duration (s): How long send, poll and commit took.',
    'messaging.client.sent.messages ({message}): Messages that producers sent.',
    'messaging.process.duration (s): How long handlers took.',
  ])
})

it('measures nothing more when it is ended', async () => {
  const { broker, clock } = brokerWithOrders()
  broker.createGroup('billing', { topics: ['orders'] })
  await broker.producer().send({ topic: 'orders', value: 1 })
  const told = async () => ({
    lag: await points('kafka.consumer_group.lag'),
    members: await points('kafka.consumer_group.members'),
    sent: await points('messaging.client.sent.messages'),
    events: await points('brokerlet.events'),
  })
  const before = await told()
  expect(before.lag.map(([, lag]) => lag).sort()).toEqual([0, 1])
  stop()
  await broker.producer().send({ topic: 'orders', value: 2 })
  await run(broker)
  await clock.advance(10)
  expect(await told()).toEqual(before)
  expect(await points('messaging.client.consumed.messages')).toEqual([])
})

it('warns where brokers are to be observed before an SDK could measure anything, and only there', async () => {
  const { broker } = testBroker()
  stop = instrument({ brokers: [broker] })
  await expect
    .poll(() => warnings)
    .toEqual([expect.stringMatching(/no global MeterProvider yet.*'meterProvider'/)])
  stop()
  // Who wants spans alone has no such provider.
  instrument()()
  globalMetrics.setGlobalMeterProvider(meterProvider)
  try {
    stop = instrument({ brokers: [broker] })
  } finally {
    globalMetrics.disable()
  }
  await new Promise(setImmediate)
  expect(warnings).toHaveLength(1)
})
