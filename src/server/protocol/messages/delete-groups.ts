import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int16, int32, nullable, string } from '../type.ts'

export const deleteGroups = api(
  'DeleteGroups',
  { key: 42, versions: [0, 3], flexible: 2 },
  {
    groupsNames: array(string),
  },
  {
    throttleTimeMs: int32,
    results: array(
      struct({
        groupId: string,
        errorCode: int16,
        errorMessage: field(nullable(string), { since: 3 }, null),
      }),
    ),
  },
)
