import { expect, it } from 'vitest'
import { apis } from '../../../src/server/protocol/apis.ts'
import { ShareSession } from '../../../src/server/share/share-session.ts'
import { sequencedBatch } from '../../helpers/wire-client.ts'
import { accept, acquiredIn, release, renew, ShareConsumer, shareScenes, waitingFor } from './share-scene.ts'

const scene = shareScenes()

const invalidRequest = 42
const invalidRecordState = 121
const sessionNotFound = 122
const invalidEpoch = 123

it('remembers what a member reads, so that it need not say it again', async () => {
  const { append, joined } = scene()
  const a = await joined('a')
  expect((await a.fetchAll()).responses).toMatchObject([
    { partitions: [{ partitionIndex: 0, errorCode: 0 }] },
  ])
  append(1)
  const next = await a.fetchAll({ topics: [] })
  expect(acquiredIn(next)).toEqual([[0, 0, 1]])
  // To say it again makes no difference.
  expect((await a.fetchAll()).responses).toEqual([])
  // There is nothing to tell.
  expect((await a.fetchAll({ topics: [] })).responses).toEqual([])
})

it('forgets what a member reads no more', async () => {
  const { append, broker, joined } = scene()
  const a = await joined('a')
  await a.fetchAll()
  append(1)
  const forgottenTopicsData = [{ topicId: broker.topic('orders').id, partitions: [0] }]
  expect((await a.fetchAll({ topics: [], forgottenTopicsData })).responses).toEqual([])
})

it('leaves a member what it has of partitions that its session had no more when it ended', async () => {
  const { append, broker, joined } = scene()
  append(2)
  const [a, b] = [await joined('a'), await joined('b')]
  expect(await a.fetch()).toEqual([[0, 1, 1]])
  const forgottenTopicsData = [{ topicId: broker.topic('orders').id, partitions: [0] }]
  await a.fetchAll({ topics: [], forgottenTopicsData })
  await a.close()
  expect(await b.fetch()).toEqual([])
  await broker.advance(30_000)
  expect(await b.fetch()).toEqual([[0, 1, 2]])
})

it('counts its requests from one again after the largest number', () => {
  const session = new ShareSession()
  session.epoch = 2 ** 31 - 1
  session.advance()
  expect(session.epoch).toBe(1)
})

it('refuses a request that does not follow the last one', async () => {
  const { joined } = scene()
  const a = await joined('a')
  expect(await a.fetchAll({ shareSessionEpoch: 1 })).toMatchObject({ errorCode: sessionNotFound })
  expect(await a.close()).toMatchObject({ errorCode: sessionNotFound })
  await a.fetchAll()
  expect(await a.fetchAll({ shareSessionEpoch: 3 })).toMatchObject({ errorCode: invalidEpoch })
  a.sessionEpoch = 3
  expect(await a.acknowledge(accept(0, 0))).toBe(invalidEpoch)
  a.sessionEpoch = 0
  expect(await a.acknowledge(accept(0, 0))).toBe(invalidEpoch)
})

it('takes acknowledgements with the next fetch, and tells how they went', async () => {
  const { append, joined } = scene()
  append(2)
  const a = await joined('a')
  await a.fetch()
  const first = await a.fetchAll({}, [accept(0, 0)])
  expect(first.responses[0].partitions).toMatchObject([{ errorCode: 0, acknowledgeErrorCode: 0 }])
  const again = await a.fetchAll({}, [accept(0, 1)])
  expect(again.responses[0].partitions).toMatchObject([{ errorCode: 0, acknowledgeErrorCode: 0 }])
  const late = await a.fetchAll({}, [accept(1, 2)])
  expect(late.responses[0].partitions).toMatchObject([{ acknowledgeErrorCode: invalidRecordState }])
})

it('takes no acknowledgements before there was anything to acknowledge', async () => {
  const { joined } = scene()
  const a = await joined('a')
  expect(await a.fetchAll({}, [accept(0, 0)])).toMatchObject({ errorCode: invalidRequest })
})

it.each([
  ['out of order', [accept(1, 1), accept(0, 0)]],
  ['twice', [accept(0, 0), accept(0, 1)]],
  ['from an end to its beginning', [accept(1, 0)]],
  ['without saying what', [{ firstOffset: 0, lastOffset: 1, acknowledgeTypes: [] }]],
  ['with something for one of three', [{ firstOffset: 0, lastOffset: 2, acknowledgeTypes: [1, 1] }]],
  ['with something that nobody knows', [{ firstOffset: 0, lastOffset: 1, acknowledgeTypes: [5] }]],
  [
    'with something that nobody knows for one of them',
    [{ firstOffset: 0, lastOffset: 1, acknowledgeTypes: [1, 5] }],
  ],
  ['with something below all that is known', [{ firstOffset: 0, lastOffset: 1, acknowledgeTypes: [-1] }]],
  ['from before the first offset', [accept(-1, 1)]],
  ['past the end', [accept(0, 9)]],
])('refuses acknowledgements %s, and does nothing of them', async (_, batches) => {
  const { append, joined } = scene()
  append(3)
  const a = await joined('a')
  await a.fetch()
  expect(await a.acknowledge(...batches)).toBe(invalidRequest)
  expect(await a.acknowledge(accept(0, 2))).toBe(0)
})

it('takes a renewal only of who says that there is one, and who then fetches nothing', async () => {
  const { append, joined } = scene()
  append(3)
  const a = await joined('a')
  await a.fetch()
  const said = await a.fetchAll({}, [renew(0, 2)])
  expect(said.responses[0].partitions).toMatchObject([{ acknowledgeErrorCode: invalidRequest }])
  expect(await a.fetchAll({ isRenewAck: true }, [renew(0, 2)])).toMatchObject({ errorCode: invalidRequest })
  const nothing = { minBytes: 0, maxBytes: 0, maxRecords: 0, isRenewAck: true }
  append(1)
  const renewed = await a.fetchAll(nothing, [renew(0, 2)])
  expect(renewed).toMatchObject({ errorCode: 0, acquisitionLockTimeoutMs: 30_000 })
  expect(renewed.responses[0].partitions).toMatchObject([{ acknowledgeErrorCode: 0, acquiredRecords: [] }])
  // Also of partitions of which nothing is said.
  expect(await a.fetchAll(nothing)).toMatchObject({ errorCode: 0, responses: [] })
})

it('gives records back when their session is closed, but those that are acknowledged with it', async () => {
  const { append, joined } = scene()
  append(3)
  const a = await joined('a')
  await a.fetch()
  expect(await a.close([accept(0, 0)])).toMatchObject({ errorCode: 0 })
  const b = await joined('b')
  expect(await b.fetch()).toEqual([[1, 2, 2]])
  const said = { groupId: 'g', memberId: 'b', shareSessionEpoch: -1, topics: [] }
  expect(await b.client.call(apis.shareAcknowledge, 2, said)).toMatchObject({ errorCode: 0 })
  expect(await a.fetch()).toEqual([[1, 2, 3]])
})

it('gives records back when their connection is gone', async () => {
  const { broker, append, joined } = scene()
  append(3)
  const a = await joined('a')
  const b = await joined('b')
  await a.fetch()
  const waiting = b.fetch({ maxWaitMs: 60_000 })
  a.client.socket.destroy()
  await broker.advance(1)
  expect(await waiting).toEqual([[0, 2, 2]])
})

it('has a dozen sessions on one connection, and gives the records of each back when that is gone', async () => {
  const { broker, client, append, joined } = scene()
  append(12)
  const warnings: string[] = []
  const warn = ({ message }: Error) => warnings.push(message)
  process.on('warning', warn)
  for (let i = 0; i < 12; i++) {
    const member = new ShareConsumer(client, `m${i}`, 'g', () => [broker.topic('orders').id])
    expect(await member.fetch({ maxRecords: 1, shareAcquireMode: 1 })).toEqual([[i, i, 1]])
    if (i % 2 === 0) continue
    await member.close()
    expect(await member.fetch({ maxRecords: 1, shareAcquireMode: 1 })).toEqual([[i, i, 2]])
  }
  const other = await joined('other')
  expect(await other.fetch()).toEqual([])
  client.socket.destroy()
  await broker.advance(1)
  expect((await other.fetch()).map(([first]) => first)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  process.off('warning', warn)
  expect(warnings).toEqual([])
})

it('goes on where a member has begun another session on another connection, whatever becomes of the first', async () => {
  const { broker, append, consumer, joined } = scene()
  append(2)
  const a = await joined('a')
  await a.fetchAll()
  const again = consumer('a')
  await again.fetchAll()
  a.client.socket.destroy()
  await broker.advance(1)
  expect(await again.acknowledge(accept(0, 1))).toBe(0)
})

it('is forgotten by what it waited for', async () => {
  const { broker, append, joined } = scene()
  const a = await joined('a')
  const waiting = a.fetch({ maxWaitMs: 60_000 })
  await broker.advance(10)
  expect(waitingFor(broker, 'g')).toBe(1)
  append(1)
  expect(await waiting).toEqual([[0, 0, 1]])
  expect(waitingFor(broker, 'g')).toBe(0)
})

it('acquires nothing for a client that is gone while it waits', async () => {
  const { broker, append, joined } = scene()
  const a = await joined('a')
  void a.fetch({ maxWaitMs: 60_000 }).catch(() => {})
  await broker.advance(10)
  a.client.socket.destroy()
  await broker.advance(10)
  append(1)
  await broker.advance(10)
  expect(await (await joined('b')).fetch()).toEqual([[0, 0, 1]])
})

it('acquires nothing for a group that is deleted while it waits', async () => {
  const { broker, client, append, consumer, joined } = scene()
  const a = await joined('a')
  const waiting = a.fetch({ maxWaitMs: 120_000 })
  await broker.advance(60_000)
  const { results } = await client.call(apis.deleteGroups, 2, { groupsNames: ['g'] })
  expect(results).toMatchObject([{ errorCode: 0 }])
  const b = consumer('b')
  await b.join()
  append(1)
  expect(await b.fetch()).toEqual([[0, 0, 1]])
  await broker.advance(30_000)
  // The lock of the group that there is now ends.
  expect(await b.fetch()).toEqual([[0, 0, 2]])
  await broker.advance(60_000)
  expect(await waiting).toEqual([])
})

it('has a session for each member, whatever group and member are called', async () => {
  const { consumer } = scene()
  const members = [consumer('a', 'g'), consumer('a', 'gb'), consumer('ba', 'g')]
  for (const each of members) await each.fetchAll()
  for (const each of members) expect(await each.fetchAll()).toMatchObject({ errorCode: 0 })
  for (const each of members) expect(await each.close()).toMatchObject({ errorCode: 0 })
})

it('keeps what a member has acquired when it begins another session', async () => {
  const { append, joined } = scene()
  append(3)
  const a = await joined('a')
  await a.fetch()
  a.sessionEpoch = 0
  expect(await a.fetch()).toEqual([])
  expect(await a.acknowledge(accept(0, 2))).toBe(0)
})

it('makes no group for who fetches as if there were one', async () => {
  const { broker, consumer } = scene()
  const a = consumer('a')
  expect(await a.fetchAll({ shareSessionEpoch: 4 })).toMatchObject({ errorCode: sessionNotFound })
  expect(await a.close()).toMatchObject({ errorCode: sessionNotFound })
  expect(broker.describe().groups).toEqual([])
})

it('remembers so many members, and refuses others until one goes', async () => {
  const { joined } = scene({ maxShareSessions: 1 })
  const a = await joined('a')
  const b = await joined('b')
  await a.fetchAll()
  expect(await b.fetchAll()).toMatchObject({ errorCode: 133 })
  a.sessionEpoch = 0
  expect(await a.fetchAll()).toMatchObject({ errorCode: 0 })
  await a.close()
  expect(await b.fetchAll()).toMatchObject({ errorCode: 0 })
})

it.each([
  ['no group', { groupId: null }],
  ['no member', { memberId: null }],
  ['a member whose id is empty', { memberId: '' }],
])('refuses a fetch with %s', async (_, wrong) => {
  const { joined } = scene()
  expect(await (await joined('a')).fetchAll(wrong)).toMatchObject({ errorCode: invalidRequest })
})

it('tells of partitions that are not there, at once and each time', async () => {
  const { broker, append, joined } = scene()
  append(1)
  const a = await joined('a')
  const partition = (partitionIndex: number) => ({ partitionIndex, acknowledgementBatches: [] })
  const nowhere = '00000000-0000-0000-0000-000000000001'
  const topics = [
    { topicId: broker.topic('orders').id, partitions: [partition(0), partition(7)] },
    { topicId: nowhere, partitions: [partition(0)] },
  ]
  const codesOf = (answer: any) =>
    answer.responses.flatMap(({ partitions }: any) =>
      partitions.map(({ partitionIndex, errorCode }: any) => [partitionIndex, errorCode]),
    )
  const first = codesOf(await a.fetchAll({ topics, maxWaitMs: 60_000 }))
  expect(first.sort()).toEqual([
    [0, 0],
    [0, 100],
    [7, 3],
  ])
  const again = codesOf(await a.fetchAll({ topics: [], maxWaitMs: 60_000 }))
  expect(again.sort()).toEqual([
    [0, 100],
    [7, 3],
  ])
})

it('waits for as many bytes as are wanted, and takes what there is when that takes too long', async () => {
  const { broker, append, joined } = scene()
  const a = await joined('a')
  const waiting = a.fetch({ maxWaitMs: 60_000, minBytes: 150 })
  append(1)
  await broker.advance(100)
  append(1)
  await broker.advance(100)
  append(8)
  await broker.advance(0)
  expect(await waiting).toEqual([[0, 9, 1]])
  const next = a.fetch({ maxWaitMs: 500, minBytes: 100_000 })
  append(1)
  await broker.advance(500)
  expect(await next).toEqual([[10, 10, 1]])
})

it('waits for nothing that it can do without', async () => {
  const { joined } = scene()
  const a = await joined('a')
  expect(await a.fetch({ minBytes: 0, maxWaitMs: 60_000 })).toEqual([])
})

it('waits no longer when there are exactly as many bytes as are wanted', async () => {
  const { append, joined } = scene()
  append(2)
  const [a, b] = [await joined('a'), await joined('b')]
  const { records } = (await a.fetchAll()).responses[0].partitions[0]
  await a.close()
  expect(await b.fetch({ minBytes: records.length, maxWaitMs: 60_000 })).toEqual([[0, 1, 2]])
})

it('counts all bytes that there are to those that are wanted, however few records it takes', async () => {
  const { broker, joined } = scene()
  for (let i = 0; i < 5; i++) broker.topic('orders').append({ value: 'x'.repeat(30_000) })
  const a = await joined('a')
  const wanted = { maxRecords: 1, shareAcquireMode: 1, minBytes: 100_000, maxWaitMs: 3_600_000 }
  expect(await a.fetch(wanted)).toEqual([[0, 0, 1]])
})

it('takes all that is wanted, however many bytes that is', async () => {
  const { broker, joined } = scene()
  for (let i = 0; i < 10; i++) broker.topic('orders').append({ value: 'x'.repeat(30_000) })
  const a = await joined('a')
  const acquired = await a.fetch()
  expect([acquired[0]![0], acquired.at(-1)![1]]).toEqual([0, 9])
})

it('takes the batches of clients that fit, and no other', async () => {
  const { client, joined } = scene()
  const values = Array.from({ length: 500 }, (_, i) => i)
  const batches = [0, 1, 2, 3].map(producerId => sequencedBatch(producerId, 0, 0, values))
  for (const batch of batches) {
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records: [batch] }] }]
    await client.call(apis.produce, 8, { acks: -1, timeoutMs: 1000, topicData })
  }
  const a = await joined('a')
  const size = batches[0]!.length
  const acquired = await a.fetch({ maxBytes: 2 * size, maxRecords: 5000 })
  expect([acquired[0]![0], acquired.at(-1)![1]]).toEqual([0, 999])
  const next = await a.fetch({ maxBytes: 2 * size - 1, maxRecords: 5000 })
  expect([next[0]![0], next.at(-1)![1]]).toEqual([1000, 1499])
})

it('takes a batch that fits exactly', async () => {
  const { client, joined } = scene({}, { sharePartitionMaxRecordLocks: 20_000 })
  const values = Array.from({ length: 5000 }, (_, i) => i)
  const batches = [0, 1, 2].map(producerId => sequencedBatch(producerId, 0, 0, values))
  for (const batch of batches) {
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records: [batch] }] }]
    await client.call(apis.produce, 8, { acks: -1, timeoutMs: 1000, topicData })
  }
  const a = await joined('a')
  // Of each of these, what is read at once has room for one only.
  const maxBytes = 2 * batches[0]!.length
  const acquired = await a.fetch({ maxBytes, maxRecords: 20_000, batchSize: 20_000 })
  expect(acquired).toEqual([[0, 9999, 1]])
})

it('takes as many records of all partitions together as are wanted', async () => {
  const { broker, append, client } = scene()
  broker.createTopic('more')
  append(2)
  for (let i = 0; i < 3; i++) broker.topic('more').append({ value: i })
  const topicIds = [...broker.topics.values()].map(({ id }) => id)
  const a = new ShareConsumer(client, 'a', 'g', () => topicIds)
  await a.join('orders', 'more')
  const { responses } = await a.fetchAll({ maxRecords: 4, shareAcquireMode: 1 })
  const acquired = responses.flatMap(({ partitions }: any) => partitions[0].acquiredRecords)
  const count = acquired.reduce(
    (sum: number, { firstOffset, lastOffset }: any) => sum + lastOffset - firstOffset + 1,
    0,
  )
  expect(count).toBe(4)
})

it('takes no more than so many bytes, but for a first batch', async () => {
  const { append, joined } = scene()
  append(5000)
  const a = await joined('a')
  const [first] = await a.fetch({ maxBytes: 1, maxRecords: 5000 })
  expect(first).toEqual([0, 999, 1])
})

it.each([
  ['records', { maxRecords: 0, minBytes: 0 }],
  ['bytes', { maxBytes: 0, minBytes: 0 }],
])('takes nothing, and passes over nothing, for who wants no %s', async (_, none) => {
  const { append, joined } = scene()
  append(2)
  const a = await joined('a')
  expect(await a.fetch(none)).toEqual([])
  expect(await a.fetch({ ...none, maxWaitMs: 10 })).toEqual([])
  expect(await a.fetch()).toEqual([[0, 1, 1]])
})

it('takes nothing of other partitions where one has as many bytes as are wanted', async () => {
  const { broker, joined } = scene({}, {}, { partitions: 2 })
  const orders = broker.topic('orders')
  for (const partition of [0, 1]) orders.append({ value: 1, partition })
  const a = await joined('a')
  const partitions = [0, 1].map(partitionIndex => ({ partitionIndex, acknowledgementBatches: [] }))
  const asked = { topics: [{ topicId: orders.id, partitions }], maxBytes: 1 }
  const told = (await a.fetchAll(asked)).responses[0].partitions
  const some = ({ acquiredRecords }: any) => acquiredRecords.length > 0
  expect(told.filter(some)).toHaveLength(1)
  const next = (await a.fetchAll({ ...asked, topics: [] })).responses[0].partitions
  expect(next.filter(some)).toHaveLength(1)
})

it('lets a group have no more records in hand of a partition than its config says', async () => {
  const { broker, joined } = scene({}, { sharePartitionMaxRecordLocks: 3 })
  // So large that there are three in each batch.
  for (let i = 0; i < 6; i++) broker.topic('orders').append({ value: 'x'.repeat(30_000) })
  const a = await joined('a')
  const b = await joined('b')
  expect(await a.fetch()).toEqual([[0, 2, 1]])
  const waiting = b.fetch({ maxWaitMs: 60_000 })
  await broker.advance(100)
  await a.acknowledge(accept(0, 1))
  expect(await waiting).toEqual([[3, 5, 1]])
  await a.acknowledge(release(2, 2))
  expect(await a.fetch({ shareAcquireMode: 1 })).toEqual([[2, 2, 2]])
})

it('looks at another partition first with each fetch', async () => {
  const { broker, joined } = scene({}, {}, { partitions: 2 })
  const orders = broker.topic('orders')
  const a = await joined('a')
  const partitions = [0, 1].map(partitionIndex => ({ partitionIndex, acknowledgementBatches: [] }))
  const topics = [{ topicId: orders.id, partitions }]
  await a.fetchAll({ topics })
  for (let i = 0; i < 2; i++) {
    for (const partition of [0, 1]) orders.append({ value: i, partition })
  }
  const first = async () => {
    const { responses } = await a.fetchAll({ topics: [], maxRecords: 1, shareAcquireMode: 1 })
    return responses[0].partitions.map(({ partitionIndex }: any) => partitionIndex)
  }
  expect([await first(), await first()].flat().sort()).toEqual([0, 1])
})
