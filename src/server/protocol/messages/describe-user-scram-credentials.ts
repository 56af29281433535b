import { api } from '../message.ts'
import { struct } from '../struct.ts'
import { array, int8, int16, int32, nullable, string } from '../type.ts'

export const describeUserScramCredentials = api(
  'DescribeUserScramCredentials',
  { key: 50, versions: [0, 0], flexible: 0 },
  {
    users: nullable(
      array(
        struct({
          name: string,
        }),
      ),
    ),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    results: array(
      struct({
        user: string,
        errorCode: int16,
        errorMessage: nullable(string),
        credentialInfos: array(
          struct({
            mechanism: int8,
            iterations: int32,
          }),
        ),
      }),
    ),
  },
)
