import type { Broker } from '../broker.ts'
import type { EncodedBatch } from '../log/encoded-batch.ts'
import { type ProducerBatch, producersOf } from '../log/producer-states.ts'
import type { BatchMetadata, Topic } from '../log/topic.ts'
import type { MaybePromise } from '../maybe-promise.ts'

/** The partition that a batch is for. */
interface BatchTarget {
  readonly topic: Topic
  readonly partition: number
}

/** A transaction in which batches are written as they are. */
interface EncodedTransaction {
  appendEncoded(target: BatchTarget, batch: EncodedBatch): MaybePromise<BatchMetadata>
}

/** Which of an idempotent producer's batches this is, in its partition. */
type ProducerSequence = Omit<ProducerBatch, 'count' | 'maxTimestamp'>

/** Where a batch of an idempotent producer was written. */
export interface SequencedAppend extends BatchMetadata {
  /** Whether it had been written before. */
  readonly duplicate: boolean
}

/**
 * Writes a batch of an idempotent producer once: a batch that was written before is answered with its offset and time.
 * It does not wait for room, because its producer sends it again. `transaction`: the one to write it in, if any.
 *
 * @throws OutOfOrderSequenceError, InvalidProducerEpochError, and what `appendEncoded` throws
 */
export function appendSequenced(
  engine: Broker['engine'],
  target: BatchTarget,
  producer: ProducerSequence,
  batch: EncodedBatch,
  transaction?: EncodedTransaction,
): SequencedAppend {
  const { clock, settings } = engine
  const producers = producersOf(target.topic.partitions[target.partition]!, settings.producerIdExpirationMs)
  const numbered = { ...producer, count: batch.count, maxTimestamp: batch.maxTimestamp }
  const before = producers.check(numbered, clock.now())
  if (before !== undefined) {
    const { baseOffset, appendTime } = before
    return { baseOffset, appendTime, duplicate: true }
  }
  // Without a wait it is answered at once, or refused.
  const written = (transaction ?? engine).appendEncoded(target, batch) as BatchMetadata
  producers.written(numbered, written, clock.now())
  return { ...written, duplicate: false }
}
