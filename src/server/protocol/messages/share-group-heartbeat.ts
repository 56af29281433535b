import { api } from '../message.ts'
import { field, nullableStruct, struct } from '../struct.ts'
import { array, int16, int32, nullable, string, uuid } from '../type.ts'

const topicPartitions = struct({
  topicId: uuid,
  partitions: array(int32),
})

export const shareGroupHeartbeat = api(
  'ShareGroupHeartbeat',
  { key: 76, versions: [1, 1], flexible: 0 },
  {
    groupId: string,
    memberId: string,
    memberEpoch: int32,
    rackId: field(nullable(string), {}, null),
    subscribedTopicNames: field(nullable(array(string)), {}, null),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: field(nullable(string), {}, null),
    memberId: field(nullable(string), {}, null),
    memberEpoch: int32,
    heartbeatIntervalMs: int32,
    assignment: field(
      nullableStruct(
        struct({
          topicPartitions: array(topicPartitions),
        }),
      ),
      {},
      null,
    ),
  },
)
