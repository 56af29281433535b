import type { BrokerClock } from '../broker-clock.ts'
import type {
  AssignedPartition,
  AssignmentUpdate,
  EpochOffset,
  Interest,
  Membership,
  MembershipListener,
  PendingCommit,
} from '../engine.ts'
import type { BrokerletError } from '../errors.ts'
import { formatTopicPartition, type TopicPartition, type TopicPartitionOffset } from '../topic-partition.ts'

/** What a member has said of itself, for its description: a pattern is not expanded into topics. */
export interface MemberWords {
  readonly rackId: string | null
  readonly topics: readonly string[]
  readonly pattern: string
}

/** What a member has said that has not said anything yet. */
export const noWords: MemberWords = { rackId: null, topics: [], pattern: '' }

/**
 * A member whose consumer is a client on the wire, and reports in heartbeats what it has given up (KIP-848). For its
 * group it is a member like any other.
 */
export class ConsumerMember implements MembershipListener {
  readonly autoCommit = false
  readonly autoOffsetReset = 'earliest'
  /** Only the fetches of a client tell its isolation level; committed records are there for every client. */
  readonly isolationLevel = 'read_committed'
  readonly memberId: string
  readonly groupInstanceId: string | undefined
  readonly began: (topic: string, partition: number) => number | undefined
  readonly #clock: Pick<BrokerClock, 'monotonic'>
  #membership: Membership | undefined
  readonly #owned = new Map<string, AssignedPartition>()
  // Partitions that it is to give up, and has not reported as given up.
  readonly #revoking = new Map<string, AssignedPartition>()
  // When it heard of those of them that it has heard of.
  readonly #heardAt = new Map<string, number>()
  // The partitions that it may keep, as far as it has heard of them.
  #told = new Map<string, TopicPartition>()
  // The same as of the last answer; undefined if some of it is gone.
  #answered: ReadonlyMap<string, TopicPartition> | undefined = new Map()
  /** The epoch that it was told last. */
  epoch = 0
  #epochBefore = 0
  // It is not told of anything until it is back, as another member.
  #away = false
  /** Whether there is something new to tell it. */
  changed = true
  said: MemberWords = noWords
  /** Why it is no longer a member. */
  gone: BrokerletError | undefined

  constructor(
    memberId: string,
    groupInstanceId: string | undefined,
    clock: Pick<BrokerClock, 'monotonic'>,
    began: (topic: string, partition: number) => number | undefined = () => undefined,
  ) {
    this.memberId = memberId
    this.groupInstanceId = groupInstanceId
    this.#clock = clock
    this.began = began
  }

  join(join: (listener: MembershipListener) => Membership): void {
    this.#membership = join(this)
  }

  assignmentChanged({ lost, revoked, assigned }: AssignmentUpdate): void {
    for (const tp of lost) {
      const id = formatTopicPartition(tp)
      this.#owned.delete(id)
      this.#revoking.delete(id)
      this.#heardAt.delete(id)
      this.#told.delete(id)
      // A topic that is created anew under that name has another id, of which it has to be told.
      if (this.#answered?.has(id)) this.#answered = undefined
    }
    for (const tp of revoked) {
      const id = formatTopicPartition(tp)
      const owned = this.#owned.get(id)
      if (owned === undefined) continue
      this.#owned.delete(id)
      this.#revoking.set(id, owned)
    }
    for (const tp of assigned) this.#owned.set(formatTopicPartition(tp), tp)
    this.changed ||= lost.length + revoked.length + assigned.length > 0
  }

  yields(topic: string, partition: number): boolean {
    const id = formatTopicPartition({ topic, partition })
    return !this.#told.has(id) && (this.#owned.delete(id) || this.#away)
  }

  keeps(topic: string, partition: number): boolean {
    const id = formatTopicPartition({ topic, partition })
    const owned = this.#revoking.get(id)
    if (owned === undefined || this.#heardAt.has(id)) return false
    this.#revoking.delete(id)
    this.#owned.set(id, owned)
    return true
  }

  heardAt(revoked: TopicPartition): number {
    return this.#heardAt.get(formatTopicPartition(revoked)) ?? Number.POSITIVE_INFINITY
  }

  fenced(error: BrokerletError): void {
    this.gone = error
  }

  position(): undefined {
    return undefined
  }

  /**
   * Moves to the group's epoch, unless it still has partitions to give up. Until then it keeps its own epoch, and is
   * not told of new partitions, since it could not commit them. Nor is it to give up more before it has given up what it
   * was told to. (KIP-848)
   */
  advance(groupEpoch: number): void {
    const { epoch } = this
    if (epoch === 0 || this.#revoking.size === 0) {
      this.epoch = groupEpoch
      this.#told = byId(this.assignment)
    } else if (!this.#pends) {
      for (const id of this.#told.keys()) if (!this.#owned.has(id)) this.#told.delete(id)
      for (const id of this.#revoking.keys()) this.#heardAt.set(id, this.#clock.monotonic())
    }
    this.changed = this.#answered === undefined || !haveSameKeys(this.#answered, this.#told)
    if (this.changed) this.#answered = new Map(this.#told)
    if (this.changed || this.epoch !== epoch) this.#epochBefore = epoch
  }

  // Whether it has not yet given up all that it was told to.
  get #pends(): boolean {
    return this.#heardAt.size > 0
  }

  /** The partitions that it is told by the present answer. */
  get answered(): readonly TopicPartition[] {
    return [...(this.#answered?.values() ?? [])]
  }

  /** The partitions that it has as far as it was told, with those that it has still to give up. */
  get told(): readonly TopicPartition[] {
    const revoking = this.revoking.filter(tp => this.#heardAt.has(formatTopicPartition(tp)))
    return [...this.#told.values(), ...revoking]
  }

  /** Whether a heartbeat may name that epoch: its own, or the one before if it missed the last answer (KIP-848). */
  mayComeWith(epoch: number, partitions: readonly TopicPartition[] | undefined): boolean {
    if (epoch === this.epoch) return true
    if (epoch !== this.#epochBefore || partitions === undefined) return false
    return partitions.map(formatTopicPartition).every(id => this.#owned.has(id) || this.#revoking.has(id))
  }

  /** The partitions that it has and may keep, as far as it can know at its epoch. */
  get assignment(): readonly TopicPartition[] {
    return [...this.#owned.values()].filter(({ assignmentEpoch }) => assignmentEpoch <= this.epoch)
  }

  /** The partitions that it has and was told to give up. */
  get revoking(): readonly TopicPartition[] {
    return [...this.#revoking.values()]
  }

  /**
   * Takes the partitions that it reports. Those that it was told to give up are free once it has none of them any more;
   * then also those that it would be told to give up now. (Kafka: CurrentAssignmentBuilder.ownsRevokedPartitions)
   */
  has(partitions: readonly TopicPartition[]): void {
    const kept = new Set(partitions.map(formatTopicPartition))
    for (const heard of [true, false]) {
      const ids = [...this.#revoking.keys()].filter(id => this.#heardAt.has(id) === heard)
      if (ids.some(id => kept.has(id))) return
      const given = new Set(ids)
      this.#release(tp => given.has(formatTopicPartition(tp)))
    }
  }

  #release(isFree: (owned: AssignedPartition) => boolean): void {
    const released: AssignedPartition[] = []
    for (const [id, owned] of this.#revoking) {
      if (!isFree(owned)) continue
      this.#revoking.delete(id)
      this.#heardAt.delete(id)
      released.push(owned)
    }
    if (released.length > 0) this.#membership!.release(released)
  }

  /** Of topics that it no longer reads it is told at once, even while it has others to give up. */
  subscribe(interest: Interest): void {
    const pends = this.#pends
    void this.#membership!.subscribe(interest)
    if (!pends) return
    for (const [id, { topic }] of this.#told) {
      if (isOf(interest, topic)) continue
      this.#told.delete(id)
      if (this.#revoking.has(id)) this.#heardAt.set(id, this.#clock.monotonic())
    }
  }

  /** A commit. It is refused (CommitFailedError) if a partition is not the member's, or was not at that epoch. */
  prepareCommit(offsets: readonly TopicPartitionOffset[], memberEpoch: number): PendingCommit {
    // A membership in memory can always prepare one.
    return this.#membership!.prepareCommit!(this.#underEpochs(offsets, memberEpoch))!
  }

  // A commit may name any epoch that the member was told since it got the partition (KIP-1251). Else -1: refused.
  #underEpochs(offsets: readonly TopicPartitionOffset[], memberEpoch: number): EpochOffset[] {
    return offsets.map(offset => {
      const id = formatTopicPartition(offset)
      const owned = this.#owned.get(id) ?? this.#revoking.get(id)
      const current = owned !== undefined && memberEpoch >= owned.assignmentEpoch && memberEpoch <= this.epoch
      return { ...offset, assignmentEpoch: current ? owned.assignmentEpoch : -1 }
    })
  }

  /** Leaves. With `keepPlace`, what it was told to give up is free, and it keeps the rest for when it comes back. */
  leave(keepPlace: boolean): void {
    this.#away = keepPlace
    if (keepPlace) this.#release(tp => this.#heardAt.has(formatTopicPartition(tp)))
    void this.#membership!.leave(keepPlace)
  }
}

function byId(partitions: readonly TopicPartition[]): Map<string, TopicPartition> {
  return new Map(partitions.map(tp => [formatTopicPartition(tp), tp]))
}

function haveSameKeys(one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>): boolean {
  return one.size === other.size && [...one.keys()].every(key => other.has(key))
}

function isOf(interest: Interest, topic: string): boolean {
  if (interest.kind === 'patterns') return interest.patterns.some(pattern => pattern.test(topic))
  return interest.kind === 'topics' && interest.names.includes(topic)
}
