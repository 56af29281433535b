import { tracingChannel } from 'node:diagnostics_channel'
import { describe, expectTypeOf, it } from 'vitest'
import type {
  AnyRecord,
  CommitTrace,
  CommonRunOptions,
  ConsumerIterator,
  ConsumerPolicyOptions,
  DelayedRetry,
  EventMessage,
  IsolationLevel,
  Ordering,
  PollTrace,
  ProcessTrace,
  RecordOf,
  RedriveOptions,
  SendOptions,
  SendTrace,
  TopicChanges,
  Trace,
  TracedMessage,
  Transaction,
} from '../../src/index.ts'
import type {
  ConnectOptions,
  MirroredBroker,
  PortabilityNote,
  PortableBroker,
} from '../../src/kafka/index.ts'
import { portability } from '../../src/kafka/index.ts'
import { type Described, type InstrumentOptions, instrument } from '../../src/opentelemetry/index.ts'
import {
  type ApiName,
  connect,
  type KafkaServer,
  type LoggedRequest,
  RequestLog,
  type ServedBroker,
  type ServeOptions,
  serve,
  socketFactory,
  type WireErrorCode,
  WireFaults,
  type WireOptions,
} from '../../src/server/index.ts'
import {
  assertProcessed,
  assertRecords,
  type Barrier,
  type BrokerMatchers,
  brokerFixture,
  type CrashTarget,
  type ExpectedRecord,
  type FaultPlan,
  type FaultScope,
  processedBy,
  TestBroker,
  type TestBrokerOptions,
  type Timeline,
  type TimelineEntry,
  type VirtualClock,
} from '../../src/testing/index.ts'
import { type App, broker, type Order, order, type Payment } from './fixtures.ts'

// The type tests are checked and never run.
declare const topics: App

describe('a function around this package', () => {
  it('hands on what a producer takes', () => {
    const producer = broker.producer({ transactionalId: 'tx' })
    const send = (options?: SendOptions) => producer.send({ topic: 'orders', value: order }, options)
    void send({ timeoutMs: 5, signal: AbortSignal.timeout(1) })
    const both = (tx: Transaction<App>) =>
      tx.sendBatch([
        { topic: 'orders', value: order },
        { topic: 'payments', value: { orderId: order.id } },
      ])
    expectTypeOf(producer.transaction(both)).resolves.toHaveProperty('length')
    // @ts-expect-error: a payment is no order
    void producer.transaction(tx => tx.send({ topic: 'orders', value: { orderId: '1' } }))
  })

  it('hands on what a consumer takes and gives', () => {
    const isolationLevel: IsolationLevel = 'read_uncommitted'
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], isolationLevel })
    expectTypeOf(consumer[Symbol.asyncIterator]()).toEqualTypeOf<ConsumerIterator<RecordOf<App, 'orders'>>>()
    const ordering: Ordering = 'key'
    const later: DelayedRetry<'payments'> = { topic: 'payments', delayMs: 60_000 }
    const common: CommonRunOptions<'payments'> = { ordering, retry: { topics: [later] }, concurrency: 4 }
    void consumer.run({ ...common, eachRecord: ({ value }) => expectTypeOf(value).toEqualTypeOf<Order>() })
    // @ts-expect-error: there is no such order
    const wrong: Ordering = 'topic'
    void wrong
  })

  it('hands on one policy, dead letters and changes of topics', () => {
    const policy: ConsumerPolicyOptions<'payments'> = {
      consumerDefaults: { run: { onFailure: { deadLetter: 'payments' } } },
      around: (record, { attempt }, next) => {
        expectTypeOf(record.topic).toEqualTypeOf<string>()
        expectTypeOf(attempt).toEqualTypeOf<number>()
        return next()
      },
    }
    void policy
    const redrive: RedriveOptions<'payments'> = { from: 'payments', filter: ({ value }) => value !== null }
    expectTypeOf(broker.redrive(redrive)).resolves.toEqualTypeOf<number>()
    // @ts-expect-error: there is no such topic
    void broker.redrive({ from: 'refunds' })
    const changes: TopicChanges = { retentionMs: 5, maxMessageBytes: null }
    broker.topic('orders').alter(changes)
    // @ts-expect-error: its records are in its bytes
    broker.topic('orders').alter({ codec: null })
  })

  it('subscribes to tracing channels', () => {
    tracingChannel<unknown, SendTrace>('brokerlet.send').start.subscribe(message => {
      const { messages } = message as SendTrace
      expectTypeOf(messages).toEqualTypeOf<readonly TracedMessage[]>()
      messages[0]!.headers.traceparent = '00'
    })
    expectTypeOf<PollTrace>().toExtend<Trace>()
    expectTypeOf<CommitTrace['automatic']>().toEqualTypeOf<boolean>()
    expectTypeOf<ProcessTrace['records']>().toEqualTypeOf<readonly AnyRecord[]>()
    expectTypeOf<EventMessage['payload']>().toEqualTypeOf<unknown>()
  })
})

describe('brokerlet/testing', () => {
  const options: TestBrokerOptions<App> = { topics, seed: 7 }
  const tests = new TestBroker(options)

  it('has a broker of the same topics, and time', () => {
    expectTypeOf(tests).toExtend<TestBroker<App>>()
    expectTypeOf(tests.advance(5)).resolves.toEqualTypeOf<void>()
    const consumer = tests.consumer({ groupId: 'g', topics: ['orders', 'payments'] })
    void consumer.run({
      eachRecord: record => {
        if (record.topic === 'orders') expectTypeOf(record.value).toEqualTypeOf<Order>()
        else expectTypeOf(record.value).toEqualTypeOf<Payment>()
      },
    })
    expectTypeOf(tests.timeline).toEqualTypeOf<Timeline>()
    // @ts-expect-error: it brings its own clock
    const clocked = new TestBroker({ topics, clock: broker.clock })
    void clocked
  })

  it('narrows what happened by its kind', () => {
    for (const entry of tests.timeline.ofKind('processed')) expectTypeOf(entry.offset).toEqualTypeOf<number>()
    const entries: readonly TimelineEntry[] = tests.timeline.ofKind('committed')
    for (const entry of entries)
      if (entry.kind === 'failed') expectTypeOf(entry.error).toEqualTypeOf<unknown>()
    // @ts-expect-error: nothing happens of that kind
    tests.timeline.ofKind('handled')
  })

  it('plans faults, and looks at records', () => {
    const scope: FaultScope = { operation: 'handle', group: 'g' }
    expectTypeOf(tests.faults).toEqualTypeOf<FaultPlan>()
    tests.faults.fail(scope, new Error('down'), { times: 3 })
    expectTypeOf(tests.faults.pauseNext(scope)).toEqualTypeOf<Barrier>()
    // @ts-expect-error: once, a number of times or always
    tests.faults.fail(scope, new Error('down'), { times: 3, always: true })
    // @ts-expect-error: no client does that
    tests.faults.fail({ operation: 'read' }, new Error('down'))
    const crash: CrashTarget = { group: 'g' }
    void tests.crash(crash)
    const expected: readonly ExpectedRecord[] = [{ key: 'o-1' }]
    assertRecords(tests, 'orders', expected)
    assertProcessed(tests, 'g', expected)
    expectTypeOf(processedBy(tests, 'g')).toEqualTypeOf<readonly AnyRecord[]>()
    expectTypeOf<BrokerMatchers<Promise<void>>['toLoseNothing']>().returns.toEqualTypeOf<Promise<void>>()
    expectTypeOf<VirtualClock['now']>().returns.toEqualTypeOf<number>()
  })

  it('makes a fixture of a broker of these topics', () => {
    const fixture = brokerFixture({ topics, leftOpen: 'fail' })
    void fixture({ task: { name: 'a test' } }, async made => {
      expectTypeOf(made).toEqualTypeOf<TestBroker<App>>()
    })
    // @ts-expect-error: it fails, warns or does nothing
    brokerFixture({ leftOpen: 'throw' })
  })
})

describe('brokerlet/server', () => {
  it('serves any broker', () => {
    const options: ServeOptions = { port: 0, brokers: 3, sasl: { users: { ada: 'secret' } } }
    const serving = serve(broker, options)
    expectTypeOf(serving).resolves.toEqualTypeOf<KafkaServer>()
    void serving.then(({ brokers }) => expectTypeOf(brokers).toEqualTypeOf<readonly ServedBroker[]>())
    // @ts-expect-error: a port is a number
    void serve(broker, { port: '9092' })
    // @ts-expect-error: not a broker
    void serve({})
    expectTypeOf(connect(broker)).toHaveProperty('pipe')
  })

  it('gives KafkaJS its sockets, with faults and a log of requests', () => {
    const faults = new WireFaults()
    const requests = new RequestLog()
    const wire: WireOptions = { faults, requests }
    expectTypeOf(socketFactory(broker, wire)).parameter(0).toHaveProperty('onConnect')
    const api: ApiName = 'Produce'
    const code: WireErrorCode = 'NOT_LEADER_OR_FOLLOWER'
    faults.fail({ api, topic: 'orders' }, code, { times: 1 })
    // @ts-expect-error: there is no such API
    faults.delay({ api: 'Publish' }, 5)
    // @ts-expect-error: no such error
    faults.fail({ api }, 'NO_LEADER')
    expectTypeOf(requests.of({ api })).toExtend<readonly LoggedRequest[]>()
  })
})

describe('brokerlet/kafka and brokerlet/opentelemetry', () => {
  it('take a broker of any topics', () => {
    expectTypeOf(broker).toExtend<PortableBroker>()
    expectTypeOf(broker).toExtend<MirroredBroker>()
    expectTypeOf(broker).toExtend<Described>()
    expectTypeOf(portability(broker)).toEqualTypeOf<PortabilityNote[]>()
    const options: InstrumentOptions = { brokers: [broker] }
    expectTypeOf(instrument(options)).toEqualTypeOf<() => void>()
  })

  it('check credentials by their mechanism', () => {
    const bootstrapBrokers = ['kafka:9092']
    const ada = { username: 'ada', password: () => Promise.resolve('secret') }
    const sasl: ConnectOptions['sasl'] = { mechanism: 'SCRAM-SHA-256', ...ada }
    const options: ConnectOptions = { bootstrapBrokers, sasl }
    void options
    // @ts-expect-error: a token has no user
    const token: ConnectOptions['sasl'] = { mechanism: 'OAUTHBEARER', ...ada }
    void token
  })
})
