import type { Broker } from '../broker.ts'
import type { ErrorCode } from '../error-codes.ts'

type TransactionalProducer = ReturnType<Broker['engine']['initTransactions']>

/** A transaction, in which batches are written as they come. */
type WireTransaction = ReturnType<TransactionalProducer['begin']>

/** A producer on the wire with a transactional id. */
interface WireProducer {
  readonly producer: TransactionalProducer
  readonly producerId: number
  readonly producerEpoch: number
  open: WireTransaction | undefined
}

/** Who says that it is which producer. */
export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

const lastEpoch = 32_766

/** The transactions of clients on the wire: the broker's own, under the ids that these clients know. */
export class WireTransactions {
  readonly #engine: Broker['engine']
  readonly #byTransactionalId = new Map<string, WireProducer>()
  readonly #byProducerId = new Map<number, WireProducer>()

  constructor(engine: Broker['engine']) {
    this.#engine = engine
  }

  /** A producer comes, and fences the one that had its transactional id before. (Kafka: InitProducerId) */
  init(transactionalId: string, timeoutMs: number): ProducerIdentity {
    const before = this.#byTransactionalId.get(transactionalId)
    const again = before !== undefined && before.producerEpoch < lastEpoch
    const made: WireProducer = {
      producer: this.#engine.initTransactions(transactionalId, timeoutMs),
      producerId: again ? before.producerId : this.#engine.newProducerId(),
      producerEpoch: again ? before.producerEpoch + 1 : 0,
      open: undefined,
    }
    if (before !== undefined) this.#byProducerId.delete(before.producerId)
    this.#byTransactionalId.set(transactionalId, made)
    this.#byProducerId.set(made.producerId, made)
    return made
  }

  /** Its transaction, begun where none is open. (Kafka: AddPartitionsToTxn, AddOffsetsToTxn) */
  begin(transactionalId: string, identity: ProducerIdentity): WireTransaction | ErrorCode {
    const made = this.#find(transactionalId, identity)
    if (typeof made === 'string') return made
    // One whose time was over has ended without its producer's doing; the next step says so.
    made.open ??= made.producer.begin()
    return made.open
  }

  /** Its transaction that is open, for one that writes or commits offsets within it. */
  opened({ producerId, producerEpoch }: ProducerIdentity): WireTransaction | ErrorCode {
    const made = this.#byProducerId.get(producerId)
    if (made === undefined) return 'INVALID_PRODUCER_ID_MAPPING'
    if (made.producerEpoch !== producerEpoch) return 'INVALID_PRODUCER_EPOCH'
    return made.open ?? 'INVALID_TXN_STATE'
  }

  /** Ends it; what was ended before is ended once more in the same way without harm. May throw why it cannot be. */
  end(transactionalId: string, identity: ProducerIdentity, committed: boolean): ErrorCode | undefined {
    const made = this.#find(transactionalId, identity)
    if (typeof made === 'string') return made
    const { open } = made
    if (open === undefined) return undefined
    made.open = undefined
    if (committed) void open.commit()
    else void open.abort()
    return undefined
  }

  #find(transactionalId: string, { producerId, producerEpoch }: ProducerIdentity): WireProducer | ErrorCode {
    const made = this.#byTransactionalId.get(transactionalId)
    if (made === undefined || made.producerId !== producerId) return 'INVALID_PRODUCER_ID_MAPPING'
    return made.producerEpoch === producerEpoch ? made : 'PRODUCER_FENCED'
  }
}
