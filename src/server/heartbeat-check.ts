/** Of a KIP-848 heartbeat, what has to fit together. */
export interface CheckedHeartbeat {
  readonly memberId: string
  readonly memberEpoch: number
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly rebalanceTimeoutMs: number
  readonly topicPartitions: readonly unknown[] | null
}

const joins = 0
const leaves = -1
const leavesForAWhile = -2

// From this version on a member makes its own id, so that one whose first answer was lost is not there twice. (KIP-1082)
const ownIdSince = 1

/** What is wrong with a heartbeat by itself, whatever its group is. (Kafka: throwIfConsumerGroupHeartbeatRequestIsInvalid) */
export function checkHeartbeat(beat: CheckedHeartbeat, version: number): string | undefined {
  const { memberId, memberEpoch, instanceId, rackId, rebalanceTimeoutMs, topicPartitions } = beat
  if (instanceId === '') return 'An instance id is null or has a character'
  if (rackId === '') return 'A rack id is null or has a character'
  if (memberEpoch < leavesForAWhile) return `There is no member epoch ${memberEpoch}`
  if (memberId === '' && (memberEpoch !== joins || version >= ownIdSince)) return 'A member has an id'
  if (memberEpoch === leavesForAWhile && instanceId === null)
    return `Only who has an instance id comes back; without one, member epoch ${leaves} leaves`
  if (memberEpoch !== joins) return undefined
  if (rebalanceTimeoutMs < 0) return 'Who joins says its rebalance timeout'
  return topicPartitions?.length === 0 ? undefined : 'Who joins says that it has no partitions'
}
