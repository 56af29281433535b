import { describe, expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { wireScenes } from '../helpers/wire-scene.ts'
import { clusterScenes } from './cluster-scene.ts'

const { alterPartitionReassignments, electLeaders, listPartitionReassignments } = apis as unknown as Readonly<
  Record<string, Api>
>

const scene = wireScenes()
const makeCluster = clusterScenes()

const unknownPartition = 3
const invalidReplicationFactor = 38
const invalidReplicaAssignment = 39
const preferredLeaderNotAvailable = 80
const eligibleLeadersNotAvailable = 83
const electionNotNeeded = 84
const noReassignmentInProgress = 85

const [preferred, unclean] = [0, 1]

/** A server of several brokers, and what administrators do to the replicas of its topics. */
async function cluster(options: Parameters<typeof makeCluster>[0] = {}) {
  const made = await makeCluster(options)
  const reassign = async (replicas: readonly number[] | null, more: object = {}) => {
    const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, replicas }] }]
    const answer = await made.ask(alterPartitionReassignments!, 1, { topics, ...more })
    return answer.responses[0].partitions[0]
  }
  return {
    ...made,
    /** The error of each partition of which it is told. */
    async elect(electionType: number, topicPartitions: readonly object[] | null) {
      const answer = await made.ask(electLeaders!, 2, { electionType, topicPartitions })
      return resultsOf(answer)
    },
    reassign,
    codeOf: async (replicas: readonly number[] | null, more: object = {}): Promise<number> =>
      (await reassign(replicas, more)).errorCode,
    /** What is on its way to other brokers. */
    async reassignments(topics: readonly object[] | null = null) {
      return (await made.ask(listPartitionReassignments!, 0, { topics })).topics
    },
  }
}

function resultsOf(answer: any): (readonly [number, number])[] {
  return answer.replicaElectionResults.flatMap(({ partitionResult }: any) =>
    partitionResult.map(({ partitionId, errorCode }: any) => [partitionId, errorCode]),
  )
}

describe('an election', () => {
  it('elects nobody where whoever is to lead does so', async () => {
    const { client } = scene()
    for (const version of [0, 1, 2]) {
      const answer = await client.call(electLeaders!, version, {
        topicPartitions: [
          { topic: 'orders', partitions: [0, 99] },
          { topic: 'nowhere', partitions: [1] },
        ],
      })
      expect(resultsOf(answer)).toEqual([
        [0, electionNotNeeded],
        [99, unknownPartition],
        [1, unknownPartition],
      ])
      const all = await client.call(electLeaders!, version, { topicPartitions: null })
      expect(all).toMatchObject({
        errorCode: 0,
        replicaElectionResults: [{ topic: 'orders', partitionResult: [] }],
      })
    }
  })

  it('is of one of two kinds', async () => {
    const { client } = scene()
    const refused = { errorCode: 42, errorMessage: 'Unknown election type 2' }
    for (const topicPartitions of [null, [{ topic: 'orders', partitions: [0] }]]) {
      const answer = await client.call(electLeaders!, 2, { electionType: 2, topicPartitions })
      expect(answer.errorCode).toBe(42)
      expect(answer.replicaElectionResults).toMatchObject(
        topicPartitions === null ? [] : [{ topic: 'orders', partitionResult: [refused] }],
      )
    }
  })

  it('moves a partition to its preferred leader, under the next epoch', async () => {
    const { create, elect, reassign, stateOf } = await cluster()
    await create({ name: 'orders', assigned: [[1, 2]] })
    await reassign([2, 1])
    expect(await stateOf('orders')).toMatchObject({ leader: 1, epoch: 0 })
    expect(await elect(unclean, [{ topic: 'orders', partitions: [0] }])).toEqual([[0, electionNotNeeded]])
    expect(await elect(preferred, [{ topic: 'orders', partitions: [0] }])).toEqual([[0, 0]])
    expect(await stateOf('orders')).toMatchObject({ leader: 2, epoch: 1 })
    await reassign([1, 2])
    expect(await elect(preferred, null)).toEqual([[0, 0]])
    expect(await stateOf('orders')).toMatchObject({ leader: 1, epoch: 2 })
    expect(await elect(preferred, null)).toEqual([])
  })

  it('cannot elect a preferred leader that is stopped, and says of which partitions', async () => {
    const { create, elect, stateOf, stop } = await cluster()
    await create({
      name: 'orders',
      assigned: [
        [1, 2],
        [3, 2],
      ],
    })
    await stop(1)
    expect(await elect(preferred, null)).toEqual([[0, preferredLeaderNotAvailable]])
    expect(await elect(unclean, null)).toEqual([])
    expect(await stateOf('orders')).toMatchObject({ leader: 2, epoch: 1 })
  })

  it('is all that moves a leader back with autoLeaderRebalance: false', async () => {
    const { ask, create, elect, start, stateOf, stop } = await cluster({ autoLeaderRebalance: false })
    await create({ name: 'orders', assigned: [[1, 2]] })
    await stop(1)
    await start(1)
    expect(await stateOf('orders')).toMatchObject({ leader: 2, epoch: 1, isr: [1, 2] })
    expect(await elect(preferred, null)).toEqual([[0, 0]])
    expect(await stateOf('orders')).toMatchObject({ leader: 1, epoch: 2 })
    const { results } = await ask(apis.describeConfigs as Api, 4, {
      resources: [
        { resourceType: 4, resourceName: '1', configurationKeys: ['auto.leader.rebalance.enable'] },
      ],
    })
    expect(results[0].configs).toMatchObject([{ value: 'false', readOnly: true }])
  })

  it('that is unclean lets a broker lead that was not in sync', async () => {
    const { create, elect, stateOf, start, stop } = await cluster()
    await create({ name: 'orders', assigned: [[1, 2]] })
    await stop(2, 1)
    expect(await elect(unclean, null)).toEqual([[0, eligibleLeadersNotAvailable]])
    await start(2)
    expect(await elect(preferred, null)).toEqual([[0, preferredLeaderNotAvailable]])
    expect(await stateOf('orders')).toMatchObject({ leader: -1 })
    expect(await elect(unclean, null)).toEqual([[0, 0]])
    expect(await stateOf('orders')).toMatchObject({ leader: 2, isr: [2], offline: [1] })
  })
})

describe('a reassignment', () => {
  it('takes effect at once, and moves the leader only if it has to', async () => {
    const { codeOf, create, reassignments, replicasOf, stateOf } = await cluster()
    await create({ name: 'orders', assigned: [[1, 2]] })
    expect(await codeOf([2, 1])).toBe(0)
    expect(await replicasOf('orders')).toEqual([[2, 1]])
    expect(await stateOf('orders')).toMatchObject({ leader: 1, epoch: 0, isr: [2, 1] })
    expect(await codeOf([3, 2])).toBe(0)
    expect(await replicasOf('orders')).toEqual([[3, 2]])
    expect(await stateOf('orders')).toMatchObject({ leader: 3, epoch: 1, isr: [3, 2] })
    expect(await reassignments()).toEqual([])
    expect(await codeOf(null)).toBe(noReassignmentInProgress)
  })

  it('lets clients know who leads now', async () => {
    const { create, produce, reassign } = await cluster()
    await create({ name: 'orders', assigned: [[1]] })
    expect([await produce('orders', 1), await produce('orders', 2)]).toEqual([0, 6])
    await reassign([2])
    expect([await produce('orders', 1), await produce('orders', 2)]).toEqual([6, 0])
  })

  it('is refused where Kafka refuses it', async () => {
    const { ask, codeOf, create, reassign, replicasOf } = await cluster()
    await create({ name: 'orders', assigned: [[1, 2]] })
    for (const wrong of [[], [1, 1], [-1], [7]]) expect(await codeOf(wrong)).toBe(invalidReplicaAssignment)
    const fixed = { allowReplicationFactorChange: false }
    expect(await codeOf([1], fixed)).toBe(invalidReplicationFactor)
    expect((await reassign([1, 2, 3], fixed)).errorMessage).toContain('from 2 to 3')
    expect(await replicasOf('orders')).toEqual([[1, 2]])
    expect(await codeOf([3, 1], fixed)).toBe(0)
    expect(await codeOf([1, 2, 3])).toBe(0)
    for (const version of [0, 1]) {
      const topics = [
        { name: 'orders', partitions: [{ partitionIndex: 9, replicas: [1] }] },
        { name: 'nowhere', partitions: [{ partitionIndex: 0, replicas: null }] },
      ]
      const { responses } = await ask(alterPartitionReassignments!, version, { topics })
      expect(responses.map(({ partitions }: any) => partitions[0].errorCode)).toEqual([
        unknownPartition,
        unknownPartition,
      ])
    }
  })

  it('to a broker that is stopped waits for it, and is told meanwhile', async () => {
    const { codeOf, create, reassignments, replicasOf, start, stateOf, stop } = await cluster()
    await create({ name: 'orders', assigned: [[1, 2]] })
    await create({ name: 'others', assigned: [[1, 2]] })
    await stop(3)
    expect(await codeOf([3, 2])).toBe(0)
    expect(await replicasOf('orders')).toEqual([[3, 2, 1]])
    expect(await stateOf('orders')).toMatchObject({ leader: 1, isr: [2, 1], offline: [3] })
    const partitions = [
      { partitionIndex: 0, replicas: [3, 2, 1], addingReplicas: [3], removingReplicas: [1] },
    ]
    expect(await reassignments()).toEqual([{ name: 'orders', partitions }])
    expect(await reassignments([{ name: 'orders', partitionIndexes: [0, 7] }])).toMatchObject([
      { name: 'orders' },
    ])
    expect(await reassignments([{ name: 'others', partitionIndexes: [0] }])).toEqual([])
    await start(3)
    expect(await replicasOf('orders')).toEqual([[3, 2]])
    expect(await stateOf('orders')).toMatchObject({ leader: 3, isr: [3, 2] })
    expect(await reassignments()).toEqual([])
  })

  it('that waits may be replaced by another one, or cancelled', async () => {
    const { codeOf, create, reassignments, replicasOf, start, stop } = await cluster({ brokers: 4 })
    await create({ name: 'orders', assigned: [[1, 2]] })
    await stop(3)
    await codeOf([3, 2])
    expect(await codeOf([4, 3], { allowReplicationFactorChange: false })).toBe(0)
    expect(await reassignments()).toMatchObject([
      { partitions: [{ replicas: [4, 3, 2, 1], addingReplicas: [4, 3], removingReplicas: [2, 1] }] },
    ])
    expect(await codeOf(null)).toBe(0)
    expect(await reassignments()).toEqual([])
    expect((await replicasOf('orders'))[0]!.toSorted()).toEqual([1, 2])
    await start(3)
    expect((await replicasOf('orders'))[0]!.toSorted()).toEqual([1, 2])
  })

  it('cannot be cancelled while only brokers lead that it adds', async () => {
    const { codeOf, create, reassignments, stateOf, stop } = await cluster({ brokers: 4 })
    await create({ name: 'orders', assigned: [[1]] })
    await stop(3)
    await codeOf([3, 4])
    await stop(1)
    expect(await stateOf('orders')).toMatchObject({ leader: 4 })
    expect(await codeOf(null)).toBe(invalidReplicaAssignment)
    expect(await reassignments()).toHaveLength(1)
  })

  it('does not move a partition of a single broker', async () => {
    const { client } = scene()
    const asked = async (replicas: readonly number[]) => {
      const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, replicas }] }]
      return (await client.call(alterPartitionReassignments!, 1, { topics })).responses[0].partitions[0]
    }
    expect(await asked([1])).toMatchObject({ errorCode: 0 })
    expect(await asked([2])).toMatchObject({
      errorCode: invalidReplicaAssignment,
      errorMessage: expect.stringContaining('there is no broker 2'),
    })
  })
})
