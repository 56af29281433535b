import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int16, int32, string } from '../type.ts'

export const listGroups = api(
  'ListGroups',
  { key: 16, versions: [0, 5], flexible: 3 },
  {
    statesFilter: field(array(string), { since: 4 }),
    typesFilter: field(array(string), { since: 5 }),
  },
  {
    throttleTimeMs: field(int32, { since: 1 }),
    errorCode: int16,
    groups: array(
      struct({
        groupId: string,
        protocolType: string,
        groupState: field(string, { since: 4 }),
        groupType: field(string, { since: 5 }),
      }),
    ),
  },
)
