import { BrokerletError } from '../errors.ts'
import { defaultPartitions } from './broker-configs.ts'
import { createTopic, type WantedTopic } from './create-topic.ts'
import { attempt, type Wire } from './wire.ts'

// (Kafka: ReplicationControlManager.MAX_PARTITIONS_PER_BATCH, QuorumController.MAX_RECORDS_PER_USER_OP)
const mostAtOnce = 10_000

/** Refuses to make more partitions in one request than a cluster would, with any of its topics. */
export function requireMakeable(wire: Wire, topics: readonly WantedTopic[]): void {
  const partitions = topics.reduce((sum, topic) => sum + partitionsOf(wire, topic), 0)
  if (partitions > mostAtOnce) throw tooMany('Excessively large number of partitions per request.')
  // A controller writes a record for each topic, partition and config.
  const recordsOf = (each: WantedTopic) => 1 + partitionsOf(wire, each) + each.configs.length
  const written = (wanted: readonly WantedTopic[]) => wanted.reduce((sum, each) => sum + recordsOf(each), 0)
  if (written(topics) <= mostAtOnce) return
  // It writes nothing of a topic that is refused.
  const makeable = topics.filter(each => attempt(wire, () => createTopic(wire, each, true)).errorCode === 0)
  if (written(makeable) > mostAtOnce) throw tooMany('Unable to perform excessively large batch operation.')
}

function partitionsOf(wire: Wire, { numPartitions, assignments }: WantedTopic): number {
  if (assignments.length > 0) return assignments.length
  return numPartitions === -1 ? defaultPartitions(wire) : Math.max(0, numPartitions)
}

function tooMany(message: string): BrokerletError {
  return new BrokerletError('POLICY_VIOLATION', message)
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
