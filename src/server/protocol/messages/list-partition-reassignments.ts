import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int16, int32, nullable, string } from '../type.ts'

export const listPartitionReassignments = api(
  'ListPartitionReassignments',
  { key: 46, versions: [0, 0], flexible: 0 },
  {
    timeoutMs: field(int32, {}, 60000),
    topics: field(
      nullable(
        array(
          struct({
            name: string,
            partitionIndexes: array(int32),
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
    errorMessage: nullable(string),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            replicas: array(int32),
            addingReplicas: array(int32),
            removingReplicas: array(int32),
          }),
        ),
      }),
    ),
  },
)
