/** Keeps groups whose members assign by themselves: a server for clients on the wire. */
export interface GroupHolder {
  /** Whether the group has such members now: then nobody else can be in it. */
  holds(groupId: string): boolean
  /**
   * Lets its members join the group, which assigns for all from now on, since one comes that cannot assign.
   *
   * @throws InconsistentGroupProtocolError where they cannot be members of it
   */
  handOver(groupId: string): void
  /** Takes them back where nobody else is in the group. */
  takeBack(groupId: string): void
}
