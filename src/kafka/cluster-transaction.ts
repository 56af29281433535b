import type { Timer } from '../clock.ts'
import type { CommittingMember, EngineTransaction, EpochOffset, ProducerRecord } from '../engine.ts'
import { type ErrorCode, errnos } from '../error-codes.ts'
import {
  IllegalStateError,
  isBrokerletError,
  ProducerFencedError,
  TransactionAbortedError,
} from '../errors.ts'
import type { RecordMetadata } from '../record.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'
import type { Appender, AppendLimits } from './appender.ts'
import type { Ask } from './ask.ts'
import type { Cluster } from './cluster.ts'
import { isUnanswered } from './cluster-error.ts'
import type { Connections } from './connections.ts'
import { byTopic } from './group-by.ts'
import { GroupMembership } from './group-membership.ts'
import { areThere, type Committing, firstErrno, toCommitted } from './group-offsets.ts'
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

/** The errors of a producer whose epoch is over. */
export const fences: ReadonlySet<string> = new Set(['PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH'])

/**
 * The error of a producer that its coordinator does not know any more, also where another one has come meanwhile: then to
 * begin anew is refused. (Kafka: transactional.id.expiration.ms)
 */
export const forgotten = 'INVALID_PRODUCER_ID_MAPPING'

const nothing = (): void => {}

const tookTooLong = 'took longer than transactionTimeoutMs'

function isOver(code: ErrorCode): boolean {
  return fences.has(code) || code === forgotten || code === 'INVALID_TXN_STATE'
}

// The error of a part that was not attempted because other parts of the request failed.
const notAttempted = errnos.OPERATION_NOT_ATTEMPTED

/** What a transaction needs of its producer. */
interface TransactionHost extends TransactionsHost {
  readonly transactionalId: string
  readonly identity: ProducerIdentity
  readonly appender: Appender
  /** The transaction is aborted after this time, in milliseconds. */
  readonly timeoutMs: number
  fencing<T>(attempt: () => Promise<T>): Promise<T>
  /** Something has failed, so that the outcome of the last write is unknown, or a request may still come late. */
  spoiled(): void
  /** Begins a new epoch now, which ends what is open under the last one. */
  beginAnew(): Promise<void>
}

/** One transaction on a cluster. */
export class ClusterTransaction implements EngineTransaction {
  readonly #host: TransactionHost
  // The partitions that were added to the transaction at its coordinator.
  readonly #partitions = new Map<string, Promise<void>>()
  readonly #adding: TurnBatch<TopicPartition, void>
  readonly #deadline: number
  readonly #expiry: Timer
  #appended: Promise<void> = Promise.resolve()
  // The offsets that are being sent to the coordinators.
  #offsetsSent: Promise<unknown> | undefined
  // The transaction takes no more records or offsets.
  #over = false
  #expired = false
  // A request of it was not answered.
  #unanswered = false
  #ending: Promise<void> | undefined
  #concluding: Promise<void> | undefined
  // The coordinator has confirmed the end.
  #ended = false
  // The coordinator knows nothing of its producer any more.
  #forgotten = false
  // The members whose offsets it has.
  readonly #members = new Set<GroupMembership>()

  constructor(host: TransactionHost) {
    const { clock } = host.cluster
    this.#host = host
    this.#deadline = clock.monotonic() + host.timeoutMs
    // Aborts before the coordinator would: that may fence the producer by raising its epoch.
    this.#expiry = clock.setTimer(() => this.#expire(), host.timeoutMs, {
      name: `transaction of '${host.transactionalId}'`,
    })
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
      // Records keep their order, even if an earlier one still waits for its partition to be added.
      const turn = this.#appended.then(() => Promise.all(new Set(added)))
      this.#appended = turn.then(nothing, nothing)
      await turn
      const { appender, cluster, limits } = this.#host
      const { clock } = cluster
      const send = new RecordSend(records, clock.now(), clock.monotonic(), limits.maxRequestBytes)
      appender.append(send.records)
      return send.settled
    })
  }

  #added(tp: TopicPartition): Promise<void> {
    const id = formatTopicPartition(tp)
    let added = this.#partitions.get(id)
    if (added === undefined) {
      added = this.#adding.add(tp)
      // Its records may still wait for another partition, so that nobody hears of a failure yet.
      added.catch(nothing)
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
      goesOn: async error => !this.#over && (await areThere(cluster, partitions, error)),
    })
  }

  #ask<Request extends readonly unknown[], Response>(ask: Ask<Request, Response>): Promise<Response> {
    const { cluster, transactionalId } = this.#host
    return cluster.askCoordinator('transaction', transactionalId, this.#changing(ask))
  }

  // What may still change the transaction is waited for: its end must not overtake it. What was not answered may even be
  // done after the transaction has ended, and would end the next one, or set back its offsets: that begins under a later
  // epoch. (KIP-890)
  #changing<Request extends readonly unknown[], Response>(
    ask: Ask<Request, Response>,
  ): Ask<Request, Response> {
    return {
      ...ask,
      outlasts: true,
      goesOn: error => {
        if (isUnanswered(error)) {
          this.#unanswered = true
          this.#host.spoiled()
        }
        return ask.goesOn?.(error) ?? true
      },
    }
  }

  get #isEmpty(): boolean {
    return this.#partitions.size === 0 && this.#offsetsSent === undefined
  }

  // --- offsets ------------------------------------------------------------------------------------------------------

  sendOffsets(membership: CommittingMember, offsets: readonly EpochOffset[]): Promise<void> {
    return this.#guarded(async () => {
      const isMember = membership instanceof GroupMembership || membership instanceof LocalMembership
      const { cluster } = this.#host
      // Another connection may lead to the same cluster.
      if (!isMember || !(membership.cluster === cluster || (await cluster.isAlso(membership.cluster)))) {
        throw new IllegalStateError(`sendOffsets: consumer '${membership.memberId}' is not of this cluster`)
      }
      if (membership instanceof GroupMembership) this.#members.add(membership)
      const sent = membership.asMember(offsets, identity => this.#sendOffsets(identity, offsets))
      this.#offsetsSent = Promise.allSettled([this.#offsetsSent, sent])
      await sent
    })
  }

  async #sendOffsets(member: Committing, offsets: readonly EpochOffset[]): Promise<void> {
    const { cluster, transactionalId, identity } = this.#host
    const { producerId, producerEpoch } = identity
    const { groupId } = member()
    await this.#ask({
      what: `Adding group '${groupId}' to the transaction of '${transactionalId}'`,
      api: cluster.library.addOffsetsToTxnV3,
      request: () => [transactionalId, producerId, producerEpoch, groupId] as const,
      errno: ({ errorCode }) => errorCode,
      goesOn: () => !this.#over,
    })
    const sending = this.#changing({
      what: `Sending offsets of group '${groupId}' to the transaction of '${transactionalId}'`,
      api: cluster.library.txnOffsetCommitV3,
      request: () => {
        const { memberId, memberEpoch, groupInstanceId } = member()
        const sender = [memberEpoch, memberId, groupInstanceId ?? null] as const
        return [transactionalId, groupId, producerId, producerEpoch, ...sender, toCommitted(offsets)] as const
      },
      errno: ({ topics }) => firstErrno(topics),
      goesOn: async error => !this.#over && (await areThere(cluster, offsets, error)),
    })
    await cluster.askCoordinator('group', groupId, sending)
  }

  // --- its end ------------------------------------------------------------------------------------------------------

  async commit(): Promise<void> {
    this.#requireOpen()
    this.#close()
    this.#ending = this.#commit()
    await this.#ending
  }

  async #commit(): Promise<void> {
    this.#unanswered = false
    try {
      await this.#end(true)
    } catch (error) {
      this.#host.spoiled()
      const why = this.#lateOr(error)
      if (this.#unanswered || isUnanswered(error)) this.#mayBeCommitted(why)
      throw why
    }
    // It is committed, whatever comes of this. Who has given up may have asked something that still comes, late: that must
    // not end the next one.
    await this.#written().catch(() => this.#host.spoiled())
  }

  // A commit is answered when it is decided, and the partitions, those of groups' offsets among them, are told after that.
  // Who hears of it is to find there what it has committed, and so is whoever reads on where this producer's consumer had
  // to stop.
  async #written(): Promise<void> {
    if (!this.#isEmpty) await this.#askToEnd(true)
  }

  // Who tries again must not write once more what was committed after all: its members join anew, and begin where their
  // group says, which is known once the transaction has ended.
  #mayBeCommitted(why: unknown): void {
    for (const member of this.#members) member.startAnew(why)
    this.#settle().catch(nothing)
  }

  async #settle(): Promise<void> {
    await this.conclude()
    // A coordinator that has forgotten the producer ends nothing of it before that begins anew.
    if (this.#forgotten) await this.#host.beginAnew()
  }

  async abort(): Promise<void> {
    if (!this.#over) {
      this.#close()
      this.#ending = this.#abort('was aborted')
    }
    // The caller of a failed commit has its error already.
    await this.#ending!.catch(nothing)
  }

  #expire(): void {
    this.#expired = true
    this.#close()
    this.#ending = this.#abort(tookTooLong)
    // If the abort fails here, `conclude` of the next transaction ends it.
    this.#ending.catch(nothing)
  }

  #close(): void {
    this.#over = true
    this.#expiry.cancel()
  }

  async #abort(why: string): Promise<void> {
    if (!this.#isEmpty) {
      this.#host.spoiled()
      // Nothing may be written or added after the end, so requests under way are awaited.
      await Promise.allSettled([...this.#partitions.values(), this.#offsetsSent])
      await this.#host.appender.abandon(this.#aborted(why))
    }
    await this.#end(false)
  }

  /** Ends the transaction for the next one, where it has timed out or its end was not confirmed. */
  async conclude(): Promise<void> {
    if (!this.#over) this.#expire()
    await this.#ending!.catch(nothing)
    // Not left to `init`, which ends an open transaction, too: by that Kafka fences the epoch, and may then refuse it to its
    // own producer, as if another one had come.
    if (this.#ended) return
    this.#concluding ??= this.#end(false).finally(() => {
      this.#concluding = undefined
    })
    await this.#concluding
  }

  async #end(committed: boolean): Promise<void> {
    if (!this.#isEmpty) {
      if (committed) await this.#host.fencing(() => this.#askToEnd(true))
      else
        await this.#askToEnd(false).catch(error => {
          // The coordinator has aborted the transaction by itself, or another producer has.
          if (!isBrokerletError(error) || !isOver(error.code)) throw error
          this.#forgotten = error.code === forgotten
        })
    }
    this.#ended = true
  }

  // Asked again, the coordinator refuses for as long as it has not told all partitions.
  async #askToEnd(committed: boolean): Promise<void> {
    const { cluster, transactionalId, identity } = this.#host
    const { producerId, producerEpoch } = identity
    await this.#ask({
      what: `${committed ? 'Committing' : 'Aborting'} the transaction of '${transactionalId}'`,
      api: cluster.library.endTxnV3,
      request: () => [transactionalId, producerId, producerEpoch, committed] as const,
      errno: ({ errorCode }) => errorCode,
    })
  }

  #requireOpen(): void {
    this.#host.requireOpen()
    if (this.#over) throw this.#aborted(this.#expired ? tookTooLong : 'is over')
  }

  async #guarded<T>(attempt: () => Promise<T>): Promise<T> {
    this.#requireOpen()
    try {
      return await this.#host.fencing(attempt)
    } catch (error) {
      throw this.#lateOr(error)
    }
  }

  // After its timeout, a coordinator aborts a transaction by raising the epoch, which looks
  // like fencing by another producer.
  #lateOr(error: unknown): unknown {
    const fencedLate =
      error instanceof ProducerFencedError && this.#host.cluster.clock.monotonic() >= this.#deadline
    return this.#expired || fencedLate ? this.#aborted(tookTooLong, error) : error
  }

  #aborted(why: string, cause?: unknown): TransactionAbortedError {
    const { transactionalId } = this.#host
    return new TransactionAbortedError(`The transaction of '${transactionalId}' ${why}`, {
      transactionalId,
      ...(cause === undefined ? {} : { cause }),
    })
  }
}
