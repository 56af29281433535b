import { api } from '../message.ts'
import { bytes, int16, int32, int64 } from '../type.ts'

export const expireDelegationToken = api(
  'ExpireDelegationToken',
  { key: 40, versions: [1, 2], flexible: 2 },
  {
    hmac: bytes,
    expiryTimePeriodMs: int64,
  },
  {
    errorCode: int16,
    expiryTimestampMs: int64,
    throttleTimeMs: int32,
  },
)
