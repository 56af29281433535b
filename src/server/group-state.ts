import type { ConsumerGroup } from '../group/consumer-group.ts'
import type { GroupState } from '../group/group-description.ts'
import type { Wire } from './wire.ts'

/**
 * The state of a group that assigns, as its clients see it: it is not Stable before each member has heard what it has, nor
 * while a static member is away. (Kafka: ConsumerGroup.maybeUpdateGroupState)
 */
export function groupState({ groups, members }: Wire, group: ConsumerGroup): GroupState {
  if (group.state !== 'Stable') return group.state
  const reached = group.members.every(({ memberId, connected }) => {
    const served = members.get(group.id, memberId)
    // A classic member hears of an epoch only if something changes for it.
    if (served === undefined) return connected && !groups.classicMember(group.id, memberId)?.changed
    return connected && !served.changed && served.epoch === group.epoch
  })
  return reached ? 'Stable' : 'Reconciling'
}
