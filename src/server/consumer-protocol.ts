import type { TopicPartition } from '../topic-partition.ts'
import { ProtocolError } from './protocol/protocol-error.ts'
import { Reader } from './protocol/reader.ts'
import { struct } from './protocol/struct.ts'
import { array, int32, string } from './protocol/type.ts'

const assignedTopics = array(struct({ topic: string, partitions: array(int32) }))
const plain = { version: 0, flexible: false }

/** The partitions that a leader's client gave to a member; none where it is not a consumer's assignment. */
export function readAssignment(bytes: Uint8Array): TopicPartition[] {
  if (bytes.length < 2) return []
  const reader = new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  try {
    reader.int16()
    return assignedTopics
      .read(reader, plain)
      .flatMap(({ topic, partitions }) => partitions.map(partition => ({ topic, partition })))
  } catch (error) {
    if (error instanceof ProtocolError) return []
    throw error
  }
}
