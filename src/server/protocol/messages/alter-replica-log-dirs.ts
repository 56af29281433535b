import { api } from '../message.ts'
import { struct } from '../struct.ts'
import { array, int16, int32, string } from '../type.ts'

export const alterReplicaLogDirs = api(
  'AlterReplicaLogDirs',
  { key: 34, versions: [1, 2], flexible: 2 },
  {
    dirs: array(
      struct({
        path: string,
        topics: array(
          struct({
            name: string,
            partitions: array(int32),
          }),
        ),
      }),
    ),
  },
  {
    throttleTimeMs: int32,
    results: array(
      struct({
        topicName: string,
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
