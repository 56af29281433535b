import { describe, expectTypeOf, it } from 'vitest'
import {
  type Admin,
  type AnyRecord,
  type Around,
  type AroundBatch,
  BatchError,
  Broker,
  type BrokerDescription,
  type BrokerEvents,
  type BrokerletError,
  type BrokerOptions,
  type Clock,
  type ConsumerDefaults,
  type ConsumerGroup,
  type ErrorCode,
  type GroupState,
  type GroupSummary,
  isBrokerletError,
  json,
  type LogConfig,
  type MemberDescription,
  type MessageBody,
  type OffsetAndMetadata,
  type OpenTopics,
  type Partition,
  type PlainTopic,
  type RecordKey,
  type RecordMetadata,
  type RecordOf,
  type SleepClock,
  type Topic,
  type TopicDefinition,
  type TopicPartition,
  type TopicPartitionOffset,
  type TopicSummary,
  topic,
  type Unread,
} from '../../src/index.ts'
import { type App, broker, type Order, order, type Payment, payment } from './fixtures.ts'

declare const clock: Clock

describe('new Broker', () => {
  it('takes the types of its topics from their definitions', () => {
    expectTypeOf(broker).toEqualTypeOf<Broker<App>>()
    type Topics = typeof broker extends Broker<infer T> ? T : never
    expectTypeOf<Topics>().toEqualTypeOf<App>()
  })

  it('without topics is open to any', () => {
    expectTypeOf(new Broker()).toEqualTypeOf<Broker<OpenTopics>>()
    expectTypeOf(new Broker({ autoCreateTopics: { partitions: 3 } })).toEqualTypeOf<Broker>()
    new Broker().topic('whatever').append({ value: 1 })
    new Broker().deleteTopic('whatever')
  })

  it('takes options', () => {
    void new Broker({
      maxRecords: -1,
      offsetsRetentionMs: -1,
      codec: json,
      freeze: false,
      clock,
      random: () => 0.5,
    })
    expectTypeOf<BrokerOptions<App>['topics']>().toEqualTypeOf<App | undefined>()
    // @ts-expect-error: misspelt
    void new Broker({ topic: { orders: topic<Order>() } })
    // @ts-expect-error: plain options say nothing of types
    void new Broker({ topics: { orders: { partitions: 6 } } })
    // @ts-expect-error: misspelt
    void new Broker({ autoCreateTopics: { partitons: 3 } })
    // @ts-expect-error: a clock has timers
    void new Broker({ clock: { now: () => 0 } })
  })

  it('may be given its types instead', () => {
    const typed: Broker<{ orders: TopicDefinition<Order> }> = new Broker({ topics: { orders: topic() } })
    // @ts-expect-error: a topic is missing
    void new Broker<App>({ topics: { orders: topic<Order>() } })
    void typed
  })
})

describe('a topic of the broker', () => {
  it('is typed by its name', () => {
    expectTypeOf(broker.topic('orders').records()[0]!.value).toEqualTypeOf<Order>()
    expectTypeOf(broker.topic('orders').name).toEqualTypeOf<'orders'>()
    expectTypeOf(broker.topic('orders')).toEqualTypeOf<
      Topic<RecordOf<App, 'orders'>, MessageBody<App, 'orders'>>
    >()
    // @ts-expect-error: misspelt
    broker.topic('order')
    // @ts-expect-error: misspelt
    broker.deleteTopic('order')
  })

  it('appends what its producers send', () => {
    expectTypeOf(broker.topic('orders').append({ value: order })).toEqualTypeOf<RecordMetadata>()
    broker.topic('payments').append({ key: 'k', value: payment, partition: 0, headers: [['a', '1']] })
    // @ts-expect-error: the value of another topic
    broker.topic('orders').append({ value: payment })
    // @ts-expect-error: no value
    broker.topic('orders').append({ key: 'k' })
    // @ts-expect-error: its topic is known
    broker.topic('orders').append({ topic: 'orders', value: order })
  })

  it('of any name can be read, but not written', () => {
    expectTypeOf(broker.topics).toEqualTypeOf<ReadonlyMap<string, Topic>>()
    const any: Topic = broker.topic('orders')
    expectTypeOf(any.records()).toEqualTypeOf<readonly AnyRecord[]>()
    // @ts-expect-error: nobody knows what it takes
    any.append({ value: 1 })
    // @ts-expect-error: it may hold payments
    const orders: Topic<RecordOf<App, 'orders'>> = broker.topic('payments')
    void orders
  })

  it('shows its options and partitions', () => {
    const orders = broker.topic('orders')
    expectTypeOf(orders.options).toEqualTypeOf<Readonly<LogConfig>>()
    expectTypeOf(orders.options.partitions).toBeNumber()
    expectTypeOf(orders.partitions).toEqualTypeOf<readonly Partition[]>()
    expectTypeOf(orders.partitions[0]!.offsetForTimestamp(0)).toEqualTypeOf<number | null>()
    const [record] = orders.partitions[0]!.read(0, { maxRecords: 1, maxBytes: 1 })
    expectTypeOf(record!.key).toEqualTypeOf<RecordKey | null>()
    expectTypeOf(record!.value).toBeUnknown()
    expectTypeOf(orders.addPartitions(12)).toBeVoid()
    expectTypeOf(orders.alter({ retentionMs: 5, whenFull: null })).toBeVoid()
    // @ts-expect-error: addPartitions makes more of them
    orders.alter({ partitions: 12 })
    // @ts-expect-error: not of that kind
    orders.alter({ retentionMs: 'long' })
    // @ts-expect-error: read-only
    orders.options.partitions = 12
  })
})

describe('createTopic', () => {
  it('gives a topic with the types of its definition', () => {
    const late = broker.createTopic('late', topic<Order, string>({ partitions: 2 }))
    expectTypeOf(late.name).toEqualTypeOf<'late'>()
    expectTypeOf(late.records()[0]!.value).toEqualTypeOf<Order>()
    expectTypeOf(late.records()[0]!.key).toEqualTypeOf<string>()
    late.append({ key: 'k', value: order })
    // @ts-expect-error: no key
    late.append({ value: order })
    // @ts-expect-error: the value of another type
    late.append({ key: 'k', value: payment })
  })

  it('of plain options, or none, gives one whose values have no declared type', () => {
    const plain = broker.createTopic('plain', { partitions: 2, codec: json })
    expectTypeOf(plain.records()[0]!.value).toBeUnknown()
    expectTypeOf(plain.records()[0]!.key).toEqualTypeOf<RecordKey | null>()
    expectTypeOf(plain.name).toEqualTypeOf<'plain'>()
    expectTypeOf(broker.createTopic('bare').append({ value: 1 })).toEqualTypeOf<RecordMetadata>()
    expectTypeOf<PlainTopic>().toEqualTypeOf<TopicDefinition<unknown, unknown, RecordKey | null>>()
    // @ts-expect-error: no value
    plain.append({ key: 'k' })
    // @ts-expect-error: misspelt
    broker.createTopic('plain', { partitons: 2 })
  })
})

describe('declare', () => {
  it('gives the same broker with more topics', () => {
    const wider = broker.declare({ refunds: topic<{ id: string }>() })
    wider.producer().send({ topic: 'refunds', value: { id: '1' } })
    wider.producer().send({ topic: 'orders', value: order })
    wider.consumer({ topics: ['refunds', 'orders'] }).run({
      eachRecord: { refunds: record => record.value.id, orders: record => record.value.total },
    })
    expectTypeOf(wider).toExtend<Broker<App>>()
    // @ts-expect-error: misspelt
    wider.producer().send({ topic: 'refund', value: { id: '1' } })
    // @ts-expect-error: the broker as it was does not know it
    broker.producer().send({ topic: 'refunds', value: { id: '1' } })
    // @ts-expect-error: plain options say nothing of types
    broker.declare({ refunds: { partitions: 2 } })
  })

  it('again with the same type changes nothing', () => {
    const again = broker.declare({ orders: topic<Order>() })
    again.producer().send({ topic: 'orders', value: order })
    expectTypeOf(again.topic('orders').records()[0]!.value).toEqualTypeOf<Order>()
  })

  it('types the topics of a broker that declares none, and leaves the others open', () => {
    const wide = new Broker().declare({ orders: topic<Order>() }).declare({ payments: topic<Payment>() })
    expectTypeOf(wide.topic('orders').records()[0]!.value).toEqualTypeOf<Order>()
    expectTypeOf(wide.topic('payments').records()[0]!.value).toEqualTypeOf<Payment>()
    expectTypeOf(wide.topic('others').records()[0]!.value).toBeAny()
    wide.consumer({ topics: ['orders'] }).run({
      eachRecord: record => expectTypeOf(record.value).toEqualTypeOf<Order>(),
    })
    // @ts-expect-error: the value of another topic
    wide.producer().send({ topic: 'orders', value: payment })
  })
})

describe('the events of a broker', () => {
  it('carry one object each', () => {
    const chained = broker
      .on('topicCreated', ({ topic: name, partitions }) => {
        expectTypeOf(name).toBeString()
        expectTypeOf(partitions).toBeNumber()
      })
      .on('partitionsAdded', ({ from, to }) => expectTypeOf(to - from).toBeNumber())
      .on('groupDeleted', ({ reason }) => expectTypeOf(reason).toEqualTypeOf<'deleted' | 'expired'>())
      .on('memberJoined', ({ groupId, memberId }) => expectTypeOf([groupId, memberId]).items.toBeString())
      .on('memberLeft', ({ reason }) =>
        expectTypeOf(reason).toEqualTypeOf<'left' | 'session expired' | 'rebalance timeout'>(),
      )
      .on('rebalanced', ({ groupId, epoch, members, moved }) => {
        expectTypeOf(groupId).toBeString()
        expectTypeOf([epoch, members, moved]).items.toBeNumber()
      })
      .on('recordsDropped', ({ topic: name, partition, from, to, reason, groups }) => {
        expectTypeOf(name).toBeString()
        expectTypeOf([partition, from, to]).items.toBeNumber()
        expectTypeOf(reason).toEqualTypeOf<'retention' | 'limit' | 'deleteRecords'>()
        expectTypeOf(groups[0]!).toEqualTypeOf<{ readonly groupId: string; readonly count: number }>()
      })
      .on('groupStopped', ({ groupId, record, cause }) => {
        expectTypeOf(groupId).toBeString()
        expectTypeOf(record?.offset).toEqualTypeOf<number | undefined>()
        expectTypeOf(cause).toBeUnknown()
      })
      .once('error', error => expectTypeOf(error).toBeUnknown())
      .off('closed', () => {})
    expectTypeOf(chained).toEqualTypeOf(broker)
    // @ts-expect-error: no such event
    broker.on('topicMade', () => {})
    // @ts-expect-error: the payload of another event
    broker.on('topicCreated', ({ groupId }) => groupId)
  })

  it('are these', () => {
    expectTypeOf<keyof BrokerEvents>().toEqualTypeOf<
      | 'topicCreated'
      | 'topicDeleted'
      | 'partitionsAdded'
      | 'topicAltered'
      | 'groupCreated'
      | 'groupDeleted'
      | 'memberJoined'
      | 'memberLeft'
      | 'rebalanced'
      | 'recordsDropped'
      | 'groupStopped'
      | 'closed'
      | 'error'
    >()
  })
})

describe('a group', () => {
  it('shows its state, members and offsets', () => {
    const group = broker.group('billing')
    expectTypeOf(group).toEqualTypeOf<ConsumerGroup>()
    expectTypeOf(group.state).toEqualTypeOf<GroupState>()
    expectTypeOf(group.epoch).toBeNumber()
    expectTypeOf(group.members).toEqualTypeOf<readonly MemberDescription[]>()
    expectTypeOf(group.members[0]!.assignment).toEqualTypeOf<readonly TopicPartition[]>()
    expectTypeOf(group.committed({ topic: 'orders', partition: 0 })).toEqualTypeOf<OffsetAndMetadata | null>()
    expectTypeOf(group.offsets).toEqualTypeOf<readonly TopicPartitionOffset[]>()
    expectTypeOf(group.lag()).toBeNumber()
    expectTypeOf(group.lagByPartition()[0]!.lag).toBeNumber()
    expectTypeOf(group.stable({ timeoutMs: 1 })).toEqualTypeOf<Promise<void>>()
    expectTypeOf(group.caughtUp()).toEqualTypeOf<Promise<void>>()
    expectTypeOf(broker.groups).toEqualTypeOf<ReadonlyMap<string, ConsumerGroup>>()
    // @ts-expect-error: read-only
    group.members.pop()
  })

  it('is moved to offsets, an end or a time', () => {
    const group = broker.group('billing')
    group.setOffsets([{ topic: 'orders', partition: 0, offset: 5, metadata: 'by hand' }])
    group.setOffsets('earliest')
    group.setOffsets({ timestamp: Date.now() })
    // @ts-expect-error: no such place
    group.setOffsets('beginning')
    // @ts-expect-error: no offset
    group.setOffsets([{ topic: 'orders', partition: 0 }])
  })
})

describe('the broker as a whole', () => {
  it('rests, describes itself and closes', () => {
    expectTypeOf(
      broker.idle({ timeoutMs: 1, groups: ['billing'], signal: AbortSignal.timeout(1) }),
    ).toEqualTypeOf<Promise<void>>()
    expectTypeOf(broker.describe()).toEqualTypeOf<BrokerDescription>()
    expectTypeOf(broker.describe().topics).toEqualTypeOf<readonly TopicSummary[]>()
    expectTypeOf(broker.describe().groups).toEqualTypeOf<readonly GroupSummary[]>()
    expectTypeOf(broker.close({ drain: true, timeoutMs: 1 })).toEqualTypeOf<Promise<readonly Unread[]>>()
    expectTypeOf(broker).toExtend<AsyncDisposable>()
    // @ts-expect-error: a list
    broker.idle({ groups: 'billing' })
    // @ts-expect-error: misspelt
    broker.close({ timeout: 1 })
  })

  it('has a clock that sleeps', () => {
    expectTypeOf(broker.clock).toEqualTypeOf<SleepClock>()
    expectTypeOf(broker.clock).toExtend<Clock>()
    expectTypeOf(broker.clock.sleep(10, { signal: AbortSignal.timeout(1) })).toEqualTypeOf<Promise<void>>()
  })
})

describe('admin', () => {
  it('answers with promises', () => {
    expectTypeOf(broker.admin).toEqualTypeOf<Admin>()
    const { admin } = broker
    expectTypeOf(admin.createTopic('late', { partitions: 2 })).toEqualTypeOf<Promise<void>>()
    expectTypeOf(admin.createTopic('late', topic<Order>({ partitions: 2 }))).toEqualTypeOf<Promise<void>>()
    expectTypeOf(admin.listTopics()).toEqualTypeOf<Promise<readonly string[]>>()
    expectTypeOf(admin.describeTopic('late')).toEqualTypeOf<Promise<TopicSummary>>()
    expectTypeOf(admin.describeGroup('billing')).toEqualTypeOf<Promise<GroupSummary>>()
    expectTypeOf(admin.listGroupOffsets('billing')).toEqualTypeOf<Promise<readonly TopicPartitionOffset[]>>()
    expectTypeOf(
      admin.listOffsets([{ topic: 'late', partition: 0 }], { timestamp: 0 }),
    ).resolves.items.toExtend<TopicPartition & { readonly offset: number | null }>()
    expectTypeOf<{ [Method in keyof Admin]: ReturnType<Admin[Method]> }[keyof Admin]>().toExtend<
      Promise<unknown>
    >()
    // @ts-expect-error: misspelt
    admin.createTopic('late', { partitons: 2 })
    // @ts-expect-error: a place, not an offset
    admin.listOffsets([{ topic: 'late', partition: 0 }], 5)
  })
})

describe('errors', () => {
  it('are told by a brand and carry fields', () => {
    const thrown: unknown = new Error('?')
    if (!isBrokerletError(thrown)) return
    expectTypeOf(thrown).toEqualTypeOf<BrokerletError>()
    expectTypeOf(thrown.code).toEqualTypeOf<ErrorCode>()
    expectTypeOf(thrown.errno).toBeNumber()
    expectTypeOf(thrown.retriable).toBeBoolean()
    expectTypeOf(thrown.topic).toEqualTypeOf<string | undefined>()
    expectTypeOf(thrown.suggestions).toEqualTypeOf<readonly string[] | undefined>()
    // @ts-expect-error: Kafka has no such name
    void (thrown.code === 'UNKNOWN_TOPIC')
  })

  it('of a batch say how far it came', () => {
    broker.consumer({ topics: ['orders'] }).run({
      eachBatch: ({ records }) => {
        throw new BatchError(new Error('?'), { failedAt: records[0]! })
      },
    })
    // @ts-expect-error: a place is wanted
    void new BatchError(new Error('?'))
  })
})

describe('dead letters', () => {
  it('are sent back from and to declared topics', () => {
    expectTypeOf(broker.redrive({ from: 'orders', to: 'payments' })).toEqualTypeOf<Promise<number>>()
    broker.redrive({ from: 'orders', filter: letter => letter.headers['dead-letter.group'] === 'billing' })
    // @ts-expect-error: not declared
    broker.redrive({ from: 'order' })
    // @ts-expect-error: a number
    broker.redrive({ from: 'orders', maxRecords: '5' })
  })
})

describe('one policy for all consumers', () => {
  it('knows records, contexts and what handlers give', () => {
    const around: Around = async (record, context, next) => {
      expectTypeOf(record.headers.tenant).toEqualTypeOf<string | Uint8Array | undefined>()
      expectTypeOf(context.attempt).toBeNumber()
      expectTypeOf(context.pause).toEqualTypeOf<(ms: number) => void>()
      return await next()
    }
    const aroundBatch: AroundBatch = ({ records }, _context, next) =>
      records.length > 0 ? next() : undefined
    const consumerDefaults: ConsumerDefaults<'dlq'> = { run: { onFailure: { deadLetter: 'dlq' } } }
    void new Broker({ topics: { dlq: topic() }, around: [around], aroundBatch, consumerDefaults })
    // @ts-expect-error: a group is each consumer's own
    void new Broker({ consumerDefaults: { groupId: 'g' } })
  })

  it('names topics that are declared', () => {
    const toLetters: ConsumerDefaults<'dlq'> = { run: { onFailure: { deadLetter: 'dlq' } } }
    const toWait: ConsumerDefaults<'later'> = { run: { retry: { topics: [{ topic: 'later', delayMs: 1 }] } } }
    void new Broker({ topics: { later: topic() }, consumerDefaults: toWait })
    // @ts-expect-error: it has no such topic
    void new Broker({ topics: { later: topic() }, consumerDefaults: toLetters })
    // @ts-expect-error: it has no such topic
    void new Broker({ topics: { dlq: topic() }, consumerDefaults: toWait })
  })

  it('does not say which topics a broker has that declares none', () => {
    const open = new Broker({
      autoCreateTopics: true,
      consumerDefaults: { run: { onFailure: { deadLetter: 'dlq' } } },
    })
    expectTypeOf(open).toEqualTypeOf<Broker>()
    open.producer().send({ topic: 'whatever', value: 1 })
  })
})
