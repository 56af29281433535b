import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, bool, bytes, int16, int32, nullable, string } from '../type.ts'

export const describeGroups = api(
  'DescribeGroups',
  { key: 15, versions: [0, 6], flexible: 5 },
  {
    groups: array(string),
    includeAuthorizedOperations: field(bool, { since: 3 }),
  },
  {
    throttleTimeMs: field(int32, { since: 1 }),
    groups: array(
      struct({
        errorCode: int16,
        errorMessage: field(nullable(string), { since: 6 }, null),
        groupId: string,
        groupState: string,
        protocolType: string,
        protocolData: string,
        members: array(
          struct({
            memberId: string,
            groupInstanceId: field(nullable(string), { since: 4 }, null),
            clientId: string,
            clientHost: string,
            memberMetadata: bytes,
            memberAssignment: bytes,
          }),
        ),
        authorizedOperations: field(int32, { since: 3 }, -2147483648),
      }),
    ),
  },
)
