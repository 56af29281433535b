import { expect, it } from 'vitest'
import { apis } from '../../../src/server/protocol/apis.ts'
import type { Api } from '../../../src/server/protocol/message.ts'
import { noUuid } from '../../../src/server/protocol/type.ts'
import type { WireClient } from '../../helpers/wire-client.ts'
import { accept, configure, release, shareScenes } from './share-scene.ts'

const scene = shareScenes()

async function describe(client: WireClient, topics: object[] | null = null) {
  const { groups } = await client.call(apis.describeShareGroupOffsets, 1, {
    groups: [{ groupId: 'g', topics }],
  })
  expect(groups[0].errorCode).toBe(0)
  return groups[0].topics.flatMap(({ topicName, partitions }: any) =>
    partitions.map(
      ({ partitionIndex, startOffset, lag }: any) => `${topicName}-${partitionIndex}: ${startOffset} +${lag}`,
    ),
  )
}

async function alter(client: WireClient, startOffset: number, topicName = 'orders', partitionIndex = 0) {
  const topics = [{ topicName, partitions: [{ partitionIndex, startOffset }] }]
  const answer = await client.call(apis.alterShareGroupOffsets, 0, { groupId: 'g', topics })
  return answer.errorCode || answer.responses[0].partitions[0].errorCode
}

async function remove(client: WireClient, topicName = 'orders') {
  const answer = await client.call(apis.deleteShareGroupOffsets, 0, { groupId: 'g', topics: [{ topicName }] })
  return answer.errorCode || answer.responses[0].errorCode
}

it('tells how far a group has come, and what it has not finished', async () => {
  const { client, append, joined } = scene()
  append(5)
  const a = await joined('a')
  expect(await describe(client)).toEqual([])
  await a.fetch()
  expect(await describe(client)).toEqual(['orders-0: 0 +5'])
  await a.acknowledge(accept(0, 1), accept(3, 3))
  append(2)
  expect(await describe(client)).toEqual(['orders-0: 2 +4'])
  await a.acknowledge(release(2, 2))
  expect(await describe(client)).toEqual(['orders-0: 2 +4'])
  const wanted = [{ topicName: 'orders', partitions: [0, 3] }]
  expect(await describe(client, [...wanted, { topicName: 'nowhere', partitions: [0] }])).toEqual([
    'orders-0: 2 +4',
    'orders-3: -1 +-1',
    'nowhere-0: -1 +-1',
  ])
})

it.each(['alterShareGroupOffsets', 'deleteShareGroupOffsets'] as const)(
  'knows no group without an id (%s)',
  async api => {
    const { client } = scene()
    expect(await client.call(apis[api] as Api, 0, { groupId: '', topics: [] })).toMatchObject({
      errorCode: 24,
    })
  },
)

it('lets a group begin elsewhere while nobody is in it', async () => {
  const { client, append, joined, consumer } = scene({}, { shareAutoOffsetReset: 'latest' })
  append(5)
  expect(await alter(client, 3)).toBe(0)
  expect(await describe(client)).toEqual(['orders-0: 3 +2'])
  const a = await joined('a')
  expect(await alter(client, 0)).toBe(68)
  expect(await remove(client)).toBe(68)
  expect(await a.fetch()).toEqual([[3, 4, 1]])
  await a.acknowledge(accept(3, 4))
  await a.leave()
  expect(await alter(client, 1)).toBe(0)
  const b = consumer('b')
  await b.join()
  expect(await b.fetch()).toEqual([[1, 4, 1]])
})

it('tells a negative lag of a group that begins beyond the end, as Kafka does', async () => {
  const { client, append } = scene()
  append(5)
  expect(await alter(client, 9)).toBe(0)
  expect(await describe(client)).toEqual(['orders-0: 9 +-4'])
})

it('lets a group begin at the first offset, wherever its config says', async () => {
  const { client, append, joined } = scene({}, { shareAutoOffsetReset: 'latest' })
  append(5)
  expect(await alter(client, 0)).toBe(0)
  expect(await (await joined('a')).fetch()).toEqual([[0, 4, 1]])
})

it('begins where its config says again when it is let begin nowhere', async () => {
  const { client, append, joined } = scene()
  append(5)
  expect(await alter(client, 3)).toBe(0)
  expect(await alter(client, -1)).toBe(0)
  expect(await describe(client)).toEqual([])
  expect(await (await joined('a')).fetch()).toEqual([[0, 4, 1]])
})

it('makes no group for offsets of what is not there', async () => {
  const { client, broker } = scene()
  expect(await alter(client, 0, 'nowhere')).toBe(3)
  expect((await client.call(apis.listGroups, 5, { statesFilter: [], typesFilter: [] })).groups).toEqual([])
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).ready()
  expect(await alter(client, 0)).toBe(69)
})

it('makes a group for offsets of a topic, even if it has not that partition', async () => {
  const { client } = scene()
  expect(await alter(client, 0, 'orders', 5)).toBe(3)
  const { groups } = await client.call(apis.listGroups, 5, { statesFilter: [], typesFilter: [] })
  expect(groups).toMatchObject([{ groupId: 'g', groupState: 'Empty' }])
})

it('forgets how far a group has come, topic by topic', async () => {
  const { client, append, joined, consumer } = scene()
  expect(await remove(client)).toBe(69)
  append(2)
  const a = await joined('a')
  await a.fetch()
  await a.acknowledge(accept(0, 1))
  await a.leave()
  expect(await remove(client, 'nowhere')).toBe(3)
  expect(await remove(client)).toBe(0)
  const again = { groupId: 'g', topics: [{ topicName: 'orders' }] }
  const { responses } = await client.call(apis.deleteShareGroupOffsets, 0, again)
  expect(responses).toMatchObject([{ errorCode: 3, topicId: noUuid }])
  const b = consumer('b')
  await b.join()
  expect(await b.fetch()).toEqual([[0, 1, 1]])
})

it.each([
  ['at the end, unless told otherwise', 'latest', []],
  ['at the beginning', 'earliest', [[1, 4, 1]]],
  ['with what is no older than so long', { durationMs: 1000 }, [[3, 4, 1]]],
] as const)('begins %s', async (_, shareAutoOffsetReset, acquired) => {
  const { broker, log, append, joined } = scene({}, { shareAutoOffsetReset })
  append(3)
  log.deleteRecords(1)
  await broker.advance(5000)
  append(2)
  await broker.advance(1000)
  const a = await joined('a')
  expect(await a.fetch()).toEqual(acquired)
})

it('begins at the end where nothing is as new as that', async () => {
  const { broker, append, joined } = scene({}, { shareAutoOffsetReset: { durationMs: 1000 } })
  append(3)
  await broker.advance(5000)
  const a = await joined('a')
  expect(await a.fetch()).toEqual([])
  append(1)
  expect(await a.fetch()).toEqual([[3, 3, 1]])
})

it('follows configs that are changed meanwhile', async () => {
  const { broker, append, joined } = scene()
  append(1)
  const a = await joined('a')
  configure(broker, 'g', {
    shareRecordLockDurationMs: 1000,
    shareDeliveryCountLimit: 2,
    shareHeartbeatIntervalMs: 70,
  })
  expect(await a.beat()).toMatchObject({ heartbeatIntervalMs: 70 })
  expect(await a.fetchAll()).toMatchObject({ acquisitionLockTimeoutMs: 1000 })
  await broker.advance(1000)
  expect(await a.fetch()).toEqual([[0, 0, 2]])
  await broker.advance(1000)
  expect(await a.fetch()).toEqual([])
})

it('has no offsets of a topic that was deleted, nor of another one that has its name now', async () => {
  const { broker, client, append, joined } = scene()
  append(3)
  const a = await joined('a')
  await a.fetch()
  await a.acknowledge(accept(0, 2))
  expect(await describe(client)).toEqual(['orders-0: 3 +0'])
  broker.deleteTopic('orders')
  expect(await describe(client)).toEqual([])
  broker.createTopic('orders')
  expect(await describe(client)).toEqual([])
  await a.leave()
  expect(await remove(client)).toBe(3)
})

it('reads a partition that its topic gets later from the start, wherever it began in the others', async () => {
  const { broker, client, append, consumer } = scene({}, { shareAutoOffsetReset: 'latest' })
  append(2)
  const a = consumer('a')
  await a.join()
  await a.fetch()
  broker.topic('orders').addPartitions(3)
  for (const partition of [0, 1, 2]) broker.topic('orders').append({ value: 'new', partition })
  await a.beat()
  expect(await describe(client)).toEqual(['orders-0: 2 +1', 'orders-1: 0 +1', 'orders-2: 0 +1'])
})

it('leaves to the config where it begins in what it has not read, also when the topic grows', async () => {
  const { broker, client, append, consumer } = scene(
    {},
    { shareAutoOffsetReset: 'latest' },
    { partitions: 2 },
  )
  append(4)
  const a = consumer('a')
  await a.join()
  broker.topic('orders').addPartitions(3)
  await a.beat()
  expect(await describe(client)).toEqual(['orders-2: 0 +0'])
  expect(await a.fetch()).toEqual([])
  broker.topic('orders').append({ value: 'new', partition: 0 })
  expect(await a.fetch()).toEqual([[2, 2, 1]])
})

it('begins anew with a topic that is made anew, or that it has forgotten', async () => {
  const { broker, client, consumer } = scene({}, { shareAutoOffsetReset: 'latest' })
  const a = consumer('a')
  await a.join()
  broker.deleteTopic('orders')
  broker.createTopic('orders', { partitions: 2 }).append({ value: 1, partition: 1 })
  await a.beat()
  expect(await describe(client)).toEqual([])
  await a.leave()
  expect(await alter(client, 0)).toBe(0)
  expect(await remove(client)).toBe(0)
  await a.join()
  expect(await describe(client)).toEqual([])
})

it('reads the other partitions of a topic from the start, too, if the start of one was set', async () => {
  const { client, consumer, append } = scene({}, { shareAutoOffsetReset: 'latest' }, { partitions: 2 })
  append(4)
  expect(await alter(client, 1)).toBe(0)
  await consumer('a').join()
  expect(await describe(client)).toEqual(['orders-0: 1 +1', 'orders-1: 0 +2'])
})
