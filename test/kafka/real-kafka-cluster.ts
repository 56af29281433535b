import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import type { TopicPartition } from '../../src/topic-partition.ts'
import { WireClient } from '../helpers/wire-client.ts'
import { type RealKafka, type RealKafkaOptions, runTool, startNodes } from './real-kafka.ts'

const coordinatorKinds = { group: 0, transaction: 1 } as const

/** A cluster of Apache Kafka whose nodes are broker and controller in one. */
export class RealKafkaCluster {
  readonly nodes: readonly RealKafka[]

  constructor(nodes: readonly RealKafka[]) {
    this.nodes = nodes
  }

  get addresses(): string[] {
    return this.nodes.map(({ address }) => address)
  }

  node(nodeId: number): RealKafka {
    const node = this.nodes.find(each => each.nodeId === nodeId)
    if (node === undefined) throw new Error(`there is no node ${nodeId}`)
    return node
  }

  /** The node that leads a partition. */
  async leaderOf(tp: TopicPartition): Promise<RealKafka> {
    return this.node(await this.#until(async () => (await this.#partition(tp)).leaderId))
  }

  /** The nodes that have a partition. */
  async replicasOf(tp: TopicPartition): Promise<RealKafka[]> {
    const { replicaNodes } = await this.#partition(tp)
    return replicaNodes.map((nodeId: number) => this.node(nodeId))
  }

  /** The node that coordinates a group or a transactional id. */
  async coordinatorOf(kind: keyof typeof coordinatorKinds, key: string): Promise<RealKafka> {
    const request = { key, keyType: coordinatorKinds[kind] }
    return this.node(await this.#until(async () => (await this.#ask('findCoordinator', 2, request)).nodeId))
  }

  /** The node that is the active controller. */
  async controller(): Promise<RealKafka> {
    const quorum = { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] }
    return this.node(
      await this.#until(async () => {
        const { topics } = await this.#ask('describeQuorum', 0, quorum)
        return topics[0].partitions[0].leaderId
      }),
    )
  }

  /** Resolves when all of its nodes know each other, and all replicas of these topics are in sync. */
  async healed(...topics: readonly string[]): Promise<void> {
    await this.#until(async () => {
      for (const { port } of this.nodes) {
        const { brokers, topics: found } = await ask(port, 'metadata', 1, {
          topics: topics.map(name => ({ name })),
        })
        if (brokers.length < this.nodes.length) return -1
        for (const { partitions } of found) {
          for (const { leaderId, isrNodes, replicaNodes } of partitions) {
            if (leaderId < 0 || isrNodes.length < replicaNodes.length) return -1
          }
        }
      }
      return 0
    })
  }

  /** Resolves when so many replicas of each partition of a topic are in sync. */
  async inSync(topic: string, replicas: number): Promise<void> {
    await this.#until(async () => {
      const { topics } = await this.#ask('metadata', 1, { topics: [{ name: topic }] })
      const { partitions } = topics[0] as { partitions: { isrNodes: number[] }[] }
      return partitions.every(({ isrNodes }) => isrNodes.length === replicas) ? 0 : -1
    })
  }

  /** How many replicas have to have a record of a topic before it counts as written. */
  requireReplicas(topic: string, replicas: number): Promise<void> {
    return this.configure(topic, { 'min.insync.replicas': `${replicas}` })
  }

  /** Sets configs of a topic. */
  async configure(topic: string, values: Readonly<Record<string, string>>): Promise<void> {
    const configs = Object.entries(values).map(([name, value]) => ({ name, configOperation: 0, value }))
    const resources = [{ resourceType: 2, resourceName: topic, configs }]
    await this.#ask('incrementalAlterConfigs', 1, { resources, validateOnly: false })
  }

  /** Runs one of Kafka's tools at this cluster, by the name of its class. */
  run(name: string, ...args: readonly string[]): Promise<string> {
    return runTool(`org.apache.kafka.tools.${name}`, '--bootstrap-server', this.addresses.join(), ...args)
  }

  /** Moves the partitions of these topics to these nodes each, and lets the first of them lead. */
  async reassign(
    topics: readonly string[],
    nodeIds: (partition: number) => readonly number[],
  ): Promise<void> {
    const { topics: found } = await this.#ask('metadata', 1, { topics: topics.map(name => ({ name })) })
    const partitions: { topic: string; partition: number; replicas: readonly number[] }[] = found.flatMap(
      (topic: { name: string; partitions: { partitionIndex: number }[] }) =>
        topic.partitions.map(({ partitionIndex: partition }) => ({
          topic: topic.name,
          partition,
          replicas: nodeIds(partition),
        })),
    )
    const folder = await mkdtemp(path.join(tmpdir(), 'brokerlet-reassign-'))
    const file = path.join(folder, 'partitions.json')
    try {
      await writeFile(file, JSON.stringify({ version: 1, partitions }))
      await this.run('reassign.ReassignPartitionsCommand', '--reassignment-json-file', file, '--execute')
      await this.#until(async () => {
        for (const tp of partitions) {
          const { replicaNodes, isrNodes } = await this.#partition(tp)
          if (replicaNodes.join() !== tp.replicas.join() || isrNodes.length < replicaNodes.length) return -1
        }
        return 0
      })
      const elects = ['--election-type', 'preferred', '--path-to-json-file', file]
      await this.run('LeaderElectionCommand', ...elects)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  /** Ends all of its nodes for good. */
  async close(): Promise<void> {
    await Promise.all(this.nodes.map(node => node.close()))
  }

  async #partition({ topic, partition }: TopicPartition) {
    const { topics } = await this.#ask('metadata', 1, { topics: [{ name: topic }] })
    return topics[0].partitions.find((each: { partitionIndex: number }) => each.partitionIndex === partition)
  }

  // Asks the first that answers.
  async #ask(api: keyof typeof apis, version: number, request: object): Promise<any> {
    let failure: unknown
    for (const { port } of this.nodes) {
      try {
        return await ask(port, api, version, request)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  async #until(found: () => Promise<number>): Promise<number> {
    for (const deadline = AbortSignal.timeout(30_000); ; ) {
      const number = await found().catch(() => -1)
      if (number >= 0) return number
      deadline.throwIfAborted()
      await wait(50)
    }
  }
}

/** Starts a cluster of three brokers, which keeps everything on all of them; takes some seconds. */
export async function startRealKafkaCluster(options: RealKafkaOptions = {}): Promise<RealKafkaCluster> {
  const nodes = await startNodes(3, {
    javaOptions: ['-Xmx320m', '-XX:TieredStopAtLevel=1'],
    ...options,
    properties: {
      // How long what is for the controller waits for a former one that stands still: by default 30 seconds.
      'controller.socket.timeout.ms': 3000,
      'default.replication.factor': 3,
      'min.insync.replicas': 2,
      'offsets.topic.replication.factor': 3,
      'transaction.state.log.replication.factor': 3,
      'transaction.state.log.min.isr': 2,
      'share.coordinator.state.topic.replication.factor': 3,
      ...options.properties,
    },
  })
  return new RealKafkaCluster(nodes)
}

async function ask(port: number, name: keyof typeof apis, version: number, request: object): Promise<any> {
  const socket = net.connect(port, '127.0.0.1')
  // A suspended one takes the connection.
  socket.setTimeout(1000, () => socket.destroy(new Error('no answer')))
  try {
    await once(socket, 'connect')
    const failed = once(socket, 'close').then(() => Promise.reject(new Error('closed without an answer')))
    failed.catch(() => {})
    return await Promise.race([new WireClient(socket).call(apis[name] as Api, version, request), failed])
  } finally {
    socket.destroy()
  }
}
