import type { Partition } from '../../log/partition.ts'

/** Why a share group gives a record up, as is told beside it. (Kafka: ShareGroupDLQManager) */
export const deadLetterCauses = {
  rejected: 'Offset rejected by client.',
  exceeded: 'Offset delivery count exceeded the threshold.',
} as const

/** Records that a share group has given up: they are for its dead letter queue, if it has one (KIP-1191). */
export interface DeadLetters {
  /** Offsets from one to another, both included. */
  readonly first: number
  readonly last: number
  /** How often they were delivered. */
  readonly deliveryCount: number
  readonly cause: (typeof deadLetterCauses)[keyof typeof deadLetterCauses]
}

/** Writes what share groups give up. */
export interface DeadLetterWriter {
  /** Writes records of a partition to the topic that the group has for that. What fails is gone, as in Kafka. */
  write(groupId: string, log: Partition, letters: readonly DeadLetters[]): void
}
