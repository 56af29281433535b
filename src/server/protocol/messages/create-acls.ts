import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int8, int16, int32, nullable, string } from '../type.ts'

export const createAcls = api(
  'CreateAcls',
  { key: 30, versions: [1, 3], flexible: 2 },
  {
    creations: array(
      struct({
        resourceType: int8,
        resourceName: string,
        resourcePatternType: field(int8, {}, 3),
        principal: string,
        host: string,
        operation: int8,
        permissionType: int8,
      }),
    ),
  },
  {
    throttleTimeMs: int32,
    results: array(
      struct({
        errorCode: int16,
        errorMessage: nullable(string),
      }),
    ),
  },
)
