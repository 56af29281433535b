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
          memberId: string,
          groupInstanceId: field(nullable(string), {}, null),
          reason: field(nullable(string), { since: 5 }, null),
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
          memberId: string,
          groupInstanceId: nullable(string),
          errorCode: int16,
        }),
      ),
      { since: 3 },
    ),
  },
)
