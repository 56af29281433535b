import { Queue } from '../queue.ts'
import type { ConsumerRecord } from '../record.ts'
import { KeyedWork, type WorkWindow } from './keyed-work.ts'
import { fromMetadata, type OffsetRange, toMetadata } from './offset-ranges.ts'
import type { PartitionState } from './partition-state.ts'
import type { RecordHandler } from './run-options.ts'

/** How a window orders its records. */
export interface WindowOptions {
  /** Whether records of one key come one after the other. */
  readonly byKey: boolean
  /** The most records from the lowest that is not finished to the last that was read. */
  readonly windowRecords: number
}

/**
 * The records of one partition from the lowest that is not finished to the last that was read. They may be finished
 * in any order: the committed offset never passes the lowest one. (Confluent's Parallel Consumer does the same.)
 */
export class PartitionWindow implements WorkWindow {
  readonly state: PartitionState
  /** The state's version when it was opened: after a seek it is stale. */
  readonly version: number
  readonly #options: WindowOptions
  readonly #works = new Queue<KeyedWork>()
  // How many works, from the lowest on, have a handler or are finished: the position is after these.
  #begun = 0
  readonly #runnable = new Queue<KeyedWork>()
  // Works that were given back, or are due again: they come before those that have never begun.
  readonly #first: KeyedWork[] = []
  // The last work of each key that is not finished.
  readonly #lanes = new Map<string, KeyedWork>()
  // Offsets above the committed one that the owner before has finished.
  #finishedBefore: readonly OffsetRange[]
  /** What the window waits for before it is read on. */
  waitsFor: 'room' | 'emptiness' | undefined
  /** Whether it is queued among the windows that have a work to begin. */
  listed = false
  /** Whether the process was warned, where the event had no listener: it is warned once, not every time. */
  warned = false

  constructor(state: PartitionState, options: WindowOptions) {
    this.state = state
    this.version = state.version
    this.#options = options
    this.#finishedBefore = fromMetadata(state.finished, state.metadata)
    state.begunAt = undefined
    state.window = this
  }

  get stale(): boolean {
    return this.state.version !== this.version || this.state.phase !== 'active'
  }

  get size(): number {
    return this.#works.size
  }

  get full(): boolean {
    return this.#works.size >= this.#options.windowRecords
  }

  /** Whether handlers are still at work on records read before a seek, maybe with the very keys that come again. */
  get waitsForOthers(): boolean {
    return this.#works.size === 0 && this.state.busy
  }

  /** Whether a full window has become empty enough to be worth reading on. */
  get roomy(): boolean {
    return this.#works.size <= this.#options.windowRecords * 0.75
  }

  /** The lowest record that is not finished. */
  get lowest(): KeyedWork | undefined {
    return this.#works.at(0)
  }

  // --- what may begin -----------------------------------------------------------------------------------------------

  /** Whether a work waits for nothing but a handler. */
  get runnable(): boolean {
    return this.#first.length > 0 || this.#runnable.size > 0
  }

  take(): KeyedWork | undefined {
    return this.#first.shift() ?? this.#runnable.shift()
  }

  /** Puts a work before all that have never begun. */
  again(work: KeyedWork): void {
    this.#first.push(work)
  }

  /** Adds a record; true where it was finished already and that advances the finished offset. */
  add(record: ConsumerRecord, handler: RecordHandler): boolean {
    const lane = this.#options.byKey ? toLane(record) : undefined
    const work = new KeyedWork(this, handler, record, lane)
    this.#works.push(work)
    this.state.unfinished = this.#works.size
    if (this.#wasFinished(record.offset)) {
      work.begun = true
      work.record = undefined
      this.begun()
      return this.settle()
    }
    const last = lane === undefined ? undefined : this.#lanes.get(lane)
    if (lane !== undefined) this.#lanes.set(lane, work)
    if (last === undefined) this.#runnable.push(work)
    else last.following = work
    return false
  }

  #wasFinished(offset: number): boolean {
    let first = this.#finishedBefore[0]
    while (first !== undefined && first.to <= offset) {
      this.#finishedBefore = this.#finishedBefore.slice(1)
      first = this.#finishedBefore[0]
    }
    return first !== undefined && first.from <= offset
  }

  /** A finished work no longer holds back what follows it. */
  leave(work: KeyedWork): void {
    const { lane, following } = work
    if (following !== undefined) this.#runnable.push(following)
    else if (lane !== undefined && this.#lanes.get(lane) === work) this.#lanes.delete(lane)
  }

  // --- how far it has come ------------------------------------------------------------------------------------------

  /** Moves the position past the works that have begun. */
  begun(): void {
    const { state } = this
    if (state.version !== this.version) return
    while (this.#works.at(this.#begun)?.begun) this.#begun++
    state.position = this.#works.at(this.#begun)?.offset ?? state.fetchPosition
  }

  /** Moves the position back to the record that failed, which is still to be handled. */
  failed(): void {
    this.#begun = 0
    this.begun()
  }

  /** Advances the finished offset to the lowest record that is not finished; true where that changes it. */
  settle(): boolean {
    const { state } = this
    while (this.#works.size > 0 && this.#works.at(0)!.record === undefined) {
      this.#works.shift()
      this.#begun--
    }
    if (state.version !== this.version) return false
    state.unfinished = this.#works.size
    const finished = this.#works.at(0)?.offset ?? state.fetchPosition
    // Only forward: records that are read again below the finished offset do not change it.
    if (finished <= state.finished) return false
    state.finished = finished
    if (this.#works.size === 0) state.position = finished
    return true
  }

  /** What is finished above the lowest record that is not, for the partition's next owner. */
  metadata(): string | undefined {
    const ranges: { from: number; to: number }[] = []
    for (let i = 0; i < this.#works.size; i++) {
      const { record, offset } = this.#works.at(i)!
      if (record !== undefined) continue
      const last = ranges.at(-1)
      if (last?.to === offset) last.to++
      else ranges.push({ from: offset, to: offset + 1 })
    }
    const { finished, fetchPosition } = this.state
    const unread = this.#finishedBefore
      .filter(({ to }) => to > fetchPosition)
      .map(({ from, to }) => ({ from: Math.max(from, fetchPosition), to }))
    return toMetadata(finished, [...ranges, ...unread])
  }
}

// A record without a key has no order to keep.
function toLane({ key }: ConsumerRecord): string | undefined {
  if (key === null) return undefined
  return typeof key === 'string' ? key : Buffer.from(key).toString('latin1')
}
