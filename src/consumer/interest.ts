import type { Interest } from '../engine.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'

/** The topics that an interest names: none where it has patterns. */
export function namedTopics(interest: Interest): readonly string[] {
  if (interest.kind === 'topics') return interest.names
  return interest.kind === 'assign' ? interest.partitions.map(({ topic }) => topic) : []
}

/** Returns what says whether an interest includes a partition, as far as its names go; it may be asked of thousands. */
export function includedIn(interest: Interest): (tp: TopicPartition) => boolean {
  if (interest.kind === 'topics') {
    const names = new Set(interest.names)
    return ({ topic }) => names.has(topic)
  }
  if (interest.kind === 'assign') {
    const names = new Set(interest.partitions.map(formatTopicPartition))
    return tp => names.has(formatTopicPartition(tp))
  }
  const { patterns, except } = interest
  return ({ topic }) => except?.includes(topic) !== true && patterns.some(pattern => pattern.test(topic))
}
