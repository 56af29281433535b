import type { AssignedPartition, AssignmentUpdate } from '../engine.ts'
import type { TopicPartition } from '../topic-partition.ts'
import type { Cluster } from './cluster.ts'
import type { IdPartitions } from './library-messages.ts'
import { type IdPartition, type OwnedPartition, OwnedPartitions } from './owned-partitions.ts'
import { hasWhatIsMeant } from './target-assignment.ts'

/** A member that follows the assignments of its group. */
export interface ReconcilingMember {
  readonly cluster: Cluster
  readonly groupId: string
  readonly memberId: string
  memberEpoch(): number
  /** The topics that it reads. */
  names(): readonly string[]
  /** Whether the group has heard all that the member has said: otherwise its assignment answers an earlier subscription. */
  isHeard(): boolean
  /** Whether it follows nothing any more. */
  isGone(): boolean
  /** What it owns has changed: the next heartbeat reports that. With `soon` that heartbeat comes at once. */
  ownsOthers(how?: { readonly soon: boolean }): void
  tell(update: AssignmentUpdate): void
}

const nothing = { lost: [], revoked: [], assigned: [] }

function plain({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition }
}

/**
 * A member's way from what it owns to what its group assigns (KIP-848): it gives partitions up before it takes others on, and
 * finds out whether it has all that it is meant to have. Apart from the heartbeats, since it may take longer than the
 * member may be silent.
 */
export class Reconciliation {
  readonly #member: ReconcilingMember
  readonly #owned: OwnedPartitions
  #assignment: readonly IdPartitions[] = []
  // The assignment that is followed.
  #followed: readonly IdPartitions[] = this.#assignment
  #following: Promise<void> | undefined
  #hasHeard = false
  // Whether the last assignment named topics that were unknown here: another look may find them.
  #unnamed = false
  #settled = false

  constructor(member: ReconcilingMember) {
    this.#member = member
    this.#owned = new OwnedPartitions(member.cluster)
  }

  /** Whether the member has its whole target assignment, as it was told. */
  get settled(): boolean {
    return this.#settled
  }

  /** Notes what a heartbeat was answered with: null if the assignment is the same as before. */
  hear(assignment: readonly IdPartitions[] | null): void {
    this.#hasHeard = true
    if (assignment !== null) this.#assignment = assignment
  }

  /** Follows the assignment, and those that are heard of meanwhile. */
  follow(): Promise<void> {
    this.#following ??= this.#followAll()
    return this.#following
  }

  async #followAll(): Promise<void> {
    try {
      // So that it does not end before it is noted.
      await undefined
      while (this.#hasHeard && !this.#member.isGone()) {
        this.#hasHeard = false
        await this.#followOne(this.#assignment)
      }
    } finally {
      this.#following = undefined
    }
  }

  async #followOne(assignment: readonly IdPartitions[]): Promise<void> {
    // What the next assignment does not name any more may be another member's by now: the group hears meanwhile that it is
    // not owned here.
    const overtaken = () => this.#member.isGone() || this.#assignment !== assignment
    if (assignment !== this.#followed || this.#unnamed) {
      const target = await this.#named(assignment)
      if (overtaken()) return
      this.#owned.aimAt(target)
      this.#followed = assignment
    }
    await this.#reconcile(overtaken)
  }

  async #named(assigned: readonly IdPartitions[]): Promise<IdPartition[]> {
    const { cluster } = this.#member
    const isUnnamed = () => assigned.some(({ topicId }) => cluster.nameOf(topicId) === undefined)
    if (isUnnamed()) await cluster.refresh()
    this.#unnamed = isUnnamed()
    return assigned.flatMap(({ topicId, partitions }) => {
      const topic = cluster.nameOf(topicId)
      return topic === undefined ? [] : partitions.map(partition => ({ topic, partition, topicId }))
    })
  }

  async #reconcile(overtaken: () => boolean): Promise<void> {
    const { cluster, groupId, memberId } = this.#member
    if (this.#owned.leaving.some(({ revoking }) => !revoking)) await cluster.refresh()
    if (overtaken()) return
    const { lost, revoked } = this.#owned.giveUp()
    // Nobody releases what is lost, and the group may assign nothing else before it hears that it is given up.
    if (lost.length > 0) this.#member.ownsOthers({ soon: true })
    const assigned = this.#takeOn()
    const changes = { lost: lost.map(plain), revoked: revoked.map(plain), assigned }
    const hasAll = this.#hasAll
    this.#report(changes, hasAll ?? false)
    if (hasAll !== undefined) return
    const answer = await hasWhatIsMeant(cluster, groupId, {
      memberId,
      names: this.#member.names(),
      partitionCount: this.#owned.target.length,
      goesOn: () => !this.#member.isGone(),
    })
    if (!overtaken()) this.#report(nothing, answer)
  }

  #report(changes: Omit<AssignmentUpdate, 'settled'>, hasAll: boolean): void {
    const settled = hasAll && this.#member.isHeard()
    const { lost, revoked, assigned } = changes
    if (lost.length + revoked.length + assigned.length === 0 && settled === this.#settled) return
    this.#settled = settled
    this.#member.tell({ ...changes, settled })
  }

  #takeOn(): OwnedPartition[] {
    const assigned = this.#owned.takeOn(this.#member.memberEpoch())
    if (assigned.length > 0) this.#member.ownsOthers()
    return assigned
  }

  // Undefined where it is not known: without partitions of a topic it may still be waiting for others to give some up.
  get #hasAll(): boolean | undefined {
    if (this.#owned.revoking || this.#unnamed) return false
    const topics = new Set(this.#owned.target.map(({ topic }) => topic))
    const hasSome = (name: string) => topics.has(name)
    return this.#settled || (topics.size > 0 && this.#member.names().every(hasSome)) ? true : undefined
  }

  /** The partitions are given up: their handlers have ended. */
  release(partitions: readonly AssignedPartition[]): void {
    this.#owned.release(partitions)
    // One that was assigned again meanwhile is taken on, under another epoch, with the answer to the next heartbeat.
    this.#settled = false
    this.#member.ownsOthers({ soon: true })
  }

  /** The member has asked for something else, or could not follow: whether it has all is to be found out anew. */
  unsettle(): void {
    this.#settled = false
  }

  /** @see OwnedPartitions.holds */
  holds(tp: TopicPartition, assignmentEpoch: number): boolean {
    return this.#owned.holds(tp, assignmentEpoch)
  }

  /** What the member owns, as a heartbeat lists it. */
  owned(): IdPartitions[] {
    return this.#owned.byTopicId()
  }
}
