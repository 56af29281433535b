import type { Handler, RequestContext } from '../handler.ts'
import type { Api } from '../protocol/message.ts'
import { refuse } from '../refusals.ts'
import { answerInParts, type PartAnswers, type Parts } from '../request-parts.ts'
import { type AnsweredBy, partsOf, shapeOf } from '../request-shapes.ts'
import type { Wire } from '../wire.ts'
import { errnoOf } from '../wire-error-code.ts'
import { fetchUntilMoved } from './fetch-until-moved.ts'
import { type Asked, errnoAtLeader, tellLeaders } from './leader-checks.ts'
import { untilMoved } from './until-moved.ts'

type Fields = Readonly<Record<string, unknown>>

const notCoordinator = errnoOf('NOT_COORDINATOR')

// From this version of Fetch on a consumer may read any replica. (KIP-392)
const followersSince = 11
// A tool that looks for what a replica has. (Kafka: ListOffsetsRequest.DEBUGGING_REPLICA_ID)
const debuggingReplicaId = -2

/** Wraps a handler: it refuses what another broker of the cluster has to answer. */
export function routed(wire: Wire, handler: Handler): Handler {
  const answeredBy = shapeOf(handler.api)?.answeredBy
  const single = wire.cluster.nodes.length === 1
  switch (answeredBy?.kind) {
    case 'leader': {
      const atLeaders = askedAtLeaders(wire, handler)
      return handler.api.name === 'Fetch' && !single ? fetchUntilMoved(wire, atLeaders) : atLeaders
    }
    case 'coordinator':
      return single ? handler : askedAtCoordinator(wire, handler, answeredBy)
    case 'each':
      return single ? handler : askedAtEach(wire, handler, answeredBy)
    default:
      return handler
  }
}

function askedAtLeaders(wire: Wire, handler: Handler): Handler {
  const { api } = handler
  const shape = shapeOf(api)!
  const [parts] = shape.parts!
  return {
    api,
    handle(request, context) {
      const { node } = context
      const mayFollow = mayAskFollowers(api, request as Fields, context)
      const asked = { node, mayFollow, fetching: api.name === 'Fetch' }
      // Nearly every request is sent to the right broker, and need not be taken apart.
      if (answersAll(wire, asked, request as Fields, parts!)) return handler.handle(request, context)
      const response = answerInParts(parts!, request, shape, {
        ...answersOf(wire, handler, context),
        // Nobody leads a topic whose partitions are not named.
        codeOf: ([topic, partition]) =>
          partition === undefined ? 0 : errnoAtLeader(wire, asked, topic, partition),
      })
      return Promise.resolve(response).then(answer => tellLeaders(wire, parts!, answer, api, context.version))
    },
  }
}

function mayAskFollowers({ name }: Api, { replicaId }: Fields, { version }: RequestContext): boolean {
  if (name === 'Fetch') return version >= followersSince
  // (Kafka: ReplicaManager.activeProducerState)
  if (name === 'DescribeProducers') return true
  return name === 'ListOffsets' && replicaId === debuggingReplicaId
}

function answersAll(wire: Wire, asked: Asked, request: Fields, { request: list, inner }: Parts): boolean {
  for (const topic of request[list] as readonly Fields[]) {
    for (const partition of topic[inner!.request] as readonly unknown[]) {
      if (errnoAtLeader(wire, asked, topic, partition) !== 0) return false
    }
  }
  return true
}

function askedAtCoordinator(
  wire: Wire,
  handler: Handler,
  { field, list }: AnsweredBy & { readonly kind: 'coordinator' },
): Handler {
  const { api } = handler
  return {
    api,
    handle(request, context) {
      const codeOf = (id: unknown) =>
        wire.cluster.coordinatorOf(id as string) === context.node ? 0 : notCoordinator
      const answers = answersOf(wire, handler, context)
      const parts = partsOf(api, request)
      if (list !== undefined && parts?.request === list) {
        return answerInParts(parts, request, shapeOf(api), {
          ...answers,
          codeOf: ([named]) => codeOf(typeof named === 'string' ? named : (named as Fields).groupId),
        })
      }
      // An idempotent producer without a transactional id may ask any broker.
      const id = field === undefined ? null : (request as Fields)[field]
      if (id === null) return answers.serve(request)
      const isElsewhere = () => codeOf(id) !== 0
      const refused = () => answers.refuse(request, notCoordinator)
      return isElsewhere()
        ? refused()
        : untilMoved(wire.cluster, answers.serve(request), isElsewhere, refused)
    },
  }
}

function askedAtEach(
  wire: Wire,
  handler: Handler,
  { list, id }: AnsweredBy & { readonly kind: 'each' },
): Handler {
  return {
    api: handler.api,
    async handle(request, context) {
      const response = (await handler.handle(request, context)) as Fields
      const all = response[list] as readonly Fields[]
      const own = all.filter(each => wire.cluster.coordinatorOf(each[id] as string) === context.node)
      return { ...response, [list]: own }
    },
  }
}

function answersOf(wire: Wire, handler: Handler, context: RequestContext): Omit<PartAnswers, 'codeOf'> {
  return {
    serve: request => handler.handle(request, context),
    refuse(request, code) {
      const response = refuse(wire, handler.api, request, code)
      // A Produce without acks: the end of its connection makes its client look where the leader is, as in Kafka.
      if (response === undefined) context.drop()
      return response
    },
  }
}
