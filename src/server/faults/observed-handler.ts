import type { Handler, RequestContext } from '../handler.ts'
import type { Wire } from '../wire.ts'
import { refuse } from './refusals.ts'
import type { OpenRequest, RequestLog } from './request-log.ts'
import { pointOf } from './request-point.ts'
import { nameOfErrno } from './wire-error-code.ts'
import type { Fate, WireFaults } from './wire-faults.ts'
import type { ApiName } from './wire-scope.ts'

/** What looks on while a server answers. */
export interface Observers {
  readonly faults?: WireFaults | undefined
  readonly requests?: RequestLog | undefined
}

/** A handler whose requests meet faults and are written down; the same one where nobody asks for that. */
export function observed(wire: Wire, handler: Handler, { faults, requests }: Observers): Handler {
  if (faults === undefined && requests === undefined) return handler
  const { api } = handler
  return {
    api,
    async handle(request, context) {
      const point = pointOf(wire, api.name as ApiName, context.clientId, request)
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
        const fate: Fate = { errno: undefined, disconnect: undefined, truncate: false }
        await faults?.meet({ ...point, clock, fate })
        const response = await answer(wire, handler, request, context, fate)
        entry.outcome = outcomeOf(response, fate)
        if (response !== undefined && entry.outcome !== 'dropped') entry.errors = errorsIn(response)
        return response
      } catch (error) {
        entry.outcome = 'failed'
        throw error
      } finally {
        entry.doneAt = clock.now()
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
  const response =
    fate.errno === undefined
      ? await handler.handle(request, context)
      : refuse(wire, handler.api, request, fate.errno)
  // What has no answer can be told nothing else.
  const silent = response === undefined && (fate.errno !== undefined || fate.truncate)
  if (silent || fate.disconnect === 'after') {
    fate.disconnect = 'after'
    context.drop()
    return undefined
  }
  if (fate.truncate) context.truncate()
  return response
}

function outcomeOf(response: unknown, fate: Fate): OpenRequest['outcome'] {
  if (fate.disconnect !== undefined) return 'dropped'
  if (response === undefined) return 'unanswered'
  return fate.truncate ? 'truncated' : 'answered'
}

// Every field of an answer that is an error is called so.
function errorsIn(response: unknown, found: Set<string> = new Set()): readonly string[] {
  if (Array.isArray(response)) {
    for (const each of response) errorsIn(each, found)
  } else if (typeof response === 'object' && response !== null && !ArrayBuffer.isView(response)) {
    for (const [field, value] of Object.entries(response)) {
      if (typeof value === 'object') errorsIn(value, found)
      else if (value !== 0 && (field === 'errorCode' || field === 'partitionErrorCode'))
        found.add(nameOfErrno(value as number))
    }
  }
  return [...found]
}
