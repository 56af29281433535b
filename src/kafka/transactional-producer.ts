import type { TransactionalProducer } from '../engine.ts'
import { isBrokerletError, ProducerFencedError, TransactionAbortedError } from '../errors.ts'
import { Appender } from './appender.ts'
import { hasCode } from './cluster-error.ts'
import { ClusterTransaction, fences, forgotten, type TransactionsHost } from './cluster-transaction.ts'
import type { ProducerIdentity } from './partition-queue.ts'

const nobody: ProducerIdentity = { producerId: -1n, producerEpoch: -1 }

/** A producer with a transactional id, on a cluster. (KIP-98) */
export class ClusterTransactionalProducer implements TransactionalProducer {
  readonly #host: TransactionsHost
  readonly #transactionalId: string
  readonly #timeoutMs: number
  #identity = nobody
  #appender: Appender | undefined
  // The outcome of the last write may be unknown, or a request still be on its way: the next transaction then begins with
  // a new epoch (KIP-360).
  #stale = false
  #beginning: Promise<void> | undefined
  #last: ClusterTransaction | undefined

  constructor(host: TransactionsHost, transactionalId: string, timeoutMs: number) {
    this.#host = host
    this.#transactionalId = transactionalId
    this.#timeoutMs = timeoutMs
  }

  /** @throws ProducerFencedError where another producer has taken the transactional id */
  async init(): Promise<void> {
    const { cluster } = this.#host
    const { producerId, producerEpoch } = await this.#fencing(() =>
      cluster.askCoordinator('transaction', this.#transactionalId, {
        what: `Producer '${this.#transactionalId}'`,
        api: cluster.library.initProducerIdV4,
        request: () =>
          [
            this.#transactionalId,
            this.#timeoutMs,
            this.#identity.producerId,
            this.#identity.producerEpoch,
          ] as const,
        errno: ({ errorCode }) => errorCode,
      }),
    )
    const identity = { producerId, producerEpoch }
    this.#identity = identity
    this.#stale = false
    this.#appender = new Appender({
      ...this.#host,
      transactionalId: this.#transactionalId,
      identity: async before => {
        if (before === undefined) return identity
        throw new TransactionAbortedError(
          `A batch of producer '${this.#transactionalId}' was given up; its transaction cannot commit`,
          { transactionalId: this.#transactionalId },
        )
      },
    })
  }

  async begin(): Promise<ClusterTransaction> {
    this.#host.requireOpen()
    // Until the coordinator has ended the previous transaction, new records would become part of it.
    await this.#last?.conclude()
    if (this.#stale) await this.#beginAnew()
    this.#last = new ClusterTransaction({
      ...this.#host,
      transactionalId: this.#transactionalId,
      identity: this.#identity,
      appender: this.#appender!,
      timeoutMs: this.#timeoutMs,
      fencing: attempt => this.#fencing(attempt),
      spoiled: () => {
        this.#stale = true
      },
      beginAnew: () => this.#beginAnew(),
    })
    return this.#last
  }

  #beginAnew(): Promise<void> {
    this.#beginning ??= this.init().finally(() => {
      this.#beginning = undefined
    })
    return this.#beginning
  }

  async #fencing<T>(attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt()
    } catch (error) {
      const transactionalId = this.#transactionalId
      if (hasCode(error, forgotten)) {
        throw new TransactionAbortedError(
          `The coordinator has forgotten producer '${transactionalId}', which was idle for long; its next transaction can commit`,
          { transactionalId, cause: error },
        )
      }
      if (!isBrokerletError(error) || !fences.has(error.code)) throw error
      throw new ProducerFencedError(
        `Producer '${transactionalId}' is fenced: another one has come with its transactionalId`,
        { transactionalId, cause: error },
      )
    }
  }
}
