import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int8, int16, int32, nullable, string } from '../type.ts'

export const findCoordinator = api(
  'FindCoordinator',
  { key: 10, versions: [0, 6], flexible: 3 },
  {
    key: field(string, { until: 3 }),
    keyType: field(int8, { since: 1 }),
    coordinatorKeys: field(array(string), { since: 4 }),
  },
  {
    throttleTimeMs: field(int32, { since: 1 }),
    errorCode: field(int16, { until: 3 }),
    errorMessage: field(nullable(string), { since: 1, until: 3 }),
    nodeId: field(int32, { until: 3 }),
    host: field(string, { until: 3 }),
    port: field(int32, { until: 3 }),
    coordinators: field(
      array(
        struct({
          key: string,
          nodeId: int32,
          host: string,
          port: int32,
          errorCode: int16,
          errorMessage: nullable(string),
        }),
      ),
      { since: 4 },
    ),
  },
)
