import { api } from '../message.ts'
import { field } from '../struct.ts'
import { bytes, int16, int64, nullable, string } from '../type.ts'

export const saslAuthenticate = api(
  'SaslAuthenticate',
  { key: 36, versions: [0, 2], flexible: 2 },
  {
    authBytes: bytes,
  },
  {
    errorCode: int16,
    errorMessage: nullable(string),
    authBytes: bytes,
    sessionLifetimeMs: field(int64, { since: 1 }),
  },
)
