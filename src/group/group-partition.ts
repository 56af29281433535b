import type { GroupLog } from './group-log.ts'
import type { CommittedOffset } from './offset-store.ts'

/** One partition in a group's assignment. */
export class GroupPartition<Member> {
  readonly topic: string
  readonly partition: number
  /** The member that is to own the partition. */
  target: Member | undefined
  /** The member that owns the partition, even while giving it up; no other member gets it before it is released. */
  owner: Member | undefined
  /** The last owner: it distinguishes a move from a first assignment. */
  lastOwner: Member | undefined
  /** The group epoch at which the owner got the partition. */
  epoch = 0
  /** The committed offset, once the owner has committed: the entry of the offset store, which a commit rewrites. */
  committed: CommittedOffset | undefined
  /** Told of every commit, where records wait for commits. */
  log: Pick<GroupLog, 'offsetCommitted'> | undefined
  /** When its owner was told to give it up, on the clock's `monotonic()`. */
  revokingSince: number | undefined

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  /** Whether the owner is the target, and nothing is being given up. */
  get settled(): boolean {
    return this.owner === this.target && this.revokingSince === undefined
  }
}
