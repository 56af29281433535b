import { Writer } from '../../src/server/protocol/writer.ts'
import type { TopicPartition } from '../../src/topic-partition.ts'

/** The subscription that a classic consumer joins with: version 1, with the partitions that it owns. */
export function subscription(topics: readonly string[], owned: readonly TopicPartition[] = []): Buffer {
  const writer = new Writer()
  const text = (value: string) => {
    writer.int16(Buffer.byteLength(value))
    writer.utf8(value, Buffer.byteLength(value))
  }
  writer.int16(1)
  writer.int32(topics.length)
  for (const topic of topics) text(topic)
  writer.int32(-1)
  writer.int32(owned.length)
  for (const { topic, partition } of owned) {
    text(topic)
    writer.int32(1)
    writer.int32(partition)
  }
  return writer.concat()
}
