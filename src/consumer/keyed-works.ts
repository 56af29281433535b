import { Queue } from '../queue.ts'
import { formatTopicPartition } from '../topic-partition.ts'
import type { KeyedWork } from './keyed-work.ts'
import type { PartitionState } from './partition-state.ts'
import { PartitionWindow, type WindowOptions } from './partition-window.ts'
import type { ResolvedRunOptions } from './run-options.ts'
import { recordHandler } from './traced-handlers.ts'
import type { Work } from './work.ts'
import type { WorkSource } from './work-source.ts'
import type { WorkerHost } from './worker.ts'

/**
 * `ordering: 'key'` and `'none'`: every record is a work of its own. A record is read only while a handler is free
 * and no record read before may begin, from one partition after the other. So a slow consumer does not hold records
 * that it cannot handle.
 */
export class KeyedWorks implements WorkSource {
  readonly #host: WorkerHost
  readonly #run: ResolvedRunOptions
  readonly #options: WindowOptions
  readonly #windows = new Map<PartitionState, PartitionWindow>()
  // Windows that have something to begin, and those that may be read on.
  readonly #ready = new Queue<PartitionWindow>()
  readonly #open = new Queue<PartitionWindow>()

  constructor(host: WorkerHost, options: ResolvedRunOptions) {
    this.#host = host
    this.#run = options
    const { ordering, windowRecords } = options
    this.#options = { byKey: ordering === 'key', windowRecords }
  }

  take(): Work | undefined {
    do {
      const work = this.#takeReady()
      if (work !== undefined) return work
    } while (this.#read())
    return undefined
  }

  #takeReady(): KeyedWork | undefined {
    for (let i = this.#ready.size; i > 0; i--) {
      const window = this.#ready.shift()!
      window.listed = false
      if (window.stale) continue
      const work = window.state.paused ? undefined : window.take()
      this.#list(window)
      if (work !== undefined) return work
    }
    return undefined
  }

  #list(window: PartitionWindow): void {
    if (window.listed || !window.runnable) return
    window.listed = true
    this.#ready.push(window)
  }

  /** Reads one more record; false where there is none, or no room for it. */
  #read(): boolean {
    const { fetcher } = this.#host
    // First all partitions that have records, so that each of them gets its turn.
    for (let state = fetcher.poll(); state !== undefined; state = fetcher.poll()) {
      this.#open.push(this.#windowOf(state))
    }
    for (let i = this.#open.size; i > 0; i--) {
      const window = this.#open.shift()!
      if (window.stale) continue
      if (window.state.paused || window.waitsForOthers) this.#open.push(window)
      else if (window.full) this.#waitForRoom(window)
      else if (this.#readOf(window)) return true
    }
    return false
  }

  #windowOf(state: PartitionState): PartitionWindow {
    const window = this.#windows.get(state)
    if (window?.version === state.version) return window
    const opened = new PartitionWindow(state, this.#options)
    this.#windows.set(state, opened)
    return opened
  }

  #readOf(window: PartitionWindow): boolean {
    const { state } = window
    const { until } = state
    const record =
      until !== undefined && state.fetchPosition >= until ? undefined : this.#host.fetcher.read(state)
    if (record === undefined) {
      this.#ranDry(window)
      return false
    }
    if (window.add(record, recordHandler(this.#run))) this.#host.coordinator.committer.commitOne(state)
    this.#open.push(window)
    this.#list(window)
    return true
  }

  // Where the log was trimmed, or ends for this reader, the partition moves on only once none of its records is in
  // flight.
  #ranDry(window: PartitionWindow): void {
    const { state } = window
    if (window.size === 0) {
      if (window.settle()) this.#host.coordinator.committer.commitOne(state)
    } else if (state.fetch!.outOfRange || (state.until !== undefined && state.fetchPosition >= state.until)) {
      window.waitsFor = 'emptiness'
      return
    }
    state.fetch?.next()
  }

  #waitForRoom(window: PartitionWindow): void {
    window.waitsFor = 'room'
    const { topic, partition } = window.state
    const event = { topic, partition, offset: window.lowest!.offset, records: window.size }
    const text =
      `is stalled at ${formatTopicPartition(window.state)}: ${event.records} records have been read from offset ` +
      `${event.offset} on, and that one is not finished (windowRecords)`
    if (window.warned) this.#host.events.emit('stalled', event)
    else this.#host.events.emitOrWarn('stalled', event, text)
    window.warned = true
    this.#host.engine.outbox.flush()
  }

  due(work: Work): void {
    const window = this.#windows.get(work.state)
    if (window === undefined || window.version !== work.version) return
    window.again(work as KeyedWork)
    this.#list(window)
  }

  done(work: Work): void {
    const window = this.#windows.get(work.state)
    if (window === undefined || window.version !== work.version) return
    if (work.record !== undefined) return this.due(work)
    window.leave(work as KeyedWork)
    this.#list(window)
    if (window.waitsFor === undefined) return
    if (window.waitsFor === 'room' ? window.roomy : window.size === 0) {
      window.waitsFor = undefined
      this.#open.push(window)
    }
  }

  forget(state: PartitionState): void {
    this.#windows.delete(state)
    state.fetch?.next()
  }

  get waiting(): boolean {
    for (const window of this.#windows.values()) if (window.runnable && !window.state.paused) return true
    return false
  }
}
