import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, bytes, int16, int32, nullable, string } from '../type.ts'

export const syncGroup = api(
  'SyncGroup',
  { key: 14, versions: [0, 5], flexible: 4 },
  {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: field(nullable(string), { since: 3 }, null),
    protocolType: field(nullable(string), { since: 5 }, null),
    protocolName: field(nullable(string), { since: 5 }, null),
    assignments: array(
      struct({
        memberId: string,
        assignment: bytes,
      }),
    ),
  },
  {
    throttleTimeMs: field(int32, { since: 1 }),
    errorCode: int16,
    protocolType: field(nullable(string), { since: 5 }, null),
    protocolName: field(nullable(string), { since: 5 }, null),
    assignment: bytes,
  },
)
