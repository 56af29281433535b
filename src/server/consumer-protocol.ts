import type { TopicPartition } from '../topic-partition.ts'
import { byTopic } from './by-topic.ts'
import { ProtocolError } from './protocol/protocol-error.ts'
import { Reader } from './protocol/reader.ts'
import { struct } from './protocol/struct.ts'
import { array, bytes, int32, nullable, string } from './protocol/type.ts'
import { Writer } from './protocol/writer.ts'

// What the consumers of a classic group tell each other. Its own versions only ever add fields.
const topicNames = array(string)
const partitionsOfTopics = array(struct({ topic: string, partitions: array(int32) }))
const userData = nullable(bytes)
const plain = { version: 0, flexible: false }

/** What a consumer tells the member that assigns. (Kafka: ConsumerProtocolSubscription) */
export interface ConsumerSubscription {
  readonly topics: readonly string[]
  /** The partitions that it keeps while it joins; none if it gives up everything before (eager). */
  readonly owned: readonly TopicPartition[]
}

/** Reads a consumer's subscription; undefined if it is not one. */
export function readSubscription(metadata: Uint8Array): ConsumerSubscription | undefined {
  return read(metadata, reader => {
    if (reader.int16() < 0) throw new ProtocolError('expected a version of 0 or more')
    const topics = topicNames.read(reader, plain)
    userData.read(reader, plain)
    // KafkaJS writes version 1 without the partitions owned.
    const owned = reader.remaining > 0 ? partitionsOfTopics.read(reader, plain) : []
    return { topics, owned: flatten(owned) }
  })
}

/** Reads the partitions that a leader assigned to a member; none if it is not a consumer's assignment. */
export function readAssignment(assignment: Uint8Array): TopicPartition[] {
  if (assignment.length < 2) return []
  const given = read(assignment, reader => {
    reader.int16()
    return flatten(partitionsOfTopics.read(reader, plain))
  })
  return given ?? []
}

/** Whether a leader told a member more than partitions, as assignors of one's own and Kafka Streams do. */
export function hasUserData(assignment: Uint8Array): boolean {
  const data = read(assignment, reader => {
    reader.int16()
    partitionsOfTopics.read(reader, plain)
    return userData.read(reader, plain)
  })
  return data !== undefined && data !== null && data.length > 0
}

/** The version of what a consumer wrote, in which it is answered. */
export function versionOf(metadata: Uint8Array): number {
  return read(metadata, reader => reader.int16()) ?? 0
}

/** Writes an assignment as a leader would; no version of it has other fields. (Kafka: ConsumerProtocolAssignment) */
export function writeAssignment(partitions: readonly TopicPartition[], version = 0): Buffer {
  const writer = new Writer()
  writer.int16(version)
  partitionsOfTopics.write(writer, byTopic(partitions), plain)
  userData.write(writer, null, plain)
  return writer.concat()
}

function flatten(topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[]) {
  return topics.flatMap(({ topic, partitions }) => partitions.map(partition => ({ topic, partition })))
}

function read<T>(from: Uint8Array, how: (reader: Reader) => T): T | undefined {
  try {
    return how(new Reader(Buffer.from(from.buffer, from.byteOffset, from.byteLength)))
  } catch (error) {
    if (error instanceof ProtocolError) return undefined
    throw error
  }
}
