import type {
  AssignedPartition,
  CommittedPosition,
  EpochOffset,
  Interest,
  JoinRequest,
  Membership,
  MembershipListener,
} from '../engine.ts'
import { BrokerletError, isRetriable, UnknownMemberIdError } from '../errors.ts'
import type { Outbox } from '../outbox.ts'
import { TaskQueue } from '../task-queue.ts'
import { describeError } from '../thrown.ts'
import type { TopicPartition } from '../topic-partition.ts'
import type { ClientLibrary } from './client-library.ts'
import type { Cluster } from './cluster.ts'
import { type CommittingMember, GroupCommits } from './group-commits.ts'
import type { Committing, GroupIdentity } from './group-offsets.ts'
import { Heartbeats } from './heartbeats.ts'
import { largestInt32 } from './int32.ts'
import { topicsOf, watchedBy } from './interest.ts'
import { leaveGroup, leaving } from './leave-group.ts'
import { Reconciliation, type ReconcilingMember } from './reconciliation.ts'

/** What members of groups share. */
export interface MembershipHost {
  readonly cluster: Cluster
  readonly outbox: Outbox
  readonly autoCommitIntervalMs: number
  /** A group is told that a member goes: its connection is to stay until it has heard so. */
  passing<T>(passage: Promise<T>): Promise<T>
}

type HeartbeatResponse = Awaited<ReturnType<ClientLibrary['consumerGroupHeartbeatV1']['api']['async']>>

// The heartbeat interval while the member waits for others to give up partitions: shorter than the group's.
const unsettledBeatMs = 500

function toInt32(ms: number): number {
  return Math.min(Math.ceil(ms), largestInt32)
}

/**
 * A consumer's membership in a cluster's group, which assigns on the broker (KIP-848). By heartbeats the member
 * shows that it is alive and reports the partitions that it owns. It is told its assignment, and gives partitions up
 * before another member gets them.
 */
export class GroupMembership implements Membership {
  readonly memberId: string
  readonly autoCommitIntervalMs: number
  readonly #cluster: Cluster
  readonly #outbox: Outbox
  readonly #passing: MembershipHost['passing']
  readonly #request: JoinRequest
  readonly #groupId: string
  readonly #listener: MembershipListener
  readonly #commits: GroupCommits
  readonly #reconciliation: Reconciliation
  readonly #heartbeats: Heartbeats
  // What it is told to read, in the order in which it is told so: each may have to be looked up.
  readonly #changes = new TaskQueue()
  #interest: Interest
  #names: readonly string[] = []
  // The names that the group has heard of: its assignment is for these.
  #heardNames: readonly string[] = []
  #memberEpoch = 0
  #intervalMs = 0
  // The next heartbeat sends everything, since the last one may not have arrived.
  #full = true
  // The next heartbeat reports the owned partitions.
  #changed = false
  #joined = false
  #gone: unknown
  #left = false
  #unwatch: (() => void) | undefined
  // What a heartbeat set out to follow last.
  #following: Promise<void> | undefined

  constructor(
    host: MembershipHost,
    memberId: string,
    groupId: string,
    request: JoinRequest,
    listener: MembershipListener,
  ) {
    // The member chooses its own id (KIP-848).
    this.memberId = memberId
    this.autoCommitIntervalMs = host.autoCommitIntervalMs
    this.#cluster = host.cluster
    this.#outbox = host.outbox
    this.#passing = passage => host.passing(passage)
    this.#groupId = groupId
    this.#request = request
    this.#interest = request.interest
    this.#listener = listener
    this.#reconciliation = new Reconciliation(this.#asReconciling())
    this.#commits = new GroupCommits(this.#asCommitting())
    this.#heartbeats = new Heartbeats({
      memberId,
      clock: host.cluster.clock,
      random: host.cluster.random,
      intervalMs: () =>
        this.#reconciliation.settled ? this.#intervalMs : Math.min(this.#intervalMs, unsettledBeatMs),
      beat: async () => {
        await this.#beat()
        this.#followLater()
      },
      failing: error => this.#tellFailing(error),
      failed: error => this.#fence(error),
    })
  }

  #asReconciling(): ReconcilingMember {
    return {
      cluster: this.#cluster,
      groupId: this.#groupId,
      memberId: this.memberId,
      memberEpoch: () => this.#memberEpoch,
      names: () => this.#names,
      isHeard: () => !this.#full && this.#heardNames === this.#names && this.#changes.size === 0,
      isGone: () => this.#isGone,
      ownsOthers: ({ soon } = { soon: false }) => {
        this.#changed = true
        if (soon) this.#heartbeats.soon()
      },
      tell: update => {
        this.#outbox.push(() => this.#listener.assignmentChanged(update))
        this.#outbox.flush()
      },
    }
  }

  #asCommitting(): CommittingMember {
    return {
      cluster: this.#cluster,
      groupId: this.#groupId,
      memberId: this.memberId,
      identity: () => this.#identity,
      holds: (tp, assignmentEpoch) => this.#reconciliation.holds(tp, assignmentEpoch),
      gone: () => this.#gone,
      beatAgain: async () => {
        this.#heartbeats.soon()
        await this.#cluster.clock.turn()
        await this.#heartbeats.idle()
      },
    }
  }

  get cluster(): Cluster {
    return this.#cluster
  }

  /** @throws the error with which the group refuses the member */
  async join(): Promise<void> {
    try {
      await this.#turnTo(this.#interest, this.#request.rejoins)
      await this.#beat()
      void this.#heartbeats.run()
      await this.#reconciliation.follow()
      if (this.#gone !== undefined) throw this.#gone
      this.#joined = true
    } catch (error) {
      this.#end()
      // The group may have accepted it before something else failed; its caller knows no member to close.
      if (this.#memberEpoch > 0) await this.#leaveQuietly()
      throw this.#gone ?? error
    }
  }

  // Also where its consumer was closed while it joined, and so knows no member that could leave.
  get #isGone(): boolean {
    return this.#left || this.#listener.muted === true
  }

  // --- heartbeats ---------------------------------------------------------------------------------------------------

  async #beat(): Promise<void> {
    const { groupInstanceId, rebalanceTimeoutMs, assignor } = this.#request
    let full = this.#full
    let names: readonly string[] | null = null
    const changed = this.#changed
    this.#full = false
    this.#changed = false
    try {
      const response = await this.#cluster.askCoordinator('group', this.#groupId, {
        what: `Member '${this.memberId}' of group '${this.#groupId}'`,
        api: this.#cluster.library.consumerGroupHeartbeatV1,
        request: () => {
          const says = full || this.#memberEpoch === 0
          full = true
          names = says ? this.#names : null
          return [
            this.#groupId,
            this.memberId,
            this.#memberEpoch,
            groupInstanceId ?? null,
            null,
            says ? toInt32(rebalanceTimeoutMs) : -1,
            names,
            null,
            says && typeof assignor === 'string' ? assignor : null,
            this.#memberEpoch === 0 ? [] : says || changed ? this.#reconciliation.owned() : null,
          ] as const
        },
        errno: ({ errorCode }) => errorCode,
        message: ({ errorMessage }) => errorMessage,
        goesOn: () => !this.#isGone,
        beats: true,
      })
      this.#heard(response, names)
    } catch (error) {
      this.#full = true
      throw error
    }
  }

  // --- the assignment -----------------------------------------------------------------------------------------------

  #heard(
    { memberEpoch, heartbeatIntervalMs, assignment }: HeartbeatResponse,
    names: readonly string[] | null,
  ): void {
    this.#memberEpoch = memberEpoch
    this.#intervalMs = heartbeatIntervalMs
    if (names !== null) this.#heardNames = names
    // The next heartbeat reports the owned partitions, even if they are the same as before.
    if (assignment !== null) this.#changed = true
    this.#reconciliation.hear(assignment?.topicPartitions ?? null)
  }

  #followLater(): void {
    const following = this.#reconciliation.follow()
    // Many heartbeats may pass meanwhile: what fails is told once.
    if (following === this.#following) return
    this.#following = following
    following.catch(error => {
      if (this.#left) return
      if (!isRetriable(error)) return this.#fence(error)
      this.#tellFailing(error)
      // A full heartbeat is answered with the assignment. Not at its time: others may wait for what is to be given up.
      this.#sayAll()
    })
  }

  #tellFailing(error: BrokerletError): void {
    this.#outbox.push(() => this.#listener.failing?.(error))
    this.#outbox.flush()
  }

  #sayAll(): void {
    this.#full = true
    this.#reconciliation.unsettle()
    this.#heartbeats.soon()
  }

  release(partitions: readonly AssignedPartition[]): void {
    this.#reconciliation.release(partitions)
  }

  /** Ends, since it is not known any more what is committed: who joins again learns that from the group. */
  startAnew(reason: unknown): void {
    if (this.#left) return
    this.#fence(reason)
  }

  #fence(error: unknown): void {
    this.#gone = error
    this.#end()
    // Whoever still joins hears of it, and leaves.
    if (!this.#joined) return
    void this.#passing(this.#leaveQuietly())
    const reason =
      error instanceof BrokerletError
        ? error
        : new UnknownMemberIdError(describeError(error), { cause: error })
    this.#outbox.push(() => this.#listener.fenced(reason))
    this.#outbox.flush()
  }

  // --- what it reads ------------------------------------------------------------------------------------------------

  subscribe(interest: Interest): Promise<void> {
    return this.#changes.add(() => this.#change(interest))
  }

  async #change(interest: Interest): Promise<void> {
    const before = this.#interest
    try {
      await this.#turnTo(interest, false)
    } catch (error) {
      this.#interest = before
      this.#watch()
      throw error
    }
    // A full heartbeat is answered with the assignment, whether or not it has changed.
    this.#sayAll()
  }

  async #turnTo(interest: Interest, mayBeMissing: boolean): Promise<void> {
    if (interest.kind === 'topics' && !mayBeMissing) await this.#cluster.requireTopics(interest.names)
    this.#interest = interest
    this.#watch()
    if (interest.kind === 'patterns') await this.#cluster.refresh()
    this.#names = topicsOf(interest, this.#cluster)
  }

  #watch(): void {
    this.#unwatch?.()
    this.#unwatch = undefined
    // It may have left while it was about to read something else.
    if (this.#left) return
    const topics = watchedBy(this.#interest, this.#cluster)
    this.#unwatch = this.#cluster.watch(() => this.#lookForTopics(), topics)
  }

  #lookForTopics(): void {
    const names = topicsOf(this.#interest, this.#cluster)
    if (names.join() === this.#names.join()) return
    this.#names = names
    this.#full = true
    this.#heartbeats.soon()
  }

  // --- committing ---------------------------------------------------------------------------------------------------

  // What it commits under.
  get #identity(): GroupIdentity {
    const { groupInstanceId } = this.#request
    return {
      groupId: this.#groupId,
      memberId: this.memberId,
      memberEpoch: this.#memberEpoch,
      groupInstanceId,
    }
  }

  commit(offsets: readonly EpochOffset[]): Promise<void> {
    return this.#commits.commit(offsets)
  }

  /** @see GroupCommits.asMember */
  asMember(offsets: readonly EpochOffset[], commit: (identity: Committing) => Promise<void>): Promise<void> {
    return this.#commits.asMember(offsets, commit)
  }

  committed(tp: TopicPartition): Promise<CommittedPosition | null> {
    return this.#commits.committed(tp)
  }

  // --- leaving ------------------------------------------------------------------------------------------------------

  /**
   * Leaves the group. With `keepPlace` it is only away for now: a static member says so, any other falls
   * silent until its session expires.
   */
  async leave(keepPlace: boolean): Promise<void> {
    if (this.#left) return
    this.#end()
    await this.#passing(this.#goAway(keepPlace))
  }

  async #goAway(keepPlace: boolean): Promise<void> {
    await this.#commits.idle()
    await this.#heartbeats.idle()
    if (!keepPlace) await leaveGroup(this.#cluster, this.#identity, leaving.forGood)
    else if (this.#request.groupInstanceId !== undefined)
      await leaveGroup(this.#cluster, this.#identity, leaving.forNow)
  }

  #end(): void {
    this.#left = true
    this.#unwatch?.()
    this.#heartbeats.stop()
  }

  async #leaveQuietly(): Promise<void> {
    try {
      await leaveGroup(this.#cluster, this.#identity, leaving.forGood)
    } catch {
      // The session expires by itself.
    }
  }
}
