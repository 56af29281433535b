import { api } from '../message.ts'
import { struct } from '../struct.ts'
import { array, int16, int32, int64, string } from '../type.ts'

export const deleteRecords = api(
  'DeleteRecords',
  { key: 21, versions: [0, 2], flexible: 2 },
  {
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            offset: int64,
          }),
        ),
      }),
    ),
    timeoutMs: int32,
  },
  {
    throttleTimeMs: int32,
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            lowWatermark: int64,
            errorCode: int16,
          }),
        ),
      }),
    ),
  },
)
