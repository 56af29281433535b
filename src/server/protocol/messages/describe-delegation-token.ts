import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, bytes, int16, int32, int64, nullable, string } from '../type.ts'

export const describeDelegationToken = api(
  'DescribeDelegationToken',
  { key: 41, versions: [1, 3], flexible: 2 },
  {
    owners: nullable(
      array(
        struct({
          principalType: string,
          principalName: string,
        }),
      ),
    ),
  },
  {
    errorCode: int16,
    tokens: array(
      struct({
        principalType: string,
        principalName: string,
        tokenRequesterPrincipalType: field(string, { since: 3 }),
        tokenRequesterPrincipalName: field(string, { since: 3 }),
        issueTimestamp: int64,
        expiryTimestamp: int64,
        maxTimestamp: int64,
        tokenId: string,
        hmac: bytes,
        renewers: array(
          struct({
            principalType: string,
            principalName: string,
          }),
        ),
      }),
    ),
    throttleTimeMs: int32,
  },
)
