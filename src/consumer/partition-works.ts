import { Queue } from '../queue.ts'
import { BatchFiller } from './batch-filler.ts'
import { BatchWork } from './batch-work.ts'
import type { PartitionState } from './partition-state.ts'
import { RecordWork } from './record-work.ts'
import type { ResolvedRunOptions } from './run-options.ts'
import { batchHandler, recordHandler } from './traced-handlers.ts'
import type { Work } from './work.ts'
import type { WorkSource } from './work-source.ts'
import type { WorkerHost } from './worker.ts'

/**
 * `ordering: 'partition'`: a polled partition is one work, and is not polled again before that work has ended. So its
 * records come one after the other, even while one of them waits for its next attempt.
 */
export class PartitionWorks implements WorkSource {
  readonly #host: WorkerHost
  readonly #options: ResolvedRunOptions
  readonly #due = new Queue<Work>()
  readonly #filler: BatchFiller | undefined
  // A work that has ended, for the next partition: a run over many makes no object for each.
  #spare: RecordWork | undefined

  /** `wake` is called when a batch is due. */
  constructor(host: WorkerHost, options: ResolvedRunOptions, wake: () => void) {
    this.#host = host
    this.#options = options
    const { eachBatch, maxRecords, lingerMs } = options
    if (eachBatch === undefined || lingerMs === 0) return
    const handler = () => batchHandler(options)
    const due = (work: Work) => {
      this.due(work)
      wake()
    }
    const { clock } = host.engine
    this.#filler = new BatchFiller({ clock, fetcher: host.fetcher, handler, maxRecords, lingerMs, due })
  }

  take(): Work | undefined {
    const due = this.#due.shift()
    if (due !== undefined) return due
    const { fetcher } = this.#host
    for (let state = fetcher.poll(); state !== undefined; state = fetcher.poll()) {
      const work = this.#toWork(state)
      if (work !== undefined) return work
    }
    return undefined
  }

  #toWork(state: PartitionState): Work | undefined {
    const { eachBatch, maxRecords } = this.#options
    const { fetcher } = this.#host
    if (this.#filler !== undefined) return this.#filler.add(state)
    if (eachBatch !== undefined) {
      const records = fetcher.readBatch(state, maxRecords)
      return new BatchWork(batchHandler(this.#options), state, state.version, records, state.fetchPosition)
    }
    const handler = recordHandler(this.#options)
    const spare = this.#spare
    if (spare === undefined) return new RecordWork(fetcher, handler, state, maxRecords)
    this.#spare = undefined
    spare.reuse(handler, state, maxRecords)
    return spare
  }

  due(work: Work): void {
    this.#due.push(work)
  }

  done(work: Work): void {
    const { state, version, record } = work
    if (work instanceof RecordWork) this.#spare = work
    if (state.version === version && record !== undefined) {
      state.position = record.offset
      state.rewind()
    }
    state.fetch?.next()
  }

  forget(state: PartitionState): void {
    this.#filler?.forget(state)
  }

  get waiting(): boolean {
    return this.#due.size > 0 || this.#filler?.waiting === true
  }
}
