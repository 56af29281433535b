import type { BrokerClock } from '../broker-clock.ts'
import type { Timer } from '../clock.ts'
import type { EngineClient, SendWait } from '../engine.ts'
import { ClosedError, TimeoutError } from '../errors.ts'
import type { Partition } from '../log/partition.ts'
import type { Demand, Shortage } from '../log/room.ts'
import { formatTopicPartition } from '../topic-partition.ts'

/** What waiting sends need of their engine. */
export interface WaitingSendsHost {
  readonly clock: BrokerClock
  /** Makes room, or says what is full. */
  makeRoom(demands: readonly Demand[]): Shortage | undefined
  /** What is full, and who keeps it so. */
  explain(shortage: Shortage): string
  track(client: EngineClient): void
  untrack(client: EngineClient): void
}

interface WaitingSend {
  readonly demands: readonly Demand[]
  shortage: Shortage
  /** Writes, once there is room. */
  proceed(): void
  fail(error: unknown): void
}

/**
 * Sends that found a log full and wait until there is room, in the order in which they came: one that waits for a
 * partition is not overtaken there, and one that waits for the broker is not overtaken at all.
 */
export class WaitingSends implements EngineClient {
  readonly groupId: undefined
  readonly paused: readonly [] = []
  readonly #host: WaitingSendsHost
  readonly #sends = new Set<WaitingSend>()
  // One listener a signal, however many sends it ends.
  readonly #bySignal = new Map<AbortSignal, Set<WaitingSend>>()
  #retrying = false

  constructor(host: WaitingSendsHost) {
    this.#host = host
  }

  get size(): number {
    return this.#sends.size
  }

  /** Whether somebody who came before waits for the same: what they are short of. */
  ahead(demands: readonly Demand[]): Shortage | undefined {
    for (const { shortage, demands: theirs } of this.#sends) {
      if (shortage.partition === undefined) return shortage
      if (theirs.some(({ partition }) => demands.some(demand => demand.partition === partition)))
        return shortage
    }
    return undefined
  }

  /** Waits for room, and resolves to what `write` answers then. */
  add<T>(demands: readonly Demand[], shortage: Shortage, write: () => T, wait: SendWait): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        timer.cancel()
        for (const signal of wait.signals) this.#unlisten(signal, send)
        this.#remove(send)
      }
      const send: WaitingSend = {
        demands,
        shortage,
        proceed: () => {
          settle()
          try {
            resolve(write())
          } catch (error) {
            reject(error)
          }
        },
        fail: error => {
          settle()
          reject(error)
        },
      }
      const timer: Timer = this.#host.clock.setTimer(
        () => {
          const details = this.#host.explain(send.shortage)
          send.fail(new TimeoutError(`Waited ${wait.timeoutMs} ms for room: ${details}`, { details }))
          // Who stood behind it may fit.
          this.freed()
        },
        wait.timeoutMs,
        { name: 'a send that waits for room' },
      )
      for (const signal of wait.signals) this.#listen(signal, send)
      if (this.#sends.size === 0) this.#host.track(this)
      this.#sends.add(send)
    })
  }

  #listen(signal: AbortSignal, send: WaitingSend): void {
    const sends = this.#bySignal.get(signal)
    if (sends !== undefined) return void sends.add(send)
    this.#bySignal.set(signal, new Set([send]))
    signal.addEventListener('abort', this.#aborted)
  }

  #unlisten(signal: AbortSignal, send: WaitingSend): void {
    const sends = this.#bySignal.get(signal)
    sends?.delete(send)
    if (sends?.size !== 0) return
    this.#bySignal.delete(signal)
    signal.removeEventListener('abort', this.#aborted)
  }

  readonly #aborted = (event: Event): void => {
    const signal = event.target as AbortSignal
    for (const send of [...(this.#bySignal.get(signal) ?? [])]) send.fail(signal.reason)
    // Who stood behind them may fit.
    this.freed()
  }

  #remove(send: WaitingSend): void {
    if (this.#sends.delete(send) && this.#sends.size === 0) this.#host.untrack(this)
  }

  /** Something went: whoever fits now goes on, once the call under way has finished. */
  freed(): void {
    if (this.#sends.size === 0 || this.#retrying) return
    this.#retrying = true
    Promise.resolve().then(() => this.#retry())
  }

  #retry(): void {
    this.#retrying = false
    const taken = new Set<Partition>()
    for (const send of [...this.#sends]) {
      if (!this.#sends.has(send)) continue
      const behind = send.demands.some(({ partition }) => taken.has(partition))
      const shortage = behind ? send.shortage : this.#host.makeRoom(send.demands)
      if (shortage === undefined) {
        send.proceed()
        continue
      }
      send.shortage = shortage
      if (shortage.partition === undefined) break
      for (const { partition } of send.demands) taken.add(partition)
    }
  }

  pending(): string[] {
    return [...this.#sends].map(
      ({ shortage, demands }) =>
        `a send to ${formatTopicPartition(toName(demands[0]!.partition))} waits for room: ${this.#host.explain(shortage)}`,
    )
  }

  unread(): number {
    return 0
  }

  /** Nobody is kept waiting by a broker that ends. */
  async close(): Promise<readonly []> {
    for (const send of [...this.#sends]) {
      send.fail(
        new ClosedError('The broker was closed while this send waited for room; nothing of it was written'),
      )
    }
    return []
  }
}

function toName({ topic, index }: Partition): { topic: string; partition: number } {
  return { topic, partition: index }
}
