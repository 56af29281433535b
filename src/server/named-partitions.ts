import { entryOf } from './entry-of.ts'

interface NamedPartition {
  readonly partitionIndex: number
}

/**
 * The partitions that a request names, each once: of what it says twice the last counts. A topic of which it names none
 * is left out. (Kafka makes a map of such a request.)
 */
export function namedPartitions<P extends NamedPartition>(
  topics: readonly { readonly name: string; readonly partitions: readonly P[] }[],
): { readonly name: string; readonly partitions: P[] }[] {
  const named = new Map<string, Map<number, P>>()
  for (const { name, partitions } of topics) {
    for (const partition of partitions)
      entryOf(named, name, () => new Map()).set(partition.partitionIndex, partition)
  }
  return [...named].map(([name, partitions]) => ({ name, partitions: [...partitions.values()] }))
}
