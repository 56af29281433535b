import { api } from '../message.ts'
import { field } from '../struct.ts'
import { int16, int32, nullable, string } from '../type.ts'

export const heartbeat = api(
  'Heartbeat',
  { key: 12, versions: [0, 4], flexible: 4 },
  {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: field(nullable(string), { since: 3 }, null),
  },
  {
    throttleTimeMs: field(int32, { since: 1 }),
    errorCode: int16,
  },
)
