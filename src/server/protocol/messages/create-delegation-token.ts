import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, bytes, int16, int32, int64, nullable, string } from '../type.ts'

export const createDelegationToken = api(
  'CreateDelegationToken',
  { key: 38, versions: [1, 3], flexible: 2 },
  {
    ownerPrincipalType: field(nullable(string), { since: 3 }),
    ownerPrincipalName: field(nullable(string), { since: 3 }),
    renewers: array(
      struct({
        principalType: string,
        principalName: string,
      }),
    ),
    maxLifetimeMs: int64,
  },
  {
    errorCode: int16,
    principalType: string,
    principalName: string,
    tokenRequesterPrincipalType: field(string, { since: 3 }),
    tokenRequesterPrincipalName: field(string, { since: 3 }),
    issueTimestampMs: int64,
    expiryTimestampMs: int64,
    maxTimestampMs: int64,
    tokenId: string,
    hmac: bytes,
    throttleTimeMs: int32,
  },
)
