import { closeTimeoutMs } from '../close-time.ts'
import { Deadline } from '../deadline.ts'
import { sending } from '../diagnostics.ts'
import type { ClientCloseOptions, Engine, SendWait } from '../engine.ts'
import { ClosedError, IllegalStateError } from '../errors.ts'
import type { RecordMetadata } from '../record.ts'
import type { Message, OpenTopics, TopicMap } from '../topic-definition.ts'
import {
  abortSignal,
  accepts,
  aList,
  boolean,
  callback,
  checkOptions,
  duration,
  integer,
  invalidOption,
  name,
  requireArgument,
} from '../validate.ts'
import type { Partitioner, StickyRoundRobin } from './partitioner.ts'
import { insteadOfAcks } from './producer-record.ts'
import { RecordSender, type SenderOptions } from './record-sender.ts'
import { traceSend, traceSendBatch } from './traced-send.ts'
import type { Transaction } from './transaction.ts'
import { Transactions } from './transactions.ts'

/** How a producer sends. */
export interface ProducerOptions {
  /** Chooses a partition where the message names none; default Kafka's: murmur2 of the key, else sticky round robin. */
  partitioner?: Partitioner | undefined
  /** The producer's name in errors; default `producer`. */
  clientId?: string | undefined
  /**
   * How long a send waits for room where its topic says `whenFull: 'wait'`, in milliseconds; default 60,000.
   * (Kafka: max.block.ms)
   */
  maxBlockMs?: number | undefined
  /**
   * Whether a batch that is sent again is written only once; default true. In this process nothing is ever sent
   * again, so that is always so. (Kafka: enable.idempotence)
   */
  idempotent?: boolean | undefined
  /**
   * Identifies the producer across restarts and makes it send in transactions; a later producer with the same id fences
   * this one. (Kafka: transactional.id)
   */
  transactionalId?: string | undefined
  /** How long a transaction may take before it is aborted, in milliseconds; default 60,000. (Kafka: transaction.timeout.ms) */
  transactionTimeoutMs?: number | undefined
}

/** How long one send waits for room, where its topic says `whenFull: 'wait'`. */
export interface SendOptions {
  /** Ends the wait: the send rejects with the signal's reason and writes nothing. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds; default the producer's `maxBlockMs`. 0 rejects at once. */
  readonly timeoutMs?: number | undefined
}

/**
 * Writes records.
 *
 * @example
 * await broker.producer().send({ topic: 'orders', key: order.id, value: order })
 */
export class Producer<out Topics extends TopicMap = OpenTopics> {
  readonly #engine: Engine
  readonly #clientId: string
  readonly #closing = new AbortController()
  readonly #wait: SendWait
  readonly #sender: RecordSender
  readonly #transactions: Transactions<Topics> | undefined
  #closed = false

  /** @hidden */
  constructor(engine: Engine, sticky: StickyRoundRobin, options: ProducerOptions = {}) {
    checkProducerOptions(options)
    const { partitioner, clientId = 'producer', transactionalId, transactionTimeoutMs = 60_000 } = options
    this.#engine = engine
    this.#clientId = clientId
    this.#wait = { timeoutMs: options.maxBlockMs ?? 60_000, signals: [this.#closing.signal] }
    const close = (closing: ClientCloseOptions) => this.#close(closing)
    const closing = this.#closing.signal
    const sender: SenderOptions = { engine, sticky, partitioner, clientId, closing, close }
    this.#sender = new RecordSender(engine, sender)
    this.#transactions =
      transactionalId === undefined
        ? undefined
        : new Transactions(sender, transactionalId, transactionTimeoutMs)
  }

  /**
   * Writes one record. In memory the record is in the log when this call returns its promise, unless the topic's
   * schema is asynchronous; no handler runs before that. Where a consumer has given way to the event loop the promise
   * resolves after that turn, so that a loop of awaited sends never outruns the consumers. Where a log is full and
   * its topic says `whenFull: 'wait'`, the promise resolves once there is room.
   *
   * @throws UnknownTopicOrPartitionError, InvalidRecordError, InvalidTimestampError, RecordTooLargeError, QueueFullError
   * @throws TimeoutError where there was no room in time, ClosedError; nothing is written then, as with those above
   */
  send<Name extends keyof Topics & string>(
    message: Message<Topics, Name>,
    options?: SendOptions,
  ): Promise<RecordMetadata> {
    return sending.listened
      ? traceSend(this.#clientId, message, traced => this.#send(traced, options))
      : this.#send(message, options)
  }

  #send(message: unknown, options: SendOptions | undefined): Promise<RecordMetadata> {
    try {
      this.#requireSendable('send')
      // Of send('orders', order) the first argument is what is wrong.
      const own = options === undefined || typeof message === 'string'
      const wait = own ? this.#wait : this.#waitOf('send', options)
      return this.#sender.promise(this.#sender.send(message, wait))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Writes several records, to any topics; the records of one partition keep their order. In memory all are written or
   * none.
   *
   * @throws as `send`; RecordListTooLargeError where the records could never fit
   */
  sendBatch(messages: readonly Message<Topics>[], options?: SendOptions): Promise<RecordMetadata[]> {
    return sending.listened
      ? traceSendBatch(this.#clientId, messages, traced => this.#sendBatch(traced, options))
      : this.#sendBatch(messages, options)
  }

  #sendBatch(messages: readonly unknown[], options: SendOptions | undefined): Promise<RecordMetadata[]> {
    try {
      this.#requireSendable('sendBatch')
      // Of sendBatch(order, order), too.
      const own = options === undefined || !accepts(aList, messages)
      const wait = own ? this.#wait : this.#waitOf('sendBatch', options)
      return this.#sender.promise(this.#sender.sendBatch(messages, wait))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #waitOf(method: string, options: SendOptions): SendWait {
    checkOptions(method, options, { signal: abortSignal, timeoutMs: duration })
    const { signal, timeoutMs = this.#wait.timeoutMs } = options
    signal?.throwIfAborted()
    return { timeoutMs, signals: signal ? [...this.#wait.signals, signal] : this.#wait.signals }
  }

  #requireSendable(method: string): void {
    this.#requireOpen()
    if (this.#transactions === undefined) return
    throw new IllegalStateError(
      `${method}: producer '${this.#clientId}' has a transactionalId, so it sends within transaction() only`,
    )
  }

  /**
   * Runs a function in a transaction: the records and the offsets that it sends are committed together once it has
   * returned. The transaction is aborted where the function throws, where anything in it failed, or where it takes
   * longer than `transactionTimeoutMs`. Calls wait for each other: do not await one within the function of another
   * one. Resolves to what the function returned.
   *
   * @throws what the function threw, or what failed in it
   * @throws ProducerFencedError where another producer has started with the same `transactionalId`
   * @throws TransactionAbortedError where it took too long
   * @throws CommitFailedError where a partition whose offset it sent is no longer the consumer's
   *
   * @example
   * await producer.transaction(async tx => {
   *   await tx.send({ topic: 'payments', value: charge(record.value) })
   *   await tx.sendOffsets(context)
   * })
   */
  async transaction<T>(work: (transaction: Transaction<Topics>) => T | PromiseLike<T>): Promise<T> {
    this.#requireOpen()
    requireArgument('transaction', 'work', work, callback)
    if (this.#transactions === undefined) {
      throw new IllegalStateError(
        `transaction: producer '${this.#clientId}' was made without a transactionalId, which transactions need`,
      )
    }
    return this.#transactions.run(work)
  }

  #requireOpen(): void {
    if (this.#closed) throw new ClosedError(`Producer '${this.#clientId}' is closed`)
  }

  /**
   * Refuses further sends, and resolves when those under way have ended. After `timeoutMs` (default 30,000) it waits no
   * longer: it refuses sends that still wait and transactions that have not begun, and aborts an open transaction.
   */
  async close(options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    checkOptions('close', options, { timeoutMs: duration })
    await this.#close(options)
  }

  async #close({ timeoutMs = closeTimeoutMs, hold = true }: ClientCloseOptions): Promise<void> {
    this.#closed = true
    if (this.#sender.idle && (this.#transactions?.idle ?? true)) return
    await this.#closeWithin(timeoutMs, hold)
  }

  // Always comes to an end: a schema may never answer, and room may never come.
  async #closeWithin(timeoutMs: number, hold: boolean): Promise<void> {
    const deadline = new Deadline(this.#engine.clock, timeoutMs, `closing of '${this.#clientId}'`, { hold })
    try {
      await Promise.race([this.#through(), deadline.passed])
    } finally {
      deadline.cancel()
      this.#closing.abort(this.#closedWithout('send'))
      await this.#transactions?.abort(this.#closedWithout('transaction'))
    }
  }

  #closedWithout(what: string): ClosedError {
    return new ClosedError(`Producer '${this.#clientId}' was closed; nothing of this ${what} was written`)
  }

  async #through(): Promise<void> {
    await this.#transactions?.through()
    await this.#sender.through()
  }

  /** Closes, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function checkProducerOptions(options: ProducerOptions): void {
  checkOptions(
    'Producer',
    options,
    {
      partitioner: callback,
      clientId: name,
      maxBlockMs: duration,
      idempotent: boolean,
      transactionalId: name,
      transactionTimeoutMs: integer(1),
    },
    { acks: { instead: insteadOfAcks } },
  )
  const { idempotent, transactionalId, transactionTimeoutMs } = options
  if (idempotent === false && transactionalId !== undefined)
    throw invalidOption('Producer', 'idempotent', 'true with a transactionalId', idempotent)
  if (transactionTimeoutMs !== undefined && transactionalId === undefined)
    throw invalidOption(
      'Producer',
      'transactionTimeoutMs',
      'a transactionalId beside it',
      transactionTimeoutMs,
    )
}
