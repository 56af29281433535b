import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { wireScenes } from '../helpers/wire-scene.ts'

const { createPartitions, createTopics, deleteTopics } = apis as unknown as Readonly<Record<string, Api>>

const scene = wireScenes()
const noId = '00000000-0000-0000-0000-000000000000'

function start() {
  const { broker, client } = scene()
  const make = async (...topics: object[]) => {
    const described = topics.map(each => ({ numPartitions: 1, replicationFactor: 1, configs: [], ...each }))
    const answer = await client.call(createTopics!, 7, { topics: described })
    return answer.topics.map(({ name, errorCode }: any) => [name, errorCode])
  }
  const remove = async (...topics: object[]) => {
    const answer = await client.call(deleteTopics!, 6, { topics, timeoutMs: 1000 })
    return answer.responses.map(({ errorCode }: any) => errorCode)
  }
  const names = () => broker.describe().topics.map(({ name }) => name)
  return { broker, client, make, remove, names }
}

it('makes and grows nothing that is named more than once, and the rest', async () => {
  const { broker, client, make, names } = start()
  expect(await make({ name: 'a' }, { name: 'b' }, { name: 'a', numPartitions: 2 })).toEqual([
    ['a', 42],
    ['b', 0],
  ])
  expect(names()).toEqual(['orders', 'b'])
  const topics = [3, 4].map(count => ({ name: 'orders', count, assignments: null }))
  const { results } = await client.call(createPartitions!, 3, {
    topics: [...topics, { name: 'b', count: 2, assignments: null }],
    timeoutMs: 1000,
  })
  expect(results.map(({ name, errorCode }: any) => [name, errorCode])).toEqual([
    ['orders', 42],
    ['b', 0],
  ])
  expect(broker.topic('orders').partitions).toHaveLength(1)
})

it('answers the id of what it makes', async () => {
  const { broker, client } = start()
  const topics = [{ name: 'made', numPartitions: 1, replicationFactor: 1, configs: [] }]
  const answer = await client.call(createTopics!, 7, { topics })
  expect(answer.topics).toMatchObject([{ errorCode: 0, topicId: broker.topic('made' as 'orders').id }])
})

it('makes no topic whose metrics would be those of another', async () => {
  const { make, names } = start()
  expect(await make({ name: 'a.b_c' })).toEqual([['a.b_c', 0]])
  expect(await make({ name: 'a_b.c' }, { name: 'a.b_c' }, { name: 'a-b-c' })).toEqual([
    ['a_b.c', 17],
    ['a.b_c', 36],
    ['a-b-c', 0],
  ])
  expect(names()).toEqual(['orders', 'a.b_c', 'a-b-c'])
})

it("makes no topic by the name of that of Kafka's metadata", async () => {
  const { make, names } = start()
  expect(await make({ name: '__cluster_metadata' }, { name: 'a' })).toEqual([
    ['__cluster_metadata', 42],
    ['a', 0],
  ])
  expect(names()).toEqual(['orders', 'a'])
})

it('says in the words of Kafka which partitions an assignment leaves out', async () => {
  const { client } = start()
  const assignments = [1, 2].map(partitionIndex => ({ partitionIndex, brokerIds: [0] }))
  const topics = [{ name: 'a', numPartitions: -1, replicationFactor: -1, assignments, configs: [] }]
  const made = await client.call(createTopics!, 7, { topics })
  expect(made.topics[0]).toMatchObject({
    errorCode: 39,
    errorMessage: expect.stringContaining('partitions should be a consecutive 0-based integer sequence'),
  })
  const grown = await client.call(createPartitions!, 3, {
    topics: [{ name: 'orders', count: 3, assignments: [{ brokerIds: [0] }] }],
    timeoutMs: 1000,
  })
  expect(grown.results[0]).toMatchObject({
    errorCode: 39,
    errorMessage: expect.stringContaining(
      'Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified.',
    ),
  })
})

it('makes no topic with a config that is null', async () => {
  const { make, names } = start()
  for (const name of ['retention.bytes', 'compression.type'])
    expect(await make({ name: 'a', configs: [{ name, value: null }] })).toEqual([['a', 40]])
  expect(names()).toEqual(['orders'])
})

it('deletes by a name or by an id, and not by both or neither', async () => {
  const { broker, remove, names } = start()
  const { id: topicId } = broker.topic('orders')
  expect(await remove({ name: 'orders', topicId }, { name: null, topicId: noId })).toEqual([42, 42])
  expect(names()).toEqual(['orders'])
  expect(await remove({ name: null, topicId })).toEqual([0])
  expect(names()).toEqual([])
})

it('deletes nothing that is named more than once, whichever way, and the rest', async () => {
  const { broker, client, make, names } = start()
  await make({ name: 'a' }, { name: 'b' }, { name: 'c' })
  const [orders, a, b, c] = ['orders', 'a', 'b', 'c'].map(name => ({
    name,
    topicId: broker.topic(name as 'orders').id,
  }))
  const byName = ({ name }: any) => ({ name, topicId: noId })
  const byId = ({ topicId }: any) => ({ name: null, topicId })
  const nowhere = { name: 'nowhere', topicId: noId }
  const topics = [byName(orders), byName(orders), byId(a), byName(a), byId(b), byId(b), byName(c), nowhere]
  const { responses } = await client.call(deleteTopics!, 6, { topics, timeoutMs: 1000 })
  expect(responses.map(({ name, topicId, errorCode }: any) => ({ name, topicId, errorCode }))).toEqual([
    { ...byName(orders), errorCode: 42 },
    { ...a, errorCode: 42 },
    { ...byId(b), errorCode: 42 },
    { ...c, errorCode: 0 },
    { ...nowhere, errorCode: 3 },
  ])
  expect(responses.at(-1).errorMessage).toBe("There is no topic 'nowhere'")
  expect(names()).toEqual(['orders', 'a', 'b'])
  const older = await client.call(deleteTopics!, 5, { topicNames: ['b', 'a', 'b'], timeoutMs: 1000 })
  expect(older.responses.map(({ name, errorCode }: any) => [name, errorCode])).toEqual([
    ['b', 42],
    ['a', 0],
  ])
})

it('says that a topic is there before anything else that is wrong, since whoever makes sure of one goes on at that', async () => {
  const { make } = start()
  const wrong = [{ numPartitions: 0 }, { configs: [{ name: 'retention.ms', value: '0' }] }]
  for (const each of wrong) expect(await make({ name: 'orders', ...each })).toEqual([['orders', 36]])
  for (const each of wrong) expect(await make({ name: 'no topic', ...each })).toEqual([['no topic', 17]])
})

it('says what is wrong with the configs of a topic before what is with its partitions', async () => {
  const { make } = start()
  const configs = [{ name: 'retention.ms', value: '-2' }]
  const wrong = [
    { numPartitions: 0 },
    { replicationFactor: 0 },
    { assignments: [{ partitionIndex: 1, brokerIds: [0] }], numPartitions: -1, replicationFactor: -1 },
  ]
  for (const each of wrong) expect(await make({ name: 'a', ...each, configs })).toEqual([['a', 40]])
  const byHand = { assignments: [{ partitionIndex: 0, brokerIds: [0] }], replicationFactor: 0 }
  expect(await make({ name: 'a', ...byHand })).toEqual([['a', 42]])
})

it('gives a config that is named twice its last value', async () => {
  const { broker, make } = start()
  const configs = ['no number', '1000', '2000'].map(value => ({ name: 'retention.ms', value }))
  expect(await make({ name: 'a', configs })).toEqual([['a', 0]])
  expect(broker.topic('a' as 'orders').options.retentionMs).toBe(2000)
})

const invalidReplicationFactor = 38
const invalidReplicaAssignment = 39
const invalidRequest = 42

it.each([
  ['fewer than the new partitions', 3, [[1]]],
  ['more than the new partitions', 2, [[1], [1]]],
  ['none at all', 2, []],
  ['one without a broker', 2, [[]]],
  ['one that names a broker twice', 2, [[1, 1]]],
  ['one with a negative id', 2, [[-1]]],
  ['some that differ in length', 3, [[1], [1, 2]]],
])('adds no partitions by assignments of which there are %s', async (_, count, brokers) => {
  const { broker, client } = start()
  const assignments = brokers.map(brokerIds => ({ brokerIds }))
  for (const validateOnly of [true, false]) {
    const { results } = await client.call(createPartitions!, 3, {
      topics: [{ name: 'orders', count, assignments }],
      validateOnly,
    })
    expect(results).toMatchObject([{ name: 'orders', errorCode: invalidReplicaAssignment }])
  }
  expect(broker.topic('orders').partitions).toHaveLength(1)
})

it('adds partitions that are assigned to the brokers of production, once they are more', async () => {
  const { broker, client } = start()
  const grow = async (count: number, ...brokers: number[][]) => {
    const assignments = brokers.map(brokerIds => ({ brokerIds }))
    const answer = await client.call(createPartitions!, 3, {
      topics: [{ name: 'orders', count, assignments }],
    })
    return answer.results[0].errorCode
  }
  const invalidPartitions = 37
  expect(await grow(1, [-1])).toBe(invalidPartitions)
  expect(await grow(3, [1, 2, 3], [2, 3, 1])).toBe(0)
  expect(broker.topic('orders').partitions).toHaveLength(3)
})

it('makes a topic by assignments that a cluster would take, and by no others', async () => {
  const { broker, make, names } = start()
  const byHand = (...assigned: (readonly [number, number[]])[]) => ({
    name: 'a',
    numPartitions: -1,
    replicationFactor: -1,
    assignments: assigned.map(([partitionIndex, brokerIds]) => ({ partitionIndex, brokerIds })),
  })
  const wrong = [
    byHand([0, [1]], [2, [1]]),
    byHand([0, [1]], [0, [1]]),
    byHand([1, [1]]),
    byHand([0, []]),
    byHand([0, [1, 1]]),
    byHand([0, [1]], [1, [1, 2]]),
  ]
  for (const each of wrong) expect(await make(each)).toEqual([['a', invalidReplicaAssignment]])
  for (const more of [{ numPartitions: 1 }, { replicationFactor: 1 }])
    expect(await make({ ...byHand([0, [1]]), ...more })).toEqual([['a', invalidRequest]])
  expect(names()).toEqual(['orders'])
  expect(await make(byHand([1, [2, 3]], [0, [1, 2]]))).toEqual([['a', 0]])
  expect(broker.topic('a' as 'orders').partitions).toHaveLength(2)
})

it('makes no topic without replicas', async () => {
  const { make } = start()
  for (const replicationFactor of [0, -2])
    expect(await make({ name: 'a', replicationFactor })).toEqual([['a', invalidReplicationFactor]])
})

it('makes no more than 10,000 partitions at once, nor writes more than a controller would', async () => {
  const { client, names } = start()
  const asked = async (...topics: readonly (readonly [string, number, object?])[]) => {
    const answer = await client.call(createTopics!, 7, {
      topics: topics.map(([name, numPartitions, more]) => ({
        name,
        numPartitions,
        replicationFactor: -1,
        ...more,
      })),
      validateOnly: true,
    })
    return answer.topics.map(({ name, errorCode, errorMessage }: any) => [name, errorCode, errorMessage])
  }
  const excessive = [44, 'Excessively large number of partitions per request.']
  const large = [44, 'Unable to perform excessively large batch operation.']
  expect(await asked(['a', 10_001])).toEqual([['a', ...excessive]])
  expect(await asked(['a', 5000], ['x:y', 5000], ['b', -1], ['a', 1])).toEqual([
    ['a', ...excessive],
    ['x:y', ...excessive],
    ['b', ...excessive],
  ])
  const assignments = Array.from({ length: 10_001 }, (_, partitionIndex) => ({
    partitionIndex,
    brokerIds: [1],
  }))
  expect(await asked(['a', -1, { assignments }])).toEqual([['a', ...excessive]])
  expect(await asked(['a', 10_000])).toEqual([['a', ...large]])
  const configs = [{ name: 'retention.ms', value: '1000' }]
  expect(await asked(['a', 9999, { configs }])).toEqual([['a', ...large]])
  expect(await asked(['a', 9998], ['b', 1])).toEqual([
    ['a', ...large],
    ['b', ...large],
  ])
  expect(await asked(['a', 9999])).toEqual([['a', 0, null]])
  const others = [
    ['orders', 1],
    ['b', -7],
    ['x:y', 1],
  ] as const
  const codes = (await asked(['a', 9998, { configs }], ...others)).map(([, code]: any) => code)
  expect(codes).toEqual([0, 36, 37, 17])
  expect(names()).toEqual(['orders'])
})

it('adds no more than 10,000 partitions at once', async () => {
  const { broker, client, make } = start()
  await make({ name: 'a' })
  const grow = async (counts: readonly (readonly [string, number])[], validateOnly = true) => {
    const topics = counts.map(([name, count]) => ({ name, count, assignments: null }))
    const { results } = await client.call(createPartitions!, 3, { topics, validateOnly })
    return results.map(({ name, errorCode }: any) => [name, errorCode])
  }
  const a = (errorCode: number) => ['a', errorCode]
  const nowhere = (errorCode: number) => ['nowhere', errorCode]
  const orders = (errorCode: number) => ['orders', errorCode]
  expect(await grow([['orders', 10_001]])).toEqual([orders(0)])
  expect(await grow([['orders', 10_002]], false)).toEqual([orders(44)])
  // All of them are refused, also those that could not be made in any case, and those that are named twice.
  const many = [
    ['nowhere', 5],
    ['orders', 10_000],
    ['a', 3],
  ] as const
  expect(await grow(many, false)).toEqual([nowhere(44), orders(44), a(44)])
  const more = [...many, ['orders', 10_000], ['orders', 9], ['a', 10_002]] as const
  expect(await grow([...more, ['b', 1]], false)).toEqual([nowhere(3), orders(42), a(42), ['b', 3]])
  expect(await grow([many[1], many[2], ['nowhere', 2], ['nowhere', 3]])).toEqual([
    orders(44),
    a(44),
    nowhere(44),
    nowhere(44),
  ])
  // What is not there, or has as many already, adds nothing.
  expect(
    await grow([
      ['orders', 10_001],
      ['nowhere', 10_002],
      ['a', -1],
    ]),
  ).toEqual([orders(0), nowhere(3), a(37)])
  expect(broker.topic('orders').partitions).toHaveLength(1)
})

it('says by which id it knows no topic', async () => {
  const { client } = start()
  const topicId = '00000000-0000-0000-0000-00000000beef'
  const asked = { topics: [{ name: null, topicId }], timeoutMs: 1000 }
  const { responses } = await client.call(deleteTopics!, 6, asked)
  expect(responses).toMatchObject([
    { name: null, topicId, errorCode: 100, errorMessage: `There is no topic of id ${topicId}` },
  ])
})

it.each([
  ['a.b_c', 'a_b.c', 17],
  ['a.b_c', 'a.b.c', 17],
  ['a.b_c', 'a.bc', 0],
  ['x.1.2.3.4.5.6.7', 'x.1.2.3.4.5.6_7', 17],
  ['x.1.2.3.4.5.6.7', 'x.1.2.3.4.5.6.8', 0],
])('of a topic %s, %s is another one whose metrics may have the same names', async (first, second, code) => {
  const { make } = start()
  expect(await make({ name: first })).toEqual([[first, 0]])
  expect(await make({ name: second })).toEqual([[second, code]])
})
