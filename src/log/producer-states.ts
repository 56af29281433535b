import { InvalidProducerEpochError, OutOfOrderSequenceError } from '../errors.ts'

/**
 * The producer of a batch, and the batch's place among all of its batches. (Kafka: the
 * producer's fields of a record batch)
 */
export interface ProducerBatch {
  readonly producerId: number
  readonly producerEpoch: number
  /** The sequence number of its first record, among all that this producer has written to the partition. */
  readonly baseSequence: number
  readonly count: number
  /** The latest timestamp of its records. */
  readonly maxTimestamp: number
  /**
   * Whether the batch must begin with 0 where the producer is unknown: each of its transactions has its own
   * epoch (KIP-890).
   */
  readonly beginsWithZero?: boolean
}

/** The offset of a written batch, and the timestamp that its records were given, where the topic sets it. */
interface Written {
  readonly baseOffset: number
  readonly appendTime: number | undefined
}

/** A batch that was written before. */
interface WrittenBatch extends Written {
  readonly baseSequence: number
  readonly count: number
}

/** A partition that such producers write to. */
interface WrittenPartition {
  readonly topic: string
  readonly index: number
  producers: ProducerStates | undefined
}

/** A producer that has written here. */
export interface ActiveProducer {
  readonly producerId: number
  readonly producerEpoch: number
  /** The sequence number of its last record. */
  readonly lastSequence: number
  /** The latest timestamp of its last batch, or when its last transaction ended. */
  readonly lastTimestamp: number
  /** Whether a transaction of it has ended here. */
  readonly coordinated: boolean
}

interface ProducerState {
  epoch: number
  /** The sequence number of the last record, or -1. */
  lastSequence: number
  /** The last batches, the newest last. */
  readonly batches: WrittenBatch[]
  lastTimestamp: number
  /** On the clock's `now()`. */
  writtenAt: number
  coordinated: boolean
}

/** How many batches of each producer are remembered. (Kafka: ProducerStateEntry.NUM_BATCHES_TO_RETAIN) */
const rememberedBatches = 5
/** How many producers a partition remembers; the one that has been silent longest is forgotten first. */
const mostProducers = 10_000
const lastSequenceOfAll = 0x7fffffff

/**
 * The producers that write to one partition, with what is needed to write each batch once and in
 * order. (Kafka: ProducerStateManager)
 */
export class ProducerStates {
  readonly #partition: WrittenPartition
  readonly #expirationMs: number
  // In the order of their last writes.
  readonly #producers = new Map<number, ProducerState>()

  constructor(partition: WrittenPartition, expirationMs: number) {
    this.#partition = partition
    this.#expirationMs = expirationMs
  }

  get size(): number {
    return this.#producers.size
  }

  /**
   * Returns where this very batch was written before, or undefined if it is the next one.
   *
   * @throws OutOfOrderSequenceError where batches before it are missing, or it is too old to be remembered
   * @throws InvalidProducerEpochError where its producer has a newer epoch
   */
  check(batch: ProducerBatch, now: number): Written | undefined {
    const state = this.#live(batch.producerId, now)
    if (state === undefined) {
      // A producer whose state was forgotten may continue with any sequence number (KIP-360).
      if (batch.beginsWithZero && batch.baseSequence !== 0) throw this.#outOfOrder(batch, 0)
      return undefined
    }
    if (batch.producerEpoch < state.epoch) throw this.#fenced(batch, state)
    if (batch.producerEpoch > state.epoch) {
      if (batch.baseSequence !== 0) throw this.#outOfOrder(batch, 0)
      return undefined
    }
    for (const before of state.batches) {
      const { baseSequence, count } = before
      if (baseSequence === batch.baseSequence && count === batch.count) return before
    }
    const expected = sequenceAfter(state.lastSequence, 1)
    if (batch.baseSequence !== expected) throw this.#outOfOrder(batch, expected)
    return undefined
  }

  /** Notes a batch that was checked and written. */
  written(batch: ProducerBatch, { baseOffset, appendTime }: Written, now: number): void {
    const { producerId, producerEpoch: epoch, baseSequence, count } = batch
    const known = this.#live(producerId, now)
    const batches = known?.epoch === epoch ? known.batches : []
    batches.push({ baseSequence, count, baseOffset, appendTime })
    if (batches.length > rememberedBatches) batches.shift()
    this.#producers.delete(producerId)
    this.#producers.set(producerId, {
      epoch,
      lastSequence: sequenceAfter(baseSequence, count - 1),
      batches,
      lastTimestamp: appendTime ?? batch.maxTimestamp,
      writtenAt: now,
      coordinated: known?.coordinated ?? false,
    })
    this.#forgetOldest(now)
  }

  /**
   * Notes that a transaction of a producer has ended here, and the epoch under which the producer goes on: batches of an
   * older one are refused from now on. (Kafka: ProducerAppendInfo.appendEndTxnMarker)
   */
  ended(producerId: number, epoch: number, now: number): void {
    const known = this.#live(producerId, now)
    const state = known?.epoch === epoch ? known : { epoch, lastSequence: -1, batches: [] }
    this.#producers.delete(producerId)
    this.#producers.set(producerId, { ...state, lastTimestamp: now, writtenAt: now, coordinated: true })
    this.#forgetOldest(now)
  }

  /** The remembered producers, with their last writes; the one that has been silent longest comes first. */
  active(now: number): readonly ActiveProducer[] {
    return [...this.#producers]
      .filter(([producerId]) => this.#live(producerId, now) !== undefined)
      .map(([producerId, { epoch, lastSequence, lastTimestamp, coordinated }]) => ({
        producerId,
        producerEpoch: epoch,
        lastSequence,
        lastTimestamp,
        coordinated,
      }))
  }

  #live(producerId: number, now: number): ProducerState | undefined {
    const state = this.#producers.get(producerId)
    return state !== undefined && now - state.writtenAt < this.#expirationMs ? state : undefined
  }

  #forgetOldest(now: number): void {
    for (const [producerId, { writtenAt }] of this.#producers) {
      if (this.#producers.size <= mostProducers && now - writtenAt < this.#expirationMs) break
      this.#producers.delete(producerId)
    }
  }

  #outOfOrder(batch: ProducerBatch, expected: number): OutOfOrderSequenceError {
    const { topic, index: partition } = this.#partition
    return new OutOfOrderSequenceError(
      `Producer ${batch.producerId} sent sequence ${batch.baseSequence} to ${topic}-${partition}, which expected ${expected}`,
      { topic, partition, expected: String(expected), received: batch.baseSequence },
    )
  }

  #fenced(batch: ProducerBatch, { epoch }: ProducerState): InvalidProducerEpochError {
    const { topic, index: partition } = this.#partition
    return new InvalidProducerEpochError(
      `Producer ${batch.producerId} sent epoch ${batch.producerEpoch} to ${topic}-${partition}, which knows ${epoch} of it`,
      { topic, partition, received: batch.producerEpoch },
    )
  }
}

/**
 * The producers that write to a partition, and are forgotten once they have been silent for `expirationMs`. Made for the
 * first of them, and by the server that they come through: a program without one does not load this file.
 */
export function producersOf(partition: WrittenPartition, expirationMs: number): ProducerStates {
  partition.producers ??= new ProducerStates(partition, expirationMs)
  return partition.producers
}

// After 2^31 - 1 comes 0 (DefaultRecordBatch.incrementSequence).
function sequenceAfter(sequence: number, count: number): number {
  const left = lastSequenceOfAll - sequence
  return count <= left ? sequence + count : count - left - 1
}
