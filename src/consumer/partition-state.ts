import { setMaxListeners } from 'node:events'
import type { FetchPosition, OwnedOffset, PartitionFetch } from '../engine.ts'
import type { OffsetAndMetadata, TopicPartition } from '../topic-partition.ts'
import type { RecordContext } from './run-options.ts'

/**
 * - `assigned`: its position is looked up and `onAssigned` is called; nothing is fetched yet.
 * - `active`: it is read.
 * - `revoking`: nothing more is handed out; what is in flight ends, is committed, and then it is released.
 * - `gone`: somebody else may own it; nothing of it counts any more.
 */
export type PartitionPhase = 'assigned' | 'active' | 'revoking' | 'gone'

/** A context, and what becomes of its signal. */
export interface WatchedContext extends RecordContext {
  /** Whether its handler has asked for the signal. */
  readonly watched: boolean
  /** Its handler has ended: the signal aborts no more. */
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
  /** All before it is done; this is what a commit says. */
  finished = 0
  /** What is committed, as far as this consumer knows. */
  committed: number | undefined
  /** What was committed when it was assigned, until a window knows what that says. */
  begunAt: OffsetAndMetadata | undefined
  /** What is finished out of order, where a run keeps several records in hand. */
  window: { metadata(): string | undefined } | undefined
  /** How many records there are from the lowest that is not finished to the last that was read. */
  unfinished = 0
  paused = false
  /** Where a bounded read ends. */
  until: number | undefined
  /** Grows with every seek: what was fetched before it is stale. */
  version = 0
  /** Whether its position is known. */
  positioned = false
  fetch: PartitionFetch | undefined
  /** Where it is committed, once it has been and if the engine offers that. */
  ownedOffset: OwnedOffset | undefined
  /** What its handlers get beside a record at the first attempt, until one asks for its signal. */
  context: WatchedContext | undefined
  // The seek under way whose place is still looked for, and whether the partition came to be read meanwhile.
  #seek: symbol | undefined
  #heldBack = false
  #busy = false
  #handlers = 0
  #whenIdle: (() => void)[] = []
  // Of the handlers at work that have asked for their signal.
  readonly #controllers = new Set<AbortController>()
  #aborted: { readonly reason: unknown } | undefined

  constructor(topic: string, partition: number, assignmentEpoch: number) {
    this.topic = topic
    this.partition = partition
    this.assignmentEpoch = assignmentEpoch
  }

  /** Whether a handler has a record of it, or a caller has one in hand. */
  get busy(): boolean {
    return this.#busy
  }

  set busy(busy: boolean) {
    this.#busy = busy
    if (!busy && this.#whenIdle.length > 0) this.#tellIdle()
  }

  /** One of several handlers begins with it. */
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

  /** Resolves when nothing of it is in flight, or once the partition is gone and there is nothing to wait for. */
  whenIdle(): Promise<void> {
    return this.#busy ? new Promise(resolve => this.#whenIdle.push(resolve)) : Promise.resolve()
  }

  /** Aborts when the partition is lost, or its consumer could wait no longer, until it is forgotten. */
  abortController(): AbortController {
    const controller = new AbortController()
    // One handler may give it to a hundred requests, which is no leak.
    setMaxListeners(0, controller.signal)
    // A handler may ask after the fact and must then see it aborted.
    if (this.#aborted === undefined) this.#controllers.add(controller)
    else controller.abort(this.#aborted.reason)
    return controller
  }

  /** Its handler has ended. */
  forget(controller: AbortController): void {
    this.#controllers.delete(controller)
  }

  abort(reason: unknown): void {
    this.#aborted ??= { reason }
    for (const controller of this.#controllers) controller.abort(reason)
    this.#controllers.clear()
  }

  /** A seek whose place has to be looked for: what is in hand is stale, and nothing is handed out until `moveTo`. */
  beginSeek(): symbol {
    this.version++
    this.#seek = Symbol('seek')
    return this.#seek
  }

  /** Whether that seek is the last one, and still under way. */
  seeks(seek: symbol): boolean {
    return this.#seek === seek
  }

  /** Whether what was polled has to wait for a seek; it is polled again once that has ended. */
  holdBack(): boolean {
    this.#heldBack = this.#seek !== undefined
    return this.#heldBack
  }

  /** The next record to hand out is this one; what came before it counts as done. */
  moveTo(offset: number): void {
    this.version++
    this.#seek = undefined
    this.position = offset
    this.finished = offset
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

  /** Goes back to what has not been handed out: the rest of a batch was dropped. */
  rewind(): void {
    this.fetchPosition = this.position
  }

  /** Stops the reading; nothing more is handed out. */
  halt(phase: 'revoking' | 'gone'): void {
    // What is gone stays gone: the group may still ask for it back before it hears that this member has left.
    if (this.phase === 'gone') return
    this.phase = phase
    this.fetch?.stop()
    if (phase === 'gone') this.#tellIdle()
  }

  /** Whether a bounded read has come to its end here. */
  get complete(): boolean {
    return this.until !== undefined && this.finished >= this.until
  }

  /** Where it ends now: the log, or a bounded read. */
  get end(): number {
    if (this.fetch === undefined) return this.finished
    const end = this.fetch.endOffset ?? this.fetch.highWatermark
    return this.until === undefined ? end : Math.min(this.until, end)
  }

  /** What is finished above `finished`, as a commit says it: here, or by the owner before while nothing has been done since. */
  get metadata(): string | undefined {
    if (this.window !== undefined) return this.window.metadata()
    return this.begunAt?.offset === this.finished ? this.begunAt.metadata : undefined
  }

  /** Records after what is finished. */
  get unread(): number {
    return this.positioned ? this.countFrom(this.finished) : 0
  }

  /** Records from an offset on. */
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
