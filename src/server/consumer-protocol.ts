import type { TopicPartition } from '../topic-partition.ts'
import { ProtocolError } from './protocol/protocol-error.ts'
import { Reader } from './protocol/reader.ts'
import { struct } from './protocol/struct.ts'
import { array, int32, string, type Type } from './protocol/type.ts'

const subscribedTopics = array(string)
const assignedTopics = array(struct({ topic: string, partitions: array(int32) }))
const plain = { version: 0, flexible: false }

/** The partitions that a leader's client gave to a member; none where it is not a consumer's assignment. */
export function readAssignment(bytes: Uint8Array): TopicPartition[] {
  const topics = readAfterVersion(assignedTopics, bytes) ?? []
  return topics.flatMap(({ topic, partitions }) => partitions.map(partition => ({ topic, partition })))
}

/** The topics that a member subscribes to; undefined where what it says is no consumer's subscription. */
export function readSubscription(bytes: Uint8Array): readonly string[] | undefined {
  return readAfterVersion(subscribedTopics, bytes)
}

function readAfterVersion<Read>(type: Type<Read, never>, bytes: Uint8Array): Read | undefined {
  if (bytes.length < 2) return undefined
  const reader = new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  try {
    reader.int16()
    return type.read(reader, plain)
  } catch (error) {
    if (error instanceof ProtocolError) return undefined
    throw error
  }
}
