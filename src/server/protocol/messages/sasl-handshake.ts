import { api } from '../message.ts'
import { array, int16, string } from '../type.ts'

export const saslHandshake = api(
  'SaslHandshake',
  { key: 17, versions: [0, 1], flexible: Number.POSITIVE_INFINITY },
  {
    mechanism: string,
  },
  {
    errorCode: int16,
    mechanisms: array(string),
  },
)
