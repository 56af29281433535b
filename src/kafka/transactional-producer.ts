import type {
  CommittingMember,
  EngineTransaction,
  EpochOffset,
  ProducerRecord,
  TransactionalProducer,
} from '../engine.ts'
import { errorCodes } from '../error-codes.ts'
import {
  IllegalStateError,
  isBrokerletError,
  ProducerFencedError,
  TransactionAbortedError,
} from '../errors.ts'
import type { RecordMetadata } from '../record.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'
import { Appender, type AppendLimits } from './appender.ts'
import type { Ask, Cluster } from './cluster.ts'
import type { Connections } from './connections.ts'
import { byTopic } from './group-by.ts'
import { GroupMembership } from './group-membership.ts'
import { firstErrno, toCommitted } from './group-offsets.ts'
import { LocalMembership } from './local-membership.ts'
import type { ProducerIdentity } from './partition-queue.ts'
import { RecordSend } from './produced-record.ts'
import { TurnBatch } from './turn-batch.ts'

export interface TransactionsHost {
  readonly cluster: Cluster
  readonly connections: Connections
  readonly limits: AppendLimits
  requireOpen(): void
}

const nobody: ProducerIdentity = { producerId: -1n, producerEpoch: -1 }

/** A producer with a transactional id, on a cluster. (KIP-98) */
export class ClusterTransactionalProducer implements TransactionalProducer {
  readonly #host: TransactionsHost
  readonly #transactionalId: string
  readonly #timeoutMs: number
  #identity = nobody
  #appender: Appender | undefined
  // What was written last may be in doubt: the next transaction begins with a new epoch (KIP-360).
  #stale = false

  constructor(host: TransactionsHost, transactionalId: string, timeoutMs: number) {
    this.#host = host
    this.#transactionalId = transactionalId
    this.#timeoutMs = timeoutMs
  }

  /** @throws ProducerFencedError where another one has come with its id */
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
      identity: async another => {
        if (!another) return identity
        throw new TransactionAbortedError(
          `A batch of producer '${this.#transactionalId}' was given up; its transaction cannot commit`,
          { transactionalId: this.#transactionalId },
        )
      },
    })
  }

  async begin(): Promise<ClusterTransaction> {
    this.#host.requireOpen()
    if (this.#stale) await this.init()
    const deadline = this.#host.cluster.clock.monotonic() + this.#timeoutMs
    return new ClusterTransaction({
      ...this.#host,
      transactionalId: this.#transactionalId,
      identity: this.#identity,
      appender: this.#appender!,
      deadline,
      fencing: attempt => this.#fencing(attempt),
      spoiled: () => {
        this.#stale = true
      },
    })
  }

  async #fencing<T>(attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt()
    } catch (error) {
      if (!isBrokerletError(error) || !fences.has(error.code)) throw error
      const transactionalId = this.#transactionalId
      throw new ProducerFencedError(
        `Producer '${transactionalId}' is fenced: another one has come with its transactionalId`,
        { transactionalId, cause: error },
      )
    }
  }
}

const fences: ReadonlySet<string> = new Set([
  'PRODUCER_FENCED',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
])

const nothing = (): void => {}

// Others of the same request failed, and it was not looked at.
const notAttempted = errorCodes.OPERATION_NOT_ATTEMPTED.errno

interface TransactionHost extends TransactionsHost {
  readonly transactionalId: string
  readonly identity: ProducerIdentity
  readonly appender: Appender
  /** When its coordinator aborts it, on the monotonic clock. */
  readonly deadline: number
  fencing<T>(attempt: () => Promise<T>): Promise<T>
  /** Something of it failed: what it wrote last is in doubt. */
  spoiled(): void
}

/** One transaction on a cluster. */
export class ClusterTransaction implements EngineTransaction {
  readonly #host: TransactionHost
  // Those that its coordinator knows of.
  readonly #partitions = new Map<string, Promise<void>>()
  readonly #adding: TurnBatch<TopicPartition, void>
  #appended: Promise<void> = Promise.resolve()
  #groups = 0
  #over = false

  constructor(host: TransactionHost) {
    this.#host = host
    this.#adding = new TurnBatch(host.cluster.clock, async partitions => {
      await this.#addPartitions(partitions)
      return partitions.map(() => undefined)
    })
  }

  // --- records ------------------------------------------------------------------------------------------------------

  async append(record: ProducerRecord): Promise<RecordMetadata> {
    return (await this.appendBatch([record]))[0]!
  }

  appendBatch(records: readonly ProducerRecord[]): Promise<RecordMetadata[]> {
    return this.#guarded(async () => {
      const added = records.map(({ topic, partition }) => this.#added({ topic: topic.name, partition }))
      // In their order, though one before may still wait for a partition to be added.
      const turn = this.#appended.then(() => Promise.all(new Set(added)))
      this.#appended = turn.then(nothing, nothing)
      await turn
      const { appender, cluster } = this.#host
      const send = new RecordSend(records, cluster.clock.now(), cluster.clock.monotonic())
      appender.append(send.records)
      return send.settled
    })
  }

  #added(tp: TopicPartition): Promise<void> {
    const id = formatTopicPartition(tp)
    let added = this.#partitions.get(id)
    if (added === undefined) {
      added = this.#adding.add(tp)
      this.#partitions.set(id, added)
    }
    return added
  }

  async #addPartitions(partitions: readonly TopicPartition[]): Promise<void> {
    const { cluster, transactionalId, identity } = this.#host
    const topics = byTopic(partitions, ({ partition }) => partition)
    await this.#ask({
      what: `Adding partitions to the transaction of '${transactionalId}'`,
      api: cluster.library.addPartitionsToTxnV3,
      request: () => [[{ transactionalId, ...identity, topics }]] as const,
      errno: ({ resultsByTransaction }) =>
        resultsByTransaction
          .flatMap(({ topicResults }) => topicResults)
          .flatMap(({ resultsByPartition }) => resultsByPartition)
          .find(({ partitionErrorCode }) => partitionErrorCode !== 0 && partitionErrorCode !== notAttempted)
          ?.partitionErrorCode ?? 0,
    })
  }

  #ask<Request extends readonly unknown[], Response>(ask: Ask<Request, Response>): Promise<Response> {
    return this.#host.cluster.askCoordinator('transaction', this.#host.transactionalId, ask)
  }

  // --- offsets ------------------------------------------------------------------------------------------------------

  sendOffsets(membership: CommittingMember, offsets: readonly EpochOffset[]): Promise<void> {
    return this.#guarded(async () => {
      if (!(membership instanceof GroupMembership || membership instanceof LocalMembership)) {
        throw new IllegalStateError(`Consumer '${membership.memberId}' is not of this cluster`)
      }
      await membership.asMember(offsets, () => this.#sendOffsets(membership, offsets))
    })
  }

  async #sendOffsets(
    membership: GroupMembership | LocalMembership,
    offsets: readonly EpochOffset[],
  ): Promise<void> {
    const { cluster, transactionalId, identity } = this.#host
    const { producerId, producerEpoch } = identity
    const { groupId } = membership.identity
    this.#groups++
    await this.#ask({
      what: `Adding group '${groupId}' to the transaction of '${transactionalId}'`,
      api: cluster.library.addOffsetsToTxnV3,
      request: () => [transactionalId, producerId, producerEpoch, groupId] as const,
      errno: ({ errorCode }) => errorCode,
    })
    await cluster.askCoordinator('group', groupId, {
      what: `Sending offsets of group '${groupId}' to the transaction of '${transactionalId}'`,
      api: cluster.library.txnOffsetCommitV3,
      request: () => {
        const { memberId, memberEpoch, groupInstanceId } = membership.identity
        const member = [memberEpoch, memberId, groupInstanceId ?? null] as const
        return [transactionalId, groupId, producerId, producerEpoch, ...member, toCommitted(offsets)] as const
      },
      errno: ({ topics }) => firstErrno(topics),
    })
  }

  // --- its end ------------------------------------------------------------------------------------------------------

  async commit(): Promise<void> {
    this.#requireOpen()
    this.#over = true
    if (this.#partitions.size === 0 && this.#groups === 0) return
    try {
      await this.#end(true)
    } catch (error) {
      this.#host.spoiled()
      throw this.#lateOr(error)
    }
  }

  async abort(): Promise<void> {
    if (this.#over) return
    this.#over = true
    // Nothing is written after its end: what is on its way is waited for.
    await this.#host.appender.abandon(this.#aborted('was aborted'))
    if (this.#partitions.size === 0 && this.#groups === 0) return
    this.#host.spoiled()
    try {
      await this.#end(false)
    } catch (error) {
      // Its coordinator has aborted it by itself, or another producer has.
      if (!isBrokerletError(error) || !(fences.has(error.code) || error.code === 'INVALID_TXN_STATE'))
        throw error
    }
  }

  async #end(committed: boolean): Promise<void> {
    const { cluster, transactionalId, identity, fencing } = this.#host
    const { producerId, producerEpoch } = identity
    await fencing(() =>
      this.#ask({
        what: `${committed ? 'Committing' : 'Aborting'} the transaction of '${transactionalId}'`,
        api: cluster.library.endTxnV3,
        request: () => [transactionalId, producerId, producerEpoch, committed] as const,
        errno: ({ errorCode }) => errorCode,
      }),
    )
  }

  #requireOpen(): void {
    this.#host.requireOpen()
    if (this.#over) throw this.#aborted('is over')
  }

  async #guarded<T>(attempt: () => Promise<T>): Promise<T> {
    this.#requireOpen()
    try {
      return await this.#host.fencing(attempt)
    } catch (error) {
      throw this.#lateOr(error)
    }
  }

  // After its time a coordinator aborts a transaction by a new epoch, which looks as if another producer had come.
  #lateOr(error: unknown): unknown {
    const { cluster, deadline } = this.#host
    if (!(error instanceof ProducerFencedError) || cluster.clock.monotonic() < deadline) return error
    return this.#aborted('took longer than transactionTimeoutMs', error)
  }

  #aborted(why: string, cause?: unknown): TransactionAbortedError {
    const { transactionalId } = this.#host
    return new TransactionAbortedError(`The transaction of '${transactionalId}' ${why}`, {
      transactionalId,
      ...(cause === undefined ? {} : { cause }),
    })
  }
}
