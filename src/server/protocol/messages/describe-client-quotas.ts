import { api } from '../message.ts'
import { struct } from '../struct.ts'
import { array, bool, float64, int8, int16, int32, nullable, string } from '../type.ts'

export const describeClientQuotas = api(
  'DescribeClientQuotas',
  { key: 48, versions: [0, 1], flexible: 1 },
  {
    components: array(
      struct({
        entityType: string,
        matchType: int8,
        match: nullable(string),
      }),
    ),
    strict: bool,
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    entries: nullable(
      array(
        struct({
          entity: array(
            struct({
              entityType: string,
              entityName: nullable(string),
            }),
          ),
          values: array(
            struct({
              key: string,
              value: float64,
            }),
          ),
        }),
      ),
    ),
  },
)
