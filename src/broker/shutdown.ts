import { CloseTime, closeTimeoutMs } from '../close-time.ts'
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

/** The end of a broker: its clients finish, then nothing begins any more, and what is late is closed, too. */
export class Shutdown {
  readonly #engine: MemoryEngine
  readonly #quiescence: Quiescence
  readonly #time: CloseTime
  #closing: Promise<readonly Unread[]> | undefined

  constructor(engine: MemoryEngine, quiescence: Quiescence) {
    this.#engine = engine
    this.#time = new CloseTime(engine.clock)
    this.#quiescence = quiescence
  }

  /** Resolves to what its consumers left unread; a second call waits for the first. */
  close(options: BrokerCloseOptions): Promise<readonly Unread[]> {
    if (this.#closing === undefined) this.#closing = this.#close(options)
    else if (options.timeoutMs !== undefined) this.#hurry(options.timeoutMs, options.drain)
    return this.#closing
  }

  #hurry(timeoutMs: number, drain = false): void {
    const drains = drain && this.#time.draining
    this.#time.within(timeoutMs, drain)
    if (!drains) for (const client of this.#engine.clients) void client.close({ timeoutMs })
  }

  async #close({ drain, timeoutMs = closeTimeoutMs }: BrokerCloseOptions): Promise<readonly Unread[]> {
    this.#time.within(timeoutMs)
    if (drain) await this.#drain(timeoutMs)
    this.#engine.refuseWaiting()
    const left = await this.#closeClients()
    // From here on no client can start; those that started while the others closed are closed, too.
    this.#engine.refuse()
    const late = await this.#closeClients()
    const stopped = [...this.#engine.groupCoordinator.stopped.values()].flatMap(group => group.left())
    this.#engine.shutDown()
    return onceEach([...left, ...late, ...stopped])
  }

  async #closeClients(): Promise<readonly Unread[]> {
    const { leftMs: timeoutMs } = this.#time
    const clients = [...this.#engine.clients]
    await Promise.all(clients.map(client => client.close({ timeoutMs })))
    // Asked when all have closed: a handler, or a transaction, may have written after the reader had closed.
    return clients.flatMap(client => client.left?.() ?? [])
  }

  // Waits for the whole broker, not for each consumer by itself: the records that a handler sends are to be read, too.
  #drain(timeoutMs: number): Promise<void> {
    const closing = new AbortController()
    const idle = () => this.#quiescence.idle({ timeoutMs, signal: closing.signal })
    return this.#time.drain('the broker', () => closing.abort(), idle)
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
