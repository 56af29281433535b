import { errnoOf } from '../wire-error-code.ts'
import { type AclOperation, type AclResourceType, clusterName } from './acl.ts'
import { type Authorizer, type Caller, toBits } from './authorizer.ts'

/** Kafka's numbers of the errors of those who may not. (Kafka: AclEntry.authorizationError) */
export const denials = {
  TOPIC: errnoOf('TOPIC_AUTHORIZATION_FAILED'),
  GROUP: errnoOf('GROUP_AUTHORIZATION_FAILED'),
  CLUSTER: errnoOf('CLUSTER_AUTHORIZATION_FAILED'),
  TRANSACTIONAL_ID: errnoOf('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'),
} as const

/** What a request may be denied. */
export type DeniableType = AclResourceType & keyof typeof denials

/** What the client of one request may do. */
export class Rights {
  readonly #authorizer: Authorizer
  readonly #caller: Caller

  constructor(authorizer: Authorizer, caller: Caller) {
    this.#authorizer = authorizer
    this.#caller = caller
  }

  /** The name is left out for the cluster. */
  may(operation: AclOperation, type: AclResourceType, name: string = clusterName): boolean {
    return this.#authorizer.authorize(this.#caller, operation, type, name)
  }

  mayWithAny(operation: AclOperation, type: AclResourceType): boolean {
    return this.#authorizer.authorizeAny(this.#caller, operation, type)
  }

  /** Kafka's number of the error if the client may not; 0 if it may. */
  denial(operation: AclOperation, type: DeniableType, name?: string): number {
    return this.may(operation, type, name) ? 0 : denials[type]
  }

  /** All that it may do, a bit each. (KIP-430) */
  operations(type: AclResourceType, name: string = clusterName): number {
    return toBits(this.#authorizer.authorizedOperations(this.#caller, type, name))
  }
}
