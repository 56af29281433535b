import { errnos } from '../error-codes.ts'
import type { Cluster } from './cluster.ts'
import type { GroupIdentity } from './group-offsets.ts'

const leaveMs = 5000

/** What a member says instead of its epoch: that it goes, or, a static one, that it is only away for now. (KIP-848) */
export const leaving = { forGood: -1, forNow: -2 } as const

// A member that the group does not know has left already, and so has one whose group is gone.
const { UNKNOWN_MEMBER_ID, GROUP_ID_NOT_FOUND } = errnos

/** Tells a group that a member leaves. */
export async function leaveGroup(
  cluster: Cluster,
  { groupId, memberId, groupInstanceId }: Omit<GroupIdentity, 'memberEpoch'>,
  epoch: number,
): Promise<void> {
  const { clock, library } = cluster
  const began = clock.monotonic()
  await cluster.askCoordinator('group', groupId, {
    what: `Leaving group '${groupId}'`,
    api: library.consumerGroupHeartbeatV1,
    request: () =>
      [groupId, memberId, epoch, groupInstanceId ?? null, null, -1, null, null, null, null] as const,
    errno: ({ errorCode }) =>
      errorCode === UNKNOWN_MEMBER_ID || errorCode === GROUP_ID_NOT_FOUND ? 0 : errorCode,
    message: ({ errorMessage }) => errorMessage,
    goesOn: () => clock.monotonic() - began < leaveMs,
    beats: true,
  })
}
