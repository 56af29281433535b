import type { Broker } from '../broker.ts'
import type { ErrorCode } from '../error-codes.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'
import type { TransactionalSession, TransactionState } from '../transaction/transaction-coordinator.ts'

type Producer = ReturnType<Broker['engine']['initTransactions']>
type Transaction = ReturnType<Producer['begin']>

/** Who says that it is which producer. */
export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

/** What a transaction is told that it will write to. */
interface AddedToTransaction {
  readonly partitions?: readonly TopicPartition[]
  /** The group whose offsets it commits. */
  readonly groupId?: string
}

/** A producer on the wire with a transactional id. */
interface WireProducer {
  readonly producer: Producer
  /** As its client knows it: the log's own epoch may have moved on. */
  identity: ProducerIdentity
  /** As whom it came when it was given its identity: its client may not have heard of that. */
  readonly former: ProducerIdentity | undefined
  open: Transaction | undefined
  /** What the open one writes to, as its client has said before, or by its first batch. */
  readonly added: Map<string, TopicPartition>
  /** The groups for which the open one commits offsets, as its client has said before, or by the first of them. */
  readonly groups: Set<string>
  /** Who it was before the last end, and what that was: its client may not have heard of it. */
  ended: { readonly identity: ProducerIdentity; readonly committed: boolean } | undefined
}

/** A transactional id, as an administrator sees it. */
export interface DescribedTransaction extends ProducerIdentity {
  readonly transactionalId: string
  readonly state: TransactionState
  readonly timeoutMs: number
  /** When the transaction began that is open, or -1. */
  readonly startedAt: number
  readonly partitions: readonly TopicPartition[]
}

// So many may be held of which the broker knows no more, before they are looked for.
const mostForgotten = 1000

/** The transactions of clients on the wire: the broker's own, under the epochs that these clients know. */
export class WireTransactions {
  readonly #engine: Broker['engine']
  readonly #byTransactionalId = new Map<string, WireProducer>()
  readonly #byProducerId = new Map<number, WireProducer>()
  #sweepAt = mostForgotten

  constructor(engine: Broker['engine']) {
    this.#engine = engine
  }

  /**
   * A producer comes, and fences the one that had its transactional id before. `known`: it has been here, and wants its next
   * epoch (KIP-360). (Kafka: InitProducerId)
   */
  init(
    transactionalId: string,
    timeoutMs: number,
    known: ProducerIdentity | undefined,
  ): ProducerIdentity | ErrorCode {
    const before = this.#known(transactionalId)
    if (known !== undefined && before !== undefined) {
      const repeated = before.former !== undefined && isSame(before.former, known)
      if (repeated && before.open === undefined) return before.identity
      const current = isSame(before.identity, known) || (before.ended && isSame(before.ended.identity, known))
      if (!current) return 'PRODUCER_FENCED'
    }
    const producer = this.#engine.initTransactions(transactionalId, timeoutMs)
    if (before !== undefined) this.#byProducerId.delete(before.identity.producerId)
    const made: WireProducer = {
      producer,
      identity: identityOf(producer),
      former: known,
      open: undefined,
      added: new Map(),
      groups: new Set(),
      ended: undefined,
    }
    this.#byTransactionalId.set(transactionalId, made)
    this.#byProducerId.set(made.identity.producerId, made)
    if (this.#byTransactionalId.size > this.#sweepAt) this.#sweep()
    return made.identity
  }

  // Whom the broker has forgotten for a long silence is unknown here, too. (Kafka: transactional.id.expiration.ms)
  #known(transactionalId: string): WireProducer | undefined {
    const made = this.#byTransactionalId.get(transactionalId)
    if (made === undefined || this.#engine.producerEpoch(transactionalId) !== undefined) return made
    this.#byTransactionalId.delete(transactionalId)
    this.#byProducerId.delete(made.identity.producerId)
    return undefined
  }

  #sweep(): void {
    for (const transactionalId of [...this.#byTransactionalId.keys()]) this.#known(transactionalId)
    this.#sweepAt = Math.max(mostForgotten, 2 * this.#byTransactionalId.size)
  }

  /** Its transaction, begun where none is open. (Kafka: AddPartitionsToTxn, AddOffsetsToTxn, and without them since KIP-890) */
  begin(
    transactionalId: string,
    identity: ProducerIdentity,
    { partitions = [], groupId }: AddedToTransaction,
  ): Transaction | ErrorCode {
    const made = this.#find(transactionalId, identity)
    if (typeof made === 'string') return made
    // One whose time was over has ended without its producer's doing; the next step says so.
    made.open ??= made.producer.begin()
    for (const tp of partitions) made.added.set(formatTopicPartition(tp), tp)
    if (groupId !== undefined) made.groups.add(groupId)
    return made.open
  }

  /** Its transaction that is open, for one that writes to a partition of it, or commits a group's offsets within it. */
  opened(
    { producerId, producerEpoch }: ProducerIdentity,
    to: TopicPartition | string,
  ): Transaction | ErrorCode {
    const made = this.#byProducerId.get(producerId)
    if (made === undefined) return 'INVALID_PRODUCER_ID_MAPPING'
    if (made.identity.producerEpoch !== producerEpoch || made.producer.fenced) return 'INVALID_PRODUCER_EPOCH'
    // Nothing late gets into a transaction that has not been told of its partition, or its group. (KIP-890)
    const told = typeof to === 'string' ? made.groups.has(to) : made.added.has(formatTopicPartition(to))
    return (told ? made.open : undefined) ?? 'INVALID_TXN_STATE'
  }

  /**
   * Ends it; what was ended before is ended once more in the same way without harm. May throw why it cannot be. `renews`: its
   * producer goes on under the epoch that this gives, so that nothing late gets into its next transaction (KIP-890).
   */
  end(
    transactionalId: string,
    identity: ProducerIdentity,
    committed: boolean,
    renews: boolean,
  ): ProducerIdentity | ErrorCode {
    const before = this.#known(transactionalId)
    const ended = before?.open === undefined ? before?.ended : undefined
    if (renews && ended !== undefined && isSame(ended.identity, identity)) {
      return ended.committed === committed ? before!.identity : 'INVALID_TXN_STATE'
    }
    const made = this.#find(transactionalId, identity)
    if (typeof made === 'string') return made
    const { open } = made
    if (open === undefined && !renews) return this.#endedOnceMore(made, committed)
    if (open === undefined && committed) return 'INVALID_TXN_STATE'
    made.open = undefined
    made.added.clear()
    made.groups.clear()
    if (committed) open!.commit()
    else (open ?? made.producer.begin()).abort()
    if (renews) this.#renew(made, committed)
    return made.identity
  }

  // Its epoch does not tell which transaction it means, so it can only be the last one.
  #endedOnceMore({ producer, identity }: WireProducer, committed: boolean): ProducerIdentity | ErrorCode {
    const wanted: TransactionState = committed ? 'CompleteCommit' : 'CompleteAbort'
    return producer.session.state === wanted ? identity : 'INVALID_TXN_STATE'
  }

  #renew(made: WireProducer, committed: boolean): void {
    made.ended = { identity: made.identity, committed }
    this.#byProducerId.delete(made.identity.producerId)
    made.identity = identityOf(made.producer)
    this.#byProducerId.set(made.identity.producerId, made)
  }

  #find(transactionalId: string, identity: ProducerIdentity): WireProducer | ErrorCode {
    const made = this.#known(transactionalId)
    if (made?.identity.producerId !== identity.producerId) return 'INVALID_PRODUCER_ID_MAPPING'
    return isSame(made.identity, identity) && !made.producer.fenced ? made : 'PRODUCER_FENCED'
  }

  /** Whether a transaction that is open, of the wire or of this process, will commit an offset of a partition for a group. */
  pends(groupId: string, tp: TopicPartition): boolean {
    for (const { open } of this.#engine.transactionalSessions) if (open?.pends(groupId, tp)) return true
    return false
  }

  /** Everybody with a transactional id, of the wire and of this process, by id. */
  describe(): readonly DescribedTransaction[] {
    return [...this.#engine.transactionalSessions]
      .map(session => this.#describe(session))
      .sort((a, b) => (a.transactionalId < b.transactionalId ? -1 : 1))
  }

  #describe(session: TransactionalSession): DescribedTransaction {
    const { transactionalId, state, timeoutMs, producerId, producerEpoch } = session
    const made = this.#byTransactionalId.get(transactionalId)
    const own = made?.producer.session === session ? made : undefined
    const written = session.open?.partitions ?? []
    const partitions = new Map(written.map(tp => [formatTopicPartition(tp), tp]))
    for (const [id, tp] of own?.added ?? []) partitions.set(id, tp)
    return {
      transactionalId,
      state,
      timeoutMs,
      startedAt: session.open === undefined ? -1 : session.startedAt,
      ...(own?.identity ?? { producerId, producerEpoch }),
      partitions: session.open === undefined ? [] : [...partitions.values()],
    }
  }
}

function identityOf({ session: { producerId, producerEpoch } }: Producer): ProducerIdentity {
  return { producerId, producerEpoch }
}

function isSame(a: ProducerIdentity, b: ProducerIdentity): boolean {
  return a.producerId === b.producerId && a.producerEpoch === b.producerEpoch
}
