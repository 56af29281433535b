import type { BrokerClock } from '../broker-clock.ts'
import { IllegalStateError, ProducerFencedError, TransactionAbortedError } from '../errors.ts'
import type { Outbox } from '../outbox.ts'
import { OpenTransaction } from './open-transaction.ts'

/** What the coordinator needs of its broker. */
export interface TransactionHost {
  readonly clock: BrokerClock
  readonly outbox: Outbox
  /** How long an unused transactional id is remembered, in milliseconds; -1 is for ever. */
  readonly transactionalIdExpirationMs: number
  newProducerId(): number
  /** A transaction has ended, with so many control records. */
  ended(controls: number): void
}

/** A producer with a transactional id, until another one takes the id. */
export interface TransactionalSession {
  readonly transactionalId: string
  readonly timeoutMs: number
  readonly producerId: number
  /** Grows with every transaction, so that no record of one transaction can get into the next (KIP-890). */
  readonly producerEpoch: number
  /** Its transaction, while one is open. */
  readonly open: Pick<OpenTransaction, 'partitions' | 'pends'> | undefined
  /** When its last transaction began, on the clock's `now()`, or -1 before its first. */
  readonly startedAt: number
  readonly state: TransactionState
}

/** The state of a producer with a transactional id. Kafka's prepare and complete are a single step here. */
export type TransactionState = 'Empty' | 'Ongoing' | 'CompleteCommit' | 'CompleteAbort'

interface Session extends TransactionalSession {
  producerId: number
  producerEpoch: number
  open: OpenTransaction | undefined
  startedAt: number
  state: TransactionState
  /** When the session began, or its last transaction ended. */
  usedAt: number
  /** The keys of its timers, kept since every transaction needs them. */
  readonly timeoutTimer: string
  readonly expiryTimer: string
}

const lastEpoch = 32_766

/**
 * Knows which producer may write under each transactional id, and ends every transaction: by commit, abort or timeout.
 * A transaction ends within one call, so no reader sees half of it. (Kafka: TransactionCoordinator)
 */
export class TransactionCoordinator {
  readonly #host: TransactionHost
  readonly #sessions = new Map<string, Session>()

  constructor(host: TransactionHost) {
    this.#host = host
  }

  /**
   * Starts a session for a transactional id: the producer that had the id is fenced, and its open transaction
   * aborted. It is at the next epoch, unless the present one is `unheard` of by any producer. (Kafka: InitProducerId)
   */
  init(transactionalId: string, timeoutMs: number, unheard = false): TransactionalSession {
    const before = this.#sessions.get(transactionalId)
    const session: Session = {
      transactionalId,
      timeoutMs,
      producerId: -1,
      producerEpoch: -1,
      open: undefined,
      startedAt: -1,
      state: 'Empty',
      usedAt: this.#host.clock.now(),
      timeoutTimer: `transaction of '${transactionalId}'`,
      expiryTimer: `transactional id '${transactionalId}': expiry`,
    }
    if (before === undefined) this.#renew(session)
    else {
      if (before.open !== undefined) this.#end(before, before.open, fenced(before))
      session.producerId = before.producerId
      session.producerEpoch = before.producerEpoch
      if (!unheard) this.#bump(session)
    }
    this.#sessions.set(transactionalId, session)
    this.#expireLater(session)
    return session
  }

  #renew(session: Session): void {
    session.producerId = this.#host.newProducerId()
    session.producerEpoch = 0
  }

  #bump(session: Session): void {
    if (session.producerEpoch >= lastEpoch) this.#renew(session)
    else session.producerEpoch++
  }

  /**
   * Begins a transaction.
   *
   * @throws ProducerFencedError where another producer has taken the transactional id
   * @throws IllegalStateError where the producer has a transaction open
   */
  begin(given: TransactionalSession): OpenTransaction {
    const session = this.#require(given)
    if (session.open !== undefined) {
      throw new IllegalStateError(`Producer '${session.transactionalId}' has a transaction open`, {
        transactionalId: session.transactionalId,
      })
    }
    const { clock } = this.#host
    const transaction = new OpenTransaction(session.producerId, session.producerEpoch)
    session.open = transaction
    session.startedAt = clock.now()
    session.state = 'Ongoing'
    clock.schedule(session.timeoutTimer, session.timeoutMs, () => {
      this.#end(session, transaction, timedOut(session))
      this.#host.outbox.flush()
    })
    return transaction
  }

  // A session that was forgotten after its long silence is restored, unless another producer has taken its id.
  #require(given: TransactionalSession): Session {
    const session = given as Session
    const current = this.#sessions.get(session.transactionalId)
    if (current === undefined) this.#sessions.set(session.transactionalId, session)
    else if (current !== session) throw fenced(session)
    return session
  }

  /**
   * Commits a transaction: its records and offsets count from now on, all at once. `renews`: the producer goes on under
   * the next epoch, unless its client is too old to hear of that.
   *
   * @throws TransactionAbortedError, ProducerFencedError where it has ended already
   * @throws CommitFailedError where a member may no longer commit an offset of it; it is aborted then
   */
  commit(given: TransactionalSession, transaction: OpenTransaction, renews: boolean): void {
    transaction.requireOpen()
    try {
      transaction.checkOffsets()
    } catch (error) {
      this.#end(given as Session, transaction, error as Error)
      throw error
    }
    this.#end(given as Session, transaction, 'committed', renews)
  }

  /** Aborts a transaction; does nothing where it has ended already. */
  abort(given: TransactionalSession, transaction: OpenTransaction, renews: boolean): void {
    if (transaction.ended === undefined) this.#end(given as Session, transaction, aborted(given), renews)
  }

  #end(session: Session, transaction: OpenTransaction, result: Error | 'committed', renews = true): void {
    const { clock } = this.#host
    session.open = undefined
    session.state = result === 'committed' ? 'CompleteCommit' : 'CompleteAbort'
    clock.unschedule(session.timeoutTimer)
    if (renews) this.#bump(session)
    session.usedAt = clock.now()
    const controls = transaction.end(result, session.usedAt)
    this.#expireLater(session)
    this.#host.ended(controls)
  }

  // One timer while the id is known: when it fires it checks again, so that no transaction has to set it.
  #expireLater({ transactionalId, usedAt, expiryTimer }: Session): void {
    const { clock, transactionalIdExpirationMs } = this.#host
    if (transactionalIdExpirationMs === -1 || clock.scheduled(expiryTimer)) return
    const dueAt = usedAt + transactionalIdExpirationMs
    clock.schedule(expiryTimer, dueAt - clock.now(), () => this.#expire(transactionalId))
  }

  #expire(transactionalId: string): void {
    const session = this.#sessions.get(transactionalId)!
    // The end of the open transaction sets the timer.
    if (session.open !== undefined) return
    const { clock, transactionalIdExpirationMs } = this.#host
    if (clock.now() - session.usedAt < transactionalIdExpirationMs) this.#expireLater(session)
    else this.#sessions.delete(transactionalId)
  }

  /** The sessions of all transactional ids. */
  get sessions(): Iterable<TransactionalSession> {
    return this.#sessions.values()
  }

  /** The session of a transactional id, or undefined where the id is not known. */
  session(transactionalId: string): TransactionalSession | undefined {
    return this.#sessions.get(transactionalId)
  }
}

function fenced({ transactionalId }: TransactionalSession): ProducerFencedError {
  return new ProducerFencedError(
    `Another producer has come with transactionalId '${transactionalId}': this one can write nothing more`,
    { transactionalId },
  )
}

function timedOut({ transactionalId, timeoutMs }: TransactionalSession): TransactionAbortedError {
  return new TransactionAbortedError(
    `The transaction of '${transactionalId}' was aborted: it took longer than transactionTimeoutMs (${timeoutMs})`,
    { transactionalId },
  )
}

function aborted({ transactionalId }: TransactionalSession): TransactionAbortedError {
  return new TransactionAbortedError(`The transaction of '${transactionalId}' was aborted`, {
    transactionalId,
  })
}
