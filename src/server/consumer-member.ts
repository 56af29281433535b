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
  #membership: Membership | undefined
  readonly #owned = new Map<string, AssignedPartition>()
  // Partitions that it was told to give up, and has not reported as given up.
  readonly #revoking = new Map<string, AssignedPartition>()
  /** The epoch that it was told last. */
  epoch = 0
  #epochBefore = 0
  /** Whether there is something new to tell it. */
  changed = true
  said: MemberWords = noWords
  /** Why it is no longer a member. */
  gone: BrokerletError | undefined

  constructor(
    memberId: string,
    groupInstanceId: string | undefined,
    began: (topic: string, partition: number) => number | undefined = () => undefined,
  ) {
    this.memberId = memberId
    this.groupInstanceId = groupInstanceId
    this.began = began
  }

  join(join: (listener: MembershipListener) => Membership): void {
    this.#membership = join(this)
  }

  assignmentChanged({ lost, revoked, assigned }: AssignmentUpdate): void {
    for (const tp of lost) {
      this.#owned.delete(formatTopicPartition(tp))
      this.#revoking.delete(formatTopicPartition(tp))
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

  fenced(error: BrokerletError): void {
    this.gone = error
  }

  position(): undefined {
    return undefined
  }

  /**
   * Moves to the group's epoch, unless it still has partitions to give up. Until then it keeps its own epoch, and is
   * not told of new partitions, since it could not commit them. (KIP-848)
   */
  advance(groupEpoch: number): void {
    if (this.epoch > 0 && this.#revoking.size > 0) return
    this.changed ||= this.assignment.length < this.#owned.size
    if (this.epoch !== groupEpoch) this.#epochBefore = this.epoch
    this.epoch = groupEpoch
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

  /** Takes the partitions that it reports: all others that it was told to give up are free. */
  has(partitions: readonly TopicPartition[]): void {
    const kept = new Set(partitions.map(formatTopicPartition))
    this.#release(({ topic, partition }) => !kept.has(formatTopicPartition({ topic, partition })))
  }

  /** Frees partitions that it got and was to give up again between two heartbeats, and so has never heard of. */
  releaseUnheard(): void {
    this.#release(({ assignmentEpoch }) => assignmentEpoch > this.epoch)
  }

  #release(isFree: (owned: AssignedPartition) => boolean): void {
    const released: AssignedPartition[] = []
    for (const [id, owned] of this.#revoking) {
      if (!isFree(owned)) continue
      this.#revoking.delete(id)
      released.push(owned)
    }
    if (released.length > 0) this.#membership!.release(released)
  }

  subscribe(interest: Interest): void {
    void this.#membership!.subscribe(interest)
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

  leave(keepPlace: boolean): void {
    void this.#membership!.leave(keepPlace)
  }
}
