import { BrokerletError } from '../errors.ts'
import { defaultPartitions } from './broker-configs.ts'
import { createTopic, type WantedTopic } from './create-topic.ts'
import { inTurns } from './in-turns.ts'
import { attempt, type Wire, type WireError, wireError } from './wire.ts'

// (Kafka: ReplicationControlManager.MAX_PARTITIONS_PER_BATCH, QuorumController.MAX_RECORDS_PER_USER_OP)
const mostAtOnce = 10_000

/** The error of all topics of a request that would make more of them, or partitions, than a cluster does at once. */
export async function refusalOfMany(
  wire: Wire,
  topics: readonly WantedTopic[],
): Promise<WireError | undefined> {
  const partitions = topics.reduce((sum, topic) => sum + partitionsOf(wire, topic), 0)
  if (partitions > mostAtOnce) return tooMany('Excessively large number of partitions per request.')
  // A controller writes a record for each topic, partition and config.
  const recordsOf = (each: WantedTopic) => 1 + partitionsOf(wire, each) + each.configs.length
  const written = (wanted: readonly WantedTopic[]) => wanted.reduce((sum, each) => sum + recordsOf(each), 0)
  if (written(topics) <= mostAtOnce) return undefined
  // It writes nothing of a topic that is refused.
  const check = (each: WantedTopic) => attempt(wire, () => createTopic(wire, each, true))
  const checks = await inTurns(wire.engine.clock, topics, check)
  const makeable = topics.filter((_, index) => checks[index]!.errorCode === 0)
  return written(makeable) > mostAtOnce
    ? tooMany('Unable to perform excessively large batch operation.')
    : undefined
}

function partitionsOf(wire: Wire, { numPartitions, assignments }: WantedTopic): number {
  if (assignments.length > 0) return assignments.length
  return numPartitions === -1 ? defaultPartitions(wire) : Math.max(0, numPartitions)
}

function tooMany(message: string): WireError {
  return wireError('POLICY_VIOLATION', message)
}

/** Counts the partitions that one request adds to topics. */
export class AddedPartitions {
  #count = 0

  /** Kafka does not expect so many, and fails at them. */
  add(topic: string, added: number): void {
    if (this.#count + added > mostAtOnce) {
      const message = `Topic '${topic}': a request adds at most ${mostAtOnce} partitions`
      throw new BrokerletError('UNKNOWN_SERVER_ERROR', message, { topic })
    }
    this.#count += added
  }
}
