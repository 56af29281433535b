import { setMaxListeners } from 'node:events'
import type { CommittedPosition, FetchPosition, OwnedOffset, PartitionFetch } from '../engine.ts'
import { isError } from '../thrown.ts'
import type { TopicPartition } from '../topic-partition.ts'
import type { RecordContext } from './run-options.ts'

/**
 * - `assigned`: its position is looked up and `onAssigned` is called; nothing is fetched yet.
 * - `active`: it is read.
 * - `revoking`: nothing more is handed out; records in flight end and are committed, then the partition is released.
 * - `gone`: another member may own it; nothing that is done with it counts any more.
 */
export type PartitionPhase = 'assigned' | 'active' | 'revoking' | 'gone'

/** A handler's context, which knows whether its signal is in use. */
export interface WatchedContext extends RecordContext {
  /** Whether the next handler of the partition may have it, too. */
  readonly reusable: boolean
  /** Says that its handler has ended: the signal no longer aborts. */
  end(): void
}

/** A partition under one assignment: where its consumer stands in it. (Kafka: SubscriptionState) */
export class PartitionState implements FetchPosition {
  readonly topic: string
  readonly partition: number
  readonly assignmentEpoch: number
  phase: PartitionPhase = 'assigned'
  fetchPosition = 0
  /** The offset of the next record to hand out. */
  position = 0
  /** All records before this offset are finished; it is the offset to commit. */
  finished = 0
  /** The committed offset, as far as this consumer knows. */
  committed: number | undefined
  /** The highest offset that a transaction has committed since the partition was assigned or moved. */
  committedByTransaction = 0
  /** What was committed when the partition was assigned, until a window has read its metadata. */
  begunAt: CommittedPosition | undefined
  /** What is finished out of order, where a run keeps several records in hand. */
  window: { metadata(): string | undefined } | undefined
  /** How many records there are from the lowest that is not finished to the last that was read. */
  unfinished = 0
  paused = false
  /** Where a bounded read ends. */
  until: number | undefined
  /** Grows with every seek: what was fetched before it is stale. */
  version = 0
  /** How often its consumer was told to seek in it. */
  timesSought = 0
  /** Whether its position is known. */
  positioned = false
  fetch: PartitionFetch | undefined
  /** The committed offset to advance, once there was a commit and if the engine offers it. */
  ownedOffset: OwnedOffset | undefined
  /** Whether `onAssigned` was called for it, and neither `onRevoked` nor `onLost` since then. */
  inHooks = false
  /** The same for the events. */
  inEvents = false
  /** The context that handlers share at their first attempt, until one asks for its signal. */
  context: WatchedContext | undefined
  // The seek whose offset is still being looked up, and whether the partition was polled and waits to be moved.
  #seek: symbol | undefined
  #heldBack = false
  #busy = false
  #handlers = 0
  #whenIdle: (() => void)[] = []
  // One for each running handler that has asked for its signal.
  readonly #controllers = new Set<AbortController>()
  #aborted: { readonly reason: unknown; readonly told: boolean } | undefined

  constructor(topic: string, partition: number, assignmentEpoch: number) {
    this.topic = topic
    this.partition = partition
    this.assignmentEpoch = assignmentEpoch
  }

  /** Whether a handler has a record of the partition, or a caller of `poll` or a loop has one in hand. */
  get busy(): boolean {
    return this.#busy
  }

  set busy(busy: boolean) {
    this.#busy = busy
    if (!busy && this.#whenIdle.length > 0) this.#tellIdle()
  }

  /** One of several handlers begins. */
  enter(): void {
    if (this.#handlers++ === 0) this.busy = true
  }

  /** One of several handlers has ended. */
  leave(): void {
    if (--this.#handlers === 0) this.busy = false
  }

  #tellIdle(): void {
    const waiting = this.#whenIdle
    this.#whenIdle = []
    for (const resolve of waiting) resolve()
  }

  /** Resolves when none of its records is in flight, or once the partition is gone. */
  whenIdle(): Promise<void> {
    return this.#busy ? new Promise(resolve => this.#whenIdle.push(resolve)) : Promise.resolve()
  }

  /** A controller that aborts when the partition is lost, or its consumer waits no longer, until it is forgotten. */
  abortController(): AbortController {
    const controller = new AbortController()
    // A handler may pass the signal to a hundred requests, which is no leak.
    setMaxListeners(0, controller.signal)
    // A handler may ask after the fact and must then see it aborted.
    if (this.#aborted === undefined) this.#controllers.add(controller)
    else controller.abort(this.#aborted.reason)
    return controller
  }

  /** Says that its handler has ended. */
  forget(controller: AbortController): void {
    this.#controllers.delete(controller)
  }

  /**
   * Aborts the signals of its handlers. `told` says that 'lost' tells of it, or that who listens to nothing knows it
   * anyway.
   */
  abort(reason: unknown, told = true): void {
    this.#aborted ??= { reason, told }
    for (const controller of this.#controllers) controller.abort(reason)
    this.#controllers.clear()
  }

  /** Whether an error of a handler only passes on why its signal was aborted, which is told of already. */
  passesOnLoss(error: unknown): boolean {
    if (this.#aborted === undefined || !this.#aborted.told) return false
    const { reason } = this.#aborted
    return error === reason || (isError(error) && error.cause === reason)
  }

  /**
   * Begins a seek whose offset has to be looked up: records in hand are stale, and none is handed out until `moveTo`.
   */
  beginSeek(): symbol {
    this.version++
    this.#seek = Symbol('seek')
    return this.#seek
  }

  /** Whether the offset of a seek is still being looked up. */
  get sought(): boolean {
    return this.#seek !== undefined
  }

  /** Whether this seek is the last one, and still under way. */
  seeks(seek: symbol): boolean {
    return this.#seek === seek
  }

  /** Whether the polled partition has to wait for a seek; it is polled again once that has ended. */
  holdBack(): boolean {
    this.#heldBack = this.#seek !== undefined
    return this.#heldBack
  }

  /** Whether its consumer may move or pause it: it is read, or about to be, and then `onAssigned` is called. */
  get controlled(): boolean {
    return this.phase === 'active' || (this.phase === 'assigned' && (this.positioned || this.inHooks))
  }

  /** Says that a bounded read has come to its end here: the polled partition rests, unless it is moved. */
  rest(): void {
    this.#heldBack = true
  }

  /** Makes this offset the next to hand out; everything before it counts as finished. */
  moveTo(offset: number): void {
    this.version++
    this.#seek = undefined
    this.position = offset
    this.finished = offset
    this.committedByTransaction = 0
    this.fetchPosition = offset
    this.begunAt = undefined
    this.window = undefined
    this.unfinished = 0
    this.positioned = true
    this.fetch?.changed()
    if (!this.#heldBack) return
    this.#heldBack = false
    this.fetch?.next()
  }

  /** Says that a transaction has committed an offset, unless the partition was moved since that version. */
  transacted(offset: number, version: number): void {
    if (this.version === version && offset > this.committedByTransaction) this.committedByTransaction = offset
  }

  /** Says that a record will be handed out again, unless the partition was moved since that version. */
  repeat(offset: number, version: number): void {
    if (this.version === version) this.position = offset
  }

  /** Goes back to the next record to hand out: fetched records after it were dropped. */
  rewind(): void {
    this.fetchPosition = this.position
  }

  /** Stops the reading; nothing more is handed out. */
  halt(phase: 'revoking' | 'gone'): void {
    // A partition that is gone stays so: the group may still revoke it before it hears that this member has left.
    if (this.phase === 'gone') return
    this.phase = phase
    this.fetch?.stop()
    if (phase === 'gone') this.#tellIdle()
  }

  /** Whether a bounded read has come to its end here. */
  get complete(): boolean {
    return this.until !== undefined && this.finished >= this.until
  }

  /** The present end of the log, or the end of a bounded read. */
  get end(): number {
    if (this.fetch === undefined) return this.finished
    const end = this.fetch.endOffset ?? this.fetch.highWatermark
    return this.until === undefined ? end : Math.min(this.until, end)
  }

  /** The metadata to commit: what is finished above `finished`, by the previous owner until something is here. */
  get metadata(): string | undefined {
    if (this.window !== undefined) return this.window.metadata()
    return this.begunAt?.offset === this.finished ? this.begunAt.metadata : undefined
  }

  get leaderEpoch(): number | undefined {
    return this.begunAt?.leaderEpoch
  }

  /** The leader epoch of the record before an offset, where it is known: also of what is not read yet. */
  epochBefore(offset: number): number | undefined {
    if (this.fetch !== undefined) return this.fetch.epochBefore?.(offset)
    return this.begunAt?.offset === offset ? this.begunAt.leaderEpoch : undefined
  }

  /** How many records there are from `finished` on. */
  get unread(): number {
    return this.positioned ? this.countFrom(this.finished) : 0
  }

  /** How many records up to the end have not been handed out. */
  get unpolled(): number {
    return this.positioned ? this.countFrom(this.position) : 0
  }

  /** How many records there are from an offset on. */
  countFrom(offset: number): number {
    const { fetch, end } = this
    if (fetch === undefined || offset >= end) return 0
    const from = Math.max(offset, fetch.logStartOffset)
    return fetch.count?.(from, end) ?? Math.max(0, end - from)
  }
}

/** The partition's name, without its state. */
export function toTopicPartition({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition }
}
