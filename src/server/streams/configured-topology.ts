import type { Topic } from '../../log/topic.ts'
import { decidePartitionCounts } from './partition-counts.ts'
import { type InternalTopic, readBy, requiredTopics, type Subtopology, type Topology } from './topology.ts'
import { type StreamsStatus, status, UnfitTopics } from './topology-status.ts'

/** A subtopology whose topics all exist, each with its number of partitions. */
export interface ConfiguredSubtopology extends Subtopology {
  /** The number of its tasks. */
  readonly tasks: number
}

/** A topology with its topics as they are. (Kafka: ConfiguredTopology) */
export interface ConfiguredTopology {
  /** Undefined if the topology cannot run. */
  readonly subtopologies: readonly ConfiguredSubtopology[] | undefined
  /** Why it cannot run. */
  readonly status: StreamsStatus | undefined
}

/** Creates an internal topic. @throws BrokerletError why it cannot be created */
export type MakeTopic = (topic: InternalTopic) => void

/**
 * Compares a topology with its topics, and creates internal topics that are missing. (Kafka: InternalTopicManager, and
 * the topics that it has created)
 *
 * @throws BrokerletError STREAMS_INVALID_TOPOLOGY if it can never run
 */
export function configureTopology(
  topology: Topology,
  topics: ReadonlyMap<string, Topic>,
  makeTopic: MakeTopic,
): ConfiguredTopology {
  try {
    const subtopologies = configure(topology, name => topics.get(name)?.partitionCount)
    const internal = subtopologies.flatMap(each => [
      ...each.repartitionSourceTopics,
      ...each.stateChangelogTopics,
    ])
    const unmade = makeMissing(
      internal.filter(({ name }) => !topics.has(name)),
      makeTopic,
    )
    return unmade.length === 0
      ? { subtopologies, status: undefined }
      : {
          subtopologies: undefined,
          status: status('MISSING_INTERNAL_TOPICS', `Internal topics are missing: ${unmade.join('; ')}`),
        }
  } catch (error) {
    if (!(error instanceof UnfitTopics)) throw error
    return { subtopologies: undefined, status: error.status }
  }
}

function makeMissing(missing: readonly InternalTopic[], makeTopic: MakeTopic): string[] {
  return missing.flatMap(topic => {
    try {
      makeTopic(topic)
      return []
    } catch (error) {
      return `${topic.name} (${error instanceof Error ? error.message : error})`
    }
  })
}

function configure(
  topology: Topology,
  existing: (topic: string) => number | undefined,
): ConfiguredSubtopology[] {
  const { subtopologies } = topology
  const missing = new Set(
    subtopologies.flatMap(({ sourceTopics }) => sourceTopics).filter(name => existing(name) === undefined),
  )
  if (missing.size > 0) {
    const names = [...missing].sort().join(', ')
    throw new UnfitTopics('MISSING_SOURCE_TOPICS', `Source topics ${names} are missing.`)
  }
  const decided = decidePartitionCounts(subtopologies, existing)
  for (const name of requiredTopics(topology)) {
    const found = existing(name)
    const expected = decided.get(name)
    if (found === undefined || expected === undefined || found === expected) continue
    throw new UnfitTopics(
      'INCORRECTLY_PARTITIONED_TOPICS',
      `Existing topic ${name} has different number of partitions: expected ${expected}, found ${found}`,
    )
  }
  const withCount = (topic: InternalTopic) => ({ ...topic, partitions: decided.get(topic.name)! })
  return subtopologies.map(each => ({
    ...each,
    repartitionSourceTopics: each.repartitionSourceTopics.map(withCount),
    stateChangelogTopics: each.stateChangelogTopics.map(withCount),
    tasks: Math.max(...readBy(each).map(name => existing(name) ?? decided.get(name)!)),
  }))
}
