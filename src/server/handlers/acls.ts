import { InvalidArgumentError } from '../../errors.ts'
import {
  type AclBinding,
  clusterName,
  isAbout,
  isHost,
  isPrincipal,
  operations,
  patternTypes,
  permissionTypes,
  resourceTypes,
} from '../authorizer/acl.ts'
import type { AclBindings } from '../authorizer/acl-bindings.ts'
import { selectorOf, wordOf } from '../authorizer/acl-filter.ts'
import { entryOf } from '../entry-of.ts'
import { type Handler, handler } from '../handler.ts'
import type { RequestOf } from '../protocol/message.ts'
import { createAcls } from '../protocol/messages/create-acls.ts'
import { deleteAcls } from '../protocol/messages/delete-acls.ts'
import { describeAcls } from '../protocol/messages/describe-acls.ts'
import { attempt, attemptToFind, type Wire, wireError } from '../wire.ts'

/** Describes, creates and deletes access lists, if there is an authorizer that goes by them. */
export function aclHandlers(wire: Wire, acls: AclBindings | undefined): Handler[] {
  if (acls === undefined) return handlersWithoutAcls
  return [
    handler(describeAcls, filter => {
      const find = () => acls.all.filter(selectorOf(filter, { lenient: true }))
      const { found, ...result } = attemptToFind(wire, find)
      return { ...result, resources: byResource(found) }
    }),

    handler(createAcls, ({ creations }) => {
      const added: AclBinding[] = []
      const results = creations.map(creation =>
        attempt(wire, () => {
          const binding = requested(creation)
          acls.add(binding)
          added.push(binding)
        }),
      )
      lookAgain(wire, added)
      return { results }
    }),

    handler(deleteAcls, ({ filters }) => {
      // Filters select from what was there before, so one that is selected twice is told twice.
      const before = acls.all
      const filterResults = filters.map(filter =>
        attemptToFind(wire, () => before.filter(selectorOf(filter))),
      )
      const deleted = filterResults.flatMap(({ found }) => found)
      for (const each of deleted) acls.delete(each)
      lookAgain(wire, deleted)
      return {
        filterResults: filterResults.map(({ found, ...result }) => ({
          ...result,
          matchingAcls: found.map(each => ({ ...inNumbers(each), errorCode: 0, errorMessage: null })),
        })),
      }
    }),
  ]
}

const refusal = wireError('SECURITY_DISABLED', 'There are no access lists: everybody may do everything')

// Programs that copy or show access lists, as MirrorMaker does, go on if they hear what a Kafka without an authorizer
// answers.
const handlersWithoutAcls: Handler[] = [
  handler(describeAcls, () => refusal),
  handler(createAcls, ({ creations }) => ({ results: creations.map(() => refusal) })),
  handler(deleteAcls, ({ filters }) => ({ filterResults: filters.map(() => refusal) })),
]

type Creation = RequestOf<typeof createAcls>['creations'][number]

/** @throws InvalidArgumentError (Kafka: AclControlManager.validateNewAcl) */
function requested({ resourceName, principal, host, ...codes }: Creation): AclBinding {
  const resourceType = wordOf('resource type', resourceTypes, codes.resourceType)
  const patternType = wordOf('pattern type', patternTypes, codes.resourcePatternType)
  const operation = wordOf('operation', operations, codes.operation)
  const permissionType = wordOf('permission type', permissionTypes, codes.permissionType)
  if (resourceName === '') throw new InvalidArgumentError('The name of a resource is not empty')
  if (resourceType === 'CLUSTER' && resourceName !== clusterName) {
    const message = `The resource of type CLUSTER is '${clusterName}', received '${resourceName}'`
    throw new InvalidArgumentError(message, { received: resourceName })
  }
  if (!isPrincipal(principal)) {
    const message = `Expected a principal, such as 'User:ada', received '${principal}'`
    throw new InvalidArgumentError(message, { received: principal })
  }
  if (!isHost(host)) {
    const message = `Expected a host, such as '10.0.0.1' or '10.0.0.0/8', received '${host}'`
    throw new InvalidArgumentError(message, { received: host })
  }
  return { resourceType, resourceName, patternType, principal, host, operation, permissionType }
}

// What a pattern finds depends on what its member may describe.
function lookAgain({ engine, members }: Wire, changed: readonly AclBinding[]): void {
  const lists = changed.filter(({ resourceType }) => resourceType === 'TOPIC')
  const topics = [...engine.topics.keys()].filter(name => lists.some(acl => isAbout(acl, name)))
  if (topics.length === 0) return
  for (const groupId of members.groupIds) {
    const group = engine.groups.get(groupId)
    const looks = group?.members.some(({ memberId }) => members.get(groupId, memberId)?.said.pattern)
    if (looks) for (const topic of topics) group!.topicChanged(topic)
  }
  engine.outbox.flush()
}

function inNumbers({ resourceType, patternType, operation, permissionType, ...texts }: AclBinding) {
  return {
    ...texts,
    resourceType: resourceTypes[resourceType],
    patternType: patternTypes[patternType],
    operation: operations[operation],
    permissionType: permissionTypes[permissionType],
  }
}

function byResource(acls: readonly AclBinding[]) {
  const resources = new Map<string, AclBinding[]>()
  for (const acl of acls) {
    const id = `${acl.resourceType} ${acl.patternType} ${acl.resourceName}`
    entryOf(resources, id, () => []).push(acl)
  }
  return [...resources.values()].map(ofOne => {
    const { resourceType, resourceName, patternType } = inNumbers(ofOne[0]!)
    return { resourceType, resourceName, patternType, acls: ofOne.map(inNumbers) }
  })
}
