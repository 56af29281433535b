import type { ConsumerControl } from '../consumer/consumer-control.ts'
import type { RecordContext } from '../consumer/run-options.ts'
import { sending } from '../diagnostics.ts'
import type { EngineTransaction, SendWait } from '../engine.ts'
import { CommitFailedError, IllegalStateError } from '../errors.ts'
import { isPromise, type MaybePromise } from '../maybe-promise.ts'
import { type ConsumedOffsets, isOffsetSource } from '../offset-source.ts'
import type { RecordMetadata } from '../record.ts'
import type { Message, OpenTopics, TopicMap } from '../topic-definition.ts'
import { invalidArgument } from '../validate.ts'
import { RecordSender, type SenderOptions } from './record-sender.ts'
import { traceSend, traceSendBatch } from './traced-send.ts'

/**
 * A transaction, as `producer.transaction` hands it to its function: the records and offsets sent with it are committed
 * together when the function has returned, or not at all.
 */
export class Transaction<out Topics extends TopicMap = OpenTopics> {
  readonly #transaction: EngineTransaction
  readonly #sender: RecordSender
  readonly #clientId: string
  readonly #wait: SendWait
  #over = false
  #failed: { readonly error: unknown } | undefined
  // What its offsets were taken from.
  #consumed: ConsumedOffsets[] | undefined
  // Calls that have not been answered yet.
  #calls: Set<Promise<unknown>> | undefined

  /** @hidden */
  constructor(transaction: EngineTransaction, options: SenderOptions) {
    this.#transaction = transaction
    this.#sender = new RecordSender(transaction, options)
    this.#clientId = options.clientId
    // A send within a transaction does not wait for room: an open transaction keeps readers waiting.
    this.#wait = { timeoutMs: 0, signals: [options.closing] }
  }

  /**
   * Writes one record. Readers get it once the transaction has committed, readers with `read_uncommitted` at once.
   * Where it rejects, the transaction is aborted.
   *
   * @throws as `Producer.send`, but QueueFullError at once where a log is full; IllegalStateError once it is over
   */
  send<Name extends keyof Topics & string>(message: Message<Topics, Name>): Promise<RecordMetadata> {
    return sending.listened
      ? this.#answered(traceSend(this.#clientId, message, traced => this.#send(traced)))
      : this.#send(message)
  }

  #send(message: unknown): Promise<RecordMetadata> {
    try {
      this.#requireOpen('send')
      return this.#answer(this.#sender.send(message, this.#wait))
    } catch (error) {
      return this.#refuse(error)
    }
  }

  /**
   * Writes several records.
   *
   * @throws as `send`; RecordListTooLargeError where the records could never fit
   */
  sendBatch(messages: readonly Message<Topics>[]): Promise<RecordMetadata[]> {
    return sending.listened
      ? this.#answered(traceSendBatch(this.#clientId, messages, traced => this.#sendBatch(traced)))
      : this.#sendBatch(messages)
  }

  #sendBatch(messages: readonly unknown[]): Promise<RecordMetadata[]> {
    try {
      this.#requireOpen('sendBatch')
      return this.#answer(this.#sender.sendBatch(messages, this.#wait))
    } catch (error) {
      return this.#refuse(error)
    }
  }

  /**
   * Commits consumed offsets with the transaction. From a consumer: what its last `poll`, or its loop, handed out. From
   * the context of a handler: its record or batch (with `concurrency` 1 and `ordering: 'partition'`). The consumer must
   * have `autoCommit: false`. (Kafka: sendOffsetsToTransaction, KIP-447)
   *
   * @throws CommitFailedError where a partition is no longer the consumer's, or the consumer is no member of its group now;
   * the transaction is aborted
   * @throws IllegalStateError where the consumer commits by itself, has no group, is of another broker or cluster, or has
   * several records in hand
   */
  sendOffsets(from: RecordContext | ConsumerControl): Promise<void> {
    try {
      this.#requireOpen('sendOffsets')
      return this.#answer(this.#sendOffsets(from))
    } catch (error) {
      return this.#refuse(error)
    }
  }

  async #sendOffsets(from: unknown): Promise<void> {
    if (!isOffsetSource(from)) {
      throw invalidArgument('sendOffsets', 'from', 'a consumer, or the context of a handler', from)
    }
    const consumed = from.consumedOffsets()
    const { consumer, groupId, autoCommit, membership, offsets } = consumed
    if (groupId === undefined) {
      throw new IllegalStateError(
        `sendOffsets: consumer '${consumer}' has no groupId, so it has no offsets to send`,
      )
    }
    if (autoCommit) {
      throw new IllegalStateError(
        `sendOffsets: consumer '${consumer}' of group '${groupId}' commits by itself, transaction or not; it needs autoCommit: false`,
        { groupId },
      )
    }
    if (membership === undefined) {
      throw new CommitFailedError(
        'UNKNOWN_MEMBER_ID',
        `sendOffsets: consumer '${consumer}' is not a member of group '${groupId}' now: it was removed, or has not joined yet`,
        { groupId },
      )
    }
    if (offsets.length === 0) return
    await this.#transaction.sendOffsets(membership, offsets)
    this.#consumed ??= []
    this.#consumed.push(consumed)
  }

  #requireOpen(method: string): void {
    if (!this.#over) return
    throw new IllegalStateError(`${method}: this transaction of producer '${this.#clientId}' is over`)
  }

  // The end of the transaction waits for every call, also for one that the function does not await.
  #answer<T>(result: MaybePromise<T>): Promise<T> {
    if (!isPromise(result)) return this.#sender.promise(result)
    const calls = this.#calls ?? new Set()
    this.#calls = calls
    calls.add(result)
    result.then(
      () => calls.delete(result),
      error => {
        this.#failed ??= { error }
        calls.delete(result)
      },
    )
    return result
  }

  // A failed call aborts the transaction, even if the function goes on: all is committed or nothing.
  #refuse(reason: unknown): Promise<never> {
    if (!this.#over) this.#failed ??= { error: reason }
    return this.#answered(Promise.reject(reason))
  }

  // Where the transaction rejects with a failure, the function need not await its promise. After a commit nobody else
  // would hear of it.
  #answered<T>(answer: Promise<T>): Promise<T> {
    if (!this.#over || this.#failed !== undefined) answer.catch(() => {})
    return answer
  }

  /** Refuses the calls that wait, and later ones, because the time is over. @internal */
  giveUp(reason: () => Error): void {
    if (!this.#over) this.#sender.giveUp(reason())
  }

  /**
   * Waits for the calls under way and takes no more; returns the first failure, if any. `thrown`: what ends the
   * transaction without a commit. @internal
   */
  async finish(thrown?: { readonly error: unknown }): Promise<{ readonly error: unknown } | undefined> {
    while (this.#calls !== undefined && this.#calls.size > 0) await Promise.allSettled(this.#calls)
    this.#over = true
    this.#failed ??= thrown
    return this.#failed
  }

  /** Tells the consumers whose offsets it has committed. @internal */
  committed(): void {
    for (const consumed of this.#consumed ?? []) consumed.committed()
  }
}
