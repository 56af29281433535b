import type { Engine, FetchSession, Unread } from '../engine.ts'
import { isPromise } from '../maybe-promise.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'
import type { ConsumerCoordinator } from './consumer-coordinator.ts'
import type { ResolvedConsumerOptions } from './consumer-options.ts'
import { type PartitionState, toTopicPartition } from './partition-state.ts'
import type { Pauses } from './pauses.ts'

/** A partition, and how far it is to be finished. */
export interface PartitionEnd {
  readonly state: PartitionState
  /** Undefined where it is not begun yet; it is then the end that there is when it begins. */
  end: number | undefined
}

/** What a backlog needs of its consumer. */
export interface BacklogHost {
  readonly engine: Engine
  readonly session: FetchSession<PartitionState>
  readonly options: Pick<ResolvedConsumerOptions, 'groupId' | 'interest'>
  /** What errors call the consumer. */
  readonly name: string
  readonly coordinator: ConsumerCoordinator
  readonly pauses: Pauses
}

/** What is in a consumer's partitions and not finished. */
export class Backlog {
  readonly #host: BacklogHost

  constructor(host: BacklogHost) {
    this.#host = host
  }

  /** The partitions that stay paused until someone resumes them; a timed pause ends by itself, and its records are still to come. */
  get paused(): readonly TopicPartition[] {
    return this.#host.coordinator.active.filter(state => !this.#comes(state)).map(toTopicPartition)
  }

  /**
   * How many records a standalone reader has not read; what a member of a group has not read is counted by the group.
   * `polled`: what a poll returned is read, as it is for the group.
   */
  unread(polled: boolean): number {
    const { groupId, interest } = this.#host.options
    if (groupId !== undefined && interest.kind !== 'assign') return 0
    let unread = 0
    for (const state of this.#host.coordinator.active)
      if (this.#comes(state)) unread += polled ? state.unpolled : state.unread
    return unread
  }

  /** Where the partitions end now; while the consumer restarts, those that it had. */
  async ends(): Promise<PartitionEnd[]> {
    const { hadLast } = this.#host.coordinator
    await Promise.all(hadLast.map(refresh))
    return hadLast.map(state => ({ state, end: endOf(state) }))
  }

  /** The same of the partitions that are not paused until someone resumes them. */
  async endsToCome(): Promise<PartitionEnd[]> {
    return (await this.ends()).filter(({ state }) => this.#comes(state))
  }

  /**
   * Resolves when everything up to these ends is finished, or `ended` says that it need not be. The time counts from
   * now, also while the ends are looked up: a cluster may take long to answer. Where that fails, nothing is waited for.
   */
  reach(ends: Promise<readonly PartitionEnd[]>, ended: () => boolean, timeoutMs: number): Promise<void> {
    let known: readonly PartitionEnd[] | undefined
    void ends
      .catch(() => [])
      .then(found => {
        known = found
        this.#host.engine.touch()
      })
    const behind = () => known?.filter(each => this.#isBehind(each))
    const explain = () =>
      behind()
        ?.map(({ state, end }) => {
          const at = end === undefined ? 'not begun yet' : `at ${this.#now(state).finished} of ${end}`
          return `${formatTopicPartition(state)} is ${at}`
        })
        .join(', ') ?? 'the ends are not known yet'
    const condition = () => ended() || behind()?.length === 0
    return this.#host.engine.waitUntil(`${this.#host.name} to catch up`, condition, explain, timeoutMs)
  }

  // A partition that went to another member in the meantime is that member's to finish. While the consumer is away, or
  // follows a change, that is not known: it may have the partition again.
  #isBehind(toEnd: PartitionEnd): boolean {
    const { state } = toEnd
    const now = this.#host.coordinator.state(state)
    toEnd.end ??= endOf(now)
    const { end } = toEnd
    if (end !== undefined) {
      const isRead = ({ finished, unread }: PartitionState) => finished >= end || unread === 0
      if (isRead(state)) return false
      if (now?.phase === 'active') return !isRead(now)
    }
    return now !== undefined || !this.#host.coordinator.settled
  }

  #now(state: PartitionState): PartitionState {
    const now = this.#host.coordinator.state(state)
    return now?.positioned ? now : state
  }

  /** What is left unread in the partitions that the consumer had last. */
  left(): readonly Unread[] {
    const left = this.#host.coordinator.hadLast.map(state => {
      // A hook may still be at work on a partition that was just assigned, and nothing was read of it.
      state.fetch ??= this.#host.session.peek?.(state)
      const finished = Math.max(state.finished, this.#finishedByOthers(state))
      return {
        group: this.#host.options.groupId,
        topic: state.topic,
        partition: state.partition,
        from: Math.max(finished, state.fetch?.logStartOffset ?? 0),
        count: state.positioned ? state.countFrom(finished) : 0,
      }
    })
    return left.filter(({ count }) => count > 0)
  }

  // While the consumer is away, for a restart say, other members may have gone on with its partitions.
  #finishedByOthers(state: PartitionState): number {
    const { groupId } = this.#host.options
    if (groupId === undefined || this.#host.coordinator.memberId !== undefined) return 0
    try {
      const committed = this.#host.engine.committed(groupId, state)
      if (!isPromise(committed)) return committed?.offset ?? 0
      // Closing does not wait for an answer from elsewhere.
      committed.catch(() => {})
    } catch {
      // The report then says what this consumer knows itself.
    }
    return 0
  }

  #comes(state: PartitionState): boolean {
    return !state.paused || this.#host.pauses.has(state)
  }
}

function endOf(state: PartitionState | undefined): number | undefined {
  return state?.fetch === undefined ? undefined : state.end
}

// What is not read at present may be gone, which is no reason to fail.
async function refresh({ phase, fetch }: PartitionState): Promise<void> {
  try {
    await fetch?.refresh?.()
  } catch (error) {
    if (phase === 'active') throw error
  }
}
