import type { Partition } from '../../log/partition.ts'
import type { Topic } from '../../log/topic.ts'
import { murmur2, toPositive } from '../../producer/murmur2.ts'

/** One of the brokers that clients see. (Kafka: Node) */
export interface ClusterNode {
  readonly nodeId: number
  readonly host: string
  /** 0 until it listens, if any free port will do. */
  port: number
  running: boolean
  /** How often it was started again: state of an earlier run is recognised by it. */
  brokerEpoch: number
  /** How much later each of its answers is sent, in milliseconds. */
  slowMs: number
}

/** The leader of a partition, and how often that has changed. */
export interface Leadership {
  readonly leader: ClusterNode
  readonly epoch: number
}

/** Makes so many nodes, numbered from `first` on, beginning at that address. */
export function makeNodes(host: string, port: number, count: number, first = 1): ClusterNode[] {
  return Array.from({ length: count }, (_, i) => ({
    nodeId: first + i,
    host,
    port: port === 0 ? 0 : port + i,
    running: true,
    brokerEpoch: 0,
    slowMs: 0,
  }))
}

/**
 * Which broker leads a partition, or coordinates a group or a transaction. Each has a preferred broker; while that is
 * stopped, the next one that runs stands in for it. All brokers share one log, so no data moves with the leader.
 */
export class Cluster {
  readonly nodes: readonly ClusterNode[]
  readonly #topics: ReadonlyMap<string, Topic>
  readonly #leaderships = new WeakMap<Partition, Leadership>()
  #controllerEpoch = 1
  /** Called when a broker has stopped or started, and leaders have moved. */
  readonly listeners: Set<() => void> = new Set()

  constructor(nodes: readonly ClusterNode[], topics: ReadonlyMap<string, Topic>) {
    this.nodes = nodes
    this.#topics = topics
  }

  get running(): readonly ClusterNode[] {
    return this.nodes.filter(({ running }) => running)
  }

  /** The first broker that runs; -1 if none does. */
  get controllerId(): number {
    return this.nodes.find(({ running }) => running)?.nodeId ?? -1
  }

  /** Grows whenever another broker becomes the controller. */
  get controllerEpoch(): number {
    return this.#controllerEpoch
  }

  /** The leader of a partition. If no broker runs, the last one stays the leader. */
  leadershipOf(partition: Partition): Leadership {
    let leadership = this.#leaderships.get(partition)
    if (leadership === undefined) {
      const [preferred] = this.replicasOf(partition)
      leadership = { leader: this.#electFrom(partition) ?? preferred!, epoch: 0 }
      this.#leaderships.set(partition, leadership)
    }
    return leadership
  }

  /** All brokers, from the preferred leader on: each of them could be the leader. */
  replicasOf(partition: Partition): readonly ClusterNode[] {
    const first = this.#preferredOf(partition)
    return this.nodes.map((_, i) => this.nodes[(first + i) % this.nodes.length]!)
  }

  /** The broker that coordinates a group or a transactional id; undefined if no broker runs. */
  coordinatorOf(key: string): ClusterNode | undefined {
    return this.nodes.length === 1 ? this.running[0] : this.#firstRunning(toPositive(murmur2(key)))
  }

  /** Stops or starts a broker. Leaders move, each under its next epoch. */
  setRunning(node: ClusterNode, running: boolean): void {
    const partitions = [...this.#topics.values()].flatMap(topic => topic.partitions)
    // Partitions that no request has named had a leader, too: it has to be known before it moves.
    for (const partition of partitions) this.leadershipOf(partition)
    const { controllerId } = this
    node.running = running
    if (running) node.brokerEpoch++
    if (this.controllerId !== controllerId) this.#controllerEpoch++
    for (const partition of partitions) this.#elect(partition)
    for (const listener of [...this.listeners]) listener()
  }

  #elect(partition: Partition): void {
    const { leader: former, epoch } = this.leadershipOf(partition)
    const leader = this.#electFrom(partition) ?? former
    if (leader !== former) this.#leaderships.set(partition, { leader, epoch: epoch + 1 })
  }

  #electFrom(partition: Partition): ClusterNode | undefined {
    return this.#firstRunning(this.#preferredOf(partition))
  }

  #preferredOf({ topic, index }: Partition): number {
    return (toPositive(murmur2(topic)) + index) % this.nodes.length
  }

  #firstRunning(from: number): ClusterNode | undefined {
    const { length } = this.nodes
    for (let i = 0; i < length; i++) {
      const node = this.nodes[(from + i) % length]!
      if (node.running) return node
    }
    return undefined
  }
}
