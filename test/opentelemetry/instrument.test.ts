import { AsyncLocalStorage } from 'node:async_hooks'
import { channel, subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { instrument } from 'brokerlet/opentelemetry'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { AnyRecord, Broker, ProcessTrace, RecordHeaders, RunOptions } from '../../src/index.ts'
import { headersOf, InvalidOptionError } from '../../src/index.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
})
afterAll(() => {
  context.disable()
  propagation.disable()
})

let exporter: InMemorySpanExporter
let stop = () => {}

beforeEach(() => {
  exporter = new InMemorySpanExporter()
})
afterEach(() => stop())

function observe(broker: Broker): void {
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  stop = instrument({ tracerProvider, brokers: [broker] })
}

function brokerWithOrders() {
  stop()
  const made = testBroker()
  made.broker.createTopic('orders', { partitions: 2 })
  made.broker.createTopic('payments')
  observe(made.broker)
  return made
}

const spans = () => exporter.getFinishedSpans()
const spanNamed = (name: string) => spans().find(span => span.name === name)!

async function run(broker: Broker, options: Partial<RunOptions> = {}) {
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], clientId: 'biller' })
  await consumer.run({ eachRecord: () => broker.clock.sleep(1), ...options } as RunOptions)
  return consumer
}

// --- spans ------------------------------------------------------------------------------------------------------------

it('makes a span of a send, and sends its context along', async () => {
  const { broker } = brokerWithOrders()
  await broker.producer({ clientId: 'shop' }).send({ topic: 'orders', key: 'o-1', value: null, partition: 1 })
  const span = spanNamed('send orders')
  expect(span.kind).toBe(SpanKind.PRODUCER)
  expect(span.attributes).toEqual({
    'messaging.system': 'kafka',
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    'messaging.client.id': 'shop',
    'messaging.destination.name': 'orders',
    'messaging.destination.partition.id': '1',
    'messaging.kafka.message.key': 'o-1',
    'messaging.kafka.message.tombstone': true,
    'messaging.kafka.offset': 0,
  })
  const { traceId, spanId } = span.spanContext()
  expect(broker.topic('orders').records()[0]!.headers).toEqual({ traceparent: `00-${traceId}-${spanId}-01` })
})

it('makes one span of a batch', async () => {
  const { broker } = brokerWithOrders()
  const producer = broker.producer()
  await producer.sendBatch([1, 2].map(value => ({ topic: 'orders', value })))
  await producer.sendBatch(['orders', 'payments'].map(topic => ({ topic, value: 1 })))
  expect(spans().map(({ name, attributes }) => [name, attributes['messaging.batch.message_count']])).toEqual([
    ['send orders', 2],
    ['send', 2],
  ])
})

it('makes a span of every call of a handler, linked to the send', async () => {
  const { broker, clock } = brokerWithOrders()
  await broker.producer().send({ topic: 'orders', key: 'o-1', value: 1, partition: 0 })
  const inside: unknown[] = []
  await run(broker, {
    eachRecord: async (_record, { attempt }) => {
      await broker.clock.sleep(1)
      inside.push(trace.getActiveSpan()?.spanContext().spanId)
      if (attempt === 1) throw new RangeError('no such card')
    },
  })
  await clock.advance(200)
  const [first, second] = spans().filter(({ name }) => name === 'process orders')
  expect(first!.kind).toBe(SpanKind.CONSUMER)
  expect(first!.attributes).toEqual({
    'messaging.system': 'kafka',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.client.id': 'biller',
    'messaging.consumer.group.name': 'billing',
    'messaging.destination.name': 'orders',
    'messaging.destination.partition.id': '0',
    'messaging.kafka.message.key': 'o-1',
    'messaging.kafka.offset': 0,
    'error.type': 'RangeError',
  })
  expect(first!.status).toEqual({ code: SpanStatusCode.ERROR, message: 'no such card' })
  expect(second!.status.code).toBe(SpanStatusCode.UNSET)
  expect(second!.attributes['brokerlet.attempt']).toBe(2)
  const sent = spanNamed('send orders').spanContext()
  for (const span of [first!, second!]) {
    expect(span.links.map(link => link.context.spanId)).toEqual([sent.spanId])
    expect(span.spanContext().traceId).not.toBe(sent.traceId)
  }
  expect(inside).toEqual([first!.spanContext().spanId, second!.spanContext().spanId])
})

it('makes the span of a handler the parent of what it sends', async () => {
  const { broker, clock } = brokerWithOrders()
  const producer = broker.producer()
  await producer.send({ topic: 'orders', value: 1 })
  await run(broker, { concurrency: 2, eachRecord: () => producer.send({ topic: 'payments', value: 1 }) })
  await clock.settle()
  expect(spanNamed('send payments').parentSpanContext?.spanId).toBe(
    spanNamed('process orders').spanContext().spanId,
  )
})

it('the span of a handler begins a trace, also where run was called within a span', async () => {
  const { broker, clock } = brokerWithOrders()
  const startup = trace.wrapSpanContext({ traceId: '1'.repeat(32), spanId: '1'.repeat(16), traceFlags: 1 })
  await context.with(trace.setSpan(context.active(), startup), () => run(broker))
  await broker.producer().send({ topic: 'orders', value: 1 })
  await clock.advance(10)
  expect(spanNamed('process orders').parentSpanContext).toBeUndefined()
})

it('an automatic commit belongs to no other trace, and one that is asked for to the trace of its caller', async () => {
  const { broker, clock } = brokerWithOrders()
  const startup = trace.wrapSpanContext({ traceId: '1'.repeat(32), spanId: '1'.repeat(16), traceFlags: 1 })
  const within = <T>(call: () => T): T => context.with(trace.setSpan(context.active(), startup), call)
  await within(() => run(broker))
  await broker.producer().send({ topic: 'orders', value: 1 })
  await clock.advance(10)
  const parents = () =>
    spans()
      .filter(({ name }) => name === 'commit orders')
      .map(({ parentSpanContext }) => parentSpanContext?.spanId)
  expect(parents()).toEqual([undefined])
  const polling = broker.consumer({ groupId: 'polling', topics: ['orders'] })
  await within(async () => {
    await polling.poll()
    await polling.commit()
  })
  expect(parents()).toEqual([undefined, '1'.repeat(16)])
})

it('calls the handler within what another subscriber has set to call it', async () => {
  const tenant = new AsyncLocalStorage<string>()
  const set = (message: unknown) => {
    ;(message as ProcessTrace).run = call => tenant.run('acme', call)
  }
  subscribe('tracing:brokerlet.process:start', set)
  const { broker, clock } = brokerWithOrders()
  const inside: unknown[] = []
  await run(broker, {
    eachRecord: () => void inside.push(tenant.getStore(), trace.getActiveSpan()?.spanContext().spanId),
  })
  await broker.producer().send({ topic: 'orders', value: 1 })
  await clock.settle()
  unsubscribe('tracing:brokerlet.process:start', set)
  expect(inside).toEqual(['acme', spanNamed('process orders').spanContext().spanId])
})

it('what can be sent without it, and what is refused, is the same with it', async () => {
  class Ordered {
    get topic() {
      return 'orders'
    }
    get value() {
      return 1
    }
  }
  const messages: unknown[] = [
    new Ordered(),
    { topic: 'orders', value: 2, headers: new Map([['tenant', 'acme']]) },
    { topic: 'orders', value: 3, headers: null },
    { topic: 'orders', value: 4, headers: new Date(0) },
    { topic: 'orders', value: 5, headers: Promise.resolve({ tenant: 'acme' }) },
    { topic: 'orders', value: 6, headers: 'tenant' },
    { topic: 'orders', value: 7, amount: 1 },
    { topic: Object.create(null), value: 8 },
    null,
  ]
  const outcomes = async (broker: Broker) => {
    const producer = broker.producer()
    const answers: unknown[] = []
    for (const message of messages) {
      answers.push(
        await producer.send(message as never).catch((error: Error) => error.message),
        await producer.sendBatch([message as never]).catch((error: Error) => error.message),
      )
    }
    const records = broker.topic('orders').records()
    return { answers, records: records.map(({ value, headers }) => [value, headers.tenant]) }
  }
  const traced = await outcomes(brokerWithOrders().broker)
  const other = brokerWithOrders().broker
  stop()
  expect(traced).toEqual(await outcomes(other))
  expect(traced.records).toHaveLength(6)
})

it.each([
  ['by name', (record: AnyRecord) => record.headers as RecordHeaders],
  ['as a list', headersOf],
])('links to the span that sent a record, also where that passes on headers %s', async (_, headersFor) => {
  const { broker, clock } = brokerWithOrders()
  const producer = broker.producer()
  await producer.send({
    topic: 'orders',
    value: 1,
    headers: [
      ['tenant', 'acme'],
      ['tenant', 'beta'],
    ],
  })
  await run(broker, {
    eachRecord: record => producer.send({ topic: 'payments', value: 1, headers: headersFor(record) }),
  })
  await broker.consumer({ groupId: 'g', topics: ['payments'] }).run({ eachRecord: () => {} })
  await clock.settle()
  const sent = spanNamed('send payments').spanContext().spanId
  expect(spanNamed('process payments').links.map(link => link.context.spanId)).toEqual([sent])
  const names = headersOf(broker.topic('payments').records()[0]!).map(([name]) => name)
  expect(names.filter(name => name === 'traceparent')).toHaveLength(1)
  expect(names).toContain('tenant')
})

it('makes one span of a batch that is handled, with a link for each record', async () => {
  const { broker, clock } = brokerWithOrders()
  const producer = broker.producer()
  for (const value of [1, 2]) await producer.send({ topic: 'payments', value })
  const consumer = broker.consumer({ groupId: 'g', topics: ['payments'] })
  await consumer.run({ eachBatch: () => {} })
  await clock.settle()
  const { attributes, links } = spanNamed('process payments')
  expect(attributes).toMatchObject({
    'messaging.batch.message_count': 2,
    'messaging.destination.partition.id': '0',
  })
  expect(links).toHaveLength(2)
})

it('makes a span of a poll, and of a commit', async () => {
  const { broker } = brokerWithOrders()
  await broker.producer().send({ topic: 'payments', value: 1 })
  const consumer = broker.consumer({ groupId: 'g', topics: ['payments'], autoCommit: false })
  await consumer.poll()
  await consumer.commit()
  const poll = spanNamed('poll payments')
  expect(poll.kind).toBe(SpanKind.CLIENT)
  expect(poll.attributes).toEqual({
    'messaging.system': 'kafka',
    'messaging.operation.name': 'poll',
    'messaging.operation.type': 'receive',
    'messaging.client.id': 'consumer',
    'messaging.consumer.group.name': 'g',
    'messaging.destination.name': 'payments',
    'messaging.destination.partition.id': '0',
    'messaging.batch.message_count': 1,
  })
  expect(poll.links).toHaveLength(1)
  const commit = spanNamed('commit payments')
  expect(commit.kind).toBe(SpanKind.CLIENT)
  expect(commit.attributes).toEqual({
    'messaging.system': 'kafka',
    'messaging.operation.name': 'commit',
    'messaging.operation.type': 'settle',
    'messaging.client.id': 'consumer',
    'messaging.consumer.group.name': 'g',
    'messaging.destination.name': 'payments',
    'messaging.destination.partition.id': '0',
    'messaging.kafka.offset': 1,
  })
})

it('marks what fails by Kafka’s name of the error', async () => {
  const { broker } = brokerWithOrders()
  await rejectionOf(broker.producer().send({ topic: 'nowhere', value: 1 }))
  const span = spanNamed('send nowhere')
  expect(span.attributes['error.type']).toBe('UNKNOWN_TOPIC_OR_PARTITION')
  expect(span.status.code).toBe(SpanStatusCode.ERROR)
})

it('takes headers of any kind, and links to none where there is no trace', async () => {
  const { broker, clock } = brokerWithOrders()
  broker.topic('orders').append({ value: 1, headers: { traceparent: Uint8Array.from([255, 1]) } })
  broker.topic('orders').append({ value: 2, headers: { traceparent: 'nonsense' } })
  await run(broker)
  await clock.advance(10)
  expect(
    spans()
      .filter(({ name }) => name === 'process orders')
      .map(({ links }) => links),
  ).toEqual([[], []])
})

it('marks a handler that throws at once, too', async () => {
  const { broker, clock } = brokerWithOrders()
  await broker.producer().send({ topic: 'orders', value: 1, partition: 0 })
  await run(broker, {
    eachRecord: (_record, { attempt }) => {
      if (attempt === 1) throw new RangeError('no such card')
    },
  })
  await clock.advance(200)
  const processed = spans().filter(({ name }) => name === 'process orders')
  expect(processed.map(({ status }) => status.code)).toEqual([SpanStatusCode.ERROR, SpanStatusCode.UNSET])
  expect(processed[0]!.attributes['error.type']).toBe('RangeError')
})

it('has nothing to do with a call that began before it', async () => {
  const { broker, clock } = testBroker()
  const thrown: unknown[] = []
  const note = (error: unknown) => void thrown.push(error)
  process.on('uncaughtException', note)
  // Somebody else listens already, so the call is traced.
  const others = tracingChannel('brokerlet.process')
  const other = { start: () => {}, end: () => {}, asyncStart: () => {}, asyncEnd: () => {}, error: () => {} }
  others.subscribe(other)
  broker.createTopic('orders').append({ value: 1 })
  await run(broker, { eachRecord: () => broker.clock.sleep(100) })
  await clock.advance(50)
  observe(broker)
  await clock.advance(100)
  await new Promise(setImmediate)
  expect(spans().map(({ name }) => name)).toEqual(['commit orders'])
  expect(thrown).toEqual([])
  process.off('uncaughtException', note)
  others.unsubscribe(other)
})

it('ends the span of a handler that is under way when it is stopped, and begins no other', async () => {
  const { broker, clock } = brokerWithOrders()
  await run(broker)
  await broker.producer().send({ topic: 'orders', key: 'a', value: 1 })
  await clock.settle()
  stop()
  await broker.producer().send({ topic: 'orders', key: 'a', value: 2 })
  await clock.advance(2)
  expect(spans().map(({ name }) => name)).toEqual(['send orders', 'process orders'])
})

it('says where a commit of one partition is, and not of several, nor of several topics', async () => {
  const { broker } = brokerWithOrders()
  for (const partition of [0, 1]) broker.topic('orders').append({ value: 1, partition })
  broker.topic('payments').append({ value: 1 })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders', 'payments'], autoCommit: false })
  await consumer.ready()
  const [first, second] = [0, 1].map(partition => ({ topic: 'orders', partition, offset: 1 }) as const)
  const payment = { topic: 'payments', partition: 0, offset: 1 } as const
  for (const offsets of [[first!], [first!, second!], [first!, payment]]) await consumer.commit(offsets)
  const places = spans().map(({ name, attributes }) => [
    name,
    attributes['messaging.destination.partition.id'],
    attributes['messaging.kafka.offset'],
  ])
  expect(places).toEqual([
    ['commit orders', '0', 1],
    ['commit orders', undefined, undefined],
    ['commit', undefined, undefined],
  ])
})

it('leaves nothing behind when it is ended', async () => {
  const { broker } = brokerWithOrders()
  stop()
  await broker.producer().send({ topic: 'orders', value: 1 })
  expect(spans()).toEqual([])
  expect(broker.topic('orders').records()[0]!.headers).toEqual({})
})

it('listens to nothing any more when it is ended, and what was under way has ended', async () => {
  const names = ['send', 'poll', 'process', 'commit']
  const followed = () => names.filter(name => tracingChannel(`brokerlet.${name}`).start.hasSubscribers)
  const { broker, clock } = brokerWithOrders()
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.run({ eachRecord: () => broker.clock.sleep(10) })
  await broker.producer().send({ topic: 'orders', value: 1 })
  await clock.advance(5)
  expect(followed()).toEqual(names)
  stop()
  expect(followed()).toEqual(['process'])
  await clock.advance(10)
  expect([followed(), spans().filter(({ name }) => name === 'process orders').length]).toEqual([[], 1])
  expect(channel('brokerlet.event').hasSubscribers).toBe(false)
})

it('refuses options that cannot be', () => {
  for (const options of [
    { tracerProvider: 5 },
    { brokers: [{}] },
    { brokers: new Array(1) },
    { tracer: 1 },
  ]) {
    expect(thrownBy(() => instrument(options as never))).toBeInstanceOf(InvalidOptionError)
  }
  const { broker } = testBroker()
  expect(thrownBy(() => instrument(broker as never)).message).toBe(
    "instrument: unknown option 'admin'; give brokers as { brokers: [broker] }",
  )
})
