import { authorizedOperations } from './authorized-operations.ts'
import { type Wire, wireError } from './wire.ts'
import { errnoOf } from './wire-error-code.ts'

/** Describes groups of one kind; `describe` gives undefined for a group that is not there, or not of that kind. */
export function describedGroups<Described extends object>(
  wire: Wire,
  kind: 'consumer' | 'share' | 'streams',
  request: { readonly groupIds: readonly string[]; readonly includeAuthorizedOperations: boolean },
  describe: (groupId: string) => Described | undefined,
) {
  return {
    groups: request.groupIds.map(groupId => {
      if (groupId === '') return { groupId, errorCode: errnoOf('INVALID_GROUP_ID') }
      const described = describe(groupId)
      if (described === undefined) return missingGroup(wire, groupId, kind)
      return {
        ...described,
        authorizedOperations: authorizedOperations('GROUP', request.includeAuthorizedOperations),
      }
    }),
  }
}

/** What a description says of a group that is not there, or not of that kind, in Kafka's words. */
export function missingGroup(
  wire: Wire,
  groupId: string,
  kind: 'classic' | 'consumer' | 'share' | 'streams',
) {
  const errorMessage = isThere(wire, groupId)
    ? `Group ${groupId} is not a ${kind} group.`
    : `Group ${groupId} not found.`
  return {
    groupId,
    ...(kind === 'classic' ? { groupState: 'Dead' } : {}),
    ...wireError('GROUP_ID_NOT_FOUND', errorMessage),
  }
}

function isThere({ engine, groups, shareGroups, streamsGroups }: Wire, groupId: string): boolean {
  return (
    engine.groups.has(groupId) ||
    groups.get(groupId) !== undefined ||
    shareGroups.has(groupId) ||
    streamsGroups.get(groupId) !== undefined
  )
}
