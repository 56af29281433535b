import { Worker } from 'node:worker_threads'

interface Task<Input, Output> {
  readonly input: Input
  readonly signal: AbortSignal | undefined
  resolve(output: Output): void
  reject(error: unknown): void
}

/** A thread, and its present task. */
interface Thread<Input, Output> {
  readonly worker: Worker
  task: Task<Input, Output> | undefined
  /** It is being terminated, because its task was aborted. */
  ending: boolean
}

/**
 * Up to `size` threads, each with one task at a time. It cannot pass functions, class instances or shared objects
 * (values are copied as by `structuredClone`). It pays only for work that costs more than the copies there and back; a
 * thread takes some megabytes, and tens of milliseconds to start.
 */
export class WorkerPool<Input, Output> {
  readonly #file: URL
  readonly #size: number
  readonly #threads = new Set<Thread<Input, Output>>()
  readonly #waiting: Task<Input, Output>[] = []
  #closed = false

  constructor(file: URL, size: number) {
    this.#file = file
    this.#size = size
  }

  /** Runs a task in a thread. When the signal aborts, the thread is terminated: nothing else can stop a computation. */
  async run(input: Input, { signal }: { readonly signal?: AbortSignal } = {}): Promise<Output> {
    if (this.#closed) throw new Error('the pool is closed')
    signal?.throwIfAborted()
    let abort = () => {}
    const output = new Promise<Output>((resolve, reject) => {
      const task: Task<Input, Output> = { input, signal, resolve, reject }
      abort = () => this.#abort(task)
      this.#waiting.push(task)
    })
    signal?.addEventListener('abort', abort, { once: true })
    this.#next()
    return output.finally(() => signal?.removeEventListener('abort', abort))
  }

  // When there is work for it: where the file cannot be loaded, each task is refused, and nothing is tried in a circle.
  #start(): Thread<Input, Output> {
    const thread: Thread<Input, Output> = { worker: new Worker(this.#file), task: undefined, ending: false }
    this.#threads.add(thread)
    thread.worker.on('message', (output: Output) => {
      // The task had ended before it was aborted: the thread takes no other one.
      if (thread.ending) return
      thread.task?.resolve(output)
      thread.task = undefined
      this.#next()
    })
    // A thread that dies fails its own task, and no other.
    const died = (error: unknown) => {
      thread.task?.reject(error)
      if (this.#threads.delete(thread)) this.#next()
    }
    thread.worker.on('error', died)
    thread.worker.on('exit', code => died(new Error(`the thread ended with exit code ${code}`)))
    return thread
  }

  #next(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#idle()
      if (thread === undefined) return
      const task = this.#waiting.shift()!
      try {
        thread.worker.postMessage(task.input, [])
        thread.task = task
      } catch (error) {
        // What cannot be copied never reaches the thread, which takes the next task.
        task.reject(error)
      }
    }
  }

  /** A thread without a task, a new one if need be; none where all are at work. */
  #idle(): Thread<Input, Output> | undefined {
    for (const thread of this.#threads) if (thread.task === undefined) return thread
    return this.#threads.size < this.#size ? this.#start() : undefined
  }

  #abort(task: Task<Input, Output>): void {
    task.reject(task.signal?.reason)
    const waiting = this.#waiting.indexOf(task)
    if (waiting >= 0) this.#waiting.splice(waiting, 1)
    for (const thread of this.#threads) {
      if (thread.task !== task) continue
      thread.ending = true
      void thread.worker.terminate()
    }
  }

  /** Terminates all threads. Tasks that have not ended are rejected. */
  async close(): Promise<void> {
    this.#closed = true
    for (const task of this.#waiting.splice(0)) task.reject(new Error('the pool is closed'))
    await Promise.all(Array.from(this.#threads, ({ worker }) => worker.terminate()))
  }
}
