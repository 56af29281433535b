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
    for (const partition of partitions) {
      const ofTopic = named.get(name) ?? new Map<number, P>()
      named.set(name, ofTopic.set(partition.partitionIndex, partition))
    }
  }
  return [...named].map(([name, partitions]) => ({ name, partitions: [...partitions.values()] }))
}
