import type { BrokerClock } from '../broker-clock.ts'
import type { AssignmentUpdate } from '../engine.ts'
import type { Outbox } from '../outbox.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'
import type { ComputeAssignment, TargetAssignment } from './assignment-problem.ts'
import type { GroupTopics } from './group-log.ts'
import type { GroupMember } from './group-member.ts'
import { GroupPartition } from './group-partition.ts'
import { countOwed, nextStep, type Step } from './reconciliation.ts'

/** What an assignment needs of its group. */
export interface AssignmentHost {
  readonly clock: BrokerClock
  readonly outbox: Outbox
  readonly topics: GroupTopics
  readonly members: Iterable<GroupMember>
  /** The key of a member's timer. */
  timer(member: GroupMember): string
  /** A member did not give up in time the partitions that it was told to. */
  overdue(member: GroupMember): void
  /** Every member owns its target; so many partitions moved from one member to another. */
  atRest(moved: number): void
}

/** A target that is computed, and not applied yet. */
export interface ComputedTarget {
  readonly names: readonly string[]
  readonly target: TargetAssignment
  readonly members: readonly GroupMember[]
  /** The assignor failed: the target is what was left of the old one. */
  readonly failed?: boolean
}

type Partition = GroupPartition<GroupMember>

interface Change {
  lost: TopicPartition[]
  revoked: TopicPartition[]
  assigned: { topic: string; partition: number; assignmentEpoch: number }[]
  settled: boolean
}

type Changes = Map<GroupMember, Change>

/** The epoch of a group that nobody has joined yet. (Kafka: ModernGroup) */
export const firstEpoch = 1

/** The target owner and the present owner of each partition of a group, and the way from one to the other (KIP-848). */
export class GroupAssignment {
  readonly #host: AssignmentHost
  readonly #partitions = new Map<string, Partition[]>()
  readonly #unsettled = new Set<Partition>()
  #epoch = firstEpoch
  #moved = 0
  #atRest = true
  #failed = false
  #adopted = false

  constructor(host: AssignmentHost) {
    this.#host = host
  }

  /** Grows with every new target. */
  get epoch(): number {
    return this.#epoch
  }

  get settled(): boolean {
    return this.#unsettled.size === 0
  }

  /** Whether the assignor failed, so that what was left of the old target stands. */
  get failed(): boolean {
    return this.#failed
  }

  /** Whether members were adopted with their partitions: no target covers all partitions yet. */
  get adopted(): boolean {
    return this.#adopted
  }

  /** Whether the topic's partitions are assigned. */
  has(topic: string): boolean {
    return this.#partitions.has(topic)
  }

  partition(topic: string, partition: number): Partition | undefined {
    return this.#partitions.get(topic)?.[partition]
  }

  *#all(): IterableIterator<Partition> {
    for (const partitions of this.#partitions.values()) yield* partitions
  }

  /** The targets by the ids of members, whether or not they own all of it yet; of all in one pass. */
  get targets(): ReadonlyMap<string, readonly TopicPartition[]> {
    const targets = new Map<string, TopicPartition[]>()
    for (const { topic, partition, target } of this.#all()) {
      if (target === undefined) continue
      const known = targets.get(target.memberId)
      if (known === undefined) targets.set(target.memberId, [{ topic, partition }])
      else known.push({ topic, partition })
    }
    return targets
  }

  // --- the target ---------------------------------------------------------------------------------------------------

  /** Computes a target with an assignor; changes nothing. */
  compute(members: readonly GroupMember[], assignor: ComputeAssignment): ComputedTarget {
    // An assignor of one's own may count on a member.
    if (members.length === 0) return { names: [], target: [], members }
    const { names, subscribed } = namesOf(new Set(members.map(member => member.topics)))
    // A member that leaves keeps index -1, so the partitions of its target are free.
    for (const member of this.#host.members) member.index = -1
    for (let index = 0; index < members.length; index++) members[index]!.index = index
    const topics = names.map(name => ({ name, partitions: this.#host.topics.get(name)!.partitions.length }))
    const target = assignor({
      members: members.map(({ memberId, groupInstanceId, topics: list }) => ({
        memberId,
        groupInstanceId,
        subscribed: subscribed.get(list)!,
      })),
      topics,
      current: topics.map(topic => this.#currentTarget(topic)),
    })
    return { names, target, members }
  }

  #currentTarget({ name, partitions: count }: { name: string; partitions: number }): Int32Array {
    const current = new Int32Array(count).fill(-1)
    const partitions = this.#partitions.get(name) ?? []
    const known = Math.min(count, partitions.length)
    for (let i = 0; i < known; i++) current[i] = partitions[i]!.target?.index ?? -1
    return current
  }

  /** Makes a target the group's, and starts to reconcile. `changed` is told even if it gets no partition. */
  apply(computed: ComputedTarget, changed?: GroupMember, lost?: LostPartitions): void {
    const { names, target, members, failed = false } = computed
    this.#epoch++
    this.#failed = failed
    this.#adopted = false
    for (let t = 0; t < names.length; t++) {
      const name = names[t]!
      const owners = target[t]!
      const partitions = this.#partitions.get(name) ?? []
      if (partitions.length === 0) this.#partitions.set(name, partitions)
      for (let p = 0; p < owners.length; p++) {
        const partition = partitions[p] ?? this.#newPartition(name, p)
        partitions[p] = partition
        partition.target = members[owners[p]!]
      }
    }
    if (this.#partitions.size > names.length) this.#wantOnly(new Set(names))
    this.#atRest = false
    this.#reconcileAll(changed, lost)
  }

  #wantOnly(wanted: ReadonlySet<string>): void {
    for (const [name, partitions] of this.#partitions) {
      if (!wanted.has(name)) for (const partition of partitions) partition.target = undefined
    }
  }

  #newPartition(topic: string, number: number): Partition {
    const partition = new GroupPartition<GroupMember>(topic, number)
    partition.log = this.#host.topics.get(topic)?.partitions[number]
    return partition
  }

  /** A member replaces one that is gone, and gets its partitions at once; no other member rebalances. */
  takePlace(former: GroupMember, member: GroupMember): void {
    this.#epoch++
    for (const partition of this.#all()) if (partition.target === former) partition.target = member
    for (const partition of [...former.owned]) {
      this.#disown(partition)
      partition.lastOwner = member
    }
    this.#reconcileAll(member)
  }

  /**
   * Adds a member with the partitions that it was assigned elsewhere, and their epoch; they stay
   * its target until the next one.
   */
  adopt(member: GroupMember, owned: readonly TopicPartition[], epoch: number): void {
    this.#epoch = Math.max(this.#epoch, epoch)
    this.#adopted = true
    for (const { topic, partition: number } of owned) {
      const partition = this.#partitionsOf(topic)[number]
      if (partition === undefined || partition.owner !== undefined) continue
      partition.target = member
      partition.owner = member
      partition.lastOwner = member
      partition.epoch = epoch
      member.owned.add(partition)
    }
  }

  #partitionsOf(topic: string): Partition[] {
    let partitions = this.#partitions.get(topic)
    if (partitions === undefined) {
      const logs = this.#host.topics.get(topic)?.partitions ?? []
      partitions = logs.map((_, number) => this.#newPartition(topic, number))
      this.#partitions.set(topic, partitions)
    }
    return partitions
  }

  // --- the way to it ------------------------------------------------------------------------------------------------

  #reconcileAll(changed?: GroupMember, lost?: LostPartitions): void {
    const waited = [...this.#host.members].filter(member => member.owed > 0)
    const unsettled = this.#findUnsettled()
    countOwed(this.#host.members, unsettled)
    const changes: Changes = new Map()
    for (const [member, partitions] of lost ?? []) changeOf(changes, member).lost = partitions
    this.#step(unsettled, changes)
    if (changed) changeOf(changes, changed)
    for (const member of waited) if (member.owed === 0) changeOf(changes, member)
    this.#tell(changes)
    for (const [name, partitions] of this.#partitions) {
      if (!partitions.some(({ owner, target }) => owner ?? target)) this.#partitions.delete(name)
    }
    this.#rest()
  }

  // With a new target most partitions stay where they are, and one look at each is enough.
  #findUnsettled(): readonly Partition[] {
    const unsettled: Partition[] = []
    for (const partitions of this.#partitions.values()) {
      for (const partition of partitions) if (!partition.settled) unsettled.push(partition)
    }
    for (const partition of this.#unsettled) if (partition.settled) this.#unsettled.delete(partition)
    return unsettled
  }

  #step(partitions: Iterable<Partition>, changes: Changes): void {
    for (const partition of partitions) {
      const step = this.#nextStep(partition)
      if (step === 'grant') this.#grant(partition, changes)
      else if (step === 'revoke') this.#revoke(partition, changes)
      else if (step === 'keep') this.#keep(partition)
      if (partition.settled) this.#unsettled.delete(partition)
      else this.#unsettled.add(partition)
    }
  }

  // What its owner has not heard of is free at once.
  #nextStep(partition: Partition): Step {
    const step = nextStep(partition)
    if (step !== 'revoke' || !partition.owner!.listener.yields?.(partition.topic, partition.partition))
      return step
    this.#disown(partition)
    return nextStep(partition)
  }

  #tell(changes: Changes): void {
    for (const [member, change] of changes) {
      change.settled = member.owed === 0
      const update: AssignmentUpdate = change
      if (member.connected) this.#host.outbox.push(() => member.listener.assignmentChanged(update))
    }
  }

  #grant(partition: Partition, changes: Changes): void {
    const member = partition.target!
    partition.owner = member
    partition.epoch = this.#epoch
    if (partition.lastOwner !== undefined && partition.lastOwner !== member) this.#moved++
    partition.lastOwner = member
    member.owned.add(partition)
    member.owed--
    const { topic, partition: number, epoch: assignmentEpoch } = partition
    changeOf(changes, member).assigned.push({ topic, partition: number, assignmentEpoch })
  }

  #revoke(partition: Partition, changes: Changes): void {
    const member = partition.owner!
    // A member that is away cannot give up anything; when its session expires, all its partitions are free.
    if (!member.connected) return
    partition.revokingSince = this.#host.clock.monotonic()
    changeOf(changes, member).revoked.push({ topic: partition.topic, partition: partition.partition })
    if (!this.#host.clock.scheduled(this.#host.timer(member))) this.#limit(member, member.rebalanceTimeoutMs)
  }

  #keep(partition: Partition): void {
    const member = partition.owner!
    if (!member.listener.keeps?.(partition.topic, partition.partition)) return
    partition.revokingSince = undefined
    member.owed--
    this.#endLimit(member)
  }

  #endLimit(member: GroupMember): void {
    for (const { revokingSince } of member.owned) if (revokingSince !== undefined) return
    this.#host.clock.unschedule(this.#host.timer(member))
  }

  #limit(member: GroupMember, delayMs: number): void {
    this.#host.clock.schedule(this.#host.timer(member), delayMs, () => {
      const now = this.#host.clock.monotonic()
      let since = now
      for (const each of member.owned) {
        since = Math.min(since, member.listener.heardAt?.(each) ?? each.revokingSince ?? now)
      }
      const left = since + member.rebalanceTimeoutMs - now
      if (left > 0) this.#limit(member, left)
      else this.#host.overdue(member)
    })
  }

  /** A member has finished with these partitions, so their next owners may get them. */
  release(member: GroupMember, released: readonly TopicPartition[]): void {
    const free: Partition[] = []
    for (const { topic, partition } of released) {
      const owned = this.partition(topic, partition)
      if (owned?.owner !== member || owned.revokingSince === undefined) continue
      this.#disown(owned)
      free.push(owned)
    }
    this.#endLimit(member)
    const changes: Changes = new Map()
    this.#step(free, changes)
    this.#tell(changes)
    this.#rest()
  }

  /** A member is gone, so all its partitions are free. */
  disownAll(member: GroupMember): void {
    for (const partition of [...member.owned]) this.#disown(partition)
  }

  /** A topic is gone, so its partitions are lost to their owners. */
  forgetTopic(topic: string): LostPartitions {
    const lost = new Map<GroupMember, TopicPartition[]>()
    for (const partition of this.#partitions.get(topic) ?? []) {
      const { owner } = partition
      if (owner) {
        this.#disown(partition)
        const list = lost.get(owner) ?? []
        list.push({ topic, partition: partition.partition })
        lost.set(owner, list)
      }
      this.#unsettled.delete(partition)
    }
    this.#partitions.delete(topic)
    return lost
  }

  #disown(partition: Partition): void {
    partition.owner?.owned.delete(partition)
    partition.owner = undefined
    partition.revokingSince = undefined
    partition.committed = undefined
    this.#positionLost(partition)
  }

  /** The committed offset of a partition is gone, though its owner may still be giving it up. */
  forgetCommitted(topic: string, partition: number): void {
    const owned = this.partition(topic, partition)
    if (owned !== undefined) owned.committed = undefined
  }

  /**
   * The position of a member is no longer known: records that it was handed and has not committed are to be read again.
   */
  positionsLost(member: GroupMember): void {
    for (const partition of member.owned) this.#positionLost(partition)
  }

  #positionLost({ topic, partition }: TopicPartition): void {
    this.#host.topics.get(topic)?.partitions[partition]?.readFrom(0)
  }

  #rest(): void {
    if (this.#unsettled.size > 0 || this.#atRest) return
    this.#atRest = true
    const moved = this.#moved
    this.#moved = 0
    this.#host.atRest(moved)
  }

  /** The remaining steps, as sentences. */
  explain(): string[] {
    return [...this.#unsettled].map(partition => {
      const { owner, target } = partition
      if (owner === undefined) return `${formatTopicPartition(partition)} has no owner`
      const next = target === undefined ? 'nobody' : `'${target.memberId}'`
      return `'${owner.memberId}' has not released ${formatTopicPartition(partition)} for ${next}`
    })
  }
}

// The topics that members read, sorted, and each list of topics as indices into them.
function namesOf(lists: ReadonlySet<readonly string[]>): {
  readonly names: readonly string[]
  readonly subscribed: ReadonlyMap<readonly string[], readonly number[]>
} {
  const [first] = lists
  // Mostly all members read the same topics, maybe thousands of them.
  if (first !== undefined && lists.size === 1) {
    return { names: first, subscribed: new Map([[first, Array.from(first.keys())]]) }
  }
  const names = [...new Set([...lists].flat())].sort()
  const indexOf = new Map(names.map((name, index) => [name, index]))
  return { names, subscribed: new Map([...lists].map(list => [list, list.map(name => indexOf.get(name)!)])) }
}

/** Partitions that are gone, by their former owners. */
export type LostPartitions = Map<GroupMember, TopicPartition[]>

function changeOf(changes: Changes, member: GroupMember): Change {
  let change = changes.get(member)
  if (change === undefined) {
    change = { lost: [], revoked: [], assigned: [], settled: false }
    changes.set(member, change)
  }
  return change
}
