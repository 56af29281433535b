import type { Wire } from './wire.ts'
import { errnoOf } from './wire-error-code.ts'

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
    errorCode: errnoOf('GROUP_ID_NOT_FOUND'),
    errorMessage,
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
