import { memberEpochs, requireGroupId, requirer } from '../member-heartbeat.ts'

/** What a member of a share group says by one heartbeat. */
export interface ShareHeartbeat {
  readonly groupId: string
  readonly memberId: string
  readonly memberEpoch: number
  readonly rackId: string | undefined
  readonly clientId: string
  /** Left out if they have not changed. */
  readonly topics: readonly string[] | undefined
}

// The length of a UUID as text.
const longestMemberId = 36

/** Whether a client may take that as its member id, which it chooses itself (KIP-1082). */
export function isMemberId(memberId: string | null): memberId is string {
  return memberId !== null && memberId !== '' && memberId.length <= longestMemberId
}

/**
 * Refuses an invalid heartbeat. (Kafka: throwIfShareGroupHeartbeatRequestIsInvalid)
 *
 * @throws InvalidArgumentError
 */
export function checkShareHeartbeat(beat: ShareHeartbeat): void {
  const { groupId, memberId, memberEpoch, rackId, topics } = beat
  const require = requirer('share group', beat)
  requireGroupId(groupId, memberId)
  require(isMemberId(memberId), `a memberId of 1 to ${longestMemberId} characters`)
  require(memberEpoch >= memberEpochs.leaves, `a memberEpoch of -1 or more, received ${memberEpoch}`)
  require(rackId === undefined || rackId.trim() !== '', 'a rackId that is not empty, or none')
  if (memberEpoch === memberEpochs.joins) {
    require(topics !== undefined && topics.length > 0, 'topic names when a member joins')
  }
}
