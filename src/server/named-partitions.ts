import { entryOf } from './entry-of.ts'

interface NamedPartition {
  readonly partitionIndex: number
}

/** Whether a request names a partition more than once. */
interface Repeatable {
  readonly repeated: boolean
}

/**
 * The partitions that a request names, each once: of what it says twice the last counts. A topic of which it names none
 * is left out. (Kafka makes a map of such a request.)
 */
export function namedPartitions<P extends NamedPartition>(
  topics: readonly { readonly name: string; readonly partitions: readonly P[] }[],
): { readonly name: string; readonly partitions: (P & Repeatable)[] }[] {
  const named = new Map<string, Map<number, P & Repeatable>>()
  for (const { name, partitions } of topics) {
    for (const each of partitions) {
      const ofTopic = entryOf(named, name, () => new Map())
      ofTopic.set(each.partitionIndex, { ...each, repeated: ofTopic.has(each.partitionIndex) })
    }
  }
  return [...named].map(([name, partitions]) => ({ name, partitions: [...partitions.values()] }))
}
