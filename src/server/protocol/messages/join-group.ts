import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, bool, bytes, int16, int32, nullable, string } from '../type.ts'

export const joinGroup = api(
  'JoinGroup',
  { key: 11, versions: [0, 9], flexible: 6 },
  {
    groupId: string,
    sessionTimeoutMs: int32,
    rebalanceTimeoutMs: field(int32, { since: 1 }, -1),
    memberId: string,
    groupInstanceId: field(nullable(string), { since: 5 }, null),
    protocolType: string,
    protocols: array(
      struct({
        name: string,
        metadata: bytes,
      }),
    ),
    reason: field(nullable(string), { since: 8 }, null),
  },
  {
    throttleTimeMs: field(int32, { since: 2 }),
    errorCode: int16,
    generationId: field(int32, {}, -1),
    protocolType: field(nullable(string), { since: 7 }, null),
    protocolName: nullable(string, 7),
    leader: string,
    skipAssignment: field(bool, { since: 9 }),
    memberId: string,
    members: array(
      struct({
        memberId: string,
        groupInstanceId: field(nullable(string), { since: 5 }, null),
        metadata: bytes,
      }),
    ),
  },
)
