import { Worker } from 'node:worker_threads'

interface Task<Input, Output> {
  readonly input: Input
  readonly signal: AbortSignal | undefined
  resolve(output: Output): void
  reject(error: unknown): void
}

/**
 * So many threads, each with one task at a time. What it cannot do: pass functions, class instances or shared objects
 * (values are copied as by `structuredClone`), or be cheaper than the work (a task costs a copy there and back, a thread some
 * megabytes and tens of milliseconds to start).
 */
export class WorkerPool<Input, Output> {
  readonly #file: URL
  readonly #idle: Worker[] = []
  readonly #all = new Set<Worker>()
  readonly #waiting: Task<Input, Output>[] = []

  constructor(file: URL, size: number) {
    this.#file = file
    for (let i = 0; i < size; i++) this.#start()
  }

  #start(): void {
    const worker = new Worker(this.#file)
    this.#all.add(worker)
    this.#idle.push(worker)
    this.#next()
  }

  /** Runs a task in a thread. When the signal aborts, the thread is ended: nothing else can stop a computation. */
  run(input: Input, { signal }: { readonly signal?: AbortSignal } = {}): Promise<Output> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ input, signal, resolve, reject })
      this.#next()
    })
  }

  #next(): void {
    const task = this.#waiting[0]
    const worker = this.#idle[0]
    if (task === undefined || worker === undefined) return
    this.#waiting.shift()
    this.#idle.shift()
    if (task.signal?.aborted) {
      task.reject(task.signal.reason)
      this.#idle.push(worker)
      return this.#next()
    }
    this.#hand(task, worker)
  }

  #hand(task: Task<Input, Output>, worker: Worker): void {
    const abort = () => void worker.terminate()
    const over = () => {
      worker.removeAllListeners()
      task.signal?.removeEventListener('abort', abort)
    }
    worker.once('message', (output: Output) => {
      over()
      this.#idle.push(worker)
      task.resolve(output)
      this.#next()
    })
    const failed = (error: unknown) => {
      over()
      this.#all.delete(worker)
      task.reject(task.signal?.aborted ? task.signal.reason : error)
      this.#start()
    }
    // A thread that dies takes its task with it, and no other one.
    worker.once('error', failed)
    worker.once('exit', code => failed(new Error(`the thread ended with exit code ${code}`)))
    task.signal?.addEventListener('abort', abort, { once: true })
    worker.postMessage(task.input, [])
  }

  async close(): Promise<void> {
    await Promise.all(
      Array.from(this.#all, worker => {
        worker.removeAllListeners()
        return worker.terminate()
      }),
    )
  }
}
