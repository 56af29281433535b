import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int16, int32, int64, string } from '../type.ts'

export const offsetForLeaderEpoch = api(
  'OffsetForLeaderEpoch',
  { key: 23, versions: [2, 4], flexible: 4 },
  {
    replicaId: field(int32, { since: 3 }, -2),
    topics: array(
      struct({
        topic: string,
        partitions: array(
          struct({
            partition: int32,
            currentLeaderEpoch: field(int32, {}, -1),
            leaderEpoch: int32,
          }),
        ),
      }),
    ),
  },
  {
    throttleTimeMs: int32,
    topics: array(
      struct({
        topic: string,
        partitions: array(
          struct({
            errorCode: int16,
            partition: int32,
            leaderEpoch: field(int32, {}, -1),
            endOffset: field(int64, {}, -1),
          }),
        ),
      }),
    ),
  },
)
