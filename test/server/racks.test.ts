import { describe, expect, it } from 'vitest'
import type { ServeOptions } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { clusterScenes, errors } from './cluster-scene.ts'

const makeCluster = clusterScenes()

/** Brokers 1 to 3 in three racks, with a topic that 1 leads and 2 follows. */
async function cluster(options: ServeOptions = { racks: ['a', 'b', 'c'] }) {
  const made = await makeCluster(options)
  await made.create({ name: 'orders', assigned: [[1, 2]] })
  const { id } = made.broker.topic('orders')
  return {
    ...made,
    id,
    /** What a broker answers to a fetch of the first record. */
    async fetch(nodeId: number, { version = 12, waitMs = 0, rackId = '', ...partition }: any = {}) {
      const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000, ...partition }]
      const topics = [{ topic: 'orders', topicId: id, partitions }]
      const asked = { maxWaitMs: waitMs, minBytes: 1, rackId, topics }
      const answer = await made.ask(apis.fetch as Api, version, asked, nodeId)
      const { errorCode, records, preferredReadReplica } = answer.responses[0].partitions[0]
      return { errorCode, isEmpty: (records?.length ?? 0) === 0, preferredReadReplica }
    },
  }
}

const read = { errorCode: 0, isEmpty: false, preferredReadReplica: -1 }
const sentOn = { errorCode: 0, isEmpty: true, preferredReadReplica: 2 }
const hour = 3_600_000

describe('the racks of brokers', () => {
  it('are told with them', async () => {
    const { ask, server } = await cluster({ racks: ['a', 'b'] })
    const { brokers } = await ask(apis.metadata as Api, 12, { topics: [] })
    expect(brokers.map(({ nodeId, rack }: any) => [nodeId, rack])).toEqual([
      [1, 'a'],
      [2, 'b'],
      [3, null],
    ])
    const described = await ask(apis.describeCluster as Api, 2, {})
    expect(described.brokers.map(({ rack }: any) => rack)).toEqual(['a', 'b', null])
    const { results } = await ask(
      apis.describeConfigs as Api,
      4,
      { resources: [{ resourceType: 4, resourceName: '2', configurationKeys: ['broker.rack'] }] },
      2,
    )
    expect(results[0].configs).toMatchObject([{ value: 'b' }])
    expect(server.brokers).toHaveLength(3)
  })

  it('are told with the leaders that another broker names', async () => {
    const { ask, id } = await cluster()
    const named = async (api: Api, version: number, asked: object) => {
      const { nodeEndpoints } = await ask(api, version, asked, 3)
      return nodeEndpoints.map(({ nodeId, rack }: any) => [nodeId, rack])
    }
    const partitions = [{ partition: 0, partitionIndex: 0, partitionMaxBytes: 1000 }]
    const topics = [{ topicId: id, partitions }]
    expect(await named(apis.fetch as Api, 16, { topics })).toEqual([[1, 'a']])
    const share = { groupId: 'g', memberId: 'a', maxRecords: 1, maxBytes: 1, topics }
    expect(await named(apis.shareFetch as Api, 1, share)).toEqual([[1, 'a']])
  })

  it('are no more than there are brokers', async () => {
    await expect(makeCluster({ racks: ['a', 'b', 'c', 'd'] })).rejects.toThrow(
      "option 'racks' expected no more racks than the 3 brokers",
    )
  })

  it('each have a replica of a partition before one has two, and leaders go round', async () => {
    const racks = ['x', 'y', 'y', 'x', 'z', 'z']
    const { create, replicasOf } = await makeCluster({ brokers: 6, racks })
    await create({ name: 'wide', partitions: 12, factor: 3 })
    const wide = await replicasOf('wide')
    const racksOf = (replicas: readonly number[]) => replicas.map(id => racks[id - 1]!)
    for (const replicas of wide) expect(racksOf(replicas).toSorted()).toEqual(['x', 'y', 'z'])
    for (const id of [1, 2, 3, 4, 5, 6]) expect(wide.filter(([first]) => first === id)).toHaveLength(2)
    await create({ name: 'wider', partitions: 6, factor: 5 })
    for (const replicas of await replicasOf('wider')) {
      expect(new Set(replicas).size).toBe(5)
      expect(new Set(racksOf(replicas.slice(0, 3))).size).toBe(3)
    }
  })
})

describe('a consumer that names its rack', () => {
  it('is sent at once to the replica that is there, which answers', async () => {
    const { fetch, produce } = await cluster()
    // It would wait for an hour for records of the leader.
    expect(await fetch(1, { rackId: 'b', waitMs: hour })).toEqual(sentOn)
    await produce('orders', 1)
    expect(await fetch(1, { rackId: 'b' })).toEqual(sentOn)
    expect(await fetch(2, { rackId: 'b' })).toEqual(read)
  })

  it('reads the leader if that is in the same rack, if no replica is, or none that runs', async () => {
    const { fetch, produce, stop } = await cluster()
    await produce('orders', 1)
    for (const rackId of ['a', 'c', 'elsewhere', '']) expect(await fetch(1, { rackId })).toEqual(read)
    await stop(2)
    expect(await fetch(1, { rackId: 'b' })).toEqual(read)
  })

  it('hears of an offset that nobody has from the leader', async () => {
    const { fetch } = await cluster()
    expect(await fetch(1, { rackId: 'b', fetchOffset: 5 })).toMatchObject({ errorCode: 1 })
  })

  it('hears in its session where to read', async () => {
    const { ask, id } = await cluster()
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }]
    const asked = { maxWaitMs: 0, minBytes: 1, sessionEpoch: 0 }
    const { sessionId } = await ask(
      apis.fetch as Api,
      16,
      { ...asked, topics: [{ topicId: id, partitions }] },
      1,
    )
    const next = { ...asked, sessionId, sessionEpoch: 1, topics: [], rackId: 'b' }
    const { responses } = await ask(apis.fetch as Api, 16, next, 1)
    expect(responses[0].partitions).toMatchObject([{ preferredReadReplica: 2 }])
  })
})

describe('a follower', () => {
  it('answers clients that know of it, and no others', async () => {
    const { fetch, produce } = await cluster({})
    await produce('orders', 1)
    expect(await fetch(2, { version: 11 })).toEqual(read)
    expect(await fetch(2, { version: 10 })).toMatchObject({ errorCode: errors.notLeaderOrFollower })
    expect(await fetch(3, { version: 11 })).toMatchObject({ errorCode: errors.notLeaderOrFollower })
  })

  it('tells its offsets to tools that look for what a replica has, and to nobody else', async () => {
    const { ask } = await cluster({})
    const codeAt = async (nodeId: number, replicaId: number) => {
      const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp: -1 }] }]
      const answer = await ask(apis.listOffsets as Api, 7, { replicaId, topics }, nodeId)
      return answer.topics[0].partitions[0].errorCode
    }
    expect([await codeAt(2, -2), await codeAt(2, -1)]).toEqual([0, errors.notLeaderOrFollower])
    expect(await codeAt(3, -2)).toBe(errors.notLeaderOrFollower)
  })

  it('knows the leader epoch', async () => {
    const { fetch, start, stop } = await cluster({})
    await stop(1)
    await start(1)
    const codes = [1, 2, 3].map(
      async currentLeaderEpoch => (await fetch(2, { currentLeaderEpoch })).errorCode,
    )
    expect(await Promise.all(codes)).toEqual([74, 0, 75])
  })
})
