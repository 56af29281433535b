import { api } from '../message.ts'
import { struct } from '../struct.ts'
import { array, bytes, int8, int16, int32, nullable, string } from '../type.ts'

export const alterUserScramCredentials = api(
  'AlterUserScramCredentials',
  { key: 51, versions: [0, 0], flexible: 0 },
  {
    deletions: array(
      struct({
        name: string,
        mechanism: int8,
      }),
    ),
    upsertions: array(
      struct({
        name: string,
        mechanism: int8,
        iterations: int32,
        salt: bytes,
        saltedPassword: bytes,
      }),
    ),
  },
  {
    throttleTimeMs: int32,
    results: array(
      struct({
        user: string,
        errorCode: int16,
        errorMessage: nullable(string),
      }),
    ),
  },
)
