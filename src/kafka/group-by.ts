import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'

/** Groups items by their key, in the order in which they came. (`Map.groupBy`, which Node 20 lacks) */
export function groupBy<Key, Item>(items: Iterable<Item>, keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}

/** Returns each partition once: a request that names one twice is refused. */
export function distinct(partitions: readonly TopicPartition[]): TopicPartition[] {
  return [...new Map(partitions.map(tp => [formatTopicPartition(tp), tp])).values()]
}

/** Groups partitions by topic, as Kafka's requests list them. */
export function byTopic<Item extends { readonly topic: string }, Partition>(
  items: Iterable<Item>,
  toPartition: (item: Item) => Partition,
): { readonly name: string; readonly partitions: Partition[] }[] {
  return Array.from(
    groupBy(items, ({ topic }) => topic),
    ([name, group]) => ({
      name,
      partitions: group.map(toPartition),
    }),
  )
}
