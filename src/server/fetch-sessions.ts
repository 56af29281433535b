import type { ClusterNode } from './cluster/cluster-node.ts'
import { type FetchRequest, type FetchResponse, FetchSession } from './fetch-session.ts'
import type { Handler, RequestContext } from './handler.ts'
import { topicIdsSince } from './named-topic.ts'
import type { Wire } from './wire.ts'
import { errnoOf } from './wire-error-code.ts'

/** A session, and where and when it was used last. */
interface HeldSession {
  readonly session: FetchSession
  readonly node: ClusterNode
  readonly brokerEpoch: number
  usedAt: number
}

const none = 0
const first = 0
const final = -1

const unknownSession = errnoOf('FETCH_SESSION_ID_NOT_FOUND')
const invalidEpoch = errnoOf('INVALID_FETCH_SESSION_EPOCH')
const topicIdError = errnoOf('FETCH_SESSION_TOPIC_ID_ERROR')

// Kafka: min.incremental.fetch.session.eviction.ms
const evictionMs = 120_000

/**
 * The sessions of clients that fetch, up to a limit. Beyond that a client goes without one, as the protocol allows.
 * (KIP-227; Kafka: FetchManager)
 */
export class FetchSessions {
  readonly #wire: Wire
  readonly #most: number
  // In the order of their last use.
  readonly #held = new Map<number, HeldSession>()
  #nextId = 1

  constructor(wire: Wire, most: number) {
    this.#wire = wire
    this.#most = most
  }

  /** Wraps the handler of Fetch: it is asked for all that a client reads, whatever part of that the request names. */
  around(handler: Handler): Handler {
    return {
      api: handler.api,
      handle: (request, context) => this.#fetch(handler, request as FetchRequest, context),
    }
  }

  async #fetch(handler: Handler, request: FetchRequest, context: RequestContext): Promise<unknown> {
    const { sessionId, sessionEpoch } = request
    const begins = sessionEpoch === first || sessionEpoch === final
    if (begins) this.#held.delete(sessionId)
    if (sessionEpoch === final) return handler.handle(request, context)
    const session = begins ? this.#open(request, context) : this.#continue(request, context)
    if (session === undefined) return handler.handle(request, context)
    if (typeof session === 'number') return { errorCode: session, sessionId: none, responses: [] }
    session.update(begins ? { ...request, forgottenTopicsData: [] } : request)
    const response = (await handler.handle({ ...request, topics: session.topics }, context)) as
      | FetchResponse
      | undefined
    if (response === undefined) return undefined
    const responses = session.answer(response.responses ?? [], begins)
    if (session.size > 0) return { ...response, sessionId: session.id, responses }
    this.#held.delete(session.id)
    return { ...response, sessionId: none, responses }
  }

  #open({ topics }: FetchRequest, { node, version }: RequestContext): FetchSession | undefined {
    if (topics.length === 0 || !this.#makeRoom()) return undefined
    const session = new FetchSession(this.#nextId++, version >= topicIdsSince.Fetch)
    this.#use({ session, node, brokerEpoch: node.brokerEpoch, usedAt: 0 })
    return session
  }

  // The session, or the error of a request that does not follow the last one.
  #continue(
    { sessionId, sessionEpoch }: FetchRequest,
    { node, version }: RequestContext,
  ): FetchSession | number {
    const held = this.#held.get(sessionId)
    // A broker that was stopped has forgotten its sessions.
    if (held === undefined || held.node !== node || held.brokerEpoch !== node.brokerEpoch) {
      return unknownSession
    }
    if (held.session.epoch !== sessionEpoch) return invalidEpoch
    // Java's client goes back to names while it lacks the id of a topic, such as one that was just deleted. The session
    // would then have its topics twice. This error makes the client begin a new session.
    if (held.session.usesTopicIds !== version >= topicIdsSince.Fetch) return topicIdError
    held.session.advance()
    this.#use(held)
    return held.session
  }

  #use(held: HeldSession): void {
    held.usedAt = this.#wire.engine.clock.monotonic()
    this.#held.delete(held.session.id)
    this.#held.set(held.session.id, held)
  }

  #makeRoom(): boolean {
    if (this.#held.size < this.#most) return true
    for (const [id, { usedAt }] of this.#held) {
      if (this.#wire.engine.clock.monotonic() - usedAt < evictionMs) return false
      this.#held.delete(id)
      return true
    }
    return false
  }
}
