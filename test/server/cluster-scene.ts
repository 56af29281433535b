import { connect } from 'node:net'
import { afterEach } from 'vitest'
import { Broker, type BrokerOptions } from '../../src/index.ts'
import { type ServeOptions, serve } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { sequencedBatch, WireClient } from '../helpers/wire-client.ts'

/** Kafka's numbers of errors that brokers of a cluster answer. */
export const errors = {
  leaderNotAvailable: 5,
  notLeaderOrFollower: 6,
  notEnoughReplicas: 19,
  invalidReplicationFactor: 38,
  invalidReplicaAssignment: 39,
}

/** The topics that a test has clients create. */
interface WantedTopic {
  readonly name: string
  readonly partitions?: number
  readonly factor?: number
  /** The brokers of each partition. */
  readonly assigned?: readonly (readonly number[])[]
  readonly configs?: Readonly<Record<string, string>>
}

/** Makes servers of several brokers, by default three, which are closed after each test of the file. */
export function clusterScenes() {
  const open: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of open.splice(0).toReversed()) await close()
  })
  return async (options: ServeOptions = {}, settings: BrokerOptions = {}) => {
    const broker = new Broker(settings) as Broker
    open.push(() => broker.close())
    const server = await serve(broker, { brokers: 3, ...options })
    const nodeOf = (nodeId: number) => server.brokers.find(each => each.nodeId === nodeId)!
    /** Asks a broker; without a number any that runs. */
    const ask = async (api: Api, version: number, body: object, nodeId?: number) => {
      const at = nodeId === undefined ? server.brokers.find(each => each.running)! : nodeOf(nodeId)
      const socket = connect(at.port, '127.0.0.1')
      open.push(() => socket.destroy())
      return new WireClient(socket).call(api, version, body)
    }
    const create = async (
      { name, partitions = -1, factor = -1, assigned = [], configs = {} }: WantedTopic,
      validateOnly = false,
    ) => {
      const assignments = assigned.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds }))
      const numPartitions = assigned.length > 0 ? -1 : partitions
      const answer = await ask(apis.createTopics as Api, 7, {
        topics: [
          {
            name,
            numPartitions,
            replicationFactor: factor,
            assignments,
            configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
          },
        ],
        validateOnly,
      })
      return answer.topics[0]
    }
    const partitionsOf = async (name: string, nodeId?: number) => {
      const { topics } = await ask(apis.metadata as Api, 12, { topics: [{ name }] }, nodeId)
      return topics[0].partitions
    }
    return {
      broker,
      server,
      ask,
      create,
      partitionsOf,
      stop: async (...nodeIds: readonly number[]) => {
        for (const nodeId of nodeIds) await nodeOf(nodeId).stop()
      },
      start: async (...nodeIds: readonly number[]) => {
        for (const nodeId of nodeIds) await nodeOf(nodeId).start()
      },
      /** The replicas of each partition, the preferred leader first. */
      replicasOf: async (name: string) =>
        (await partitionsOf(name)).map(({ replicaNodes }: any) => replicaNodes) as number[][],
      /** Who leads a partition, under which epoch, and which replicas are in sync. */
      async stateOf(name: string, partition = 0) {
        const { leaderId, leaderEpoch, isrNodes, offlineReplicas, errorCode } = (await partitionsOf(name))[
          partition
        ]
        return { leader: leaderId, epoch: leaderEpoch, isr: isrNodes, offline: offlineReplicas, errorCode }
      },
      /** Writes a record at a broker, and gives the error. */
      async produce(name: string, nodeId: number, acks = -1): Promise<number> {
        const records = [sequencedBatch(-1, -1, -1, [1])]
        const asked = {
          acks,
          timeoutMs: 1000,
          topicData: [{ name, partitionData: [{ index: 0, records }] }],
        }
        const { responses } = await ask(apis.produce as Api, 12, asked, nodeId)
        return responses[0].partitionResponses[0].errorCode
      },
    }
  }
}
