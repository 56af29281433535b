import { api } from '../message.ts'
import { struct } from '../struct.ts'
import { array, int16, int32, string } from '../type.ts'

export const offsetDelete = api(
  'OffsetDelete',
  { key: 47, versions: [0, 0], flexible: Number.POSITIVE_INFINITY },
  {
    groupId: string,
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
          }),
        ),
      }),
    ),
  },
  {
    errorCode: int16,
    throttleTimeMs: int32,
    topics: array(
      struct({
        name: string,
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
