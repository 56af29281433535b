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
}

/**
 * A number of threads, each with one task at a time. It cannot pass functions, class instances or shared objects
 * (values are copied as by `structuredClone`). It pays only for work that costs more than the copies there and back; a
 * thread takes some megabytes, and tens of milliseconds to start.
 */
export class WorkerPool<Input, Output> {
  readonly #file: URL
  readonly #threads = new Set<Thread<Input, Output>>()
  readonly #waiting: Task<Input, Output>[] = []
  #closed = false

  constructor(file: URL, size: number) {
    this.#file = file
    for (let i = 0; i < size; i++) this.#start()
  }

  /** Runs a task in a thread. When the signal aborts, the thread is terminated: nothing else can stop a computation. */
  run(input: Input, { signal }: { readonly signal?: AbortSignal } = {}): Promise<Output> {
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

  #start(): void {
    const thread: Thread<Input, Output> = { worker: new Worker(this.#file), task: undefined }
    this.#threads.add(thread)
    thread.worker.on('message', (output: Output) => {
      thread.task?.resolve(output)
      thread.task = undefined
      this.#next()
    })
    // A thread that dies fails its own task, and no other.
    const died = (error: unknown) => {
      thread.task?.reject(error)
      if (this.#threads.delete(thread) && !this.#closed) this.#start()
    }
    thread.worker.on('error', died)
    thread.worker.on('exit', code => died(new Error(`the thread ended with exit code ${code}`)))
    this.#next()
  }

  #next(): void {
    for (const thread of this.#threads) {
      if (thread.task !== undefined) continue
      thread.task = this.#waiting.shift()
      if (thread.task === undefined) return
      thread.worker.postMessage(thread.task.input, [])
    }
  }

  #abort(task: Task<Input, Output>): void {
    task.reject(task.signal?.reason)
    const waiting = this.#waiting.indexOf(task)
    if (waiting >= 0) this.#waiting.splice(waiting, 1)
    for (const thread of this.#threads) if (thread.task === task) void thread.worker.terminate()
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(Array.from(this.#threads, ({ worker }) => worker.terminate()))
  }
}
