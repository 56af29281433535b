import { didYouMean, suggest } from '../../suggest.ts'
import { checkOptions, integer, invalidOption, name, optionError } from '../../validate.ts'
import { describeValue } from '../../value-text.ts'
import type { ApiName } from '../protocol/api-name.ts'
import { apis } from '../protocol/apis.ts'
import { namedBy } from './named-by.ts'

/** Selects requests: those that fit all the fields given. */
export interface WireScope {
  /** The API, by its name in the protocol: `Produce`, `JoinGroup` ... */
  readonly api?: ApiName | undefined
  /** The client id that a client was given. */
  readonly clientId?: string | undefined
  /** The broker that received it: 1 is the first. */
  readonly nodeId?: number | undefined
  /** A topic that the request names. */
  readonly topic?: string | undefined
  /** The number of a partition that it names, of that topic or, without one, of any. */
  readonly partition?: number | undefined
  /** The id of a group that it names. */
  readonly group?: string | undefined
}

/** What a request is about. */
export interface RequestPoint {
  readonly api: ApiName
  readonly clientId: string
  /** The broker that received it: 1 is the first, unless `firstNodeId` says otherwise, and may be the only one. */
  readonly nodeId: number
  /** The topics and partitions that it names; a topic named as a whole is without a partition. */
  readonly partitions: readonly { readonly topic: string; readonly partition?: number | undefined }[]
  readonly groups: readonly string[]
}

const apiNames: readonly string[] = Object.values(apis).map(api => api.name)

/** @throws InvalidOptionError also where no request can fit the scope */
export function checkWireScope(where: string, scope: WireScope): void {
  checkOptions<WireScope>(where, scope, {
    api: name,
    clientId: name,
    nodeId: integer(0),
    topic: name,
    partition: integer(0),
    group: name,
  })
  const { api } = scope
  if (api === undefined) return
  requireApi(where, api)
  const named = namedBy(api)
  for (const field of ['topic', 'partition', 'group'] as const) {
    const value = scope[field]
    if (value !== undefined && !named[field])
      throw invalidOption(where, field, `nothing, since ${api} names no ${field}s`, value)
  }
}

// There are many: they are listed only where none of them is near.
function requireApi(where: string, api: string): void {
  if (apiNames.includes(api)) return
  const suggestions = suggest(api, apiNames)
  const help = suggestions.length > 0 ? didYouMean(suggestions) : `; known: ${apiNames.join(', ')}`
  const expected = 'the name of an API'
  const why = `expected ${expected}, received ${describeValue(api)}${help}`
  throw optionError(where, 'api', why, { expected, received: api, suggestions })
}

export function coversRequest(scope: WireScope, point: RequestPoint): boolean {
  const { api, clientId, nodeId, group, topic, partition } = scope
  if (api !== undefined && api !== point.api) return false
  if (clientId !== undefined && clientId !== point.clientId) return false
  if (nodeId !== undefined && nodeId !== point.nodeId) return false
  if (group !== undefined && !point.groups.includes(group)) return false
  if (topic === undefined && partition === undefined) return true
  return point.partitions.some(tp => coversPartition(scope, tp))
}

/** Whether a scope covers a partition; a scope that names no topic and no partition covers all. */
export function coversPartition(
  { topic, partition }: WireScope,
  tp: RequestPoint['partitions'][number],
): boolean {
  return (
    (topic === undefined || topic === tp.topic) && (partition === undefined || partition === tp.partition)
  )
}
