import type { TopicPartition } from './topic-partition.ts'

/** One member of the group, as an assignor of your own sees it. */
export interface AssignorMember {
  readonly memberId: string
  readonly groupInstanceId?: string
  /** The names of the existing topics that it subscribes to. */
  readonly topics: readonly string[]
  /** What the group meant it to own so far. */
  readonly assignment: readonly TopicPartition[]
}

/** What an assignor of your own is asked. */
export interface AssignorInput {
  /** In order of joining. */
  readonly members: readonly AssignorMember[]
  /** The number of partitions by topic. */
  readonly topics: ReadonlyMap<string, number>
}

/**
 * An assignor of your own: it runs before the group changes, at once and without waiting, and gives every partition
 * that somebody subscribes to to exactly one of its subscribers; a member that it leaves out gets nothing.
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
