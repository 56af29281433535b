import { Draining } from '../draining.ts'
import type { Unread } from '../engine.ts'
import type { MemoryEngine } from './memory-engine.ts'
import type { Quiescence } from './quiescence.ts'

/** How a broker is closed. */
export interface BrokerCloseOptions {
  /** How long its consumers may take, in milliseconds; default 30,000. */
  readonly timeoutMs?: number | undefined
  /** Waits first until nothing is left to do, as `idle` does, within `timeoutMs`. */
  readonly drain?: boolean | undefined
}

const closeTimeoutMs = 30_000

/** The end of a broker: its clients finish, then nothing begins any more, and what is late is closed, too. */
export class Shutdown {
  readonly #engine: MemoryEngine
  readonly #quiescence: Quiescence
  #closing: Promise<readonly Unread[]> | undefined
  // When a later close ends it, on the monotonic clock.
  #endBy = Number.POSITIVE_INFINITY
  #draining: Draining | undefined

  constructor(engine: MemoryEngine, quiescence: Quiescence) {
    this.#engine = engine
    this.#quiescence = quiescence
  }

  /** Resolves to what its consumers left unread; a second call waits for the first. */
  close(options: BrokerCloseOptions): Promise<readonly Unread[]> {
    if (this.#closing === undefined) this.#closing = this.#close(options)
    else this.#hurry(options)
    return this.#closing
  }

  // A second close can only make the first one end sooner.
  #hurry({ timeoutMs, drain = false }: BrokerCloseOptions): void {
    if (timeoutMs === undefined) return
    this.#endBy = Math.min(this.#endBy, this.#engine.clock.monotonic() + timeoutMs)
    if (drain && this.#draining !== undefined) return this.#draining.within(timeoutMs)
    this.#draining?.end()
    for (const client of this.#engine.clients) void client.close({ timeoutMs })
  }

  async #close({ drain, timeoutMs = closeTimeoutMs }: BrokerCloseOptions): Promise<readonly Unread[]> {
    const until = this.#engine.clock.monotonic() + timeoutMs
    if (drain) await this.#drain(timeoutMs)
    this.#engine.refuseWaiting()
    const leftMs = () => Math.max(0, Math.min(until, this.#endBy) - this.#engine.clock.monotonic())
    const left = await this.#closeClients(leftMs())
    // From here on no client can start; those that started while the others closed are closed, too.
    this.#engine.refuse()
    const late = await this.#closeClients(leftMs())
    const stopped = [...this.#engine.groupCoordinator.stopped.values()].flatMap(group => group.left())
    this.#engine.shutDown()
    return onceEach([...left, ...late, ...stopped])
  }

  async #closeClients(timeoutMs: number): Promise<readonly Unread[]> {
    const clients = [...this.#engine.clients]
    await Promise.all(clients.map(client => client.close({ timeoutMs })))
    // Asked when all have closed: a handler, or a transaction, may have written after the reader had closed.
    return clients.flatMap(client => client.left?.() ?? [])
  }

  // Waits for the whole broker, not for each consumer by itself: the records that a handler sends are to be read, too.
  async #drain(timeoutMs: number): Promise<void> {
    const closing = new AbortController()
    const draining = new Draining(this.#engine.clock, 'the broker', () => closing.abort())
    this.#draining = draining
    try {
      await this.#quiescence.idle({ timeoutMs, signal: closing.signal })
    } catch {
      // The time is up, or the broker can never be idle: the records not read are in the report.
    } finally {
      this.#draining = undefined
      draining.end()
    }
  }
}

// A consumer that is away, or has crashed, reports the partitions that it had; a member that has read further is right.
function onceEach(left: readonly Unread[]): readonly Unread[] {
  const furthest = new Map<string, Unread>()
  for (const each of left) {
    const known = furthest.get(nameOf(each))
    if (known === undefined || known.from < each.from) furthest.set(nameOf(each), each)
  }
  return left.filter(each => each.group === undefined || furthest.get(nameOf(each)) === each)
}

function nameOf({ group, topic, partition }: Unread): string {
  return JSON.stringify([group, topic, partition])
}
