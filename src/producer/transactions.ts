import { Deadline, lastWordDeadline } from '../deadline.ts'
import type { Engine, EngineTransaction, TransactionalProducer } from '../engine.ts'
import { IllegalStateError, TransactionAbortedError } from '../errors.ts'
import { TaskQueue } from '../task-queue.ts'
import type { TopicMap } from '../topic-definition.ts'
import { BusyProducer } from './busy-producer.ts'
import type { SenderOptions } from './record-sender.ts'
import { Transaction } from './transaction.ts'

/** The transactions of one producer, one after the other. */
export class Transactions<Topics extends TopicMap> {
  readonly #engine: Engine
  readonly #options: SenderOptions
  readonly #transactionalId: string
  readonly #timeoutMs: number
  readonly #queue = new TaskQueue()
  #producer: TransactionalProducer | undefined
  #open: EngineTransaction | undefined
  #deadline: Deadline | undefined
  // Why no more transactions begin.
  #closed: Error | undefined
  readonly #busy: BusyProducer

  constructor(options: SenderOptions, transactionalId: string, timeoutMs: number) {
    this.#engine = options.engine
    this.#options = options
    this.#busy = new BusyProducer(options, () => (this.idle ? undefined : 'has a transaction open'))
    this.#transactionalId = transactionalId
    this.#timeoutMs = timeoutMs
  }

  get idle(): boolean {
    return this.#queue.size === 0
  }

  /** Resolves when the transactions asked for have ended. */
  through(): Promise<void> {
    return this.#queue.idle()
  }

  /** Aborts the open transaction, and refuses those that have not begun; does not wait long for an answer. */
  async abort(reason: Error): Promise<void> {
    this.#closed = reason
    this.#deadline?.within(0)
    if (this.#open === undefined) return
    const last = lastWordDeadline(this.#engine.clock)
    await Promise.race([abortQuietly(this.#open), last.passed])
    last.cancel()
  }

  /** Runs a transaction once those before it are over: a producer has one at a time. */
  run<T>(work: (transaction: Transaction<Topics>) => T | PromiseLike<T>): Promise<T> {
    this.#busy.begin()
    return new Promise((resolve, reject) => {
      this.#queue
        .add(() => this.#turn(work, resolve, reject))
        .catch(reject)
        .finally(() => {
          if (this.idle) this.#busy.end()
          this.#engine.touch()
        })
    })
  }

  // The next transaction begins when this one has ended, even if its function goes on after the timeout: otherwise a
  // function that awaits another transaction would block all of them for ever.
  async #turn<T>(
    work: (transaction: Transaction<Topics>) => T | PromiseLike<T>,
    resolve: (result: T) => void,
    reject: (error: unknown) => void,
  ): Promise<void> {
    const open = await this.#begin()
    if (this.#closed !== undefined) {
      await abortQuietly(open)
      throw this.#closed
    }
    const name = `transaction of '${this.#options.clientId}'`
    const deadline = new Deadline(this.#engine.clock, this.#timeoutMs, name)
    this.#open = open
    this.#deadline = deadline
    const transaction = new Transaction<Topics>(open, this.#options)
    const ended = this.#runIn(open, transaction, work).then(resolve, reject)
    await Promise.race([ended, deadline.passed])
    deadline.cancel()
    this.#deadline = undefined
    this.#open = undefined
    // Otherwise a schema that never answers would keep the function waiting.
    transaction.giveUp(this.#tookTooLong)
  }

  readonly #tookTooLong = (): Error =>
    new TransactionAbortedError(
      `The transaction of '${this.#transactionalId}' took longer than transactionTimeoutMs (${this.#timeoutMs}); nothing of this send counts`,
      { transactionalId: this.#transactionalId },
    )

  async #runIn<T>(
    open: EngineTransaction,
    transaction: Transaction<Topics>,
    work: (transaction: Transaction<Topics>) => T | PromiseLike<T>,
  ): Promise<T> {
    try {
      const result = await work(transaction)
      const failed = await transaction.finish()
      if (failed !== undefined) throw failed.error
      await open.commit()
      transaction.committed()
      return result
    } catch (error) {
      await transaction.finish({ error })
      await abortQuietly(open)
      throw error
    }
  }

  async #begin(): Promise<EngineTransaction> {
    if (this.#closed !== undefined) throw this.#closed
    if (this.#producer === undefined) {
      if (this.#engine.initTransactions === undefined) {
        throw new IllegalStateError(`transaction: the ${this.#engine.name} has no transactions`)
      }
      this.#producer = await this.#engine.initTransactions(this.#transactionalId, this.#timeoutMs)
    }
    return this.#producer.begin()
  }
}

// Where an abort fails, the coordinator aborts when the transaction's time is over. The caller has the error for which it
// was to be aborted, and loses nothing by not hearing of the other.
async function abortQuietly(open: EngineTransaction): Promise<void> {
  try {
    await open.abort()
  } catch {}
}
