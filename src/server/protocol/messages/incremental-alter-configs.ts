import { api } from '../message.ts'
import { struct } from '../struct.ts'
import { array, bool, int8, int16, int32, nullable, string } from '../type.ts'

export const incrementalAlterConfigs = api(
  'IncrementalAlterConfigs',
  { key: 44, versions: [0, 1], flexible: 1 },
  {
    resources: array(
      struct({
        resourceType: int8,
        resourceName: string,
        configs: array(
          struct({
            name: string,
            configOperation: int8,
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
