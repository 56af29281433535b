import type { ClassicIdentity, ClassicJoined, ClassicSynced } from '../../group/classic-protocol.ts'
import { type Handler, handler } from '../handler.ts'
import { heartbeat } from '../protocol/messages/heartbeat.ts'
import { joinGroup } from '../protocol/messages/join-group.ts'
import { leaveGroup } from '../protocol/messages/leave-group.ts'
import { syncGroup } from '../protocol/messages/sync-group.ts'
import type { Wire } from '../wire.ts'
import { errnoOf } from '../wire-error-code.ts'

interface MemberRequest {
  readonly generationId: number
  readonly memberId: string
  readonly groupInstanceId: string | null
}

function identityOf({ generationId, memberId, groupInstanceId }: MemberRequest): ClassicIdentity {
  return { generation: generationId, memberId, groupInstanceId }
}

const unknownMember = errnoOf('UNKNOWN_MEMBER_ID')
const invalidGroup = errnoOf('INVALID_GROUP_ID')

/** The classic protocol of groups: join, sync, heartbeat, leave. */
export function membershipHandlers(wire: Wire): Handler[] {
  return [
    handler(joinGroup, async (request, { version, clientId }) => {
      const { groupId } = request
      if (groupId === '') return { errorCode: invalidGroup, memberId: request.memberId, protocolName: null }
      wire.streamsGroups.yield(groupId)
      const joined = await new Promise<ClassicJoined>(resolve =>
        wire.groups.join(
          groupId,
          {
            memberId: request.memberId,
            groupInstanceId: request.groupInstanceId,
            clientId,
            sessionTimeoutMs: request.sessionTimeoutMs,
            rebalanceTimeoutMs:
              request.rebalanceTimeoutMs < 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs,
            protocolType: request.protocolType,
            // Copies, because they are kept longer than the frame that they came in.
            protocols: request.protocols.map(({ name, metadata }) => ({
              name,
              metadata: Uint8Array.from(metadata),
            })),
            requireKnownMemberId: version >= 4,
            canSkipAssignment: version >= 9,
          },
          resolve,
        ),
      )
      const { memberId, generation, leader, members, protocolType } = joined
      return {
        errorCode: errnoOf(joined.error),
        generationId: generation,
        protocolType,
        protocolName: joined.protocol ?? null,
        leader,
        skipAssignment: joined.skipAssignment,
        memberId,
        members: [...members],
      }
    }),

    handler(syncGroup, async (request, { version }) => {
      if (request.groupId === '') return { errorCode: invalidGroup }
      // A client whose version can name its protocol has to. (KIP-559)
      const unsaid = version >= 5 && (request.protocolType === null || request.protocolName === null)
      if (unsaid) return { errorCode: errnoOf('INCONSISTENT_GROUP_PROTOCOL') }
      const group = wire.groups.serving(request.groupId)
      if (group === undefined) return { errorCode: unknownMember }
      const { error, protocolType, protocol, assignment } = await new Promise<ClassicSynced>(resolve =>
        group.sync({ ...request, ...identityOf(request) }, resolve),
      )
      return { errorCode: errnoOf(error), protocolType, protocolName: protocol, assignment }
    }),

    handler(heartbeat, request => {
      if (request.groupId === '') return { errorCode: invalidGroup }
      const group = wire.groups.serving(request.groupId)
      return {
        errorCode: group === undefined ? unknownMember : errnoOf(group.heartbeat(identityOf(request))),
      }
    }),

    handler(leaveGroup, ({ groupId, memberId, members }, { version }) => {
      if (groupId === '') return { errorCode: invalidGroup }
      // For each anew: by the one before, the group may have gone from one protocol to the other.
      const leave = (id: string, instanceId: string | null) => {
        const group = wire.groups.serving(groupId)
        return group === undefined ? unknownMember : errnoOf(group.leave(id, instanceId))
      }
      if (version < 3) return { errorCode: leave(memberId, null) }
      return {
        errorCode: 0,
        members: members.map(each => ({ ...each, errorCode: leave(each.memberId, each.groupInstanceId) })),
      }
    }),
  ]
}
