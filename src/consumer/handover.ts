import { counted } from '../counted.ts'
import type { AssignedPartition, Engine } from '../engine.ts'
import { CommitFailedError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import { describeError } from '../thrown.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'
import type { ConsumerEvents } from './consumer-events.ts'
import type { ResolvedConsumerOptions } from './consumer-options.ts'
import type { LastWord } from './last-word.ts'
import { type PartitionState, toTopicPartition } from './partition-state.ts'
import type { PartitionStates } from './partition-states.ts'

type HookName = 'onAssigned' | 'onRevoked' | 'onLost'

/** What a handover needs of its consumer. */
export interface HandoverHost {
  readonly engine: Engine
  readonly options: Pick<ResolvedConsumerOptions, HookName>
  readonly events: Events<ConsumerEvents>
  readonly states: PartitionStates
  readonly lastWord: LastWord
  /** Says that partitions are halted: their retries and half-filled batches must be forgotten. */
  halted(states: readonly PartitionState[]): void
  commitFinished(states: readonly PartitionState[]): MaybePromise<void>
  /** Tells the group that other members may have the partitions. */
  release(partitions: readonly AssignedPartition[]): void
  /** Says that a hook threw: a caller of `poll` must get the error. */
  hookFailed(error: unknown): void
}

/** Gives partitions up, in order or because they are lost, and calls the hooks. (Kafka: ConsumerRebalanceListener) */
export class Handover {
  /** The hooks that have not ended. */
  readonly hooks: Set<HookName> = new Set()
  readonly #host: HandoverHost

  constructor(host: HandoverHost) {
    this.#host = host
  }

  /** Gives partitions up in order: then other members may have them. */
  async giveUp(states: readonly PartitionState[]): Promise<void> {
    const held = await this.#handBack(states)
    if (held.length === 0) return
    for (const state of held) state.phase = 'gone'
    this.#host.states.drop(held)
    this.#revoked(held)
    this.#host.release(held)
    this.#host.engine.outbox.flush()
  }

  /**
   * Hands out nothing more, waits for the records in flight, commits, and calls `onRevoked`, which may commit, too.
   * Returns the partitions that are still held then.
   */
  async #handBack(states: readonly PartitionState[]): Promise<PartitionState[]> {
    for (const state of states) state.halt('revoking')
    this.#host.halted(states)
    await Promise.all(states.map(state => state.whenIdle()))
    let held = states.filter(isRevoking)
    if (held.length === 0) return []
    await this.#host.commitFinished(held)
    // Some may have been lost meanwhile: of these `onLost` tells.
    held = held.filter(isRevoking)
    await this.#takeAway('onRevoked', held)
    return held.filter(isRevoking)
  }

  /** Gives all partitions up in order, before their consumer leaves; `followed` says when no update is followed. */
  async giveAllUp(followed: () => Promise<void>): Promise<void> {
    const { states, engine } = this.#host
    for (const state of states.all) state.halt('revoking')
    // Partitions that are being given up already must not be given up twice.
    await followed()
    const held = await this.#handBack(states.all)
    this.#revoked(held)
    engine.outbox.flush()
    // What was lost meanwhile.
    await followed()
  }

  /** Gives all partitions up at once, since the deadline of a close has passed; returns why. */
  async abandonAll(deadline: Promise<void>): Promise<CommitFailedError> {
    const states = this.#host.states.all
    await this.#host.lastWord.heard(this.#host.commitFinished(states), deadline)
    const reason = new CommitFailedError(
      'UNKNOWN_MEMBER_ID',
      'The consumer was closed before this record was finished: its close reached its timeoutMs ' +
        '(a handler that closes its own consumer must not await that)',
    )
    for (const state of states) {
      state.halt('gone')
      state.abort(reason, false)
    }
    return reason
  }

  // Says by the event that partitions were given up.
  #revoked(states: readonly PartitionState[]): void {
    const partitions = this.#endInEvents(states)
    if (partitions.length > 0) this.#host.events.emit('revoked', { partitions })
  }

  /**
   * Gives up lost partitions: nothing that is done with them counts any more. Resolves when `onLost` has ended. `warns`
   * says whether that must not go unseen.
   */
  async lose(lost: readonly PartitionState[], reason: unknown, warns = false): Promise<void> {
    // A close whose time is up may have been faster.
    const states = lost.filter(state => this.#host.states.find(state) === state)
    if (states.length === 0) return
    this.#host.halted(states)
    this.#host.states.lose(states)
    const told = this.#takeAway('onLost', states)
    const partitions = this.#endInEvents(states)
    if (partitions.length > 0) this.#tellLost(partitions, reason, warns)
    this.#host.engine.outbox.flush()
    await told
  }

  #tellLost(partitions: readonly TopicPartition[], reason: unknown, warns: boolean): void {
    const { events, options } = this.#host
    if (!warns || options.onLost !== undefined) return events.emit('lost', { partitions, reason })
    const what = `lost ${someOf(partitions)}: ${describeError(reason)}`
    events.emitOrWarn('lost', { partitions, reason }, what)
  }

  // Each partition once: a hook frees what onAssigned has made, and what is lost during onRevoked is freed already.
  #takeAway(name: 'onRevoked' | 'onLost', states: readonly PartitionState[]): MaybePromise<void> {
    const untold = states.filter(({ inHooks }) => inHooks)
    for (const state of untold) state.inHooks = false
    if (untold.length > 0) return this.hook(name, untold)
  }

  #endInEvents(states: readonly PartitionState[]): TopicPartition[] {
    const untold = states.filter(({ inEvents }) => inEvents)
    for (const state of untold) state.inEvents = false
    return untold.map(toTopicPartition)
  }

  /**
   * Calls a hook. If it throws, the assignment stays as it is (ConsumerRebalanceListener), and the error is reported.
   */
  async hook(name: HookName, states: readonly PartitionState[]): Promise<void> {
    const { options } = this.#host
    if (options[name] === undefined) return
    this.hooks.add(name)
    try {
      // An array of its own: what it does to that must change nothing here.
      await options[name](states.map(toTopicPartition))
    } catch (error) {
      this.#host.hookFailed(error)
    } finally {
      this.hooks.delete(name)
    }
  }
}

function isRevoking({ phase }: PartitionState): boolean {
  return phase === 'revoking'
}

// A consumer may have thousands.
const mostNamed = 5

function someOf(partitions: readonly TopicPartition[]): string {
  const names = partitions.slice(0, mostNamed).map(formatTopicPartition).join(', ')
  const more = partitions.length - mostNamed
  return more > 0 ? `${names} and ${counted(more, 'other partition')}` : names
}
