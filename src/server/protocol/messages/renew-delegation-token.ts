import { api } from '../message.ts'
import { bytes, int16, int32, int64 } from '../type.ts'

export const renewDelegationToken = api(
  'RenewDelegationToken',
  { key: 39, versions: [1, 2], flexible: 2 },
  {
    hmac: bytes,
    renewPeriodMs: int64,
  },
  {
    errorCode: int16,
    expiryTimestampMs: int64,
    throttleTimeMs: int32,
  },
)
