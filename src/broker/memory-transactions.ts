import type {
  CommittingMember,
  EngineTransaction,
  EpochOffset,
  ProducerRecord,
  TransactionalProducer,
} from '../engine.ts'
import { IllegalStateError } from '../errors.ts'
import type { EncodedBatch } from '../log/encoded-batch.ts'
import type { BatchMetadata } from '../log/topic.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import type { Outbox } from '../outbox.ts'
import type { RecordMetadata } from '../record.ts'
import type { OpenTransaction } from '../transaction/open-transaction.ts'
import type { TransactionalSession, TransactionCoordinator } from '../transaction/transaction-coordinator.ts'
import type { BatchTarget, LogWriter } from './log-writer.ts'

/** What transactions in memory need of their engine. */
export interface MemoryTransactionsHost {
  readonly coordinator: TransactionCoordinator
  readonly writer: LogWriter
  readonly outbox: Outbox
  requireOpen(): void
}

/** A producer with a transactional id, of this process's own log. */
export class MemoryTransactionalProducer implements TransactionalProducer {
  readonly #host: MemoryTransactionsHost
  readonly session: TransactionalSession

  constructor(host: MemoryTransactionsHost, session: TransactionalSession) {
    this.#host = host
    this.session = session
  }

  /** Whether another producer has started with its transactional id. */
  get fenced(): boolean {
    const current = this.#host.coordinator.session(this.session.transactionalId)
    return current !== undefined && current !== this.session
  }

  begin(): MemoryTransaction {
    this.#host.requireOpen()
    return new MemoryTransaction(this.#host, this.session, this.#host.coordinator.begin(this.session))
  }
}

/** One transaction, of this process's own log. */
export class MemoryTransaction implements EngineTransaction {
  readonly #host: MemoryTransactionsHost
  readonly #session: TransactionalSession
  readonly #transaction: OpenTransaction

  constructor(host: MemoryTransactionsHost, session: TransactionalSession, transaction: OpenTransaction) {
    this.#host = host
    this.#session = session
    this.#transaction = transaction
  }

  /** Adds a partition before it is written to; does nothing where the transaction has ended. */
  addPartition({ topic, partition }: BatchTarget): void {
    if (this.#transaction.ended === undefined) this.#transaction.add(topic, partition)
  }

  append(record: ProducerRecord): MaybePromise<RecordMetadata> {
    this.#transaction.requireOpen()
    return this.#host.writer.append(record, undefined, this.#transaction)
  }

  appendBatch(records: readonly ProducerRecord[]): MaybePromise<RecordMetadata[]> {
    this.#transaction.requireOpen()
    return this.#host.writer.appendBatch(records, undefined, this.#transaction)
  }

  /** Writes a batch to one partition as it is; see `LogWriter`. */
  appendEncoded(target: BatchTarget, batch: EncodedBatch): MaybePromise<BatchMetadata> {
    this.#transaction.requireOpen()
    return this.#host.writer.appendEncoded(target, batch, undefined, this.#transaction)
  }

  sendOffsets(membership: CommittingMember, offsets: readonly EpochOffset[]): void {
    this.#transaction.requireOpen()
    const pending = membership.prepareCommit?.(offsets)
    if (pending?.outbox !== this.#host.outbox) {
      throw new IllegalStateError(`sendOffsets: consumer '${membership.memberId}' is not of this broker`)
    }
    this.#transaction.addOffsets(pending)
  }

  /** `renews`: whether the producer goes on under the next epoch. */
  commit(renews: boolean = true): void {
    this.#host.requireOpen()
    try {
      this.#host.coordinator.commit(this.#session, this.#transaction, renews)
    } finally {
      this.#host.outbox.flush()
    }
  }

  abort(renews: boolean = true): void {
    this.#host.coordinator.abort(this.#session, this.#transaction, renews)
    this.#host.outbox.flush()
  }
}
