import { entryOf } from '../entry-of.ts'
import {
  type AclBinding,
  type AclOperation,
  type AclResourceType,
  operations,
  supportedOperations,
  wildcard,
} from './acl.ts'
import type { AclBindings } from './acl-bindings.ts'
import type { AuthorizerOptions } from './authorizer-options.ts'
import { includesAddress, type Subnet, subnetOf } from './subnet.ts'

/** Who asks, and from where. */
export interface Caller {
  /** Such as `User:ada`. */
  readonly principal: string
  readonly host: string
}

const everybody = 'User:*'

// Who may do one of these may describe, too. To forbid one of them forbids no description.
const impliesDescribe: ReadonlySet<AclOperation> = new Set(['DESCRIBE', 'READ', 'WRITE', 'DELETE', 'ALTER'])
const impliesDescribeConfigs: ReadonlySet<AclOperation> = new Set(['DESCRIBE_CONFIGS', 'ALTER_CONFIGS'])

/** Decides by access lists who may do what. (Kafka: StandardAuthorizer) */
export class Authorizer {
  readonly #bindings: AclBindings
  readonly #superUsers: ReadonlySet<string>
  readonly #allowEveryoneIfNoAclFound: boolean

  constructor(
    bindings: AclBindings,
    {
      superUsers = [],
      allowEveryoneIfNoAclFound = false,
    }: Pick<AuthorizerOptions, 'superUsers' | 'allowEveryoneIfNoAclFound'> = {},
  ) {
    this.#bindings = bindings
    this.#superUsers = new Set(superUsers)
    this.#allowEveryoneIfNoAclFound = allowEveryoneIfNoAclFound
  }

  /** Whether somebody may do something with a resource: something allows it, and nothing forbids it. */
  authorize(
    caller: Caller,
    operation: AclOperation,
    resourceType: AclResourceType,
    resourceName: string,
  ): boolean {
    if (this.#superUsers.has(caller.principal)) return true
    let isProtected = false
    let allowed = false
    for (const acl of this.#bindings.of(resourceType, resourceName)) {
      isProtected = true
      if (!concerns(acl, caller)) continue
      if (acl.permissionType === 'ALLOW') allowed ||= grants(acl.operation, operation)
      else if (names(acl.operation, operation)) return false
    }
    return allowed || (!isProtected && this.#allowEveryoneIfNoAclFound)
  }

  /**
   * Whether there may be a resource of a type with which somebody may do something. (Kafka:
   * Authorizer.authorizeByResourceType)
   */
  authorizeAny(caller: Caller, operation: AclOperation, resourceType: AclResourceType): boolean {
    // No resource has an empty name: what is about it is about all of them.
    if (this.authorize(caller, operation, resourceType, '')) return true
    const own = this.#bindings.all.filter(
      acl => acl.resourceType === resourceType && concerns(acl, caller) && names(acl.operation, operation),
    )
    const forbidden = own.filter(({ permissionType }) => permissionType === 'DENY')
    return own.some(acl => acl.permissionType === 'ALLOW' && !forbidden.some(other => includes(other, acl)))
  }

  /** All that somebody may do with a resource. */
  authorizedOperations(
    caller: Caller,
    resourceType: AclResourceType,
    resourceName: string,
  ): readonly AclOperation[] {
    return supportedOperations[resourceType].filter(operation =>
      this.authorize(caller, operation, resourceType, resourceName),
    )
  }
}

/** A bit for each operation, as answers have them. */
export function toBits(all: readonly AclOperation[]): number {
  return all.reduce((bits, operation) => bits | (1 << operations[operation]), 0)
}

function concerns(acl: AclBinding, { principal, host }: Caller): boolean {
  const itsPrincipal = acl.principal === principal || acl.principal === everybody
  return itsPrincipal && (acl.host === wildcard || acl.host === host || isWithin(acl, host))
}

// Most lists are of one address, or of all.
const subnets = new WeakMap<AclBinding, { readonly subnet: Subnet | undefined }>()

function isWithin(acl: AclBinding, host: string): boolean {
  if (!acl.host.includes('/')) return false
  const { subnet } = entryOf(subnets, acl, () => ({ subnet: subnetOf(acl.host) }))
  return subnet !== undefined && includesAddress(subnet, host)
}

function names(said: AclOperation, asked: AclOperation): boolean {
  return said === asked || said === 'ALL'
}

function grants(said: AclOperation, asked: AclOperation): boolean {
  if (asked === 'DESCRIBE' && impliesDescribe.has(said)) return true
  if (asked === 'DESCRIBE_CONFIGS' && impliesDescribeConfigs.has(said)) return true
  return names(said, asked)
}

// Whether all resources of one access list are also those of another.
function includes(other: AclBinding, { patternType, resourceName }: AclBinding): boolean {
  if (other.patternType === 'PREFIXED') return resourceName.startsWith(other.resourceName)
  if (other.resourceName === wildcard) return true
  return patternType === 'LITERAL' && other.resourceName === resourceName
}
