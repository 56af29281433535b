import { subnetOf } from './subnet.ts'

/** What is protected, by Kafka's numbers. (Kafka: ResourceType) */
export const resourceTypes = {
  TOPIC: 2,
  GROUP: 3,
  CLUSTER: 4,
  TRANSACTIONAL_ID: 5,
  DELEGATION_TOKEN: 6,
  USER: 7,
} as const

/** What may be done, by Kafka's numbers. (Kafka: AclOperation) */
export const operations = {
  ALL: 2,
  READ: 3,
  WRITE: 4,
  CREATE: 5,
  DELETE: 6,
  ALTER: 7,
  DESCRIBE: 8,
  CLUSTER_ACTION: 9,
  DESCRIBE_CONFIGS: 10,
  ALTER_CONFIGS: 11,
  IDEMPOTENT_WRITE: 12,
  CREATE_TOKENS: 13,
  DESCRIBE_TOKENS: 14,
  TWO_PHASE_COMMIT: 15,
} as const

/** Whether a name is that of one resource, or the beginning of several. (Kafka: PatternType) */
export const patternTypes = { LITERAL: 3, PREFIXED: 4 } as const

/** (Kafka: AclPermissionType) */
export const permissionTypes = { DENY: 2, ALLOW: 3 } as const

/** What an access list protects: `CLUSTER` is the cluster as a whole. */
export type AclResourceType = keyof typeof resourceTypes
/** What an access list lets do, or forbids. */
export type AclOperation = keyof typeof operations
/** `LITERAL` is one name, or `*` for all; `PREFIXED` is the beginning of names. */
export type AclPatternType = keyof typeof patternTypes
/** Whether an access list allows or forbids; what is forbidden is so whatever else allows it. */
export type AclPermissionType = keyof typeof permissionTypes

/** One access list: who may, or may not, do what with which resource. (Kafka: AclBinding) */
export interface Acl {
  /** What it protects. */
  readonly resourceType: AclResourceType
  /** Left out if the type is CLUSTER, which there is one of: `kafka-cluster`. */
  readonly resourceName?: string | undefined
  /** Default LITERAL. */
  readonly patternType?: AclPatternType | undefined
  /** Such as `User:ada`; `User:*` is everybody. */
  readonly principal: string
  /** The address that the client calls from, or a subnet such as `10.0.0.0/8`; default `*`, any. */
  readonly host?: string | undefined
  /** What it lets do, or forbids. */
  readonly operation: AclOperation
  /** Default ALLOW. */
  readonly permissionType?: AclPermissionType | undefined
}

/** An access list with every default. */
export type AclBinding = { readonly [Field in keyof Acl]-?: NonNullable<Acl[Field]> }

/** The name of the only resource of type CLUSTER. */
export const clusterName = 'kafka-cluster'

/** Stands for every name, user and address. */
export const wildcard = '*'

/** What can be done with a resource of each type. (Kafka: AclEntry.supportedOperations) */
export const supportedOperations: Readonly<Record<AclResourceType, readonly AclOperation[]>> = {
  TOPIC: ['READ', 'WRITE', 'CREATE', 'DELETE', 'ALTER', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS'],
  GROUP: ['READ', 'DELETE', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS'],
  CLUSTER: [
    'CREATE',
    'ALTER',
    'DESCRIBE',
    'CLUSTER_ACTION',
    'DESCRIBE_CONFIGS',
    'ALTER_CONFIGS',
    'IDEMPOTENT_WRITE',
  ],
  TRANSACTIONAL_ID: ['WRITE', 'DESCRIBE', 'TWO_PHASE_COMMIT'],
  DELEGATION_TOKEN: ['DESCRIBE'],
  USER: ['CREATE_TOKENS', 'DESCRIBE_TOKENS'],
}

/** Whether a text names a principal: its type and its name. */
export function isPrincipal(text: string): boolean {
  return text.includes(':')
}

/** Whether a text may say from where a client calls. What has a slash is a subnet. (Kafka: AclControlManager) */
export function isHost(text: string): boolean {
  return text !== '' && (!text.includes('/') || subnetOf(text) !== undefined)
}

export function toBinding({
  resourceName = clusterName,
  patternType = 'LITERAL',
  host = wildcard,
  permissionType = 'ALLOW',
  ...rest
}: Acl): AclBinding {
  return { ...rest, resourceName, patternType, host, permissionType }
}

/** Whether an access list counts for a resource of its type. */
export function isAbout({ patternType, resourceName }: AclBinding, name: string): boolean {
  if (patternType === 'PREFIXED') return name.startsWith(resourceName)
  return resourceName === name || resourceName === wildcard
}
