import type { TopicPartition } from './topic-partition.ts'

/** The assignors that come with the broker, as Kafka's group coordinator has them (KIP-848); `uniform` is the default. */
export const assignorNames = ['uniform', 'range'] as const

/** The name of one of them. */
export type AssignorName = (typeof assignorNames)[number]

/** One member of the group, as an assignor of your own sees it. */
export interface AssignorMember {
  readonly memberId: string
  readonly groupInstanceId?: string
  /** The names of the existing topics that it subscribes to. */
  readonly topics: readonly string[]
  /** The member's target assignment so far. */
  readonly assignment: readonly TopicPartition[]
}

/** The input of an assignor of your own. */
export interface AssignorInput {
  /** In order of joining. */
  readonly members: readonly AssignorMember[]
  /** The number of partitions by topic. */
  readonly topics: ReadonlyMap<string, number>
}

/**
 * An assignor of your own. It runs synchronously, before the group changes. It gives every partition of a topic with
 * subscribers to exactly one of them; a member that it leaves out gets nothing.
 *
 * @example
 * const firstTakesAll: Assignor = {
 *   name: 'first-takes-all',
 *   assign({ members, topics }) {
 *     const all = [...topics].flatMap(([topic, count]) =>
 *       Array.from({ length: count }, (_, partition) => ({ topic, partition })))
 *     return new Map([[members[0].memberId, all]])
 *   },
 * }
 */
export interface Assignor {
  readonly name: string
  /** The partitions of each member, by member id. */
  assign(input: AssignorInput): ReadonlyMap<string, readonly TopicPartition[]>
}
