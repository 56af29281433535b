import type { AnyRecord } from '../../src/record.ts'
import type { Member } from './member.ts'

/** A partition in a member's hands, from `onAssigned` until it is revoked or lost. */
export interface Assignment {
  readonly member: Member
  /** The consumer's id in the group under this assignment; a rejoin gives it another one. */
  readonly memberId: string
  readonly groupId: string
  readonly topic: string
  /** Tells a topic from a later one of the same name. */
  readonly topicId: string
  readonly partition: number
  /** The offset that has to be handed out next. */
  next: number
  /** Grows with every seek and reset: what ends later than it began does not decide `next` any more. */
  moves: number
  over: 'revoked' | 'lost' | 'closed' | undefined
}

/** Records that a member has in hand. */
export interface Delivery {
  readonly assignment: Assignment
  readonly records: readonly AnyRecord[]
  readonly moves: number
  /** When it was handed out, or showed last that it is alive. */
  aliveAt: number
  /** Whether it keeps its member from giving the partition up: one that was polled does so only until a close. */
  readonly pulled: boolean
}

/** One partition of one topic, whatever its name is used for later. */
export function partitionKey(topicId: string, partition: number): string {
  return `${topicId}/${partition}`
}
