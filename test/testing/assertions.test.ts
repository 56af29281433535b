import { BatchError, Broker, GroupIdNotFoundError, IllegalStateError, topic } from 'brokerlet'
import { socketFactory } from 'brokerlet/server'
import {
  assertDuplicatesOnlyAfterRebalance,
  assertEveryKeyInOrder,
  assertNoCommitPastProcessed,
  assertNothingLost,
  assertProcessed,
  processedBy,
  TestBroker,
} from 'brokerlet/testing'
import { Kafka, logLevel } from 'kafkajs'
import { expect, it } from 'vitest'
import { fill, offsets } from '../helpers/behaviours.ts'
import { orders0 } from '../helpers/orders.ts'
import { billing, expectOneTooMany, failureOf, topics } from './billing-scene.ts'

it('knows exactly what a group has processed, in whatever order and however often', async () => {
  const { broker } = await billing()
  fill(broker, 'orders', 3)
  await broker.idle()
  broker.redeliver({ group: 'billing', ...orders0, offset: 0 })
  await broker.idle()
  assertProcessed(broker, 'billing', [{ value: 2 }, { value: 0 }, { value: 1 }])
  expect(processedBy(broker, 'billing').map(({ value }) => value)).toEqual([0, 1, 2])
  const error = failureOf(() =>
    assertProcessed(broker, 'billing', [{ value: 0 }, { value: 1 }, { value: 5 }]),
  )
  expect(error.message).toContain('1 of the expected ones is missing, 1 was not expected')
  expect(error.message).toContain('billing/consumer-000001 finished orders-0@2')
})

it('takes what a handler failed at as not processed, but what a batch had done before that', async () => {
  const broker = new TestBroker({ topics })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  consumer.on('crashed', () => {})
  await consumer.run({
    eachBatch: ({ records }) => {
      throw new BatchError(new Error('no'), { failedAt: records[1]! })
    },
    retry: { attempts: 1 },
    onFailure: 'stop',
  })
  fill(broker, 'orders', 3)
  await broker.advance(10)
  assertProcessed(broker, 'billing', [{ value: 0 }])
})

it('holds a group to what it was given: nothing lost', async () => {
  const broker = new TestBroker({ topics })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.run({ eachRecord: ({ offset }) => offset === 1 && broker.clock.sleep(10) })
  fill(broker, 'orders', 3)
  await broker.advance(5)
  const error = failureOf(() => assertNothingLost(broker, 'billing'))
  expect(error.message).toMatch(/^Group 'billing' has not processed orders-0@1\. What happened:\n/)
  await broker.advanceUntilIdle()
  assertNothingLost(broker, 'billing')
  await consumer.close()
})

it('counts what was skipped, and what was dropped unread, as lost', async () => {
  const skipping = new TestBroker({ topics })
  const consumer = skipping.consumer({ groupId: 'billing', topics: ['orders'] })
  consumer.on('skipped', () => {})
  await consumer.run({
    eachRecord: () => {
      throw new Error('no')
    },
    retry: { attempts: 1 },
    onFailure: 'skip',
  })
  fill(skipping, 'orders', 1)
  await skipping.idle()
  expect(failureOf(() => assertNothingLost(skipping, 'billing')).message).toContain('gave orders-0@0 up: no')

  const { broker, consumer: paused } = await billing()
  paused.pause()
  broker.on('recordsDropped', () => {})
  fill(broker, 'orders', 2)
  broker.topic('orders').partitions[0]!.deleteRecords(1)
  paused.resume()
  await broker.idle()
  failureOf(() => assertNothingLost(broker, 'billing'))
})

it('counts as lost what left the log unread with its segment', async () => {
  const broker = new TestBroker({ topics: { orders: topic({ retentionRecords: 8 }) } })
  broker.on('recordsDropped', () => {})
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.run({ eachRecord: () => {} })
  consumer.pause()
  fill(broker, 'orders', 20)
  consumer.resume()
  await broker.idle()
  expect(failureOf(() => assertNothingLost(broker, 'billing')).message).toContain(
    "Group 'billing' has not processed orders-0@0",
  )
})

it('begins where the group began to read', async () => {
  const broker = new TestBroker({ topics })
  fill(broker, 'orders', 5)
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], autoOffsetReset: 'latest' })
  await consumer.run({ eachRecord: () => {} })
  fill(broker, 'orders', 1)
  await broker.idle()
  assertNothingLost(broker, 'billing')
  assertProcessed(broker, 'billing', [{ offset: 5 }])
})

it('sees a record that comes twice for no reason, and none that comes after a takeover', async () => {
  const { broker, consumer } = await billing()
  fill(broker, 'orders', 2)
  await broker.idle()
  await consumer.close()
  await broker.admin.setGroupOffsets('billing', [{ ...orders0, offset: 0 }])
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({ eachRecord: () => {} })
  await broker.idle()
  broker.redeliver({ group: 'billing', ...orders0, offset: 1 })
  await broker.idle()
  assertDuplicatesOnlyAfterRebalance(broker, 'billing')

  expectOneTooMany(broker, 1)
})

it('knows a record that was asked for again before it came at all, and no other one', async () => {
  const broker = new TestBroker({ topics })
  fill(broker, 'orders', 2)
  broker.createGroup('billing', { topics: ['orders'] })
  broker.redeliver({ group: 'billing', ...orders0, offset: 0 })
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({ eachRecord: () => {} })
  await broker.idle()
  assertDuplicatesOnlyAfterRebalance(broker, 'billing')

  expectOneTooMany(broker, 1)
})

it('knows a record that was asked for again into a batch of its own first delivery, which is tried again', async () => {
  const broker = new TestBroker({ topics })
  const batches: number[][] = []
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
    eachBatch: ({ records }) => {
      batches.push(offsets(records))
      if (batches.length < 3) throw new Error('no')
    },
    batch: { maxRecords: 10, lingerMs: 50 },
  })
  fill(broker, 'orders', 2)
  await broker.advance(10)
  broker.redeliver({ group: 'billing', ...orders0, offset: 0 })
  await broker.advanceUntilIdle()
  expect(batches).toEqual([1, 2, 3].map(() => [0, 1, 0]))
  assertDuplicatesOnlyAfterRebalance(broker, 'billing')
})

it('does not count for the order what a member ends after it has lost the partition', async () => {
  const broker = new TestBroker({ topics })
  for (const value of [0, 1]) broker.topic('orders').append({ key: 'a', value })
  const options = { groupId: 'billing', topics: ['orders'] } as const
  const stuck = broker.consumer({ ...options, maxPollIntervalMs: 100 }).on('lost', () => {})
  await stuck.run({ eachRecord: () => broker.clock.sleep(1000) })
  await broker.advance(100)
  const other = broker.consumer(options).on('skipped', () => {})
  await other.run({
    eachRecord: ({ offset }) => {
      if (offset === 0) throw new Error('no')
    },
    retry: { attempts: 1 },
    onFailure: 'skip',
  })
  await broker.advance(900)
  expect(offsets(broker.timeline.ofKind('processed'))).toEqual([1, 0])
  assertEveryKeyInOrder(broker, 'billing')
})

it('counts only the first time that a record of a key is processed', async () => {
  const { broker, consumer } = await billing(() => {}, { autoCommit: false })
  for (const value of [0, 1]) await broker.producer().send({ topic: 'orders', key: 'k', value })
  await broker.advance(1)
  await consumer.close()
  const second = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await second.run({ eachRecord: () => {} })
  await broker.idle()
  expect(broker.timeline.ofKind('processed')).toHaveLength(4)
  assertEveryKeyInOrder(broker, 'billing')
})

it('asks for everything from where the group began first, wherever it began later', async () => {
  const { broker, consumer } = await billing()
  fill(broker, 'orders', 1)
  await broker.idle()
  await consumer.close()
  fill(broker, 'orders', 2)
  await broker.admin.setGroupOffsets('billing', [{ ...orders0, offset: 2 }])
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({ eachRecord: () => {} })
  await broker.idle()
  const error = failureOf(() => assertNothingLost(broker, 'billing'))
  expect(error.message).toContain("Group 'billing' has not processed orders-0@1")
})

it('does not miss a record that waits in a retry topic', async () => {
  const broker = new TestBroker({ topics: { orders: topic(), later: topic() } })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.run({
    eachRecord: () => {
      throw new Error('no')
    },
    retry: { attempts: 1, topics: [{ topic: 'later', delayMs: 1000 }] },
  })
  fill(broker, 'orders', 1)
  await broker.advance(500)
  expect(broker.timeline.ofKind('delayed')).toHaveLength(1)
  assertNothingLost(broker, 'billing')
  assertNoCommitPastProcessed(broker, 'billing')
})

it('counts a record that was processed from a retry topic as one of its own topic', async () => {
  const broker = new TestBroker({ topics: { ...topics, later: topic({ partitions: 1 }) } })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.run({
    retry: { attempts: 1, topics: [{ topic: 'later', delayMs: 10 }] },
    eachRecord: (_, { attempt }) => {
      if (attempt === 1) throw new Error('boom')
    },
  })
  fill(broker, 'orders', 2)
  await broker.advanceUntilIdle()
  assertNothingLost(broker, 'billing')
  assertNoCommitPastProcessed(broker, 'billing')
  expect(processedBy(broker, 'billing')).toMatchObject([
    { topic: 'orders', offset: 0 },
    { topic: 'orders', offset: 1 },
  ])
})

it('holds a group to what it reads of a retry topic of another one', async () => {
  const broker = new TestBroker({ topics: { ...topics, later: topic() } })
  const fails = () => {
    throw new Error('no')
  }
  const retry = { attempts: 1, topics: [{ topic: 'later', delayMs: 1000 }] } as const
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({ retry, eachRecord: fails })
  // Has the same retry topic, in which nothing is its own.
  await broker.consumer({ groupId: 'shipping', topics: ['orders'] }).run({ retry, eachRecord: () => {} })
  const watch = broker.consumer({ groupId: 'watch', topics: ['later'] }).on('skipped', () => {})
  await watch.run({ retry: { attempts: 1 }, onFailure: 'skip', eachRecord: fails })
  fill(broker, 'orders', 1)
  await broker.advance(500)
  assertNothingLost(broker, 'billing')
  assertNothingLost(broker, 'shipping')
  expect(failureOf(() => assertNothingLost(broker, 'watch')).message).toContain(
    "Group 'watch' has not processed later-0@0",
  )
})

it('holds a group to all partitions of such a retry topic, also to those of which it got nothing', async () => {
  const broker = new TestBroker({ topics: { ...topics, later: topic({ partitions: 2 }) } })
  const fails = () => {
    throw new Error('no')
  }
  const retry = { attempts: 1, topics: [{ topic: 'later', delayMs: 1000 }] } as const
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({ retry, eachRecord: fails })
  const watch = broker.consumer({ groupId: 'watch', topics: ['later'] })
  await watch.run({ eachRecord: () => {} })
  await broker.advance(0)
  watch.pause([{ topic: 'later', partition: 1 }])
  fill(broker, 'orders', 1)
  for (const partition of [0, 1]) broker.producer().send({ topic: 'later', partition, value: 1 })
  await broker.advance(500)
  expect(failureOf(() => assertNothingLost(broker, 'watch')).message).toContain(
    "Group 'watch' has not processed later-1@0",
  )
})

it('sees a key out of order', async () => {
  const broker = new TestBroker({ topics })
  for (const key of ['a', 'b', 'a']) await broker.producer().send({ topic: 'orders', key, value: 1 })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.run({ eachRecord: () => {} })
  await broker.idle()
  assertEveryKeyInOrder(broker, 'billing')

  const sought = broker.consumer({ groupId: 'other', topics: ['orders'], maxPollRecords: 1 })
  await sought.ready()
  sought.seek(orders0, 2)
  await sought.poll()
  sought.seek(orders0, 0)
  await sought.poll()
  await sought.poll()
  expect(failureOf(() => assertEveryKeyInOrder(broker, 'other')).message).toMatch(
    /^Group 'other' has processed orders-0@0 after offset 2, which has the same key 'a'/,
  )
})

it('says nothing about what the timeline has let go', async () => {
  const broker = new TestBroker({ topics, timelineEntries: 5 })
  fill(broker, 'orders', 50)
  expect(() => assertNothingLost(broker, 'billing')).toThrow(IllegalStateError)
})

it('knows no group by a misspelt name, even where nothing was to be processed', async () => {
  const { broker } = await billing()
  expect(() => assertProcessed(broker, 'biling', [])).toThrow(
    "There is no group 'biling'. Did you mean 'billing'?",
  )
  expect(() => expect(broker).toHaveProcessed('biling', [])).toThrow(GroupIdNotFoundError)
  assertProcessed(broker, 'billing', [])
  expect(() => processedBy(broker, 'biling')).toThrow(GroupIdNotFoundError)
  expect(processedBy(broker, 'billing')).toEqual([])
})

it('takes what waits for a group that was created, and that nobody has read for, as not processed', async () => {
  const broker = new TestBroker({ topics })
  broker.createGroup('billing', { topics: ['orders'] })
  assertNothingLost(broker, 'billing')
  fill(broker, 'orders', 3)
  expect(failureOf(() => assertNothingLost(broker, 'billing')).message).toBe(
    "Group 'billing' has not processed 3 records of orders-0: no member has read for it",
  )
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({ eachRecord: () => {} })
  await broker.idle()
  assertNothingLost(broker, 'billing')
})

it('takes what waits for such a group as not processed also where a member died before it could read', async () => {
  const broker = new TestBroker({ topics })
  broker.createGroup('billing', { topics: ['orders'] })
  fill(broker, 'orders', 1)
  broker.faults.delay({ operation: 'committed', group: 'billing' }, 1000)
  void broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({ eachRecord: () => {} })
  await broker.advance(500)
  broker.crash({ group: 'billing' })
  expect(broker.timeline.ofKind('joined')).toHaveLength(1)
  expect(failureOf(() => assertNothingLost(broker, 'billing')).message).toBe(
    "Group 'billing' has not processed 1 record of orders-0: no member has read for it",
  )
})

it.each([
  ['waits', () => {}, '1 record of payments-0: no member has read for it'],
  [
    'has left the log',
    (broker: TestBroker) => broker.topic('payments').partitions[0]!.deleteRecords(1),
    'payments-0@0: it left the log before a member had read for it',
  ],
])(
  'takes what %s in a topic that nobody has read for a group as not processed, where others were read',
  async (_, happens, what) => {
    const broker = new TestBroker({ topics: { ...topics, payments: topic() } })
    broker.on('recordsDropped', () => {})
    broker.createGroup('billing', { topics: ['orders', 'payments'] })
    for (const name of ['orders', 'payments']) fill(broker, name, 1)
    happens(broker)
    await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({ eachRecord: () => {} })
    await broker.idle()
    expect(failureOf(() => assertNothingLost(broker, 'billing')).message).toBe(
      `Group 'billing' has not processed ${what}`,
    )
  },
)

it.each([
  ['has expired', (broker: TestBroker) => broker.advance(7 * 24 * 3_600_000)],
  ['was deleted', (broker: TestBroker) => broker.deleteGroup('billing')],
])('misses nothing for a group whose member had nothing to read, also once it %s', async (_, end) => {
  const broker = new TestBroker()
  const consumer = broker.consumer({ groupId: 'billing', topics: [/^orders/] })
  await consumer.run({ eachRecord: () => {} })
  await consumer.close()
  assertNothingLost(broker, 'billing')
  await end(broker)
  expect(broker.groups.size).toBe(0)
  assertNothingLost(broker, 'billing')
})

it('takes what left the log before anybody read it for a group that was created as not processed', async () => {
  const broker = new TestBroker({ topics })
  broker.createGroup('billing', { topics: ['orders'] })
  fill(broker, 'orders', 3)
  broker.topic('orders').partitions[0]!.deleteRecords(3)
  expect(broker.group('billing').lag()).toBe(0)
  expect(failureOf(() => assertNothingLost(broker, 'billing')).message).toBe(
    "Group 'billing' has not processed orders-0@0: it left the log before a member had read for it",
  )
})

it('vouches for no group of Kafka clients, of which it has seen nothing', async () => {
  const broker = new TestBroker({ topics })
  const kafka = new Kafka({
    brokers: ['in-process:9092'],
    socketFactory: socketFactory(broker),
    logLevel: logLevel.NOTHING,
  })
  const consumer = kafka.consumer({ groupId: 'billing', maxWaitTimeInMs: 10 })
  await consumer.connect()
  await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
  await consumer.run({ eachMessage: async () => {} })
  fill(broker, 'orders', 1)
  await broker.idle()
  const why =
    "No consumer of this process has read for group 'billing', and the timeline has nothing of what clients of a server " +
    'handle: assert what they write, or what the group has committed'
  for (const [assertion, ...args] of [
    [assertNothingLost],
    [assertEveryKeyInOrder],
    [assertNoCommitPastProcessed],
    [assertDuplicatesOnlyAfterRebalance],
    [assertProcessed, []],
    [processedBy],
  ] as [(broker: unknown, group: string, ...args: unknown[]) => void, ...unknown[]][])
    expect(() => assertion(broker, 'billing', ...args)).toThrow(why)
  expect(() => expect(broker).toLoseNothing('billing')).toThrow(why)
  await consumer.disconnect()
  await broker.close()
})

it('vouches for a consumer of this process that had nothing to do yet, also beside Kafka clients', async () => {
  const { broker } = await billing()
  socketFactory(broker)
  expect(processedBy(broker, 'billing')).toEqual([])
  assertProcessed(broker, 'billing', [])
})

it('does not miss what compaction has taken', async () => {
  const broker = new TestBroker({ topics: { prices: topic({ cleanupPolicy: 'compact' }) } })
  for (let value = 0; value < 3; value++) broker.topic('prices').append({ key: 'a', value })
  broker.topic('prices').compact()
  await broker.consumer({ groupId: 'g', topics: ['prices'] }).run({ eachRecord: () => {} })
  await broker.idle()
  assertNothingLost(broker, 'g')
  assertNoCommitPastProcessed(broker, 'g')
})

it.each([
  ['assertNothingLost', assertNothingLost],
  ['assertEveryKeyInOrder', assertEveryKeyInOrder],
  ['assertNoCommitPastProcessed', assertNoCommitPastProcessed],
  ['assertDuplicatesOnlyAfterRebalance', assertDuplicatesOnlyAfterRebalance],
  ['processedBy', processedBy],
  ['assertProcessed', (broker: TestBroker, group: string) => assertProcessed(broker, group, [])],
] as const)('refuses a group that never was, and a broker that is none, in %s', async (name, assertion) => {
  const { broker } = await billing()
  expect(() => assertion(broker, 'biling')).toThrow("There is no group 'biling'. Did you mean 'billing'?")
  expect(() => assertion(new Broker() as never, 'billing')).toThrow(
    `${name}: expected a TestBroker, received a Broker`,
  )
})

it('knows what a group has processed after the log has let go of it', async () => {
  const jobs = topic({ cleanupPolicy: 'consumed' })
  const prices = topic({ cleanupPolicy: 'compact' })
  const broker = new TestBroker({ topics: { jobs, prices } })
  await broker.consumer({ groupId: 'g', topics: ['jobs', 'prices'] }).run({ eachRecord: () => {} })
  broker.topic('jobs').append({ key: 'a', value: 1 })
  broker.topic('prices').append({ key: 'b', value: 2 })
  broker.topic('prices').append({ key: 'b', value: 3 })
  await broker.idle()
  broker.topic('prices').compact()
  expect(broker.topic('jobs').records()).toEqual([])
  expect(processedBy(broker, 'g').map(({ value }) => value)).toEqual([1, 2, 3])
  assertProcessed(broker, 'g', [{ key: 'a' }, { key: 'b', value: 2 }, { key: 'b', value: 3 }])
  broker.deleteTopic('jobs')
  assertProcessed(broker, 'g', [{ topic: 'jobs', value: 1 }, { value: 2 }, { value: 3 }])
})
