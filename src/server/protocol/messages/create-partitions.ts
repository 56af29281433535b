import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, bool, int16, int32, nullable, string } from '../type.ts'

export const createPartitions = api(
  'CreatePartitions',
  { key: 37, versions: [0, 3], flexible: 2 },
  {
    topics: array(
      struct({
        name: string,
        count: int32,
        assignments: nullable(
          array(
            struct({
              brokerIds: array(int32),
            }),
          ),
        ),
      }),
    ),
    timeoutMs: int32,
    validateOnly: bool,
  },
  {
    throttleTimeMs: int32,
    results: array(
      struct({
        name: string,
        errorCode: int16,
        errorMessage: field(nullable(string), {}, null),
      }),
    ),
  },
)
