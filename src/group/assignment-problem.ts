/** The input of an assignor: the members, the topics that they may read, and the present target. */
export interface AssignmentProblem {
  /** In the order in which they joined. */
  readonly members: readonly ProblemMember[]
  readonly topics: readonly { readonly name: string; readonly partitions: number }[]
  /** Per topic, per partition: the index of the member that has it, -1 = none; may be shorter than the topic is. */
  readonly current: readonly Int32Array[]
}

/** One member of the group, as an assignor sees it. */
export interface ProblemMember {
  readonly memberId: string
  readonly groupInstanceId: string | undefined
  /** Ascending indices into `topics`; members with the same subscription share the same array object. */
  readonly subscribed: readonly number[]
}

/** Per topic, per partition: the index of the member that shall own it, -1 = no subscriber. */
export type TargetAssignment = Int32Array[]

/** A built-in assignor: a pure function of its input, without clock or randomness. */
export type ComputeAssignment = (problem: AssignmentProblem) => TargetAssignment
