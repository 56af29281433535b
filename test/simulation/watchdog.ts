import { Worker } from 'node:worker_threads'
import { longestDelayMs } from '../../src/clock.ts'

/** Ends the process where something takes too long, or can never end, and says what that was. */
export class Watchdog {
  readonly #thread: Worker
  #watched: string | undefined

  /** `longestMs`: how long anything may take, in milliseconds. */
  constructor(longestMs: number) {
    // A loop without an end, of promises too, leaves its own thread no turn to notice.
    this.#thread = new Worker(new URL('watchdog-thread.js', import.meta.url), {
      workerData: Math.min(longestMs, longestDelayMs),
      execArgv: [],
    })
    this.#thread.unref()
    process.once('exit', () => {
      if (this.#watched === undefined) return
      console.error(`${this.#watched} never ends: nothing is left that could happen`)
      process.exitCode = 1
    })
  }

  /** Watches some work, the last that it is given, until that has ended. */
  async watch<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    this.#tell(what)
    try {
      return await work()
    } finally {
      this.#tell(undefined)
    }
  }

  #tell(what: string | undefined): void {
    this.#watched = what
    this.#thread.postMessage(what, [])
  }
}
