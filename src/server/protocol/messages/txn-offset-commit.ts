import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int16, int32, int64, nullable, string, uuid } from '../type.ts'

export const txnOffsetCommit = api(
  'TxnOffsetCommit',
  { key: 28, versions: [0, 6], flexible: 3 },
  {
    transactionalId: string,
    groupId: string,
    producerId: int64,
    producerEpoch: int16,
    generationIdOrMemberEpoch: field(int32, { since: 3 }, -1),
    memberId: field(string, { since: 3 }),
    groupInstanceId: field(nullable(string), { since: 3 }, null),
    topics: array(
      struct({
        name: field(string, { until: 5 }),
        topicId: field(uuid, { since: 6 }),
        partitions: array(
          struct({
            partitionIndex: int32,
            committedOffset: int64,
            committedLeaderEpoch: field(int32, { since: 2 }, -1),
            committedMetadata: nullable(string),
          }),
        ),
      }),
    ),
  },
  {
    throttleTimeMs: int32,
    topics: array(
      struct({
        name: field(string, { until: 5 }),
        topicId: field(uuid, { since: 6 }),
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
          }),
        ),
      }),
    ),
  },
)
