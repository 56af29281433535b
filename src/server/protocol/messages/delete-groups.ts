import { api } from '../message.ts'
import { struct } from '../struct.ts'
import { array, int16, int32, string } from '../type.ts'

export const deleteGroups = api(
  'DeleteGroups',
  { key: 42, versions: [0, 2], flexible: 2 },
  {
    groupsNames: array(string),
  },
  {
    throttleTimeMs: int32,
    results: array(
      struct({
        groupId: string,
        errorCode: int16,
      }),
    ),
  },
)
