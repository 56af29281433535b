/** The kind of an anomaly that a checker found, by Jepsen's name where it has one. */
export type AnomalyKind =
  /** An acknowledged record is not in the log, though nothing has trimmed it. */
  | 'lost-write'
  /** One record is in the log twice, or at another place than its acknowledgement said. */
  | 'duplicate'
  /** One offset has two records. */
  | 'inconsistent-offsets'
  /** Records of one producer are in a partition in another order than they were sent. */
  | 'nonmonotonic-send'
  /** A group never got a record. */
  | 'unseen'
  /** Records between two delivered ones were skipped. */
  | 'poll-skip'
  /** Within one assignment, a record or an earlier one came again. */
  | 'nonmonotonic-poll'
  /** A commit passed a record that was not finished. */
  | 'commit-past-processed'
  /** Two members owned one partition, or two handlers of a group had it at once. */
  | 'double-ownership'
  /** A member got a record of a partition that it had lost, was giving up, or had paused. */
  | 'not-fetchable'
  /** A commit under a lost assignment was accepted. */
  | 'stale-commit'
  /** A valid commit was refused. */
  | 'refused-commit'
  /** An assignment did not begin at the committed offset. */
  | 'wrong-position'
  /** A group's epoch went back, or stood still through a change. */
  | 'epoch'
  /** A member was assigned a topic that it does not read, or a partition was left without an owner. */
  | 'illegal-target'
  /** The uniform assignor left members more than one partition apart, though it could have moved one. */
  | 'unbalanced'
  /** A change moved more partitions than it had to. */
  | 'needless-move'
  /** An offset expired too early or too late. */
  | 'wrong-expiry'
  /** What a log reads, counts and looks up does not fit together, or a compacted one has a key twice. */
  | 'wrong-answer'
  /** A consumer waits for records although there are some to read. */
  | 'asleep'
  /** A group did not come to rest, or a call did not end. */
  | 'restless'
  /** An error occurred where none was allowed. */
  | 'unexpected-error'

/** A promise that the broker has broken. */
export class Anomaly extends Error {
  readonly kind: AnomalyKind

  constructor(kind: AnomalyKind, message: string) {
    super(`${kind}: ${message}`)
    this.name = 'Anomaly'
    this.kind = kind
  }
}
