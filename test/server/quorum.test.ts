import { connect } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { Broker } from '../../src/index.ts'
import { serve } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { WireClient } from '../helpers/wire-client.ts'
import { wireScenes } from '../helpers/wire-scene.ts'

const { describeQuorum } = apis as unknown as Readonly<Record<string, Api>>

const scene = wireScenes()
const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

const unknownPartition = 3
const noDirectory = '00000000-0000-0000-0000-000000000000'
const metadata = (...partitions: number[]) => ({
  topicName: '__cluster_metadata',
  partitions: partitions.map(partitionIndex => ({ partitionIndex })),
})

it('describes the quorum of one broker, which leads it', async () => {
  const { broker, client } = scene()
  const now = broker.clock.now()
  for (const version of [0, 1, 2]) {
    const answer = await client.call(describeQuorum!, version, { topics: [metadata(0)] })
    const [{ partitions }] = answer.topics
    expect(partitions).toMatchObject([
      { partitionIndex: 0, errorCode: 0, leaderId: 1, leaderEpoch: 1, highWatermark: 0, observers: [] },
    ])
    const seen = version === 0 ? -1 : now
    expect(partitions[0].currentVoters).toMatchObject([
      { replicaId: 1, logEndOffset: 0, lastFetchTimestamp: seen, lastCaughtUpTimestamp: seen },
    ])
    const { replicaDirectoryId } = partitions[0].currentVoters[0]
    expect(replicaDirectoryId === noDirectory).toBe(version < 2)
    expect(answer.nodes).toEqual(version === 2 ? [{ nodeId: 1, listeners: [] }] : [])
  }
})

it('knows one partition of metadata, and no other', async () => {
  const { client } = scene()
  const orders = { topicName: 'orders', partitions: [{ partitionIndex: 0 }] }
  const wrong = [[metadata(1)], [orders], [metadata(0, 0)], [metadata(0), orders], [metadata(), metadata(0)]]
  for (const topics of wrong) {
    const answer = await client.call(describeQuorum!, 2, { topics })
    expect(answer).toMatchObject({ errorCode: 0, nodes: [] })
    for (const { partitions } of answer.topics)
      for (const { errorCode } of partitions) expect(errorCode).toBe(unknownPartition)
  }
  expect(await client.call(describeQuorum!, 2, { topics: [] })).toMatchObject({ errorCode: 0, topics: [] })
})

it('tells which of several brokers leads, under which epoch, and which does not answer', async () => {
  const broker = new Broker()
  open.push(() => broker.close())
  const server = await serve(broker, { brokers: 3 })
  const socket = connect(server.brokers[2]!.port, '127.0.0.1')
  open.push(() => socket.destroy())
  const client = new WireClient(socket)
  const ask = async () => {
    const answer = await client.call(describeQuorum!, 2, { topics: [metadata(0)] })
    const [{ leaderId, leaderEpoch, currentVoters }] = answer.topics[0].partitions
    const away = currentVoters.filter(({ lastFetchTimestamp }: any) => lastFetchTimestamp === -1)
    return [leaderId, leaderEpoch, away.map(({ replicaId }: any) => replicaId)]
  }
  expect(await ask()).toEqual([1, 1, []])
  const { topics } = await client.call(describeQuorum!, 2, { topics: [metadata(0)] })
  const voters: { replicaDirectoryId: string }[] = topics[0].partitions[0].currentVoters
  expect(new Set(voters.map(({ replicaDirectoryId }) => replicaDirectoryId)).size).toBe(3)
  await server.brokers[1]!.stop()
  expect(await ask()).toEqual([1, 1, [2]])
  await server.brokers[0]!.stop()
  expect(await ask()).toEqual([3, 2, [1, 2]])
  await server.brokers[0]!.start()
  expect(await ask()).toEqual([1, 3, [2]])
})
