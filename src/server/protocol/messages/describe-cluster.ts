import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, bool, int8, int16, int32, nullable, string } from '../type.ts'

export const describeCluster = api(
  'DescribeCluster',
  { key: 60, versions: [0, 2], flexible: 0 },
  {
    includeClusterAuthorizedOperations: bool,
    endpointType: field(int8, { since: 1 }, 1),
    includeFencedBrokers: field(bool, { since: 2 }),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: field(nullable(string), {}, null),
    endpointType: field(int8, { since: 1 }, 1),
    clusterId: string,
    controllerId: field(int32, {}, -1),
    brokers: array(
      struct({
        brokerId: int32,
        host: string,
        port: int32,
        rack: field(nullable(string), {}, null),
        isFenced: field(bool, { since: 2 }),
      }),
    ),
    clusterAuthorizedOperations: field(int32, {}, -2147483648),
  },
)
