import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, bool, int16, int32, nullable, string } from '../type.ts'

export const alterPartitionReassignments = api(
  'AlterPartitionReassignments',
  { key: 45, versions: [0, 1], flexible: 0 },
  {
    timeoutMs: field(int32, {}, 60000),
    allowReplicationFactorChange: field(bool, { since: 1 }, true),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            replicas: field(nullable(array(int32)), {}, null),
          }),
        ),
      }),
    ),
  },
  {
    throttleTimeMs: int32,
    allowReplicationFactorChange: field(bool, { since: 1 }, true),
    errorCode: int16,
    errorMessage: nullable(string),
    responses: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            errorMessage: nullable(string),
          }),
        ),
      }),
    ),
  },
)
