// Kafka's numbers of what a client may do. (Kafka: AclOperation)
const operations = {
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  clusterAction: 9,
  describeConfigs: 10,
  alterConfigs: 11,
  idempotentWrite: 12,
} as const

// The value for clients that have not asked.
const notAsked = -2147483648

// There are no access lists: everybody may do all that can be done to a resource of a kind. (KIP-430; Kafka: AclEntry)
const supported = {
  topic: bitsOf('read', 'write', 'create', 'delete', 'alter', 'describe', 'describeConfigs', 'alterConfigs'),
  group: bitsOf('read', 'delete', 'describe', 'describeConfigs', 'alterConfigs'),
  cluster: bitsOf(
    'create',
    'alter',
    'describe',
    'clusterAction',
    'describeConfigs',
    'alterConfigs',
    'idempotentWrite',
  ),
} as const

function bitsOf(...names: readonly (keyof typeof operations)[]): number {
  return names.reduce((bits, name) => bits | (1 << operations[name]), 0)
}

/** The operations that a client may do, a bit each, if it asks for them. */
export function authorizedOperations(resource: keyof typeof supported, asked: boolean): number {
  return asked ? supported[resource] : notAsked
}
