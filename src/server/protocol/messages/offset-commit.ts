import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int16, int32, int64, nullable, string, uuid } from '../type.ts'

export const offsetCommit = api(
  'OffsetCommit',
  { key: 8, versions: [2, 10], flexible: 8 },
  {
    groupId: string,
    generationIdOrMemberEpoch: field(int32, {}, -1),
    memberId: string,
    groupInstanceId: field(nullable(string), { since: 7 }, null),
    retentionTimeMs: field(int64, { until: 4 }, -1),
    topics: array(
      struct({
        name: field(string, { until: 9 }),
        topicId: field(uuid, { since: 10 }),
        partitions: array(
          struct({
            partitionIndex: int32,
            committedOffset: int64,
            committedLeaderEpoch: field(int32, { since: 6 }, -1),
            committedMetadata: nullable(string),
          }),
        ),
      }),
    ),
  },
  {
    throttleTimeMs: field(int32, { since: 3 }),
    topics: array(
      struct({
        name: field(string, { until: 9 }),
        topicId: field(uuid, { since: 10 }),
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
