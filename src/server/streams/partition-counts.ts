import { counted } from '../../counted.ts'
import { invalidTopology, readBy, type Subtopology } from './topology.ts'
import { UnfitTopics } from './topology-status.ts'

/** Returns the number of partitions of an existing topic. */
export type CountOf = (topic: string) => number | undefined

/**
 * Returns the number of partitions that each internal topic of a topology needs, by what its subtopologies read. (Kafka:
 * RepartitionTopics, CopartitionedTopicsEnforcer, ChangelogTopics)
 *
 * @throws UnfitTopics if existing topics that are read together have different numbers of partitions
 * @throws BrokerletError STREAMS_INVALID_TOPOLOGY if a number cannot be derived
 */
export function decidePartitionCounts(
  subtopologies: readonly Subtopology[],
  existing: CountOf,
): ReadonlyMap<string, number> {
  const decided = repartitionCounts(subtopologies, existing)
  const countOf = (topic: string) => existing(topic) ?? decided.get(topic)!
  const repartitioned = subtopologies.flatMap(({ repartitionSourceTopics }) => repartitionSourceTopics)
  const fixed = new Map(
    repartitioned.filter(({ partitions }) => partitions !== 0).map(each => [each.name, each.partitions]),
  )
  const internal = new Set(repartitioned.map(({ name }) => name))
  for (const topics of subtopologies.flatMap(({ copartitionGroups }) => copartitionGroups)) {
    const count = commonCount(topics, internal, fixed, countOf)
    for (const topic of topics) if (internal.has(topic)) decided.set(topic, count)
  }
  for (const each of subtopologies) {
    const read = readBy(each)
    if (read.length === 0) throw invalidTopology(`subtopology '${each.subtopologyId}' reads no topic`)
    const count = Math.max(...read.map(countOf))
    for (const { name } of each.stateChangelogTopics) decided.set(name, count)
  }
  return decided
}

// A repartition topic has as many partitions as its writer reads, unless the application gives the number. A writer may
// itself read a repartition topic, so this goes on until no further number can be derived. Of several writers the first
// decides that reads a topic whose number is known.
function repartitionCounts(subtopologies: readonly Subtopology[], existing: CountOf): Map<string, number> {
  const decided = new Map<string, number>()
  for (const { name, partitions } of subtopologies.flatMap(each => each.repartitionSourceTopics)) {
    if (partitions !== 0) decided.set(name, partitions)
  }
  for (let before = -1; before !== decided.size; ) {
    before = decided.size
    for (const writer of subtopologies) {
      for (const sink of writer.repartitionSinkTopics) {
        if (decided.has(sink)) continue
        const counts = [
          ...writer.repartitionSourceTopics.map(({ name }) => decided.get(name)),
          ...writer.sourceTopics.map(existing),
        ].filter(count => count !== undefined)
        if (counts.length > 0) decided.set(sink, Math.max(...counts))
      }
    }
  }
  for (const { name } of subtopologies.flatMap(each => each.repartitionSourceTopics)) {
    if (!decided.has(name))
      throw invalidTopology(`the number of partitions of repartition topic '${name}' cannot be derived`)
  }
  return decided
}

function commonCount(
  topics: readonly string[],
  internal: ReadonlySet<string>,
  fixed: ReadonlyMap<string, number>,
  countOf: (topic: string) => number,
): number {
  const external = topics.filter(topic => !internal.has(topic))
  const leading = external.length > 0 ? external : [...fixed.keys()].filter(topic => topics.includes(topic))
  const counts = new Set(leading.map(countOf))
  if (counts.size > 1) throw notTheSame(leading, countOf)
  const count = leading.length > 0 ? countOf(leading[0]!) : Math.max(...topics.map(countOf))
  const other = topics.find(topic => fixed.has(topic) && countOf(topic) !== count)
  if (other === undefined) return count
  throw new UnfitTopics(
    'INCORRECTLY_PARTITIONED_TOPICS',
    `Repartition topic ${other} has ${counted(countOf(other), 'partition')}, and the topics that it is read with have ${count}.`,
  )
}

function notTheSame(topics: readonly string[], countOf: (topic: string) => number): UnfitTopics {
  const counts = [...topics].sort().map(topic => `${topic}=${countOf(topic)}`)
  return new UnfitTopics(
    'INCORRECTLY_PARTITIONED_TOPICS',
    `Following topics do not have the same number of partitions: [${counts.join(', ')}]`,
  )
}
