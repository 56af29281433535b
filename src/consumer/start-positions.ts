import type { CommittedPosition, Engine, Interest, Membership } from '../engine.ts'
import { NoOffsetForPartitionError } from '../errors.ts'
import { isThenable, type MaybePromise } from '../maybe-promise.ts'
import { formatTopicPartition, type OffsetSpec, type TopicPartition } from '../topic-partition.ts'
import type { ManualAssignment, ResolvedConsumerOptions } from './consumer-options.ts'
import { includedIn } from './interest.ts'
import type { PartitionState } from './partition-state.ts'

/** How long until an offset that could not be looked up is looked up again, in milliseconds. */
export const lookAgainMs = 500

// An object for each time that it was told, so that one can see whether it was told again.
interface Told extends TopicPartition {
  readonly offset: OffsetSpec
}

/** Where a consumer begins in a partition that it was just assigned. */
export class StartPositions {
  readonly #engine: Engine
  readonly #options: ResolvedConsumerOptions
  #given: Map<string, OffsetSpec>
  // Of these, the offsets at which it has not begun yet: nothing else says where to.
  #told: Map<string, Told>
  // Where it stood when it left or was removed: a reader that commits nothing goes on there when it comes back.
  #before = new Map<string, PartitionState>()

  constructor(engine: Engine, options: ResolvedConsumerOptions) {
    this.#engine = engine
    this.#options = options
    this.#given = toGiven(options.startAt)
    this.#told = new Map()
    for (const { offset, ...tp } of options.startAt) this.#tell(tp, offset)
  }

  /**
   * Begins at given offsets; returns a function that undoes that. A reader that is away goes on where it stood in
   * partitions that stay, and have no given offset. `stateOf` returns the state of a partition that it has: where it
   * reads, its reader moves it itself.
   */
  replace(
    interest: Interest,
    startAt: readonly ManualAssignment[],
    stateOf: (tp: TopicPartition) => PartitionState | undefined,
  ): () => void {
    const given = this.#given
    const told = this.#told
    const before = this.#before
    this.#given = toGiven(startAt)
    this.#told = new Map()
    for (const { offset, ...tp } of startAt) {
      if (!stands(stateOf(tp))) this.#tell(tp, offset ?? told.get(formatTopicPartition(tp))?.offset)
    }
    const stays = includedIn(interest)
    this.#before = new Map([...before].filter(([name, state]) => stays(state) && !this.#told.has(name)))
    return () => {
      this.#given = given
      // It may have begun meanwhile, and even have left again: then nothing tells it where to begin any more.
      this.#before = new Map([...before, ...this.#before])
      const begun = (name: string, tp: TopicPartition) =>
        this.#before.has(name) || stateOf(tp)?.positioned === true
      this.#told = new Map([...told].filter(([name, tp]) => !begun(name, tp)))
    }
  }

  #tell(tp: TopicPartition, offset: OffsetSpec | undefined): void {
    if (offset !== undefined) this.#told.set(formatTopicPartition(tp), { ...tp, offset })
  }

  /** Begins at an offset that was sought while a reader leaves, or gives the partition up, to come back. */
  seek(tp: TopicPartition, offset: OffsetSpec): void {
    this.#given.set(formatTopicPartition(tp), offset)
    this.#tell(tp, offset)
  }

  /** Notes the positions of partitions, for a reader that has no group to keep them. */
  remember(states: readonly PartitionState[]): void {
    for (const state of states) {
      const name = formatTopicPartition(state)
      if (state.positioned && !this.#told.has(name)) this.#before.set(name, state)
    }
  }

  /**
   * Sets where to begin: at the given offset, else at the committed one, else by the reset policy. A reader that
   * comes back goes on where it stood.
   *
   * @throws NoOffsetForPartitionError where the policy is `none`
   */
  lookUp(state: PartitionState, membership: Membership): MaybePromise<void> {
    const told = this.#told.get(formatTopicPartition(state))
    const found = told === undefined ? this.#lookUp(state, membership) : this.#moveTo(state, told.offset)
    return this.#begin(state, told, found)
  }

  // Where it could not begin there, it is still told to.
  #begin(state: PartitionState, told: Told | undefined, found: MaybePromise<void>): MaybePromise<void> {
    if (isThenable(found)) return Promise.resolve(found).then(() => this.#begin(state, told, undefined))
    // It may be read already, from where a seek has moved it.
    if (state.phase !== 'assigned' && state.phase !== 'active') return
    const name = formatTopicPartition(state)
    // It may have been told to begin somewhere else meanwhile.
    const since = this.#told.get(name)
    // Used once: a topic that is created again later begins anew.
    this.#before.delete(name)
    if (since === told) this.#told.delete(name)
    else if (since !== undefined && state.phase === 'assigned')
      return this.#begin(state, since, this.#moveTo(state, since.offset))
  }

  #lookUp(state: PartitionState, membership: Membership): MaybePromise<void> {
    const before = this.#stoodAt(state)
    if (before !== undefined && this.#options.groupId === undefined) {
      const { finished: offset } = before
      state.moveTo(offset)
      state.begunAt = { offset, leaderEpoch: before.epochBefore(offset) }
      state.until = before.until
      return
    }
    const spec = this.#given.get(formatTopicPartition(state)) ?? this.#options.from
    if (spec !== undefined && before === undefined) return this.#moveTo(state, spec)
    return unlessMoved(state, membership.committed(state), committed => this.#beginAt(state, committed, spec))
  }

  // A topic that was created again meanwhile begins anew.
  #stoodAt(tp: TopicPartition): PartitionState | undefined {
    const before = this.#before.get(formatTopicPartition(tp))
    return before?.fetch?.deleted === true ? undefined : before
  }

  #beginAt(
    state: PartitionState,
    committed: CommittedPosition | null,
    spec: OffsetSpec | undefined,
  ): MaybePromise<void> {
    if (committed === null) return this.#moveTo(state, spec ?? this.#reset(state))
    state.moveTo(committed.offset)
    state.committed = committed.offset
    state.begunAt = committed
  }

  #moveTo(state: PartitionState, spec: OffsetSpec): MaybePromise<void> {
    const offset = this.#engine.offsetFor(state, spec, this.#options.isolationLevel)
    return unlessMoved(state, offset, found => state.moveTo(found))
  }

  #reset(tp: TopicPartition): OffsetSpec {
    const { groupId, autoOffsetReset } = this.#options
    if (autoOffsetReset !== 'none') return autoOffsetReset === 'earliest' ? 'beginning' : 'end'
    throw new NoOffsetForPartitionError(
      `Nothing is committed for ${formatTopicPartition(tp)}` +
        `${groupId === undefined ? '' : ` in group '${groupId}'`}, and autoOffsetReset is 'none'`,
      { topic: tp.topic, partition: tp.partition, groupId },
    )
  }
}

// Whether a consumer stands in a partition, and goes on there where that stays.
function stands(state: PartitionState | undefined): boolean {
  return state?.positioned === true && (state.phase === 'assigned' || state.phase === 'active')
}

function toGiven(startAt: readonly ManualAssignment[]): Map<string, OffsetSpec> {
  const given = new Map<string, OffsetSpec>()
  for (const { offset, ...tp } of startAt) {
    if (offset !== undefined) given.set(formatTopicPartition(tp), offset)
  }
  return given
}

// Goes on with an answer, unless the partition was moved before it came: a seek has the last word.
function unlessMoved<Answer>(
  state: PartitionState,
  answer: MaybePromise<Answer>,
  next: (answer: Answer) => MaybePromise<void>,
): MaybePromise<void> {
  if (!isThenable(answer)) return next(answer)
  const { version } = state
  return Promise.resolve(answer).then(found => {
    if (state.version === version) return next(found)
  })
}
