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

/** The error of all topics of a request that would add more partitions to topics than a cluster makes at once. */
export function refusalOfGrowth(
  { engine }: Wire,
  topics: readonly { readonly name: string; readonly count: number }[],
): WireError | undefined {
  const added = topics.reduce((sum, { name, count }) => {
    const present = engine.topics.get(name)?.partitionCount
    return present === undefined ? sum : sum + Math.max(0, count - present)
  }, 0)
  return added > mostAtOnce
    ? tooMany('Excessively large number of additional partitions per request.')
    : undefined
}
