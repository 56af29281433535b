import { oneLine } from '../../one-line.ts'
import { checkOptions, integer } from '../../validate.ts'
import { checkWireScope, coversRequest, type RequestPoint, type WireScope } from './wire-scope.ts'

/** What became of a request: `dropped` and `truncated` are faults. */
export type RequestOutcome = 'waiting' | 'answered' | 'unanswered' | 'failed' | 'dropped' | 'truncated'

/** One request of a client. */
export interface LoggedRequest extends RequestPoint {
  /** The version of the API that the client chose. */
  readonly version: number
  /** When it arrived, on the broker's time. */
  readonly receivedAt: number
  /** When it was done with, however it ended; undefined while it waits. */
  readonly doneAt: number | undefined
  /** `unanswered` is a Produce without acks; `failed` one that could not be answered. */
  readonly outcome: RequestOutcome
  /** The errors in the answer, each once, by Kafka's names. */
  readonly errors: readonly string[]
}

/** A request that may still change. @internal */
export type OpenRequest = { -readonly [Field in keyof LoggedRequest]: LoggedRequest[Field] }

/**
 * Records the requests of clients, for a test to look at: the newest requests, oldest first.
 *
 * @example
 * const requests = new RequestLog()
 * const server = await serve(broker, { requests })
 * requests.of({ api: 'Produce', topic: 'orders' }).length
 */
export class RequestLog implements Iterable<LoggedRequest> {
  readonly #maxRequests: number
  #requests: LoggedRequest[] = []
  /** Gets a line for each request that is done with. @internal */
  onDone: ((line: string) => void) | undefined

  /** Keeps the newest `maxRequests`; default 10,000. */
  constructor(options: { readonly maxRequests?: number } = {}) {
    checkOptions('RequestLog', options, { maxRequests: integer(1) })
    this.#maxRequests = options.maxRequests ?? 10_000
  }

  /** The requests that fit a scope. */
  of(scope: WireScope): readonly LoggedRequest[] {
    checkWireScope('requests.of', scope)
    return this.#requests.filter(each => coversRequest(scope, each))
  }

  /** How many are kept. */
  get length(): number {
    return this.#requests.length
  }

  /** The requests, oldest first. */
  [Symbol.iterator](): IterableIterator<LoggedRequest> {
    return this.#requests.values()
  }

  /** Forgets all requests. */
  clear(): void {
    this.#requests = []
  }

  /** One line for each request. */
  toString(): string {
    return this.#requests.map(toLine).join('\n')
  }

  /** @internal */
  add(request: LoggedRequest): void {
    if (this.#requests.length === this.#maxRequests) this.#requests.shift()
    this.#requests.push(request)
  }

  /** @internal */
  done(request: LoggedRequest): void {
    this.onDone?.(toLine(request))
  }
}

function toLine({
  receivedAt,
  api,
  version,
  clientId,
  groups,
  partitions,
  outcome,
  errors,
}: LoggedRequest): string {
  const about = [
    ...groups.map(group => `group ${group}`),
    ...partitions.map(({ topic, partition }) => (partition === undefined ? topic : `${topic}-${partition}`)),
  ].join(' ')
  const told = errors.length === 0 ? outcome : `${outcome} ${errors.join(' ')}`
  const parts = [new Date(receivedAt).toISOString(), clientId, `${api} v${version}`, about, told]
  return oneLine(parts.filter(part => part !== '').join('  '))
}
