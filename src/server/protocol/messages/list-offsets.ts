import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int8, int16, int32, int64, string } from '../type.ts'

export const listOffsets = api(
  'ListOffsets',
  { key: 2, versions: [1, 11], flexible: 6 },
  {
    replicaId: int32,
    isolationLevel: field(int8, { since: 2 }),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            currentLeaderEpoch: field(int32, { since: 4 }, -1),
            timestamp: int64,
          }),
        ),
      }),
    ),
    timeoutMs: field(int32, { since: 10 }),
  },
  {
    throttleTimeMs: field(int32, { since: 2 }),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            timestamp: field(int64, {}, -1),
            offset: field(int64, {}, -1),
            leaderEpoch: field(int32, { since: 4 }, -1),
          }),
        ),
      }),
    ),
  },
)
