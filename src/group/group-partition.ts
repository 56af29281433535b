import type { GroupLog } from './group-log.ts'
import type { CommittedOffset } from './offset-store.ts'

/** One partition, as a group deals it out. */
export class GroupPartition<Member> {
  readonly topic: string
  readonly partition: number
  /** Who is meant to own it. */
  target: Member | undefined
  /** Who owns it, also while giving it up. Nobody else gets it before that one has released it. */
  owner: Member | undefined
  /** Who owned it last: what tells a move from a first assignment. */
  lastOwner: Member | undefined
  /** The group epoch at which its owner got it. */
  epoch = 0
  /** What is committed of it, once its owner has committed: the entry in the offset store, which a commit rewrites. */
  committed: CommittedOffset | undefined
  /** Told of every commit, where it waits for that. */
  log: Pick<GroupLog, 'offsetCommitted'> | undefined
  /** When its owner was told to give it up, on the clock's `monotonic()`. */
  revokingSince: number | undefined

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  /** Whether nothing remains to be done. */
  get settled(): boolean {
    return this.owner === this.target && this.revokingSince === undefined
  }
}
