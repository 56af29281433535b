/** What a checker found; Jepsen's names where it has one for it. */
export type AnomalyKind =
  /** An acknowledged record is not in the log, though nothing has trimmed it. */
  | 'lost-write'
  /** One record is in the log twice, or at another place than its acknowledgement said. */
  | 'duplicate'
  /** One offset has two records. */
  | 'inconsistent-offsets'
  /** Records of one producer are in a partition in another order than they were sent in. */
  | 'nonmonotonic-send'
  /** A record that a group never got. */
  | 'unseen'
  /** Records between two that were handed out were left out. */
  | 'poll-skip'
  /** A record came again, or an earlier one, within one assignment. */
  | 'nonmonotonic-poll'
  /** A commit passed a record that was not finished. */
  | 'commit-past-processed'
  /** Two members owned one partition, or two handlers of a group had it at once. */
  | 'double-ownership'
  /** A record was handed out to a member that had lost the partition, was giving it up, or had paused it. */
  | 'not-fetchable'
  /** A commit under a lost assignment was accepted. */
  | 'stale-commit'
  /** A commit that was in order was refused. */
  | 'refused-commit'
  /** An assignment did not begin at what was committed. */
  | 'wrong-position'
  /** A group's epoch went back, or stood still through a change. */
  | 'epoch'
  /** A member was given what it does not read, or a partition was given to nobody. */
  | 'illegal-target'
  /** The uniform assignor left members more than one partition apart that it could have moved. */
  | 'unbalanced'
  /** A consumer waits for records and has some to read. */
  | 'asleep'
  /** Something did not come to rest, or did not end. */
  | 'restless'
  /** An error where none was to be. */
  | 'unexpected-error'

/** A broken promise of the broker's. */
export class Anomaly extends Error {
  readonly kind: AnomalyKind

  constructor(kind: AnomalyKind, message: string) {
    super(`${kind}: ${message}`)
    this.name = 'Anomaly'
    this.kind = kind
  }
}
