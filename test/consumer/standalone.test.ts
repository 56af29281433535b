import { describe, expect, it } from 'vitest'
import {
  type Consumer,
  type ConsumerOptions,
  IllegalStateError,
  InvalidOptionError,
  type TopicPartition,
  UnknownTopicOrPartitionError,
} from '../../src/index.ts'
import { at, fill, gate, names, offsets, range } from '../helpers/behaviours.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'
import { collectWarnings } from '../helpers/warnings.ts'

const orders1 = { topic: 'orders', partition: 1 } as const
collectWarnings()

// --- without a group --------------------------------------------------------------------------------------------------

it('reads every partition by itself, whoever else reads, and leaves no group behind', async () => {
  const { broker } = brokerWithOrders(2, 3)
  const counts = [0, 0]
  for (const i of range(0, 2)) {
    await broker.consumer({ topics: ['orders'] }).run({
      eachRecord: () => {
        counts[i]!++
      },
    })
  }
  await broker.idle()
  expect(counts).toEqual([6, 6])
  expect(broker.groups.size).toBe(0)
  expect(broker.describe().groups).toEqual([])
})

it.each([
  ['beginning', range(0, 5)],
  ['end', [4]],
  ['a time', [2, 3, 4]],
] as const)('begins at the %s', async (from, expected) => {
  const { broker, clock } = brokerWithOrders(2)
  const timestamp = clock.now() + 10
  await clock.advance(10)
  fill(broker, 'orders', 2)
  const seen: number[] = []
  const consumer = broker.consumer({ topics: ['orders'], from: from === 'a time' ? { timestamp } : from })
  await consumer.run({ eachRecord: ({ offset }) => void seen.push(offset) })
  fill(broker, 'orders', 1)
  await broker.idle()
  expect(seen).toEqual(expected)
})

it('picks up partitions and, by RegExp, topics that come later', async () => {
  const { broker } = brokerWithOrders(1)
  const seen: string[] = []
  const consumer = broker.consumer({ topics: /^orders/ })
  await consumer.run({
    eachRecord: ({ topic, partition, offset }) => void seen.push(`${topic}-${partition}@${offset}`),
  })
  broker.createTopic('orders.eu')
  broker.createTopic('payments')
  broker.topic('orders').addPartitions(2)
  fill(broker, 'orders.eu', 1)
  fill(broker, 'payments', 1)
  fill(broker, 'orders', 1, 1)
  await broker.idle()
  expect(seen.sort()).toEqual(['orders-0@0', 'orders-1@0', 'orders.eu-0@0'])
})

it('reads a topic that is made anew from its beginning, whatever it restarted from before', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const seen: unknown[] = []
  let failed = false
  const consumer = broker.consumer({ topics: ['orders'] })
  consumer.on('restarting', () => {})
  await consumer.run({
    retry: { attempts: 1 },
    eachRecord: ({ offset, value }) => {
      if (offset === 2 && !failed) {
        failed = true
        throw new Error('boom')
      }
      seen.push(value)
    },
  })
  await clock.advance(1000)
  broker.deleteTopic('orders')
  await clock.settle()
  broker.createTopic('orders')
  for (const value of ['a', 'b', 'c']) broker.topic('orders').append({ value })
  await broker.idle()
  expect(seen).toEqual([0, 1, 2, 'a', 'b', 'c'])
})

it('has nothing to commit to', async () => {
  const { broker } = brokerWithOrders(1)
  const consumer = broker.consumer({ topics: ['orders'] })
  await consumer.ready()
  expect(await rejectionOf(consumer.commit())).toBeInstanceOf(IllegalStateError)
  expect(await consumer.committed(orders0)).toBe(null)
})

// --- assign -----------------------------------------------------------------------------------------------------------

it('reads given partitions from given places', async () => {
  const { broker } = brokerWithOrders(4, 3)
  const seen: string[] = []
  const consumer = broker.consumer({
    assign: [
      { ...orders0, offset: 2 },
      { ...orders1, offset: 'end' },
    ],
  })
  await consumer.run({ eachRecord: ({ partition, offset }) => void seen.push(`${partition}@${offset}`) })
  fill(broker, 'orders', 1, 1)
  fill(broker, 'orders', 1, 2)
  await broker.idle()
  expect(seen.sort()).toEqual(['0@2', '0@3', '1@4'])
})

it('begins where it is told, wherever its group has committed, and goes on from its commits after a restart', async () => {
  const { broker, clock } = brokerWithOrders(4)
  await broker.admin.setGroupOffsets('g', [{ ...orders0, offset: 3 }])
  const consumer = broker.consumer({ groupId: 'g', assign: [{ ...orders0, offset: 1 }] })
  consumer.on('restarting', () => {})
  const seen: number[] = []
  let failing = true
  await consumer.run({
    retry: { attempts: 1 },
    eachRecord: ({ offset }) => {
      seen.push(offset)
      if (offset === 2 && failing) throw new Error('not yet')
    },
  })
  await clock.settle()
  failing = false
  await clock.advance(60_000)
  expect(seen).toEqual([1, 2, 2, 3])
})

it('commits under its group id, and never rebalances', async () => {
  const { broker } = brokerWithOrders(4, 2)
  const consumers = range(0, 2).map(() => broker.consumer({ groupId: 'g', assign: [orders0] }))
  const counts = [0, 0]
  for (const i of range(0, 2)) {
    await consumers[i]!.run({
      eachRecord: () => {
        counts[i]!++
      },
    })
  }
  await broker.idle()
  expect(counts).toEqual([4, 0])
  expect(broker.group('g').offsets).toEqual([{ ...orders0, offset: 4 }])
  expect(broker.group('g').members).toEqual([])
})

it('keeps given partitions, however long a handler takes', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', assign: [orders0], maxPollIntervalMs: 100 })
  consumer.on('lost', () => seen.push('lost'))
  await consumer.run({
    eachRecord: async ({ offset }, { signal }) => {
      await broker.clock.sleep(1000)
      seen.push([offset, signal.aborted])
    },
  })
  await clock.advance(2000)
  expect(seen).toEqual([
    [0, false],
    [1, false],
  ])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 2 })
})

it('hears that a given partition is gone with its topic, and reads the others on', async () => {
  const { broker, clock } = brokerWithOrders(1)
  broker.createTopic('others', {})
  const lost: unknown[] = []
  const seen: string[] = []
  const consumer = broker.consumer({
    assign: [orders0, { topic: 'others', partition: 0 }],
    onLost: partitions => void lost.push(partitions),
  })
  await consumer.run({ eachRecord: ({ topic: from }) => void seen.push(from) })
  await clock.settle()
  broker.deleteTopic('orders')
  broker.topic('others').append({ value: 1 })
  await broker.idle()
  expect(lost).toEqual([[orders0]])
  expect(consumer.assignment).toEqual([{ topic: 'others', partition: 0 }])
  expect(seen).toEqual(['orders', 'others'])
})

it('reads a given partition from its beginning where its topic is made anew, and it is assigned again', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const seen: number[] = []
  const consumer = broker.consumer({ assign: [orders0] })
  await consumer.run({ eachRecord: ({ offset }) => void seen.push(offset) })
  await clock.settle()
  broker.deleteTopic('orders')
  broker.createTopic('orders', {})
  fill(broker, 'orders', 3)
  await clock.settle()
  expect(seen).toEqual([0, 1])
  await consumer.assign([orders0])
  await broker.idle()
  expect(seen).toEqual([0, 1, 0, 1, 2])
})

it('hears why a commit of it is refused, whatever that is', async () => {
  const { broker } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', assign: [orders0] })
  await consumer.ready()
  const commit = consumer.commit([{ ...orders0, offset: 1, metadata: 'x'.repeat(5000) }])
  expect(await rejectionOf(commit)).toMatchObject({ code: 'OFFSET_METADATA_TOO_LARGE' })
})

it('refuses a partition that does not exist', async () => {
  const { broker } = brokerWithOrders(0)
  const error = await rejectionOf(broker.consumer({ assign: [orders1] }).ready())
  expect(error).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION', topic: 'orders', partition: 1 })
})

it('replaces its partitions at run time; what stays goes on, and what goes is committed', async () => {
  const { broker, clock } = brokerWithOrders(2, 3)
  const seen: string[] = []
  const events: string[] = []
  const consumer = broker.consumer({
    groupId: 'g',
    assign: [orders0, orders1],
    onRevoked: partitions => void events.push(`revoked ${names(partitions)}`),
    onAssigned: partitions => void events.push(`assigned ${names(partitions)}`),
  })
  await consumer.run({ eachRecord: ({ partition, offset }) => void seen.push(`${partition}@${offset}`) })
  await broker.idle()
  await consumer.assign([orders1, { topic: 'orders', partition: 2, offset: 1 }])
  await clock.settle()
  for (const partition of range(0, 3)) fill(broker, 'orders', 1, partition)
  await broker.idle()
  expect(events).toEqual(['assigned orders-0,orders-1', 'revoked orders-0', 'assigned orders-2'])
  expect(names(consumer.assignment)).toEqual(['orders-1', 'orders-2'])
  expect(seen.slice(4).sort()).toEqual(['1@2', '2@1', '2@2'])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 2 })
})

it('moves a partition that stays where assign gives it an offset', async () => {
  const { broker } = brokerWithOrders(3)
  const seen: number[] = []
  const consumer = broker.consumer({ assign: [orders0] })
  await consumer.run({ eachRecord: ({ offset }) => void seen.push(offset) })
  await broker.idle()
  await consumer.assign([{ ...orders0, offset: 1 }])
  await broker.idle()
  expect(seen).toEqual([0, 1, 2, 1, 2])
})

it('moves it in onAssigned, too, before any of its records is handed out', async () => {
  const { broker } = brokerWithOrders(4)
  const seen: number[] = []
  const consumer: Consumer<any> = broker.consumer({
    assign: [orders0],
    onAssigned: () => consumer.assign([{ ...orders0, offset: 2 }]),
  })
  await consumer.run({ eachRecord: ({ offset }) => void seen.push(offset) })
  await broker.idle()
  expect(seen).toEqual([2, 3])
})

it('keeps what it reads where an assign is refused', async () => {
  const { broker } = brokerWithOrders(1, 1)
  const consumer = broker.consumer({ assign: [orders0] })
  await consumer.ready()
  expect(await rejectionOf(consumer.assign([orders1]))).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  expect(names(consumer.assignment)).toEqual(['orders-0'])
})

it('is ready with what it was assigned last, though what it reads before takes its time', async () => {
  const { broker, clock } = brokerWithOrders(1, 3)
  const { opened, open } = gate()
  const consumer = broker.consumer({ assign: [orders0] })
  await consumer.run({ eachRecord: ({ partition }) => (partition === 0 ? opened : undefined) })
  await clock.settle()
  await consumer.assign([orders1])
  await consumer.assign([{ topic: 'orders', partition: 2 }])
  const ready = consumer.ready().then(() => names(consumer.assignment))
  await clock.settle()
  open()
  expect(await ready).toEqual(['orders-2'])
})

it('goes on where a topic is deleted that it was assigned, and relieved of, while it was busy', async () => {
  const { broker, clock } = brokerWithOrders(1, 2)
  broker.createTopic('reply')
  const { opened, open } = gate()
  const events: string[] = []
  const assigned: TopicPartition[] = [orders0]
  const consumer = broker.consumer({ assign: assigned })
  consumer.on('lost', ({ partitions }) => events.push(`lost ${names(partitions)}`))
  consumer.on('crashed', ({ error }) => events.push(String(error)))
  await consumer.run({ eachRecord: ({ partition }) => (partition === 0 ? opened : undefined) })
  await clock.settle()
  await consumer.assign([{ topic: 'reply', partition: 0 }])
  await consumer.assign([orders1])
  broker.deleteTopic('reply')
  open()
  await broker.idle()
  expect(events).toEqual([])
  expect(names(consumer.assignment)).toEqual(['orders-1'])
  expect(consumer.position(orders1)).toBe(1)
})

it('loses a partition whose topic is deleted while it gives that up', async () => {
  const { broker, clock } = brokerWithOrders(1)
  broker.createTopic('payments')
  const { opened, open } = gate()
  const hooks: string[] = []
  const assigned: TopicPartition[] = [orders0]
  const consumer = broker.consumer({
    groupId: 'g',
    assign: assigned,
    onLost: partitions => void hooks.push(`lost ${names(partitions)}`),
    onRevoked: partitions => void hooks.push(`revoked ${names(partitions)}`),
  })
  let stopped = false
  await consumer.run({
    eachRecord: async (_, { signal }) => {
      await opened
      stopped = signal.aborted
    },
  })
  await clock.settle()
  await consumer.assign([{ topic: 'payments', partition: 0 }])
  broker.deleteTopic('orders')
  open()
  await broker.idle()
  expect(hooks).toEqual(['lost orders-0'])
  expect(stopped).toBe(true)
})

// --- subscribe --------------------------------------------------------------------------------------------------------

it('replaces its topics at run time; what stays does not stop, and what goes is committed', async () => {
  const { broker } = brokerWithOrders(1)
  broker.createTopic('payments')
  broker.createTopic('refunds')
  const events: string[] = []
  const seen: string[] = []
  const consumer = broker.consumer({
    groupId: 'g',
    topics: ['orders', 'payments'],
    onRevoked: partitions => void events.push(`revoked ${names(partitions)}`),
    onAssigned: partitions => void events.push(`assigned ${names(partitions)}`),
  })
  await consumer.run({ eachRecord: ({ topic, offset }) => void seen.push(`${topic}@${offset}`) })
  await broker.idle()
  await consumer.subscribe(['payments', 'refunds' as 'payments'])
  await broker.group('g').stable()
  for (const name of ['orders', 'payments', 'refunds']) fill(broker, name, 1)
  await broker.idle()
  expect(seen).toEqual(['orders@0', 'payments@0', 'refunds@0'])
  expect(events).toEqual(['assigned orders-0,payments-0', 'revoked orders-0', 'assigned refunds-0'])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 1 })

  await consumer.subscribe(/^ref/)
  await broker.group('g').stable()
  expect(names(consumer.assignment)).toEqual(['refunds-0'])
  await consumer.subscribe([])
  await broker.group('g').stable()
  expect(consumer.assignment).toEqual([])
})

it('replaces its topics without a group, too', async () => {
  const { broker } = brokerWithOrders(1)
  broker.createTopic('payments')
  fill(broker, 'payments', 1)
  const events: string[] = []
  const consumer = broker.consumer({
    topics: ['orders'],
    onRevoked: partitions => void events.push(`revoked ${names(partitions)}`),
    onAssigned: partitions => void events.push(`assigned ${names(partitions)}`),
  })
  await consumer.run({ eachRecord: ({ topic, offset }) => void events.push(`${topic}@${offset}`) })
  await broker.idle()
  await consumer.subscribe(['payments' as 'orders'])
  await broker.idle()
  fill(broker, 'orders', 1)
  await consumer.subscribe(['orders', 'payments' as 'orders'])
  await broker.idle()
  expect(events).toEqual([
    'assigned orders-0',
    'orders@0',
    'revoked orders-0',
    'assigned payments-0',
    'payments@0',
    'assigned orders-0',
    'orders@0',
    'orders@1',
  ])
})

it('replaces its topics without a group, however long a handler takes', async () => {
  const { broker, clock } = brokerWithOrders(1)
  broker.createTopic('other', { partitions: 1 })
  const lost: unknown[] = []
  const reader: Consumer<any> = broker.consumer({ topics: ['orders'], rebalanceTimeoutMs: 1000 })
  reader.on('lost', ({ reason }) => lost.push(reason))
  let handled = 0
  await reader.run({ eachRecord: () => broker.clock.sleep(5000).then(() => handled++) })
  await clock.settle()
  await reader.subscribe(['other'])
  await clock.advance(10_000)
  expect([names(reader.assignment), handled, lost]).toEqual([['other-0'], 1, []])
  await reader.close()
  expect(clock.pending.map(({ name }) => name).filter(name => name.startsWith('group'))).toEqual([])
})

it('begins where it is told while it joins', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const seen: number[] = []
  const reader = broker.consumer({ assign: [{ ...orders0, offset: 1 }] })
  void reader.run({ eachRecord: ({ offset }) => void seen.push(offset) })
  await reader.assign([{ ...orders0, offset: 2 }])
  await clock.settle()
  expect(seen).toEqual([2])
})

it('begins where it was told before where an assign is refused that came while it joined', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const seen: number[] = []
  const reader = broker.consumer({ assign: [{ ...orders0, offset: 1 }] })
  void reader.run({ eachRecord: ({ offset }) => void seen.push(offset) })
  const refused = reader.assign([{ ...orders0, offset: 2 }, orders1])
  expect(await rejectionOf(refused)).toBeInstanceOf(UnknownTopicOrPartitionError)
  await clock.settle()
  expect(seen).toEqual([1, 2])
})

it('reads what it was told last, however far it has joined between two calls', async () => {
  const { broker, clock } = brokerWithOrders(1, 2)
  for (const turns of range(0, 10)) {
    const reader = broker.consumer({ assign: [orders0] })
    void reader.run({ eachRecord: () => {} })
    void reader.assign([orders0])
    for (const _ of range(0, turns)) await Promise.resolve()
    await reader.assign([orders1])
    await clock.settle()
    expect(reader.assignment).toEqual([orders1])
  }
})

it.each([
  ['an offset that assign has given, too', { offset: 1 }],
  ['nothing else', {}],
])(
  'begins where it is sought in a partition that it gives up and is to read again, after %s',
  async (_, given) => {
    const { broker, clock } = brokerWithOrders(4, 2)
    const revoked = gate()
    const seen: string[] = []
    const options = { groupId: 'g', autoCommit: false, onRevoked: () => revoked.opened }
    const reader = broker.consumer({ ...options, assign: [orders0, orders1] })
    await reader.run({ eachRecord: record => void seen.push(at(record)) })
    await clock.settle()
    await reader.assign([orders1])
    await clock.settle()
    await reader.assign([{ ...orders0, ...given }, orders1])
    reader.seek(orders0, 3)
    seen.length = 0
    revoked.open()
    await clock.settle()
    expect(seen).toEqual(['orders-0@3'])
  },
)

it('begins where it was told though it is told of more before it has begun', async () => {
  const { broker, clock } = brokerWithOrders(3, 2)
  const revoked = gate()
  const seen: string[] = []
  const reader = broker.consumer({ assign: [orders0], onRevoked: () => revoked.opened })
  await reader.run({ eachRecord: record => void seen.push(at(record)) })
  await clock.settle()
  await reader.assign([{ ...orders1, offset: 1 }])
  await reader.assign([orders1])
  revoked.open()
  await clock.settle()
  expect(seen.filter(name => name.startsWith('orders-1'))).toEqual(['orders-1@1', 'orders-1@2'])
})

describe('a reader that is told what to read while it restarts', () => {
  /** What a reader sees that fails at offset 2 of orders-0 and is changed then, or while another handler still runs. */
  const changed = async (
    options: ConsumerOptions,
    when: 'while it waits' | 'while it leaves',
    change: (consumer: Consumer) => Promise<void>,
  ) => {
    const { broker, clock } = brokerWithOrders(3)
    for (const name of ['slow', 'others']) broker.createTopic(name)
    for (const name of ['slow', 'others']) fill(broker, name, 1)
    const seen: string[] = []
    const slow = gate()
    let fails = true
    const consumer = broker.consumer(options)
    await consumer.run({
      concurrency: 2,
      retry: { attempts: 1 },
      eachRecord: async record => {
        seen.push(at(record))
        if (record.topic === 'slow') return slow.opened
        if (record.offset < 2 || !fails) return
        fails = false
        seen.push('failed')
        throw new Error('down')
      },
    })
    await clock.settle()
    if (when === 'while it waits') slow.open()
    await clock.settle()
    await change(consumer)
    slow.open()
    await clock.advance(1000)
    return seen.slice(seen.indexOf('failed') + 1).sort()
  }
  const others0 = { topic: 'others', partition: 0 }
  const slow0 = { topic: 'slow', partition: 0 }

  describe.each(['while it waits', 'while it leaves'] as const)('%s', when => {
    it.each<[string, ConsumerOptions, (consumer: Consumer) => Promise<void>]>([
      ['topics', { topics: ['orders', 'slow'] }, consumer => consumer.subscribe(['orders', 'others'])],
      ['patterns', { topics: [/^orders$/, /^slow$/] }, consumer => consumer.subscribe(/^o/)],
      ['partitions', { assign: [orders0, slow0] }, consumer => consumer.assign([orders0, others0])],
    ])('goes on where it stood in what stays, with %s', async (_, options, change) => {
      expect(await changed(options, when, change)).toEqual(['orders-0@2', 'others-0@0'])
    })

    it('begins where it is told', async () => {
      const seen = await changed({ assign: [orders0, slow0] }, when, consumer =>
        consumer.assign([{ ...orders0, offset: 1 }]),
      )
      expect(seen).toEqual(['orders-0@1', 'orders-0@2'])
    })
  })

  it('begins where it is told while it leaves, wherever its group has committed', async () => {
    const options = { groupId: 'g', autoCommit: false, assign: [orders0, slow0] }
    const seen = await changed(options, 'while it leaves', async consumer => {
      await consumer.commit([
        { ...orders0, offset: 2 },
        { ...others0, offset: 1 },
      ])
      await consumer.assign([
        { ...orders0, offset: 1 },
        { ...others0, offset: 0 },
      ])
    })
    expect(seen).toEqual(['orders-0@1', 'orders-0@2', 'others-0@0'])
  })

  it.each([
    ['while it waits', {}],
    ['while it leaves', { groupId: 'g', autoCommit: false }],
  ] as const)(
    'begins where it was told though nothing is said of that the next time, %s',
    async (when, options) => {
      const seen = await changed({ ...options, assign: [orders0, slow0] }, when, async consumer => {
        await consumer.assign([{ ...orders0, offset: 1 }])
        await consumer.assign([orders0])
      })
      expect(seen).toEqual(['orders-0@1', 'orders-0@2'])
    },
  )

  it('begins where it is sought while it leaves, wherever its group has committed', async () => {
    const options = { groupId: 'g', autoCommit: false, assign: [orders0, slow0] }
    const seen = await changed(options, 'while it leaves', async consumer => {
      await consumer.commit([
        { ...orders0, offset: 2 },
        { ...slow0, offset: 1 },
      ])
      consumer.seek(orders0, 1)
    })
    expect(seen).toEqual(['orders-0@1', 'orders-0@2'])
  })

  it.each([
    ['a group whose offsets it commits itself', { groupId: 'g', autoCommit: false }],
    ['a group', { groupId: 'g' }],
    ['no group', {}],
  ])('passes over the record at which it failed where it is sought past it, in %s', async (_, options) => {
    const { broker, clock } = brokerWithOrders(3)
    const seen: number[] = []
    const consumer = broker.consumer({ ...options, assign: [orders0] })
    consumer.on('restarting', ({ record }) => consumer.seek(orders0, record.offset + 1))
    await consumer.run({
      retry: { attempts: 1 },
      eachRecord: ({ offset }) => {
        seen.push(offset)
        if (offset === 1) throw new Error('down')
      },
    })
    await clock.advance(1000)
    expect(seen).toEqual([0, 1, 2])
  })
})

it('reads what it was told, whatever becomes of the list that said so', async () => {
  const { broker } = brokerWithOrders(1)
  const topics = ['orders']
  const consumer = broker.consumer({ topics })
  await consumer.run({ eachRecord: () => {} })
  topics.push('payments')
  broker.createTopic('payments')
  await broker.idle()
  expect(names(consumer.assignment)).toEqual(['orders-0'])
})

it('keeps its topics where a subscribe is refused', async () => {
  const { broker } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.ready()
  const error = await rejectionOf(consumer.subscribe(['nothing' as 'orders']))
  expect(error).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  expect(names(consumer.assignment)).toEqual(['orders-0'])
  fill(broker, 'orders', 1)
  expect(offsets(await consumer.poll())).toEqual([0, 1])
})

it('subscribes before it joins', async () => {
  const { broker } = brokerWithOrders(2)
  const consumer = broker.consumer({ groupId: 'g' })
  await consumer.subscribe(['orders'])
  expect(offsets(await consumer.poll())).toEqual([0, 1])
})

it('refuses to consume where nobody said what, until it subscribes', async () => {
  const { broker } = brokerWithOrders(2)
  const consumer = broker.consumer({ groupId: 'g' })
  const waysToStart: (() => Promise<unknown>)[] = [
    () => consumer.ready(),
    () => consumer.caughtUp(),
    () => consumer.run({ eachRecord: () => {} }),
    () => consumer.poll(),
    () => consumer[Symbol.asyncIterator]().next(),
    () => consumer.batches().next(),
  ]
  for (const start of waysToStart) {
    const error = await rejectionOf((async () => start())())
    expect(error).toBeInstanceOf(IllegalStateError)
    expect(error.message).toBe(
      "Consumer 'consumer' of group 'g' has nothing to read: give it 'topics' or 'assign', or let it subscribe",
    )
  }
  expect(broker.groups.size).toBe(0)
  await consumer.subscribe(['orders'])
  expect(offsets(await consumer.poll())).toEqual([0, 1])
})

it('refuses to mix topics and assign', async () => {
  const { broker } = brokerWithOrders(0)
  const subscribed = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const assigned = broker.consumer({ assign: [orders0] })
  expect(await rejectionOf(subscribed.assign([orders0]))).toBeInstanceOf(IllegalStateError)
  expect(await rejectionOf(assigned.subscribe(['orders']))).toBeInstanceOf(IllegalStateError)
  const both = thrownBy(() => broker.consumer({ topics: ['orders'], assign: [orders0] }))
  expect(both).toBeInstanceOf(InvalidOptionError)
  const from = thrownBy(() => broker.consumer({ groupId: 'g', topics: ['orders'], from: 'end' }))
  expect(from.message).toContain("option 'from' is for a reader without groupId")
})
