import { assignorNames } from '../assignor.ts'
import type { Interest } from '../engine.ts'
import { BrokerletError } from '../errors.ts'
import type { TopicPartition } from '../topic-partition.ts'
import { memberEpochs, requireGroupId, requirer } from './member-heartbeat.ts'

/** What a member says by one heartbeat. */
export interface ConsumerHeartbeat {
  readonly groupId: string
  readonly memberId: string
  readonly memberEpoch: number
  readonly groupInstanceId: string | undefined
  readonly rackId: string | undefined
  readonly clientId: string
  readonly rebalanceTimeoutMs: number | undefined
  readonly interest: Interest | undefined
  readonly assignor: string | undefined
  /** All partitions that it has, if it names them. */
  readonly partitions: readonly TopicPartition[] | undefined
}

/**
 * Refuses an invalid heartbeat. (Kafka: throwIfConsumerGroupHeartbeatRequestIsInvalid)
 *
 * @throws InvalidArgumentError, or UNSUPPORTED_ASSIGNOR
 */
export function checkHeartbeat(beat: ConsumerHeartbeat, version: number): void {
  const { groupId, memberId, memberEpoch, groupInstanceId, assignor } = beat
  const require = requirer('group', beat)
  requireGroupId(groupId, memberId)
  require(groupInstanceId !== '', 'an instanceId that is not empty, or none')
  require(beat.rackId !== '', 'a rackId that is not empty, or none')
  require(memberEpoch >= memberEpochs.comesBack, `a memberEpoch of -2 or more, received ${memberEpoch}`)
  if (memberEpoch === memberEpochs.comesBack) require(groupInstanceId !== undefined, 'an instanceId')
  // Before version 1 the broker gives the member its id (KIP-1082).
  if (memberEpoch !== memberEpochs.joins || version >= 1) require(memberId !== '', 'a memberId')
  if (memberEpoch === memberEpochs.joins) {
    require(beat.rebalanceTimeoutMs !== undefined, 'a rebalanceTimeoutMs when a member joins')
    require(beat.interest !== undefined, 'topic names or a regular expression when a member joins')
    require(beat.partitions?.length === 0, 'an empty list of topicPartitions when a member joins')
  }
  if (assignor !== undefined && !(assignorNames as readonly string[]).includes(assignor)) {
    const message = `ServerAssignor ${assignor} is not supported. Supported assignors: ${assignorNames.join(', ')}.`
    throw new BrokerletError('UNSUPPORTED_ASSIGNOR', message, { groupId, assignor })
  }
}
