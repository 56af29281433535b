import { checkOptions, integer, invalidOption, name, oneOf } from '../validate.ts'

/** What a fault can be put in front of. */
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
 * - `metadata`: a producer looks a topic up.
 * - `append`: a producer writes.
 * - `join`, `subscribe`, `release`, `leave`: a consumer and its group.
 * - `committed`, `offsets`: a consumer asks where to begin: for the committed offset, for one by name or time.
 * - `fetch`: a consumer reads a partition.
 * - `handle`: a handler of `run` is called; the fault comes in its place.
 * - `commit`: a consumer commits.
 * - `initTransactions`, `beginTransaction`, `sendOffsets`, `commitTransaction`, `abortTransaction`: the steps of a producer's
 *   transaction; what is written in one is an `append`. One whose abort fails stays open until its time is over.
 */
export type Operation = (typeof operations)[number]

/** Which operations a fault is for: all that are left out may be any. */
export interface FaultScope {
  readonly operation: Operation
  readonly topic?: string
  readonly partition?: number
  readonly group?: string
  /** A member id, a client id or a `groupInstanceId`; a producer's client id. */
  readonly member?: string
}

/** One operation that is about to be done. */
export interface FaultPoint {
  readonly operation: Operation
  readonly partitions: readonly { readonly topic: string; readonly partition?: number | undefined }[]
  readonly group: string | undefined
  /** Every name of the one who does it. */
  readonly members: readonly string[]
}

/** @throws InvalidOptionError */
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
