import { InvalidArgumentError, UnknownMemberIdError } from '../errors.ts'

// What heartbeats have in common, whatever the kind of their group.

type GroupKind = 'group' | 'share group' | 'streams group'

interface NamedMember {
  readonly groupId: string
  readonly memberId: string
}

/** Epochs with a meaning of their own. */
export const memberEpochs = { joins: 0, leaves: -1, comesBack: -2 } as const

/** What a heartbeat has to meet, or else it is refused with what is `expected`. @throws InvalidArgumentError */
export function requirer(
  kind: GroupKind,
  { groupId, memberId }: NamedMember,
): (meets: boolean, expected: string) => void {
  return (meets, expected) => {
    if (meets) return
    throw new InvalidArgumentError(`Heartbeat of ${kind} '${groupId}': expected ${expected}`, {
      groupId,
      memberId,
    })
  }
}

/**
 * A heartbeat names its group. Kafka says so in these words.
 *
 * @throws InvalidArgumentError
 */
export function requireGroupId(groupId: string, memberId: string): void {
  if (groupId.trim() !== '') return
  throw new InvalidArgumentError("GroupId can't be empty.", { groupId, memberId })
}

/** The error for a member that there is not, in Kafka's words. */
export function unknownMember(groupId: string, memberId: string): UnknownMemberIdError {
  const message = `Member ${memberId} is not a member of group ${groupId}.`
  return new UnknownMemberIdError(message, { groupId, memberId })
}

/**
 * The error for a member of a group that there is not. Clients join again at it, as they should after a broker that
 * forgets everything was restarted; at GROUP_ID_NOT_FOUND, which Kafka answers, they give up.
 */
export function unknownGroup(kind: GroupKind, { groupId, memberId }: NamedMember): UnknownMemberIdError {
  const message = `There is no ${kind} '${groupId}', nor a member '${memberId}' of it`
  return new UnknownMemberIdError(message, { groupId, memberId })
}
