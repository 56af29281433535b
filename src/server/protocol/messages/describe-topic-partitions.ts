import { api } from '../message.ts'
import { field, nullableStruct, struct } from '../struct.ts'
import { array, bool, int16, int32, nullable, string, uuid } from '../type.ts'

export const describeTopicPartitions = api(
  'DescribeTopicPartitions',
  { key: 75, versions: [0, 0], flexible: 0 },
  {
    topics: array(
      struct({
        name: string,
      }),
    ),
    responsePartitionLimit: field(int32, {}, 2000),
    cursor: field(
      nullableStruct(
        struct({
          topicName: string,
          partitionIndex: int32,
        }),
      ),
      {},
      null,
    ),
  },
  {
    throttleTimeMs: int32,
    topics: array(
      struct({
        errorCode: int16,
        name: nullable(string),
        topicId: uuid,
        isInternal: bool,
        partitions: array(
          struct({
            errorCode: int16,
            partitionIndex: int32,
            leaderId: int32,
            leaderEpoch: field(int32, {}, -1),
            replicaNodes: array(int32),
            isrNodes: array(int32),
            eligibleLeaderReplicas: field(nullable(array(int32)), {}, null),
            lastKnownElr: field(nullable(array(int32)), {}, null),
            offlineReplicas: array(int32),
          }),
        ),
        topicAuthorizedOperations: field(int32, {}, -2147483648),
      }),
    ),
    nextCursor: field(
      nullableStruct(
        struct({
          topicName: string,
          partitionIndex: int32,
        }),
      ),
      {},
      null,
    ),
  },
)
