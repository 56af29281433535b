import { connect } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { Broker, topic } from '../../src/index.ts'
import { serve } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { WireClient } from '../helpers/wire-client.ts'
import { wireScenes } from '../helpers/wire-scene.ts'

const { alterPartitionReassignments, electLeaders, listPartitionReassignments, metadata } =
  apis as unknown as Readonly<Record<string, Api>>

const scene = wireScenes()
const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

const unknownPartition = 3
const invalidReplicaAssignment = 39
const preferredLeaderNotAvailable = 80
const electionNotNeeded = 84
const noReassignmentInProgress = 85

/** Three brokers, and a client of the last one. */
async function startCluster() {
  const broker = new Broker({ topics: { orders: topic({ partitions: 3 }) } })
  open.push(() => broker.close())
  const server = await serve(broker, { brokers: 3 })
  const socket = connect(server.brokers[2]!.port, '127.0.0.1')
  open.push(() => socket.destroy())
  return { server, client: new WireClient(socket) }
}

function resultsOf(answer: any): (readonly [number, number])[] {
  return answer.replicaElectionResults.flatMap(({ partitionResult }: any) =>
    partitionResult.map(({ partitionId, errorCode }: any) => [partitionId, errorCode]),
  )
}

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

it('knows two kinds of elections', async () => {
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

it('cannot elect a broker that is stopped, and says which partitions that leaves to others', async () => {
  const { server, client } = await startCluster()
  const leader = server.leaderOf({ topic: 'orders', partition: 0 })!
  const other = server.brokers.find(each => each !== leader && each !== server.brokers[2])!
  await (leader === server.brokers[2] ? other : leader).stop()
  const { topics } = await client.call(metadata!, 12, { topics: [{ name: 'orders' }] })
  const moved = topics[0].partitions
    .filter((each: any) => each.leaderId !== each.replicaNodes[0])
    .map((each: any) => each.partitionIndex)
  expect(moved).toHaveLength(1)
  const elect = async (electionType: number) =>
    resultsOf(await client.call(electLeaders!, 2, { electionType, topicPartitions: null }))
  expect(await elect(0)).toEqual([[moved[0], preferredLeaderNotAvailable]])
  expect(await elect(1)).toEqual([])
})

it('moves no replicas, and tells that none are on their way', async () => {
  const { client } = await startCluster()
  expect(await client.call(listPartitionReassignments!, 0, { topics: null })).toMatchObject({
    errorCode: 0,
    topics: [],
  })
  const { topics } = await client.call(metadata!, 12, { topics: [{ name: 'orders' }] })
  const present: number[] = topics[0].partitions[0].replicaNodes
  const reassign = async (version: number, replicas: readonly number[] | null, partitionIndex = 0) => {
    const asked = [{ name: 'orders', partitions: [{ partitionIndex, replicas }] }]
    const answer = await client.call(alterPartitionReassignments!, version, { topics: asked })
    expect(answer.errorCode).toBe(0)
    return answer.responses[0].partitions[0]
  }
  for (const version of [0, 1]) {
    expect(await reassign(version, present)).toMatchObject({ errorCode: 0 })
    for (const replicas of [present.toReversed(), present.slice(1), [7], []]) {
      const refused = await reassign(version, replicas)
      expect(refused.errorCode).toBe(invalidReplicaAssignment)
      expect(refused.errorMessage).toContain(String(present))
    }
    expect((await reassign(version, null)).errorCode).toBe(noReassignmentInProgress)
    expect((await reassign(version, present, 9)).errorCode).toBe(unknownPartition)
  }
})
