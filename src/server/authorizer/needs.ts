import { type NamedTopic, topicNamed } from '../named-topic.ts'
import type { AclOperation } from './acl.ts'
import type { ApiRights, Asked } from './asked.ts'
import type { DeniableType } from './rights.ts'

type Whole = NonNullable<ApiRights['whole']>
type Part = NonNullable<ApiRights['part']>

/** Needs one after the other: the first that is missing counts. */
export function all(...needs: readonly Whole[]): Whole {
  return asked => {
    for (const need of needs) {
      const code = need(asked)
      if (code !== 0) return code
    }
    return 0
  }
}

/** A right to the cluster. */
export function ofCluster(operation: AclOperation): Whole {
  return ({ rights }) => rights.denial(operation, 'CLUSTER')
}

/** A right to the resource that a field of the request names. */
export function named(operation: AclOperation, type: DeniableType, field: string): Whole {
  return ({ rights, request }) => rights.denial(operation, type, request[field] ?? '')
}

/** A right to the group of the request. */
export function ofGroup(operation: AclOperation): Whole {
  return named(operation, 'GROUP', 'groupId')
}

/** A right to the topic of each part; from the version `idsSince` on topics are named by their ids. */
export function eachTopic(operation: AclOperation, idsSince: number = Number.POSITIVE_INFINITY): Part {
  return ([topic], asked) => topicDenial(operation, topic, asked, idsSince)
}

/** The error of who may not do something with a topic; 0 if they may, or if the id of the topic is unknown. */
export function topicDenial(
  operation: AclOperation,
  topic: unknown,
  { wire, rights, version }: Asked,
  idsSince: number,
): number {
  const name = topicNamed(wire, topic as NamedTopic)
  // Ids are no secret: an unknown one is answered as such.
  if (name === undefined && version >= idsSince) return 0
  return rights.denial(operation, 'TOPIC', name ?? '')
}

/** A right to what each part is the name of. */
export function eachNamed(operation: AclOperation, type: DeniableType): Part {
  return ([name], { rights }) => rights.denial(operation, type, name as string)
}

/** A right to all topics that a member subscribes to. */
export function subscribed({ rights, request }: Asked): number {
  return describeDenial(request.subscribedTopicNames ?? [], { rights })
}

/** The error of who may not describe all of some topics; 0 if they may. */
export function describeDenial(topics: Iterable<string>, { rights }: Pick<Asked, 'rights'>): number {
  for (const topic of topics) {
    const code = rights.denial('DESCRIBE', 'TOPIC', topic)
    if (code !== 0) return code
  }
  return 0
}
