import { api } from '../message.ts'
import { field, nullableStruct, struct } from '../struct.ts'
import { array, int16, int32, nullable, string, uuid } from '../type.ts'

const topicPartitions = struct({
  topicId: uuid,
  partitions: array(int32),
})

export const consumerGroupHeartbeat = api(
  'ConsumerGroupHeartbeat',
  { key: 68, versions: [0, 1], flexible: 0 },
  {
    groupId: string,
    memberId: string,
    memberEpoch: int32,
    instanceId: field(nullable(string), {}, null),
    rackId: field(nullable(string), {}, null),
    rebalanceTimeoutMs: field(int32, {}, -1),
    subscribedTopicNames: field(nullable(array(string)), {}, null),
    subscribedTopicRegex: field(nullable(string), { since: 1 }, null),
    serverAssignor: field(nullable(string), {}, null),
    topicPartitions: field(
      nullable(
        array(
          struct({
            topicId: uuid,
            partitions: array(int32),
          }),
        ),
      ),
      {},
      null,
    ),
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
