import type { Partition } from '../../log/partition.ts'
import type { Topic } from '../../log/topic.ts'
import { murmur2, toPositive } from '../../producer/murmur2.ts'
import { type ClusterNode, runningOf } from './cluster-node.ts'
import { type Election, elect, inNextEpoch } from './leader-election.ts'
import { cancelled, reassigned } from './partition-reassignment.ts'
import {
  effectiveMinIsr,
  type Leadership,
  type PartitionRegistration,
  register,
} from './partition-registration.ts'
import { placeReplicas } from './replica-placer.ts'

/** The configs of topics that say what their replicas are good for. */
export interface ReplicaRules {
  /** How many replicas have to be in sync for a write that asks for all. (Kafka: min.insync.replicas) */
  minInSyncReplicas(topic: string): number
  /** Whether a replica that was not in sync may lead. (Kafka: unclean.leader.election.enable) */
  uncleanLeaderElection(topic: string): boolean
}

/** The brokers of new partitions, by the partition's index. */
export type Assignment = ReadonlyMap<number, readonly ClusterNode[]>

/** How leaders are chosen. */
export interface ClusterOptions {
  readonly rules: ReplicaRules
  /** Whether the preferred leader of a partition leads again as soon as it runs; default true. */
  readonly autoLeaderRebalance?: boolean | undefined
  /** How many brokers have a partition if nobody says so; default all. */
  readonly defaultReplicationFactor?: number | undefined
}

// Of partitions whose leader has moved. A client that knows of an epoch believes nobody who names an earlier one, also
// where the same log is served anew.
const lastEpochs = new WeakMap<Partition, number>()

/**
 * Which brokers have a partition and which of them leads it, and which broker coordinates a group or a transaction. All
 * brokers share one log, so no data moves with the leader.
 */
export class Cluster {
  readonly nodes: readonly ClusterNode[]
  readonly #topics: ReadonlyMap<string, Topic>
  readonly #rules: ReplicaRules
  readonly autoLeaderRebalance: boolean
  readonly defaultReplicationFactor: number
  readonly #registrations = new WeakMap<Partition, PartitionRegistration>()
  // Of topics that are about to be made, or to grow.
  readonly #assigned = new Map<string, Assignment>()
  #controllerEpoch = 1
  /** Called when a broker has stopped or started, and leaders have moved. */
  readonly listeners: Set<() => void> = new Set()

  constructor(
    nodes: readonly ClusterNode[],
    topics: ReadonlyMap<string, Topic>,
    { rules, autoLeaderRebalance = true, defaultReplicationFactor = nodes.length }: ClusterOptions,
  ) {
    this.nodes = nodes
    this.#topics = topics
    this.#rules = rules
    this.autoLeaderRebalance = autoLeaderRebalance
    this.defaultReplicationFactor = defaultReplicationFactor
  }

  get running(): readonly ClusterNode[] {
    return runningOf(this.nodes)
  }

  /** The first broker that runs; -1 if none does. */
  get controllerId(): number {
    return this.nodes.find(({ running }) => running)?.nodeId ?? -1
  }

  /** Grows whenever another broker becomes the controller. */
  get controllerEpoch(): number {
    return this.#controllerEpoch
  }

  leadershipOf(partition: Partition): Leadership {
    return this.registrationOf(partition)
  }

  /** A partition is registered when it is first asked about: many are made by the process, without a client. */
  registrationOf(partition: Partition): PartitionRegistration {
    let registration = this.#registrations.get(partition)
    if (registration === undefined) {
      const { topic, index } = partition
      const replicas = this.#assigned.get(topic)?.get(index) ?? this.place(topic, index, this.factorOf(topic))
      registration = { ...register(replicas), epoch: lastEpochs.get(partition) ?? 0 }
      this.#registrations.set(partition, registration)
    }
    return registration
  }

  /** How many brokers have each partition of a topic: as many as have its first one, or else the default. */
  factorOf(topic: string): number {
    const first = this.#topics.get(topic)?.partitions[0]
    const known = first && this.#registrations.get(first)
    return known?.replicas.length ?? this.defaultReplicationFactor
  }

  /** Chooses as many brokers for a partition. Partitions of a topic take turns, beginning at a broker of its own. */
  place(topic: string, index: number, factor: number): readonly ClusterNode[] {
    return placeReplicas(this.nodes, toPositive(murmur2(topic)) + index, factor)
  }

  /** Makes partitions of a topic on the brokers that they are assigned to; whoever hears of them finds them there. */
  assigning<T>(topic: string, assignment: Assignment, make: () => T): T {
    this.#assigned.set(topic, assignment)
    try {
      const made = make()
      for (const index of assignment.keys()) {
        const partition = this.#topics.get(topic)?.partitions[index]
        if (partition !== undefined) this.registrationOf(partition)
      }
      return made
    } finally {
      this.#assigned.delete(topic)
    }
  }

  /** Whether a write that asks for all replicas in sync would have enough of them. */
  hasEnoughReplicas(partition: Partition): boolean {
    if (this.nodes.length === 1) return true
    const { replicas, isr } = this.registrationOf(partition)
    return isr.length >= effectiveMinIsr(replicas, this.#rules.minInSyncReplicas(partition.topic))
  }

  /** The broker that coordinates a group or a transactional id; undefined if no broker runs. */
  coordinatorOf(key: string): ClusterNode | undefined {
    const first = toPositive(murmur2(key)) % this.nodes.length
    const inTurn = [...this.nodes.slice(first), ...this.nodes.slice(0, first)]
    return inTurn.find(({ running }) => running)
  }

  /** Stops or starts a broker. Leaders move, each under its next epoch. */
  setRunning(node: ClusterNode, running: boolean): void {
    const partitions = [...this.#topics.values()].flatMap(topic => topic.partitions)
    // Partitions that no request has named had a leader, too: it has to be known before it moves.
    for (const partition of partitions) this.registrationOf(partition)
    const { controllerId } = this
    node.running = running
    if (running) node.brokerEpoch++
    if (this.controllerId !== controllerId) this.#controllerEpoch++
    for (const partition of partitions) {
      if (!this.registrationOf(partition).replicas.includes(node)) continue
      this.#elect(partition)
      // By now those that run are in sync, and the preferred leader need not wait to be elected.
      if (running && this.autoLeaderRebalance) this.#elect(partition, { preferred: true })
    }
    this.#tell()
  }

  /** Elects a leader, as an administrator asks; false if nobody can lead who does not already. */
  electLeader(
    partition: Partition,
    how: { readonly preferred: boolean } | { readonly unclean: boolean },
  ): boolean {
    const { epoch } = this.registrationOf(partition)
    this.#elect(partition, how)
    if (this.registrationOf(partition).epoch === epoch) return false
    this.#tell()
    return true
  }

  /** Moves a partition to other brokers, at once if those that are new to it run. */
  reassign(partition: Partition, target: readonly ClusterNode[]): void {
    this.#elect(partition, {}, reassigned(this.registrationOf(partition), target))
    this.#tell()
  }

  /** Leaves a partition on the brokers where it was; false if nobody there could lead it. */
  cancelReassignment(partition: Partition): boolean {
    const back = cancelled(this.registrationOf(partition), this.#rules.uncleanLeaderElection(partition.topic))
    if (back === undefined) return false
    this.#elect(partition, {}, back)
    this.#tell()
    return true
  }

  #elect(
    partition: Partition,
    how: Omit<Election, 'minInSyncReplicas'> = {},
    changed: PartitionRegistration = this.registrationOf(partition),
  ): void {
    const { topic } = partition
    const minInSyncReplicas = this.#rules.minInSyncReplicas(topic)
    const unclean = this.#rules.uncleanLeaderElection(topic)
    const was = this.registrationOf(partition)
    const is = elect(changed, { unclean, ...how, minInSyncReplicas })
    const next = inNextEpoch(was, is)
    this.#registrations.set(partition, next)
    // More than one server may serve the same log.
    lastEpochs.set(partition, Math.max(next.epoch, lastEpochs.get(partition) ?? 0))
  }

  #tell(): void {
    for (const listener of [...this.listeners]) listener()
  }
}
