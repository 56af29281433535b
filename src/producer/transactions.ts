import type { Timer } from '../clock.ts'
import { lastWordDeadline } from '../deadline.ts'
import type { Engine, EngineTransaction, TransactionalProducer } from '../engine.ts'
import { IllegalStateError, TransactionAbortedError } from '../errors.ts'
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
  // How many were asked for and have not ended, and the end of the last of them. A chain and not a queue, which would take
  // as long as several of a transaction's sends.
  #count = 0
  #last: Promise<void> | undefined
  #producer: TransactionalProducer | undefined
  #open: EngineTransaction | undefined
  // Ends the wait for the producer's id, which may never come.
  #refuse: ((reason: Error) => void) | undefined
  // Ends the wait for the open transaction.
  #pass: (() => void) | undefined
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
    return this.#count === 0
  }

  /** Resolves when the transactions asked for have ended. */
  async through(): Promise<void> {
    while (!this.idle) await this.#last
  }

  /** Aborts the open transaction, and refuses those that have not begun; does not wait long for an answer. */
  async abort(reason: Error): Promise<void> {
    this.#closed = reason
    this.#refuse?.(reason)
    if (this.#open === undefined) return
    // Work that needs no waiting is still done: a turn of the event loop, also on a virtual clock.
    this.#engine.clock.turn().then(this.#pass)
    const last = lastWordDeadline(this.#engine.clock)
    await Promise.race([abortQuietly(this.#open), last.passed])
    last.cancel()
  }

  /** Runs a transaction once those before it are over: a producer has one at a time. */
  run<T>(work: (transaction: Transaction<Topics>) => T | PromiseLike<T>): Promise<T> {
    this.#busy.begin()
    this.#count++
    return new Promise((resolve, reject) => {
      const turn = () => this.#turn(work, resolve, reject)
      this.#last = (this.#last?.then(turn) ?? turn()).catch(reject).then(this.#ended)
    })
  }

  readonly #ended = (): void => {
    this.#count--
    if (this.idle) {
      this.#last = undefined
      this.#busy.end()
    }
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
    const transaction = new Transaction<Topics>(open, this.#options)
    this.#open = open
    let timer: Timer | undefined
    await new Promise<void>(pass => {
      const name = `transaction of '${this.#options.clientId}'`
      timer = this.#engine.clock.setTimer(pass, this.#timeoutMs, { limit: true, name })
      this.#pass = pass
      this.#runIn(open, transaction, work).then(resolve, reject).then(pass)
    })
    timer?.cancel()
    this.#pass = undefined
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
    this.#producer ??= await this.#init()
    return this.#producer.begin()
  }

  #init(): Promise<TransactionalProducer> {
    return new Promise((resolve, reject) => {
      const engine = this.#engine
      if (engine.initTransactions === undefined) {
        throw new IllegalStateError(`transaction: the ${engine.name} has no transactions`)
      }
      this.#refuse = reject
      Promise.resolve(engine.initTransactions(this.#transactionalId, this.#timeoutMs)).then(resolve, reject)
    })
  }
}

// Where an abort fails, the coordinator aborts when the transaction's time is over. The caller has the error for which it
// was to be aborted, and loses nothing by not hearing of the other.
async function abortQuietly(open: EngineTransaction): Promise<void> {
  try {
    await open.abort()
  } catch {}
}
