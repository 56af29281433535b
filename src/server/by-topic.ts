import type { TopicPartition } from '../topic-partition.ts'
import { entryOf } from './entry-of.ts'

/** Partitions under their topics, as messages list them. */
export function byTopic(
  partitions: readonly TopicPartition[],
): { readonly topic: string; readonly partitions: number[] }[] {
  const numbers = new Map<string, number[]>()
  for (const { topic, partition } of partitions) entryOf(numbers, topic, () => []).push(partition)
  return [...numbers].map(([topic, each]) => ({ topic, partitions: each }))
}
