import type { ClassicGroup } from '../../group/classic-group.ts'
import { authorizedOperations } from '../authorized-operations.ts'
import { missingGroup } from '../described-groups.ts'
import { groupState } from '../group-state.ts'
import { type Handler, handler } from '../handler.ts'
import { deleteGroups } from '../protocol/messages/delete-groups.ts'
import { describeGroups } from '../protocol/messages/describe-groups.ts'
import { listGroups } from '../protocol/messages/list-groups.ts'
import { attempt, type Wire } from '../wire.ts'
import { errnoOf } from '../wire-error-code.ts'

/** Lists, describes and deletes groups, those of clients and those of this process. */
export function groupAdminHandlers(wire: Wire): Handler[] {
  const { engine, groups, shareGroups, streamsGroups } = wire
  return [
    handler(listGroups, ({ statesFilter, typesFilter }) => {
      const ids = new Set([...engine.groups.keys(), ...[...groups.all].map(({ id }) => id)])
      const isOwn = (groupId: string) => streamsGroups.get(groupId) === undefined
      const listed = [...ids].filter(isOwn).map(groupId => {
        const classic = groups.get(groupId)
        const groupType = groups.typeOf(groupId)
        const assigns = groupType === 'consumer'
        return {
          groupId,
          protocolType: assigns ? 'consumer' : (classic?.protocolType ?? ''),
          groupState: assigns ? groupState(wire, engine.groups.get(groupId)!) : (classic?.state ?? 'Empty'),
          groupType,
        }
      })
      const shared = [...shareGroups.all].map(({ members }) => ({
        groupId: members.id,
        protocolType: 'share',
        groupState: members.state,
        groupType: 'share',
      }))
      const streams = [...streamsGroups.all].map(({ id, state }) => ({
        groupId: id,
        protocolType: 'streams',
        groupState: state,
        groupType: 'streams',
      }))
      const wanted = (filter: readonly string[], value: string) =>
        filter.length === 0 || filter.some(each => each.toLowerCase() === value.toLowerCase())
      return {
        groups: [...listed, ...shared, ...streams].filter(
          each => wanted(statesFilter, each.groupState) && wanted(typesFilter, each.groupType),
        ),
      }
    }),

    handler(describeGroups, ({ groups: ids, includeAuthorizedOperations }, { version }) => ({
      groups: ids.map(groupId => {
        const authorized = {
          authorizedOperations: authorizedOperations('GROUP', includeAuthorizedOperations),
        }
        const classic = groups.get(groupId)
        const own = engine.groups.get(groupId)
        // A group that assigns is not found here: clients that hear so ask by ConsumerGroupDescribe, or StreamsGroupDescribe.
        const assigns =
          streamsGroups.get(groupId) !== undefined ||
          (own !== undefined && groups.typeOf(groupId) === 'consumer')
        if (classic !== undefined && !assigns) return { ...describeClassic(classic), ...authorized }
        if (own !== undefined && !assigns) return { groupId, groupState: 'Empty', ...authorized }
        // Before version 6 a group that does not exist is Dead (KIP-1043).
        if (version < 6) return { groupId, groupState: 'Dead', ...authorized }
        return missingGroup(wire, groupId, 'classic')
      }),
    })),

    handler(deleteGroups, ({ groupsNames }) => ({
      results: [...new Set(groupsNames)].map(groupId => ({ groupId, errorCode: deleteGroup(wire, groupId) })),
    })),
  ]
}

// Only a stable group has a protocol that all of its members have joined with. (Kafka: ClassicGroup.describe)
function describeClassic(group: ClassicGroup) {
  const stable = group.state === 'Stable'
  return {
    groupId: group.id,
    groupState: group.state,
    protocolType: group.protocolType ?? '',
    protocolData: stable ? group.protocol! : '',
    members: group.members.map(({ memberId, groupInstanceId, clientId, metadata, assignment }) => ({
      memberId,
      groupInstanceId,
      clientId,
      clientHost: '/127.0.0.1',
      memberMetadata: stable ? metadata : undefined,
      memberAssignment: assignment,
    })),
  }
}

function deleteGroup(wire: Wire, groupId: string): number {
  const { engine, groups, shareGroups } = wire
  const share = shareGroups.get(groupId)
  const known = engine.groups.has(groupId)
  if (share === undefined && !known && groups.get(groupId) === undefined) return errnoOf('GROUP_ID_NOT_FOUND')
  return attempt(wire, () => {
    if (share !== undefined) return shareGroups.delete(share)
    if (known) engine.groupCoordinator.delete(groupId)
    groups.delete(groupId)
  }).errorCode
}
