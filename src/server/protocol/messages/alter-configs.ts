import { api } from '../message.ts'
import { struct } from '../struct.ts'
import { array, bool, int8, int16, int32, nullable, string } from '../type.ts'

export const alterConfigs = api(
  'AlterConfigs',
  { key: 33, versions: [0, 2], flexible: 2 },
  {
    resources: array(
      struct({
        resourceType: int8,
        resourceName: string,
        configs: array(
          struct({
            name: string,
            value: nullable(string),
          }),
        ),
      }),
    ),
    validateOnly: bool,
  },
  {
    throttleTimeMs: int32,
    responses: array(
      struct({
        errorCode: int16,
        errorMessage: nullable(string),
        resourceType: int8,
        resourceName: string,
      }),
    ),
  },
)
