import { expect, it } from 'vitest'
import {
  type Consumer,
  type OffsetSpec,
  type TopicPartition,
  UnknownTopicOrPartitionError,
} from '../../src/index.ts'
import { at, fill, gate, names, range } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'

const orders1 = { topic: 'orders', partition: 1 } as const

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

it.each<OffsetSpec>([2, 'end'])(
  'lets a seek to %s, which comes later in the same turn, have the last word',
  async to => {
    const { broker } = brokerWithOrders(3)
    const seen: number[] = []
    const consumer = broker.consumer({ assign: [orders0] })
    await consumer.run({ eachRecord: ({ offset }) => void seen.push(offset) })
    await broker.idle()
    const assigned = consumer.assign([{ ...orders0, offset: 1 }])
    consumer.seek(orders0, to)
    await assigned
    fill(broker, 'orders', 1)
    await broker.idle()
    expect(seen.slice(3)).toEqual(to === 2 ? [2, 3] : [3])
  },
)

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

it.each(['assign', 'close'] as const)(
  'commits where assign says to begin, though %s gives that up at once',
  async how => {
    const { broker } = brokerWithOrders(2)
    const consumer = broker.consumer({ groupId: 'g', assign: [orders0] })
    await consumer.run({ eachRecord: () => {} })
    await broker.idle()
    const assigned = consumer.assign([{ ...orders0, offset: 4 }])
    await Promise.all([assigned, how === 'assign' ? consumer.assign([]) : consumer.close()])
    await consumer.close()
    expect(broker.group('g').committed(orders0)).toEqual({ offset: 4 })
  },
)
