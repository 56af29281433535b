import type { Broker } from '../broker.ts'
import type { ErrorCode } from '../error-codes.ts'
import type { Partition } from '../log/partition.ts'
import { producersOf } from '../log/producer-states.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'
import type { TransactionalSession, TransactionState } from '../transaction/transaction-coordinator.ts'

type Producer = ReturnType<Broker['engine']['initTransactions']>
type Transaction = ReturnType<Producer['begin']>

/** The producer that a client says it is. */
export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

/** What is added to a transaction before it writes or commits there. */
interface AddedToTransaction {
  readonly partitions?: readonly TopicPartition[]
  /** The group whose offsets the transaction commits. */
  readonly groupId?: string
}

interface AddedPartition extends TopicPartition {
  readonly log: Partition
}

/** A producer on the wire with a transactional id. */
interface WireProducer {
  readonly producer: Producer
  /** As its client knows it: the producer's epoch in the log may be newer. */
  identity: ProducerIdentity
  /** The identity that this one came after, in an answer to its client. It asks with that again if it missed the answer. */
  former: ProducerIdentity | undefined
  open: Transaction | undefined
  /** The partitions of the open transaction, added by a request or by the first batch to each. */
  readonly added: Map<string, AddedPartition>
  /** The groups whose offsets the open transaction commits, added by a request or by the first commit of each. */
  readonly groups: Set<string>
  /** Those of both to which it has written or committed: there nobody asks again whose transaction it is. */
  readonly verified: Set<string>
  /** How the transaction ended whose end brought this identity; undefined if no end did. */
  ended: 'commit' | 'abort' | undefined
}

/** What a client does after the end of a transaction, by the version of its request. */
interface WaysToEnd {
  /** It goes on under the epoch in the answer, so that its next transaction gets no late batch (KIP-890). */
  readonly renews: boolean
  /** It goes on after it has aborted what the broker aborted before; else that fences it, until it begins anew. */
  readonly goesOn: boolean
}

/** A transactional id, as an administrator sees it. */
export interface DescribedTransaction extends ProducerIdentity {
  readonly transactionalId: string
  readonly state: TransactionState
  readonly timeoutMs: number
  /** When its last transaction began; -1 before the first. */
  readonly startedAt: number
  readonly partitions: readonly TopicPartition[]
}

// How many producers are held before those that the broker has forgotten are looked for.
const mostForgotten = 1000

/** The transactions of clients on the wire: the broker's own ones, under the epochs that the clients know. */
export class WireTransactions {
  readonly #engine: Broker['engine']
  readonly #byTransactionalId = new Map<string, WireProducer>()
  readonly #byProducerId = new Map<number, WireProducer>()
  #sweepAt = mostForgotten

  constructor(engine: Broker['engine']) {
    this.#engine = engine
  }

  /**
   * Initialises a producer, and fences the one that had its transactional id before. `known` is the identity of a
   * producer that asks for its next epoch (KIP-360); one that has not heard of its present epoch gets that. (Kafka:
   * InitProducerId)
   */
  init(
    transactionalId: string,
    timeoutMs: number,
    known: ProducerIdentity | undefined,
  ): ProducerIdentity | ErrorCode {
    const before = this.#known(transactionalId)
    let resumed = false
    if (known !== undefined && before !== undefined) {
      if (before.producer.fenced) return 'PRODUCER_FENCED'
      const isCurrent = isSame(before.identity, known)
      if (before.open !== undefined && known.producerId === before.identity.producerId) {
        this.#fence(before, before.open)
        // Nobody can tell which of two producers is alive: the one that has a transaction open, or the one that has
        // not heard of its epoch. The latter goes on no more. (Kafka: prepareInitProducerIdTransition)
        if (!isCurrent) return 'CONCURRENT_TRANSACTIONS'
        resumed = true
      } else {
        resumed = before.former !== undefined && isSame(before.former, known)
        if (!resumed && !isCurrent) return 'PRODUCER_FENCED'
      }
    }
    const unheard = resumed || (before !== undefined && isBehind(before))
    const producer = this.#engine.initTransactions(transactionalId, timeoutMs, unheard)
    if (before !== undefined) {
      const { producerId, producerEpoch } = before.identity
      this.#byProducerId.delete(producerId)
      if (before.open !== undefined) this.#close(before, producerEpoch + 1)
    }
    const made: WireProducer = {
      producer,
      identity: resumed ? before!.identity : identityOf(producer),
      former: known,
      open: undefined,
      added: new Map(),
      groups: new Set(),
      verified: new Set(),
      ended: undefined,
    }
    this.#byTransactionalId.set(transactionalId, made)
    this.#byProducerId.set(made.identity.producerId, made)
    if (this.#byTransactionalId.size > this.#sweepAt) this.#sweep()
    return made.identity
  }

  #fence(made: WireProducer, open: Transaction): void {
    open.abort()
    this.#renew(made, 'abort')
    this.#close(made)
  }

  // A producer that the broker has forgotten is unknown here, too. (Kafka: transactional.id.expiration.ms)
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

  /** The open transaction, begun if there is none. (Kafka: AddPartitionsToTxn, AddOffsetsToTxn, or neither: KIP-890) */
  begin(
    transactionalId: string,
    identity: ProducerIdentity,
    { partitions = [], groupId }: AddedToTransaction,
  ): Transaction | ErrorCode {
    const made = this.#find(transactionalId, identity)
    if (typeof made === 'string') return made
    // A transaction that timed out was aborted without its producer; the next step fails and says so.
    made.open ??= made.producer.begin()
    for (const tp of partitions) this.#add(made, made.open, tp)
    if (groupId !== undefined) made.groups.add(groupId)
    return made.open
  }

  #add({ added }: WireProducer, open: Transaction, tp: TopicPartition): void {
    const id = formatTopicPartition(tp)
    const log = this.#engine.partition(tp)
    // Another one, if the topic was made anew meanwhile.
    if (added.get(id)?.log === log) return
    open.addPartition({ topic: this.#engine.topics.get(tp.topic)!, partition: tp.partition })
    added.set(id, { ...tp, log })
  }

  /** The open transaction of a producer that writes to a partition of it, or commits a group's offsets in it. */
  opened(
    transactionalId: string | null,
    { producerId, producerEpoch }: ProducerIdentity,
    to: TopicPartition | string,
  ): Transaction | ErrorCode {
    const made = this.#byProducerId.get(producerId)
    if (made === undefined) return 'INVALID_PRODUCER_ID_MAPPING'
    const target = typeof to === 'string' ? to : formatTopicPartition(to)
    const isOwn = transactionalId !== null && this.#byTransactionalId.get(transactionalId) === made
    // No topic has a space in its name.
    const written = typeof to === 'string' ? `group ${to}` : target
    if (!isOwn && !made.verified.has(written)) return 'INVALID_PRODUCER_ID_MAPPING'
    if (made.identity.producerEpoch !== producerEpoch || made.producer.fenced) return 'INVALID_PRODUCER_EPOCH'
    // A late batch or commit does not get into a transaction to which its partition or group was not added. (KIP-890)
    const told = (typeof to === 'string' ? made.groups : made.added).has(target)
    if (!told || made.open === undefined) return 'INVALID_TXN_STATE'
    made.verified.add(written)
    return made.open
  }

  /**
   * Ends the producer's transaction; to end it again in the same way changes nothing. Throws if it cannot be ended.
   */
  end(
    transactionalId: string,
    identity: ProducerIdentity,
    committed: boolean,
    { renews, goesOn }: WaysToEnd,
  ): ProducerIdentity | ErrorCode {
    const before = this.#known(transactionalId)
    const ended = before?.open === undefined ? before?.ended : undefined
    if (renews && ended !== undefined && isSame(before!.former!, identity)) {
      return (ended === 'commit') === committed ? before!.identity : 'INVALID_TXN_STATE'
    }
    const made = this.#find(transactionalId, identity)
    if (typeof made === 'string') return made
    const { open } = made
    const tookTooLong = open !== undefined && made.producer.session.open === undefined
    if (tookTooLong && !goesOn) return 'PRODUCER_FENCED'
    if (open === undefined && !renews) return this.#endedOnceMore(made, committed)
    if (open === undefined && committed) return 'INVALID_TXN_STATE'
    try {
      if (committed) open!.commit(renews)
      else (open ?? made.producer.begin()).abort(renews)
      if (renews) this.#renew(made, committed ? 'commit' : 'abort')
    } finally {
      this.#close(made)
    }
    return made.identity
  }

  // The epoch does not tell which transaction is meant, so it has to be the last one.
  #endedOnceMore({ producer, identity }: WireProducer, committed: boolean): ProducerIdentity | ErrorCode {
    const wanted: TransactionState = committed ? 'CompleteCommit' : 'CompleteAbort'
    return producer.session.state === wanted ? identity : 'INVALID_TXN_STATE'
  }

  // Its partitions know under which epoch the producer goes on.
  #close(made: WireProducer, producerEpoch: number = made.identity.producerEpoch): void {
    const { producerId } = made.identity
    const { clock, settings } = this.#engine
    for (const { log } of made.added.values()) {
      producersOf(log, settings.producerIdExpirationMs).ended(producerId, producerEpoch, clock.now())
    }
    made.open = undefined
    made.added.clear()
    made.groups.clear()
    made.verified.clear()
  }

  #renew(made: WireProducer, ended: 'commit' | 'abort'): void {
    made.former = made.identity
    made.ended = ended
    this.#byProducerId.delete(made.identity.producerId)
    made.identity = identityOf(made.producer)
    this.#byProducerId.set(made.identity.producerId, made)
  }

  #find(transactionalId: string, identity: ProducerIdentity): WireProducer | ErrorCode {
    const made = this.#known(transactionalId)
    if (made?.identity.producerId !== identity.producerId) return 'INVALID_PRODUCER_ID_MAPPING'
    return isSame(made.identity, identity) && !made.producer.fenced ? made : 'PRODUCER_FENCED'
  }

  /** Whether an open transaction, of the wire or of this process, will commit the group's offset of a partition. */
  pends(groupId: string, tp: TopicPartition): boolean {
    for (const { open } of this.#engine.transactionalSessions) if (open?.pends(groupId, tp)) return true
    return false
  }

  /** All producers with a transactional id, of the wire and of this process, sorted by that id. */
  describe(): readonly DescribedTransaction[] {
    return [...this.#engine.transactionalSessions]
      .map(session => this.#describe(session))
      .sort((a, b) => (a.transactionalId < b.transactionalId ? -1 : 1))
  }

  #describe(session: TransactionalSession): DescribedTransaction {
    const { transactionalId, state, timeoutMs, producerId, producerEpoch } = session
    const made = this.#byTransactionalId.get(transactionalId)
    const own = made?.producer.session === session ? made : undefined
    return {
      transactionalId,
      state,
      timeoutMs,
      startedAt: session.startedAt,
      ...(own?.identity ?? { producerId, producerEpoch }),
      partitions: session.open?.partitions ?? [],
    }
  }
}

function identityOf({ session: { producerId, producerEpoch } }: Producer): ProducerIdentity {
  return { producerId, producerEpoch }
}

/** Whether its producer is at an epoch that its client has not heard of, as after a time-out. */
function isBehind({ producer, identity }: WireProducer): boolean {
  const { producerId, producerEpoch } = identityOf(producer)
  return !producer.fenced && (producerId !== identity.producerId || producerEpoch > identity.producerEpoch)
}

function isSame(a: ProducerIdentity, b: ProducerIdentity): boolean {
  return a.producerId === b.producerId && a.producerEpoch === b.producerEpoch
}
