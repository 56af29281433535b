import {
  aList,
  boolean,
  type Check,
  callback,
  checkOptions,
  invalidOption,
  isListOf,
  name,
  oneOf,
  requireOption,
} from '../../validate.ts'
import {
  type Acl,
  clusterName,
  isHost,
  isPrincipal,
  operations,
  patternTypes,
  permissionTypes,
  resourceTypes,
  supportedOperations,
} from './acl.ts'
import type { PrincipalBuilder } from './principal-builder.ts'

/** Who may do what. (Kafka: org.apache.kafka.metadata.authorizer.StandardAuthorizer) */
export interface AuthorizerOptions {
  /** Those who may do everything, such as `User:admin`. (Kafka: super.users) */
  readonly superUsers?: readonly string[] | undefined
  /** Whether everybody may do everything with what no access list is about; default false. (Kafka: allow.everyone.if.no.acl.found) */
  readonly allowEveryoneIfNoAclFound?: boolean | undefined
  /** The access lists that there are from the beginning. All servers of a broker share them. */
  readonly acls?: readonly Acl[] | undefined
  /**
   * Says who a client is. By default it is the user that has authenticated (`User:ada`), the subject of the certificate
   * that it has shown, or else `User:ANONYMOUS`. (Kafka: principal.builder.class)
   */
  readonly principalBuilder?: PrincipalBuilder | undefined
}

/** Whom access lists name. */
export const aPrincipal: Check = {
  expected: "a principal, such as 'User:ada'",
  accepts: value => typeof value === 'string' && isPrincipal(value),
}

const aHost: Check = {
  expected: "an address, a subnet such as '10.0.0.0/8', or '*'",
  accepts: value => typeof value === 'string' && isHost(value),
}

const principals: Check = {
  expected: "an array of principals, such as 'User:ada'",
  accepts: value => isListOf(value, each => aPrincipal.accepts(each)),
}

/** @throws InvalidOptionError */
export function checkAuthorizerOptions(where: string, options: AuthorizerOptions): void {
  const place = `${where}: authorizer`
  checkOptions<AuthorizerOptions>(place, options, {
    superUsers: principals,
    allowEveryoneIfNoAclFound: boolean,
    acls: aList,
    principalBuilder: callback,
  })
  for (const [i, acl] of (options.acls ?? []).entries()) checkAcl(`${place}: acls[${i}]`, acl)
}

const aResourceType = oneOf(...Object.keys(resourceTypes))

function checkAcl(where: string, acl: Acl): void {
  checkOptions<Acl>(where, acl, {
    resourceType: aResourceType,
    resourceName: name,
    patternType: oneOf(...Object.keys(patternTypes)),
    principal: aPrincipal,
    host: aHost,
    operation: oneOf(...Object.keys(operations)),
    permissionType: oneOf(...Object.keys(permissionTypes)),
  })
  const { resourceType, resourceName, principal, operation } = acl
  requireOption(where, 'resourceType', resourceType, aResourceType)
  requireOption(where, 'principal', principal, aPrincipal)
  // An access list of what cannot be done with a resource would never count.
  const itsOperation = oneOf('ALL', ...supportedOperations[resourceType])
  if (!itsOperation.accepts(operation))
    throw invalidOption(where, 'operation', itsOperation.expected, operation)
  if (resourceType !== 'CLUSTER') requireOption(where, 'resourceName', resourceName, name)
  else if (resourceName !== undefined && resourceName !== clusterName)
    throw invalidOption(where, 'resourceName', `'${clusterName}', or nothing`, resourceName)
}
