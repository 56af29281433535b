import type { AnyRecord } from '../../src/record.ts'
import type { Member } from './member.ts'

/** A partition of a member, from `onAssigned` until it is revoked or lost. */
export interface Assignment {
  readonly member: Member
  /** The member id under this assignment; a rejoin changes it. */
  readonly memberId: string
  readonly groupId: string
  readonly topic: string
  /** Distinguishes a topic from a later one of the same name. */
  readonly topicId: string
  readonly partition: number
  /** The offset that has to be delivered next. */
  next: number
  /** Grows with every seek and reset: a delivery that began before one no longer determines `next`. */
  moves: number
  over: 'revoked' | 'lost' | 'closed' | undefined
}

/** Records that a member has in hand. */
export interface Delivery {
  readonly assignment: Assignment
  readonly records: readonly AnyRecord[]
  readonly moves: number
  /** When it was handed out, or its handler last showed that it is alive. */
  aliveAt: number
  /** Whether it was pulled: then it keeps its member from giving the partition up only until a close. */
  readonly pulled: boolean
}

/** Identifies one partition of one topic, even after its name is used again. */
export function partitionKey(topicId: string, partition: number): string {
  return `${topicId}/${partition}`
}
