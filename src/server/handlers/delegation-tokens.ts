import { type Handler, handler, type RequestContext } from '../handler.ts'
import { createDelegationToken } from '../protocol/messages/create-delegation-token.ts'
import { describeDelegationToken } from '../protocol/messages/describe-delegation-token.ts'
import { expireDelegationToken } from '../protocol/messages/expire-delegation-token.ts'
import { renewDelegationToken } from '../protocol/messages/renew-delegation-token.ts'
import { errnoOf } from '../wire-error-code.ts'

/**
 * Delegation tokens (KIP-48), which do not exist here: it is answered as by a Kafka without
 * `delegation.token.secret.key`, where only clients that have authenticated may ask at all.
 */
export function delegationTokenHandlers(): Handler[] {
  const refusal = ({ session: { user } }: RequestContext) => ({
    errorCode: errnoOf(
      user === undefined ? 'DELEGATION_TOKEN_REQUEST_NOT_ALLOWED' : 'DELEGATION_TOKEN_AUTH_DISABLED',
    ),
  })
  const expired = { expiryTimestampMs: -1 }
  return [
    handler(createDelegationToken, ({ ownerPrincipalType: type, ownerPrincipalName: owner }, context) => {
      const requester = context.session.user ?? 'ANONYMOUS'
      return {
        ...refusal(context),
        ...expired,
        // Who names nobody asks for itself.
        ...(owner
          ? { principalType: type ?? 'User', principalName: owner }
          : { principalType: 'User', principalName: requester }),
        tokenRequesterPrincipalType: 'User',
        tokenRequesterPrincipalName: requester,
        issueTimestampMs: -1,
        maxTimestampMs: -1,
      }
    }),
    handler(renewDelegationToken, (_, context) => ({ ...refusal(context), ...expired })),
    handler(expireDelegationToken, (_, context) => ({ ...refusal(context), ...expired })),
    handler(describeDelegationToken, (_, context) => refusal(context)),
  ]
}
