import { checkOptions, integer, invalidOption, name, oneOf } from '../validate.ts'

/** The operations that a fault can apply to. */
export const operations = [
  'metadata',
  'append',
  'join',
  'subscribe',
  'offsets',
  'committed',
  'fetch',
  'handle',
  'commit',
  'release',
  'leave',
  'initTransactions',
  'beginTransaction',
  'sendOffsets',
  'commitTransaction',
  'abortTransaction',
] as const

/**
 * An operation that a fault can apply to.
 *
 * - `metadata`: a producer looks up a topic.
 * - `append`: a producer writes, or a consumer: dead letters and retries.
 * - `join`, `subscribe`, `release`, `leave`: a consumer talks to its group.
 * - `committed`, `offsets`: a consumer asks where to begin: for its committed offset, or for an offset by name or time.
 * - `fetch`: a consumer reads a partition.
 * - `handle`: a handler of `run` is called; a fault takes the place of the call.
 * - `commit`: a consumer commits.
 * - `initTransactions`, `beginTransaction`, `sendOffsets`, `commitTransaction`, `abortTransaction`: the
 *   steps of a producer's transaction; each write in one is an `append`. A transaction whose abort fails
 *   stays open until its timeout.
 */
export type Operation = (typeof operations)[number]

/** The operations that a fault applies to: a field that is left out matches any value. */
export interface FaultScope {
  /** What is done. */
  readonly operation: Operation
  /** The topic that it is done with. */
  readonly topic?: string | undefined
  /** The number of the partition, of that topic or, without one, of any. */
  readonly partition?: number | undefined
  /** The id of the group. */
  readonly group?: string | undefined
  /** A member id, a client id or a `groupInstanceId`; for a producer, its client id. */
  readonly member?: string | undefined
}

/** One operation that is about to be done. */
export interface FaultPoint {
  readonly operation: Operation
  readonly partitions: readonly { readonly topic: string; readonly partition?: number | undefined }[]
  readonly group: string | undefined
  /** Every name of the client that does it. */
  readonly members: readonly string[]
}

const ofTransactions: readonly Operation[] = [
  'initTransactions',
  'beginTransaction',
  'commitTransaction',
  'abortTransaction',
]
const ofNoTopic: readonly Operation[] = ['leave', ...ofTransactions]

// What an operation is never of. (A consumer writes, too: dead letters.)
const lacks: { readonly [Field in 'topic' | 'partition' | 'group']: readonly Operation[] } = {
  topic: ofNoTopic,
  partition: ['metadata', ...ofNoTopic],
  group: ['sendOffsets', ...ofTransactions],
}

/** @throws InvalidOptionError also where no operation can fit the scope */
export function checkScope(where: string, scope: FaultScope): void {
  checkOptions(where, scope, {
    operation: oneOf(...operations),
    topic: name,
    partition: integer(0),
    group: name,
    member: name,
  })
  if (scope.operation === undefined) {
    throw invalidOption(where, 'operation', oneOf(...operations).expected, undefined)
  }
  for (const field of ['topic', 'partition', 'group'] as const) {
    const { operation, [field]: value } = scope
    if (value === undefined || !lacks[field].includes(operation)) continue
    const what = field === 'group' ? `a producer's ${operation}` : operation
    throw invalidOption(where, field, `nothing, since ${what} is of no ${field}`, value)
  }
}

export function covers(scope: FaultScope, point: FaultPoint): boolean {
  if (scope.operation !== point.operation) return false
  if (scope.group !== undefined && scope.group !== point.group) return false
  if (scope.member !== undefined && !point.members.includes(scope.member)) return false
  const { topic, partition } = scope
  if (topic === undefined && partition === undefined) return true
  return point.partitions.some(
    tp =>
      (topic === undefined || tp.topic === topic) && (partition === undefined || tp.partition === partition),
  )
}

export function describeScope({ operation, ...where }: FaultScope): string {
  const parts = Object.entries(where).map(([field, value]) => `${field} ${value}`)
  return parts.length === 0 ? operation : `${operation} of ${parts.join(', ')}`
}
