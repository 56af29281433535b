import type { OffsetSpan } from './share-partition.ts'

/** Why a share group gives a record up, as is told beside it. (Kafka: ShareGroupDLQManager) */
export const deadLetterCauses = {
  rejected: 'Offset rejected by client.',
  exceeded: 'Offset delivery count exceeded the threshold.',
} as const

/** Records that a share group has given up: they are for its dead letter queue, if it has one (KIP-1191). */
export interface DeadLetters extends OffsetSpan {
  /** How often they were delivered. */
  readonly deliveryCount: number
  readonly cause: (typeof deadLetterCauses)[keyof typeof deadLetterCauses]
}
