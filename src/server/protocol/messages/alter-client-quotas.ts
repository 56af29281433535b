import { api } from '../message.ts'
import { struct } from '../struct.ts'
import { array, bool, float64, int16, int32, nullable, string } from '../type.ts'

export const alterClientQuotas = api(
  'AlterClientQuotas',
  { key: 49, versions: [0, 1], flexible: 1 },
  {
    entries: array(
      struct({
        entity: array(
          struct({
            entityType: string,
            entityName: nullable(string),
          }),
        ),
        ops: array(
          struct({
            key: string,
            value: float64,
            remove: bool,
          }),
        ),
      }),
    ),
    validateOnly: bool,
  },
  {
    throttleTimeMs: int32,
    entries: array(
      struct({
        errorCode: int16,
        errorMessage: nullable(string),
        entity: array(
          struct({
            entityType: string,
            entityName: nullable(string),
          }),
        ),
      }),
    ),
  },
)
