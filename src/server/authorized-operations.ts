import { type AclResourceType, supportedOperations } from './authorizer/acl.ts'
import { toBits } from './authorizer/authorizer.ts'

/** The value for clients that have not asked. */
export const notAsked = -2147483648

/**
 * The operations that a client may do, a bit each, if it asks for them: without an authorizer all that can be done.
 * (KIP-430)
 */
export function authorizedOperations(type: AclResourceType, asked: boolean): number {
  return asked ? toBits(supportedOperations[type]) : notAsked
}
