import type { MaybePromise } from '../../maybe-promise.ts'
import { invalidOption } from '../../validate.ts'
import type { Handler, RequestContext } from '../handler.ts'
import { refuse } from '../refusals.ts'
import { answerInParts } from '../request-parts.ts'
import { partsOf, shapeOf } from '../request-shapes.ts'
import type { Wire } from '../wire.ts'
import { apiRights } from './api-rights.ts'
import type { ApiRights, Asked, Message } from './asked.ts'
import type { Authorizer } from './authorizer.ts'
import { aPrincipal } from './authorizer-options.ts'
import { defaultPrincipal, type PrincipalBuilder } from './principal-builder.ts'
import { Rights } from './rights.ts'

/** What decides which requests are served. */
export interface Authorization {
  readonly authorizer: Authorizer
  readonly principalBuilder?: PrincipalBuilder | undefined
}

/**
 * Wraps a handler: it refuses what a client may not, and is told no more than that. Returns it unchanged if everybody
 * may do everything.
 */
export function authorized(wire: Wire, handler: Handler, authorization: Authorization | undefined): Handler {
  if (authorization === undefined) return handler
  return {
    ...handler,
    async handle(request, context) {
      const rights = rightsOf(context, authorization)
      return answer(handler, { wire, rights, version: context.version, request }, { ...context, rights })
    },
  }
}

function rightsOf(
  { session, clientId }: RequestContext,
  { authorizer, principalBuilder = defaultPrincipal }: Authorization,
): Rights {
  const { user, certificate, host } = session
  const principal = principalBuilder({ user, certificate, host, clientId })
  if (!aPrincipal.accepts(principal)) {
    const expected = `a function that returns ${aPrincipal.expected}`
    throw invalidOption('authorizer', 'principalBuilder', expected, principal)
  }
  return new Rights(authorizer, { principal, host })
}

async function answer(handler: Handler, asked: Asked, context: RequestContext): Promise<unknown> {
  const { api } = handler
  const needs = apiRights[api.name]
  if (needs === undefined) return handler.handle(asked.request, context)
  const refused = (part: unknown, code: number): Message => {
    const response = refuse(asked.wire, api, part, code)
    // The client of a Produce without acks hears of it by the end of its connection.
    if (response === undefined) context.drop()
    else return needs.refused?.(response, asked, code) ?? response
  }
  const whole = needs.whole?.(asked) ?? 0
  if (whole !== 0) return refused(asked.request, whole)
  const request = needs.narrowed?.(asked) ?? asked.request
  const serve = (served: unknown): MaybePromise<unknown> => {
    const shown = (response: Message) =>
      response === undefined ? undefined : (needs.shown?.(response, asked) ?? response)
    return Promise.resolve(handler.handle(served, refusing(context, needs.partition))).then(shown)
  }
  const parts = needs.part === undefined ? undefined : partsOf(api, request)
  if (parts === undefined) return serve(request)
  return answerInParts(parts, request, shapeOf(api), {
    codeOf: path => needs.part!(path, asked),
    serve,
    // What is denied a part is no error of the whole.
    refuse: (part, code) => withoutError(refused(part, code)),
  })
}

function withoutError(response: Message): Message {
  return response && { ...response, errorCode: 0 }
}

// Some handlers refuse partitions themselves.
function refusing(context: RequestContext, partition: ApiRights['partition']): RequestContext {
  if (partition === undefined) return context
  const { refusalOf, rights } = context
  return { ...context, refusalOf: (topic, index) => refusalOf?.(topic, index) || partition(topic, rights!) }
}
