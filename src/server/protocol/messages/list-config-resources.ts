import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int8, int16, int32, string } from '../type.ts'

export const listConfigResources = api(
  'ListConfigResources',
  { key: 74, versions: [0, 1], flexible: 0 },
  {
    resourceTypes: field(array(int8), { since: 1 }),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    configResources: array(
      struct({
        resourceName: string,
        resourceType: field(int8, { since: 1 }, 16),
      }),
    ),
  },
)
