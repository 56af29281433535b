import type { MaybePromise } from '../../maybe-promise.ts'
import type { PastMetadata } from '../cluster/past-metadata.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { RequestOf } from '../protocol/message.ts'
import type { metadata } from '../protocol/messages/metadata.ts'
import { refuse } from '../refusals.ts'
import { answerInParts } from '../request-parts.ts'
import { partsOf, shapeOf } from '../request-shapes.ts'
import type { Wire } from '../wire.ts'
import { nameOfErrno } from '../wire-error-code.ts'
import type { OpenRequest, RequestLog } from './request-log.ts'
import { pointOf } from './request-point.ts'
import type { Fate, WireFaults } from './wire-faults.ts'
import { coversPartition, coversRequest } from './wire-scope.ts'

/** The faults and the log that requests pass through. */
export interface Observers {
  readonly faults?: WireFaults | undefined
  readonly requests?: RequestLog | undefined
  /** Aborts when the server closes: what is delayed then keeps no process alive. */
  readonly closed: AbortSignal
  /** Answers stale Metadata requests; only there if there are faults. */
  readonly past?: PastMetadata | undefined
  /** Wraps a handler, so that it answers only what its client may do. */
  guarded(handler: Handler): Handler
}

/** Wraps a handler, whose requests then meet faults and are logged; returns it unchanged if there are neither. */
export function observed(wire: Wire, handler: Handler, observers: Observers): Handler {
  const { faults, requests, closed } = observers
  if (faults === undefined && requests === undefined) return handler
  const { api } = handler
  return {
    api,
    async handle(request, context) {
      const whole = handler.whole?.(request, context) ?? request
      const point = pointOf(wire, api.name, context, whole)
      const { clock } = wire.engine
      const entry: OpenRequest = {
        ...point,
        version: context.version,
        receivedAt: clock.now(),
        doneAt: undefined,
        outcome: 'waiting',
        errors: [],
      }
      requests?.add(entry)
      try {
        const fate: Fate = { failures: [], stale: false, disconnect: undefined, truncate: false }
        const { node } = context
        const { brokerEpoch } = node
        await faults?.meet({ ...point, clock, fate, closed })
        // A request that waited while its broker stopped is lost with it.
        if (!node.running || node.brokerEpoch !== brokerEpoch) fate.disconnect = 'before'
        const response = await answer(wire, facing(handler, fate, observers), request, context, fate)
        entry.outcome = outcomeOf(response, fate)
        if (response !== undefined && entry.outcome !== 'dropped') entry.errors = errorsIn(response)
        return response
      } catch (error) {
        entry.outcome = 'failed'
        throw error
      } finally {
        entry.doneAt = clock.now()
        requests?.done(entry)
      }
    },
  }
}

async function answer(
  wire: Wire,
  handler: Handler,
  request: unknown,
  context: RequestContext,
  fate: Fate,
): Promise<unknown> {
  if (fate.disconnect === 'before') {
    context.drop()
    return undefined
  }
  const response = await answerButFailures(wire, handler, request, context, fate)
  // The client of a request without an answer can be told only by the end of its connection.
  const silent = response === undefined && (fate.failures.length > 0 || fate.truncate)
  if (silent || fate.disconnect === 'after') {
    fate.disconnect = 'after'
    context.drop()
    return undefined
  }
  if (fate.truncate) context.truncate()
  return response
}

function facing(handler: Handler, { stale }: Fate, { past, guarded }: Observers): Handler {
  if (!stale || past === undefined) return handler
  return guarded({
    api: handler.api,
    handle: (request, { version }) => past.answer(request as RequestOf<typeof metadata>, version),
  })
}

function answerButFailures(
  wire: Wire,
  handler: Handler,
  request: unknown,
  context: RequestContext,
  { failures }: Fate,
): MaybePromise<unknown> {
  if (failures.length === 0) return handler.handle(request, context)
  const { api } = handler
  const shape = shapeOf(api)
  const refusePart = (part: unknown, code: number) => refuse(wire, api, part, code)
  if (shape?.refusesItself) {
    const all = failures.find(({ scope }) => scope.topic === undefined && scope.partition === undefined)
    if (all !== undefined) return refusePart(request, all.errno)
    return handler.handle(request, { ...context, refusalOf: refusalBy(failures) })
  }
  const parts = partsOf(api, request)
  if (parts === undefined) return refusePart(request, failures[0]!.errno)
  return answerInParts(parts, request, shape, {
    codeOf(_, only) {
      const point = pointOf(wire, api.name, context, only())
      return failures.find(({ scope }) => coversRequest(scope, point))?.errno ?? 0
    },
    serve: part => handler.handle(part, context),
    refuse: refusePart,
  })
}

function refusalBy(failures: Fate['failures']): NonNullable<RequestContext['refusalOf']> {
  return (topic, partition) =>
    failures.find(({ scope }) => coversPartition(scope, { topic, partition }))?.errno ?? 0
}

function outcomeOf(response: unknown, fate: Fate): OpenRequest['outcome'] {
  if (fate.disconnect !== undefined) return 'dropped'
  if (response === undefined) return 'unanswered'
  return fate.truncate ? 'truncated' : 'answered'
}

// Every error in an answer is in a field of one of these names.
const errorFields: ReadonlySet<string> = new Set(['errorCode', 'partitionErrorCode', 'acknowledgeErrorCode'])

function errorsIn(response: unknown, found: Set<string> = new Set()): readonly string[] {
  if (Array.isArray(response)) {
    for (const each of response) errorsIn(each, found)
  } else if (typeof response === 'object' && response !== null && !ArrayBuffer.isView(response)) {
    for (const [field, value] of Object.entries(response)) {
      if (typeof value === 'object') errorsIn(value, found)
      else if (value !== 0 && errorFields.has(field)) found.add(nameOfErrno(value as number))
    }
  }
  return [...found]
}
