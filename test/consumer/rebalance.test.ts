import { expect, it } from 'vitest'
import type { Consumer, ConsumerOptions, RunOptions } from '../../src/index.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { eventLoopTurn } from '../../src/testing/turns.ts'
import { fill, gate, names, owners, range } from '../helpers/behaviours.ts'
import { collect } from '../helpers/collect.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

it('calls onAssigned once, with nothing, for a member that there is no partition for', async () => {
  const { broker, clock } = brokerWithOrders(1)
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({ eachRecord: () => {} })
  const assigned: string[][] = []
  const spare = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    onAssigned: partitions => void assigned.push(names(partitions)),
  })
  await spare.run({ eachRecord: () => {} })
  expect(assigned).toEqual([[]])
  broker.createTopic('other')
  await clock.settle()
  expect(assigned).toEqual([[]])
  broker.topics.get('orders')!.addPartitions(2)
  await clock.settle()
  expect(assigned).toEqual([[], ['orders-1']])
})

it('gives each hook an array of its own', async () => {
  const { broker } = brokerWithOrders(0, 2)
  const heard: unknown[] = []
  const take = (name: string) => (partitions: { topic: string; partition: number }[]) => {
    heard.push([name, ...names(partitions.splice(0))])
  }
  const consumer: Consumer = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    onAssigned: take('onAssigned'),
    onRevoked: take('onRevoked'),
    onLost: take('onLost'),
  })
  consumer.on('assigned', ({ partitions }) => heard.push(['assigned', ...names(partitions)]))
  consumer.on('revoked', ({ partitions }) => heard.push(['revoked', ...names(partitions)]))
  consumer.on('lost', ({ partitions }) => heard.push(['lost', ...names(partitions)]))
  await consumer.run({ eachRecord: () => {} })
  broker.topic('orders').addPartitions(3)
  broker.createTopic('payments')
  await consumer.subscribe(['payments'])
  await consumer.ready()
  broker.deleteTopic('payments')
  await consumer.close()
  expect(heard).toEqual([
    ['onAssigned', 'orders-0', 'orders-1'],
    ['assigned', 'orders-0', 'orders-1'],
    ['onAssigned', 'orders-2'],
    ['assigned', 'orders-2'],
    ['onRevoked', 'orders-0', 'orders-1', 'orders-2'],
    ['revoked', 'orders-0', 'orders-1', 'orders-2'],
    ['onAssigned', 'payments-0'],
    ['assigned', 'payments-0'],
    ['onLost', 'payments-0'],
    ['lost', 'payments-0'],
  ])
})

it('gives the event loop its turn though a hook changes the subscription each time', async () => {
  const { broker } = brokerWithOrders(1)
  broker.createTopic('payments')
  let changes = 0
  const consumer: Consumer = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    onAssigned: () => {
      if (++changes < 100_000) void consumer.subscribe([changes % 2 === 0 ? 'orders' : 'payments'])
    },
  })
  const running = consumer.run({ eachRecord: () => {} })
  running.catch(() => {})
  await eventLoopTurn()
  await eventLoopTurn()
  expect(changes).toBeGreaterThan(0)
  expect(changes).toBeLessThan(100_000)
  await consumer.close()
})

it('awaits onAssigned before it hands anything out, and a seek in it counts', async () => {
  const { broker, clock } = brokerWithOrders(4)
  const steps: unknown[] = []
  const consumer = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    onAssigned: async partitions => {
      steps.push(`assigned ${names(partitions)} at ${consumer.position(orders0)}`)
      await broker.clock.sleep(100)
      consumer.seek(orders0, 2)
      steps.push('positioned')
    },
  })
  consumer.on('assigned', () => steps.push('event'))
  const running = consumer.run({ eachRecord: ({ offset }) => void steps.push(offset) })
  await clock.advance(99)
  expect(steps).toEqual(['assigned orders-0 at 0'])
  await clock.advance(1)
  await running
  expect(steps).toEqual(['assigned orders-0 at 0', 'positioned', 'event', 2, 3])
})

it('awaits onRevoked before anyone else gets the partitions, and what it commits counts', async () => {
  const { broker, clock } = brokerWithOrders(0)
  const steps: unknown[] = []
  const first = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    autoCommit: false,
    onRevoked: async partitions => {
      steps.push(`revoked ${names(partitions)}`)
      await broker.clock.sleep(100)
      await first.commit([{ ...orders0, offset: 7 }])
      steps.push('committed')
    },
  })
  const second = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    onAssigned: () => void steps.push(`assigned at ${second.position(orders0)}`),
  })
  await first.ready()
  const closed = first.close().then(() => steps.push('closed'))
  const ready = second.ready()
  await clock.advance(99)
  expect(steps).toEqual(['revoked orders-0'])
  await clock.advance(1)
  await Promise.all([closed, ready])
  expect(steps.slice(0, 2)).toEqual(['revoked orders-0', 'committed'])
  expect(steps).toContain('assigned at 7')
})

it('calls onRevoked once the handler in flight has ended and what it did is committed', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const steps: unknown[] = []
  const consumer = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    onRevoked: () => void steps.push(['revoked', broker.group('g').committed(orders0)?.offset]),
  })
  await consumer.run({
    eachRecord: async ({ offset }) => {
      steps.push(`begin ${offset}`)
      await broker.clock.sleep(100)
      steps.push(`end ${offset}`)
    },
  })
  await clock.advance(50)
  const closed = consumer.close()
  await clock.advance(50)
  await closed
  expect(steps).toEqual(['begin 0', 'end 0', ['revoked', 1]])
})

it('gives up only what moves, and goes on with the rest while it does', async () => {
  const { broker, clock } = brokerWithOrders(0, 2)
  const { opened, open } = gate()
  const seen: string[] = []
  const first = broker.consumer({ groupId: 'g', topics: ['orders'], onRevoked: () => opened })
  await first.run({ eachRecord: ({ partition, offset }) => void seen.push(`first ${partition}@${offset}`) })
  const second = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const running = second.run({
    eachRecord: ({ partition, offset }) => void seen.push(`second ${partition}@${offset}`),
  })
  await clock.settle()
  for (const partition of range(0, 2)) fill(broker, 'orders', 1, partition)
  await clock.settle()
  const stays = first.assignment[0]!.partition
  expect(seen).toEqual([`first ${stays}@0`])
  open()
  await running
  await broker.idle()
  expect(seen).toEqual([`first ${stays}@0`, `second ${1 - stays}@0`])
})

it('tells of a hook that throws, and nothing else comes of it', async () => {
  const { broker } = brokerWithOrders(2)
  const errors: unknown[] = []
  const boom = [new Error('assigned'), new Error('revoked')]
  const consumer = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    onAssigned: () => Promise.reject(boom[0]),
    onRevoked: () => {
      throw boom[1]
    },
  })
  consumer.on('error', error => errors.push(error))
  let handled = 0
  await consumer.run({ eachRecord: () => void handled++ })
  await broker.idle()
  await consumer.close()
  expect(errors).toEqual(boom)
  expect(handled).toBe(2)
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 2 })
})

it('says with onLost and an event that the partitions of a deleted topic are gone', async () => {
  const { broker, clock } = brokerWithOrders(2, 2)
  const steps: unknown[] = []
  const consumer = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    onLost: async partitions => void steps.push(`onLost ${names(partitions)}`),
    onRevoked: () => void steps.push('onRevoked'),
  })
  consumer.on('lost', ({ partitions }) => steps.push(`lost ${names(partitions)}`))
  await consumer.run({ eachRecord: () => {} })
  await broker.idle()
  broker.deleteTopic('orders')
  await clock.settle()
  expect(steps).toEqual(['onLost orders-0,orders-1', 'lost orders-0,orders-1'])
  expect(consumer.assignment).toEqual([])
})

it.each<[string, Partial<RunOptions>]>([
  ['one handler', {}],
  ['several', { concurrency: 2 }],
  ['several, in the order of keys', { concurrency: 2, ordering: 'key' }],
])('keeps nothing of topics that came and went, with %s', async (_, options) => {
  const { broker, clock } = testBroker()
  const consumer = broker.consumer({ groupId: 'g', topics: /^reply-/ })
  await consumer.run({
    ...options,
    eachRecord: async ({ topic }) => broker.deleteTopic(topic),
  } as RunOptions)
  const partitions: WeakRef<object>[] = []
  for (let i = 0; i < 5; i++) {
    const { partitions: made } = broker.createTopic(`reply-${i}`)
    partitions.push(new WeakRef(made[0]!))
    broker.topic(`reply-${i}`).append({ value: i })
    await clock.settle()
  }
  await clock.settle()
  await new Promise(resolve => {
    setImmediate(resolve)
  })
  collect()
  // The last one may still be in somebody's hands.
  expect(partitions.slice(0, 4).map(each => each.deref())).toEqual(Array(4).fill(undefined))
})

it.each<[string, (consumer: Consumer, topic: string) => Promise<void>, ConsumerOptions]>([
  ['subscribes to', (consumer, topic) => consumer.subscribe([topic]), { groupId: 'g', topics: [] }],
  ['assigns', (consumer, topic) => consumer.assign([{ topic, partition: 0 }]), { assign: [] }],
])(
  'keeps nothing of topics that it no longer %s',
  async (_, read, options) => {
    const { broker } = testBroker()
    const consumer = broker.consumer(options)
    await consumer.ready()
    const through = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const topic = `${i}-`.padEnd(249, 'x')
        broker.createTopic(topic)
        await read(consumer, topic)
        await consumer.ready()
        await read(consumer, 'none')
        await consumer.ready()
        broker.deleteTopic(topic)
      }
      collect()
      return process.memoryUsage().heapUsed
    }
    broker.createTopic('none')
    // The names alone would be 680,000 bytes each time; what V8 keeps of the code comes once.
    const heap = [await through(1000), await through(2500), await through(2500)] as const
    expect(Math.min(heap[1] - heap[0], heap[2] - heap[1])).toBeLessThan(400_000)
  },
  60_000,
)

it('is removed and fenced where it does not give up within rebalanceTimeoutMs', async () => {
  const { broker, clock } = brokerWithOrders(0, 2)
  fill(broker, 'orders', 1, 1)
  const steps: unknown[] = []
  broker.on('memberLeft', ({ reason }) => steps.push(reason))
  const slow = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    rebalanceTimeoutMs: 500,
    clientId: 'slow',
  })
  slow.on('lost', ({ partitions }) => steps.push(names(partitions)))
  await slow.run({ eachRecord: () => broker.clock.sleep(10_000) })
  const next = broker.consumer({ groupId: 'g', topics: ['orders'], clientId: 'next' })
  const ready = next.ready()
  await clock.advance(499)
  expect(owners(broker, 'g')).toEqual({ slow: ['orders-0', 'orders-1'], next: [] })
  await clock.advance(1)
  await ready
  expect(steps).toEqual(['rebalance timeout', ['orders-0', 'orders-1']])
  expect(owners(broker, 'g')).toEqual({ next: ['orders-0', 'orders-1'] })
  await clock.advance(10_000)
  expect(owners(broker, 'g')).toEqual({ next: ['orders-0'], slow: ['orders-1'] })
})

it('has rebalanceTimeoutMs for each partition that it is to give up, from when it was asked for it', async () => {
  for (const [busyMs, outcome] of [
    [[700, 400], 'stays'],
    [[810, 400], 'removed at 800'],
    [[700, 600], 'removed at 500'],
  ] as const) {
    const { broker, clock } = brokerWithOrders(0, 3)
    const began = clock.now()
    let left = 'stays'
    broker.on('memberLeft', () => (left = `removed at ${clock.now() - began}`))
    const read = { groupId: 'g', topics: ['orders'] } as const
    const slow = broker.consumer({ ...read, clientId: 'slow', rebalanceTimeoutMs: 500 })
    await slow.run({
      eachRecord: ({ partition }) => broker.clock.sleep(busyMs[partition - 1]!),
      concurrency: 2,
    })
    for (const partition of [1, 2]) fill(broker, 'orders', 1, partition)
    await clock.settle()
    void broker.consumer({ ...read, clientId: 'second' }).ready()
    await clock.advance(300)
    void broker.consumer({ ...read, clientId: 'third' }).ready()
    await clock.advance(0)
    expect(broker.group('g').members[0]!.revoking).toHaveLength(2)
    await clock.advance(700)
    expect(left).toBe(outcome)
  }
})

it('does not take what its group gives the membership that it lost, while its engine takes its time to leave', async () => {
  const broker = new TestBroker()
  broker.createTopic('orders', { partitions: 2 })
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  const errors: unknown[] = []
  consumer.on('error', error => errors.push(error))
  let sleepMs = 1100
  await consumer.run({
    eachRecord: async () => {
      await broker.clock.sleep(sleepMs)
      sleepMs = 0
    },
  })
  broker.faults.delay({ operation: 'leave' }, 1000)
  fill(broker, 'orders', 1)
  await broker.advance(1200)
  expect(broker.group('g').members.length).toBe(2)
  broker.topic('orders').addPartitions(6)
  await broker.advance(1000)
  expect(broker.group('g').members.length).toBe(1)
  for (const partition of range(0, 6)) fill(broker, 'orders', 2, partition)
  await broker.advanceUntilIdle()
  expect(errors).toEqual([])
  expect(broker.group('g').offsets.length).toBe(6)
  await broker.close()
})

it('comes back where it is removed while its engine takes its time to look offsets up', async () => {
  const broker = new TestBroker()
  broker.createTopic('orders', { partitions: 2 })
  for (const partition of [0, 1]) fill(broker, 'orders', 2, partition)
  const seen: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], rebalanceTimeoutMs: 500 })
  broker.faults.delay({ operation: 'committed', partition: 0, group: 'g' }, 10_000)
  void consumer.run({ eachRecord: ({ partition }) => void seen.push(partition) })
  await broker.advance(0)
  // It cannot give up in time what it has not begun to read.
  const other = broker.consumer({ groupId: 'g', topics: ['orders'], clientId: 'other' })
  void other.ready()
  const reasons: string[] = []
  broker.on('memberLeft', ({ reason }) => reasons.push(reason))
  await broker.advance(1000)
  expect(reasons).toEqual(['rebalance timeout'])
  // At once: what it asked for counts for nothing any more.
  expect(broker.group('g').members.map(({ clientId }) => clientId)).toEqual(['other', 'consumer'])
  await other.close()
  await broker.advanceUntilIdle()
  expect(seen.sort()).toEqual([0, 0, 1, 1])
  await broker.close()
})

it('reads what it subscribed to while it joined, though its engine takes its time', async () => {
  const broker = new TestBroker()
  for (const name of ['orders', 'payments']) {
    broker.createTopic(name)
    fill(broker, name, 1)
  }
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] as string[] })
  const seen: string[] = []
  broker.faults.delay({ operation: 'join' }, 100)
  const running = consumer.run({ eachRecord: ({ topic }) => seen.push(topic) })
  const subscribed = consumer.subscribe(['payments'])
  await broker.advance(100)
  await Promise.all([running, subscribed])
  await consumer.ready()
  expect(names(consumer.assignment)).toEqual(['payments-0'])
  await broker.idle()
  expect(seen).toEqual(['payments'])
  await broker.close()
})
