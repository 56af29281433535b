import type { TopicPartition } from '../topic-partition.ts'

/** Partitions under their topics, as messages list them. */
export function byTopic(
  partitions: readonly TopicPartition[],
): { readonly topic: string; readonly partitions: number[] }[] {
  const numbers = new Map<string, number[]>()
  for (const { topic, partition } of partitions) {
    const list = numbers.get(topic)
    if (list === undefined) numbers.set(topic, [partition])
    else list.push(partition)
  }
  return [...numbers].map(([topic, each]) => ({ topic, partitions: each }))
}
