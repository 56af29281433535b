import type { Interest } from '../engine.ts'
import type { TopicPartition } from '../topic-partition.ts'

/** Whether an interest includes a partition, as far as its names go. */
export function includes(interest: Interest, { topic, partition }: TopicPartition): boolean {
  if (interest.kind === 'topics') return interest.names.includes(topic)
  if (interest.kind === 'assign') {
    return interest.partitions.some(tp => tp.topic === topic && tp.partition === partition)
  }
  if (interest.except?.includes(topic)) return false
  return interest.patterns.some(pattern => pattern.test(topic))
}
