import { describe, expectTypeOf, it } from 'vitest'
import {
  type AnyRecord,
  type Assignor,
  type Batch,
  type BatchOf,
  Broker,
  type Consumer,
  type ConsumerControl,
  type ConsumerEvents,
  type ConsumerOptions,
  type ConsumerRecord,
  type HandlersByTopic,
  type HeaderList,
  headersOf,
  type ManualAssignment,
  type OffsetAndMetadata,
  type OffsetSpec,
  type OnFailure,
  type RecordContext,
  type RecordKey,
  type RecordOf,
  type RunOptions,
  type TopicPartition,
  type TopicPartitionOffset,
  type Unread,
} from '../../src/index.ts'
import { type App, broker, type Order, type Payment } from './fixtures.ts'

const orders = broker.consumer({ groupId: 'billing', topics: ['orders'] })
const both = broker.consumer({ groupId: 'audit', topics: ['orders', 'payments'] })

type OrderRecord = RecordOf<App, 'orders'>

describe('the topics of a consumer', () => {
  it('decide what its records are', () => {
    orders.run({
      eachRecord: record => {
        expectTypeOf(record.value).toEqualTypeOf<Order>()
        expectTypeOf(record.topic).toEqualTypeOf<'orders'>()
        expectTypeOf(record.key).toEqualTypeOf<string | null>()
        expectTypeOf(record.offset).toBeNumber()
        expectTypeOf(record.partition).toBeNumber()
        expectTypeOf(record.timestamp).toBeNumber()
      },
    })
  })

  it('several make a union that narrows by topic', () => {
    both.run({
      eachRecord: record => {
        if (record.topic === 'orders') expectTypeOf(record.value).toEqualTypeOf<Order>()
        else expectTypeOf(record.value).toEqualTypeOf<Payment>()
        switch (record.topic) {
          case 'orders':
            return record.value.total
          case 'payments':
            return record.value.orderId
          default:
            return record satisfies never
        }
      },
    })
  })

  it('narrow a record that was taken apart', () => {
    both.run({
      eachRecord: ({ topic, value }) => (topic === 'orders' ? value.total : value.orderId),
    })
  })

  it('refuse a name that the broker does not declare', () => {
    // @ts-expect-error: misspelt
    broker.consumer({ topics: ['order'] })
    // @ts-expect-error: one is misspelt
    broker.consumer({ topics: ['orders', 'payment'] })
    // @ts-expect-error: any string
    broker.consumer({ topics: ['orders' as string] })
  })

  it('may be a constant or a mutable array', () => {
    const names = ['orders'] as const
    const mutable: ('orders' | 'payments')[] = ['orders']
    broker.consumer({ topics: names }).run({ eachRecord: record => record.value.total })
    broker.consumer({ topics: mutable }).run({
      eachRecord: record => expectTypeOf(record.topic).toEqualTypeOf<'orders' | 'payments'>(),
    })
  })

  it('may be patterns, which read as any declared topic', () => {
    broker.consumer({ topics: /^o/ }).run({
      eachRecord: record => {
        if (record.topic === 'orders') expectTypeOf(record.value).toEqualTypeOf<Order>()
        else expectTypeOf(record.value).toEqualTypeOf<Payment>()
      },
    })
    broker.consumer({ topics: [/^o/, /^p/] }).run({
      eachRecord: record => (record.topic === 'orders' ? record.value.total : record.value.orderId),
    })
    // @ts-expect-error: names or patterns, not both
    broker.consumer({ topics: ['orders', /^p/] })
  })

  it('may be left out for given partitions', () => {
    broker
      .consumer({
        assign: [
          { topic: 'orders', partition: 0 },
          { topic: 'orders', partition: 1, offset: 'end' },
        ],
      })
      .run({ eachRecord: record => expectTypeOf(record.value).toEqualTypeOf<Order>() })
    broker
      .consumer({
        assign: [
          { topic: 'orders', partition: 0 },
          { topic: 'payments', partition: 0 },
        ],
      })
      .run({ eachRecord: record => expectTypeOf(record.topic).toEqualTypeOf<'orders' | 'payments'>() })
    // @ts-expect-error: misspelt
    broker.consumer({ assign: [{ topic: 'order', partition: 0 }] })
    // @ts-expect-error: no partition
    broker.consumer({ assign: [{ topic: 'orders' }] })
    // @ts-expect-error: no such place
    broker.consumer({ assign: [{ topic: 'orders', partition: 0, offset: 'earliest' }] })
  })

  it('of a broker that declares none are any', () => {
    const open = new Broker({ autoCreateTopics: true })
    open.consumer({ topics: ['whatever'] }).run({
      eachRecord: record => {
        expectTypeOf(record.value).toBeAny()
        expectTypeOf(record.topic).toEqualTypeOf<'whatever'>()
      },
    })
    open.consumer({ topics: ['a', 'b'] }).run({
      eachRecord: { a: record => record.value.foo, b: record => record.value.bar },
    })
    open.consumer({ topics: /x/ }).run({ eachRecord: record => record.value.foo.bar })
  })
})

describe('the options of a consumer', () => {
  it('are all there', () => {
    const assignor: Assignor = {
      name: 'first',
      assign({ members, topics }) {
        expectTypeOf(topics).toEqualTypeOf<ReadonlyMap<string, number>>()
        return new Map(members.map(({ memberId, assignment }) => [memberId, assignment]))
      },
    }
    broker.consumer({
      groupId: 'billing',
      topics: ['orders'],
      autoOffsetReset: 'latest',
      autoCommit: false,
      groupInstanceId: 'billing-1',
      clientId: 'billing',
      maxPollRecords: 10,
      maxPollIntervalMs: 1000,
      rebalanceTimeoutMs: 1000,
      sessionTimeoutMs: 1000,
      assignor,
      onAssigned: partitions => expectTypeOf(partitions).toEqualTypeOf<TopicPartition[]>(),
      onRevoked: async partitions => void partitions.length,
      onLost: () => {},
    })
    // Hooks that are written apart need not say that they change nothing.
    const apart = {
      onAssigned: (partitions: TopicPartition[]) => void partitions,
      onRevoked: async (partitions: readonly TopicPartition[]) => void partitions,
      onLost(partitions: { topic: string; partition: number }[]) {
        return partitions.length
      },
    }
    broker.consumer({ groupId: 'billing', topics: ['orders'], ...apart })
    // @ts-expect-error: records, and not partitions
    broker.consumer({ groupId: 'billing', topics: ['orders'], onLost: (lost: { offset: number }[]) => lost })
    broker.consumer({ topics: ['orders'], from: { timestamp: Date.now() }, until: 'end' })
    broker.consumer({ groupId: 'billing', topics: ['orders'], assignor: 'range' })
  })

  it('refuse what is not one of theirs', () => {
    // @ts-expect-error: misspelt
    broker.consumer({ groupID: 'billing', topics: ['orders'] })
    // @ts-expect-error: no such policy
    broker.consumer({ topics: ['orders'], autoOffsetReset: 'beginning' })
    // @ts-expect-error: no such place
    broker.consumer({ topics: ['orders'], from: 'earliest' })
    // @ts-expect-error: only 'end'
    broker.consumer({ topics: ['orders'], until: 5 })
    // @ts-expect-error: no such assignor
    broker.consumer({ topics: ['orders'], assignor: 'cooperative-sticky' })
    // @ts-expect-error: an assignor answers with a Map
    broker.consumer({ topics: ['orders'], assignor: { name: 'x', assign: () => [] } })
    // @ts-expect-error: one topic is an array of one
    broker.consumer({ topics: 'orders' })
  })

  it('can be prepared by themselves', () => {
    const options: ConsumerOptions<'orders'> = { groupId: 'billing', topics: ['orders'] }
    expectTypeOf(broker.consumer(options)).toExtend<Consumer<OrderRecord>>()
    const any: ConsumerOptions = { topics: ['whatever'] }
    // @ts-expect-error: names that the broker may not have
    broker.consumer(any)
  })
})

describe('run, by record', () => {
  it('takes a handler of any result', () => {
    expectTypeOf(orders.run({ eachRecord: () => {} })).toEqualTypeOf<Promise<void>>()
    orders.run({ eachRecord: async record => record.value.total })
    orders.run({ eachRecord: console.log })
    // @ts-expect-error: it wants payments
    orders.run({ eachRecord: (record: RecordOf<App, 'payments'>) => record.value.orderId })
    orders.run({ eachRecord: (record: AnyRecord) => record.value })
  })

  it('takes one handler per topic, none left out', () => {
    both.run({
      eachRecord: {
        orders: record => expectTypeOf(record.value).toEqualTypeOf<Order>(),
        payments: (record, context) => {
          expectTypeOf(record.value).toEqualTypeOf<Payment>()
          expectTypeOf(context).toEqualTypeOf<RecordContext>()
        },
      },
    })
    expectTypeOf<keyof HandlersByTopic<RecordOf<App>>>().toEqualTypeOf<'orders' | 'payments'>()
    // @ts-expect-error: payments is missing
    both.run({ eachRecord: { orders: record => record.value.total } })
    // @ts-expect-error: misspelt
    both.run({ eachRecord: { orders: () => {}, payments: () => {}, payment: () => {} } })
  })

  it('gives its handler a context', () => {
    orders.run({
      eachRecord: async (record, { consumer, signal, attempt, heartbeat }) => {
        expectTypeOf(consumer).toEqualTypeOf<ConsumerControl>()
        expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
        expectTypeOf(attempt).toBeNumber()
        heartbeat()
        consumer.seek(record, 'beginning')
        consumer.pause([record])
        await consumer.commit([{ ...record, offset: record.offset + 1 }])
      },
    })
  })
})

describe('run, by batch', () => {
  it('gives batches that narrow by topic', () => {
    both.run({
      eachBatch: batch => {
        if (batch.topic === 'orders') expectTypeOf(batch.records[0]!.value).toEqualTypeOf<Order>()
        else expectTypeOf(batch.records[0]!.value).toEqualTypeOf<Payment>()
        expectTypeOf(batch.nextOffset).toBeNumber()
        expectTypeOf(batch.highWatermark).toBeNumber()
        expectTypeOf(batch.lag).toBeNumber()
        // @ts-expect-error: read-only
        batch.records.push(batch.records[0]!)
      },
      batch: { maxRecords: 100, lingerMs: 50 },
    })
    expectTypeOf<BatchOf<RecordOf<App>>>().toEqualTypeOf<
      Batch<RecordOf<App, 'orders'>> | Batch<RecordOf<App, 'payments'>>
    >()
  })

  it('excludes records, and the other way round', () => {
    // @ts-expect-error: one of them
    orders.run({ eachRecord: () => {}, eachBatch: () => {} })
    // @ts-expect-error: one of them
    orders.run({})
    // @ts-expect-error: one of them
    orders.run({ onFailure: 'skip' })
    // @ts-expect-error: goes with eachBatch
    orders.run({ eachRecord: () => {}, batch: { maxRecords: 10 } })
    // @ts-expect-error: no handlers by topic
    both.run({ eachBatch: { orders: () => {}, payments: () => {} } })
  })
})

describe('the options of run', () => {
  it('are those that both ways have in common', () => {
    const { signal } = new AbortController()
    orders.run({ eachRecord: () => {}, signal, concurrency: 1, onFailure: 'stop' })
    orders.run({ eachRecord: () => {}, concurrency: 8, ordering: 'key', windowRecords: 100 })
    orders.run({ eachRecord: () => {}, retry: { attempts: Number.POSITIVE_INFINITY, delayMs: 10 } })
    orders.run({ eachBatch: () => {}, retry: { backoff: attempt => attempt * 100 }, onFailure: 'skip' })
    expectTypeOf<OnFailure>().toEqualTypeOf<'restart' | 'stop' | 'skip' | 'park-key'>()
    expectTypeOf<OnFailure<'payments'>>().toEqualTypeOf<OnFailure | { readonly deadLetter: 'payments' }>()
    orders.run({ eachRecord: () => {}, onFailure: { deadLetter: 'payments' } })
    // @ts-expect-error: no such answer
    orders.run({ eachRecord: () => {}, onFailure: 'ignore' })
    // @ts-expect-error: milliseconds
    orders.run({ eachRecord: () => {}, retry: { delayMs: '1s' } })
    // @ts-expect-error: misspelt
    orders.run({ eachRecord: () => {}, retries: 3 })
    // @ts-expect-error: a topic that is not declared
    orders.run({ eachRecord: () => {}, onFailure: { deadLetter: 'orders.dlq' } })
    orders.run({ eachRecord: () => {}, retry: { topics: [{ topic: 'payments', delayMs: 1000 }] } })
    // @ts-expect-error: a topic that is not declared
    orders.run({ eachRecord: () => {}, retry: { topics: [{ topic: 'orders.1m', delayMs: 1000 }] } })
  })

  it('can be prepared by themselves', () => {
    const options: RunOptions<OrderRecord> = { eachRecord: record => record.value.total }
    orders.run(options)
    const any: RunOptions = { eachRecord: record => console.log(record.topic, record.key, record.value) }
    orders.run(any)
    // @ts-expect-error: it takes no payments
    both.run(options)
  })
})

describe('consuming by pull', () => {
  it('by a loop over records', async () => {
    for await (const record of orders) expectTypeOf(record).toEqualTypeOf<OrderRecord>()
    for await (const { topic, value } of both) if (topic === 'payments') console.log(value.orderId)
    expectTypeOf(orders).toExtend<AsyncIterable<OrderRecord>>()
  })

  it('by a loop over batches', async () => {
    for await (const batch of both.batches()) {
      if (batch.topic === 'payments') expectTypeOf(batch.records[0]!.value).toEqualTypeOf<Payment>()
    }
  })

  it('by an iterator, whose end has no value', async () => {
    const iterator = orders[Symbol.asyncIterator]()
    const next = await iterator.next()
    if (!next.done) expectTypeOf(next.value).toEqualTypeOf<OrderRecord>()
    else expectTypeOf(next.value).toEqualTypeOf<undefined>()
    expectTypeOf(iterator).toExtend<AsyncIterableIterator<OrderRecord, undefined>>()
    expectTypeOf(both.batches()).toExtend<AsyncIterableIterator<unknown, undefined>>()
  })

  it('by poll', async () => {
    const records = await orders.poll({ maxRecords: 10, timeoutMs: 100, signal: AbortSignal.timeout(1000) })
    expectTypeOf(records).toEqualTypeOf<readonly OrderRecord[]>()
    const [first] = await broker.consumer({ topics: ['payments'] }).poll()
    expectTypeOf(first?.value).toEqualTypeOf<Payment | undefined>()
    // @ts-expect-error: misspelt
    orders.poll({ timeout: 100 })
  })
})

describe('the controls of a consumer', () => {
  it('speak of its own topics only', () => {
    expectTypeOf(orders.assignment).toEqualTypeOf<readonly TopicPartition<'orders'>[]>()
    expectTypeOf(orders.paused).toEqualTypeOf<readonly TopicPartition<'orders'>[]>()
    orders.seek({ topic: 'orders', partition: 0 }, 0)
    orders.pause([{ topic: 'orders', partition: 0 }])
    orders.resume()
    // @ts-expect-error: not subscribed
    orders.seek({ topic: 'payments', partition: 0 }, 0)
    // @ts-expect-error: not subscribed
    orders.pause([{ topic: 'payments', partition: 0 }])
    // @ts-expect-error: not subscribed
    orders.position({ topic: 'payments', partition: 0 })
    // @ts-expect-error: not subscribed
    orders.commit([{ topic: 'payments', partition: 0, offset: 1 }])
    // @ts-expect-error: what it hands out is typed by what it was made with
    orders.subscribe(['payments'])
  })

  it('take places in a partition', () => {
    const places: OffsetSpec[] = [0, 'beginning', 'end', { timestamp: Date.now() }]
    for (const place of places) orders.seek({ topic: 'orders', partition: 0 }, place)
    // @ts-expect-error: no such place
    orders.seek({ topic: 'orders', partition: 0 }, 'latest')
    // @ts-expect-error: epoch milliseconds
    orders.seek({ topic: 'orders', partition: 0 }, new Date())
  })

  it('replace what is read', () => {
    both.subscribe(['orders'])
    both.subscribe(/^o/)
    both.subscribe([/^o/, /^p/])
    both.assign([{ topic: 'orders', partition: 0, offset: { timestamp: 0 } }])
    expectTypeOf<ManualAssignment<'orders'>['offset']>().toEqualTypeOf<OffsetSpec | undefined>()
    // @ts-expect-error: names or patterns, not both
    both.subscribe(['orders', /^p/])
  })

  it('answer with numbers, offsets and what was left unread', () => {
    expectTypeOf(orders.position({ topic: 'orders', partition: 0 })).toBeNumber()
    expectTypeOf(orders.lag()).toBeNumber()
    expectTypeOf(orders.committed({ topic: 'orders', partition: 0 })).toEqualTypeOf<
      Promise<OffsetAndMetadata | null>
    >()
    expectTypeOf(orders.commit()).toEqualTypeOf<Promise<void>>()
    expectTypeOf(orders.ready()).toEqualTypeOf<Promise<void>>()
    expectTypeOf(orders.caughtUp({ timeoutMs: 1 })).toEqualTypeOf<Promise<void>>()
    expectTypeOf(orders.done).toEqualTypeOf<Promise<void>>()
    expectTypeOf(orders.close({ drain: true, leave: true, timeoutMs: 1 })).toEqualTypeOf<
      Promise<readonly Unread[]>
    >()
    expectTypeOf(orders).toExtend<AsyncDisposable>()
    expectTypeOf(orders).toExtend<ConsumerControl>()
  })
})

describe('the events of a consumer', () => {
  it('carry one object each', () => {
    const chained = orders
      .on('assigned', ({ partitions }) => expectTypeOf(partitions).toEqualTypeOf<readonly TopicPartition[]>())
      .on('revoked', ({ partitions }) => void partitions.length)
      .on('lost', ({ reason }) => expectTypeOf(reason).toBeUnknown())
      .on('committed', ({ offsets }) =>
        expectTypeOf(offsets).toEqualTypeOf<readonly TopicPartitionOffset[]>(),
      )
      .on('offsetReset', ({ topic, partition, from, to, reason }) => {
        expectTypeOf(topic).toBeString()
        expectTypeOf(partition).toBeNumber()
        expectTypeOf(from).toBeNumber()
        expectTypeOf(to).toBeNumber()
        expectTypeOf(reason).toEqualTypeOf<'out of range' | 'truncated'>()
      })
      .on('retrying', ({ record, error, attempt, delayMs }) => {
        expectTypeOf(record).toEqualTypeOf<AnyRecord>()
        expectTypeOf(error).toBeUnknown()
        expectTypeOf(attempt).toBeNumber()
        expectTypeOf(delayMs).toBeNumber()
      })
      .on('skipped', ({ attempts }) => expectTypeOf(attempts).toBeNumber())
      .on('restarting', ({ record }) => expectTypeOf(record).toEqualTypeOf<AnyRecord>())
      .once('crashed', ({ error }) => expectTypeOf(error).toEqualTypeOf<Error>())
      .once('closed', ({ reason }) => expectTypeOf(reason).toEqualTypeOf<'closed' | 'crashed'>())
      .off('error', error => expectTypeOf(error).toBeUnknown())
    expectTypeOf(chained).toEqualTypeOf(orders)
    // @ts-expect-error: no such event
    orders.on('assign', () => {})
    // @ts-expect-error: the payload of another event
    orders.on('assigned', ({ offsets }) => offsets)
  })

  it('are these', () => {
    expectTypeOf<keyof ConsumerEvents>().toEqualTypeOf<
      | 'assigned'
      | 'revoked'
      | 'lost'
      | 'committed'
      | 'offsetReset'
      | 'retrying'
      | 'stalled'
      | 'parked'
      | 'delayed'
      | 'deadLettered'
      | 'skipped'
      | 'restarting'
      | 'crashed'
      | 'closed'
      | 'error'
    >()
  })
})

describe('a record', () => {
  it('is read-only', () => {
    orders.run({
      eachRecord: record => {
        // @ts-expect-error: read-only
        record.offset = 0
        // @ts-expect-error: read-only
        record.value = { id: '1', total: 1 }
      },
    })
  })

  it('of any topic has all that a record has', () => {
    const any = (record: AnyRecord) => {
      expectTypeOf(record.key).toEqualTypeOf<RecordKey | null>()
      expectTypeOf(record.value).toBeUnknown()
      expectTypeOf(headersOf(record)).toEqualTypeOf<HeaderList>()
    }
    both.run({ eachRecord: any })
    expectTypeOf<RecordOf<App>>().toExtend<AnyRecord>()
    expectTypeOf<ConsumerRecord>().toExtend<AnyRecord>()
  })

  it('is its own topic and partition', () => {
    expectTypeOf<OrderRecord>().toExtend<TopicPartition<'orders'>>()
    expectTypeOf<RecordOf<App>['topic']>().toEqualTypeOf<'orders' | 'payments'>()
  })
})
