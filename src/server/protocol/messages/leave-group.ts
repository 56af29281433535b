import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int16, int32, nullable, string } from '../type.ts'

export const leaveGroup = api(
  'LeaveGroup',
  { key: 13, versions: [0, 5], flexible: 4 },
  {
    groupId: string,
    memberId: field(string, { until: 2 }),
    members: field(
      array(
        struct({
          memberId: field(string, { since: 3 }),
          groupInstanceId: field(nullable(string, 3), { since: 3 }, null),
          reason: field(nullable(string, 5), { since: 5 }, null),
        }),
      ),
      { since: 3 },
    ),
  },
  {
    throttleTimeMs: field(int32, { since: 1 }),
    errorCode: int16,
    members: field(
      array(
        struct({
          memberId: field(string, { since: 3 }),
          groupInstanceId: field(nullable(string, 3), { since: 3 }),
          errorCode: field(int16, { since: 3 }),
        }),
      ),
      { since: 3 },
    ),
  },
)
