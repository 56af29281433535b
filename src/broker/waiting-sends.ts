import { AbortWatch } from '../abort-watch.ts'
import type { BrokerClock } from '../broker-clock.ts'
import type { Timer } from '../clock.ts'
import type { EngineClient, SendWait } from '../engine.ts'
import { ClosedError, TimeoutError } from '../errors.ts'
import type { Partition } from '../log/partition.ts'
import type { Demand, Shortage } from '../log/room.ts'
import { formatTopicPartition } from '../topic-partition.ts'
import { type Place, WaitingLine } from './waiting-line.ts'

/** What waiting sends need of their engine. */
export interface WaitingSendsHost {
  readonly clock: BrokerClock
  /** Throws where there could never be room. */
  requireCouldFit(demands: readonly Demand[]): void
  /** Makes room, or says what is full. */
  makeRoom(demands: readonly Demand[]): Shortage | undefined
  /** Says what is full, and which groups keep it so. */
  explain(shortage: Shortage): string
  track(client: EngineClient): void
  untrack(client: EngineClient): void
}

/** A send that cannot be written yet. */
export interface Unwritten<T> {
  readonly demands: readonly Demand[]
  /** Checks it anew, and notes in its demands what it needs by now; throws where its topics do not take it any more. */
  admit(): void
  write(): T
}

interface WaitingSend {
  /** Grows with each send: the order in which they came. */
  readonly order: number
  readonly demands: readonly Demand[]
  shortage: Shortage
  /** Its places: among all sends, and then in the line of each of its partitions. Undefined once it has ended. */
  places: readonly Place<WaitingSend>[] | undefined
  admit(): void
  /** Writes, once there is room. */
  proceed(): void
  fail(error: unknown): void
}

/**
 * Sends that found a log full and wait for room, in the order in which they came: a send that waits for a partition is
 * not overtaken there, and one that waits for the broker is not overtaken at all.
 */
export class WaitingSends implements EngineClient {
  readonly #host: WaitingSendsHost
  readonly #sends = new WaitingLine<WaitingSend>()
  // The sends of each partition: only a send that is first in all of its lines can go on, so no other is tried.
  readonly #lines = new Map<Partition, WaitingLine<WaitingSend>>()
  #waitsForBroker = 0
  // The partitions whose sends are to be tried; undefined for all of them.
  #freed: Set<Partition> | undefined = new Set()
  #next = 0
  readonly #aborts = new AbortWatch()
  #retrying = false
  #refuses = false

  constructor(host: WaitingSendsHost) {
    this.#host = host
  }

  get size(): number {
    return this.#sends.size
  }

  /**
   * The shortage of a send that waits already, and that these demands must wait behind; undefined where there is
   * none.
   */
  ahead(demands: readonly Demand[]): Shortage | undefined {
    for (const { partition } of demands) {
      const first = this.#first(partition)
      if (first === undefined) continue
      const full = first.shortage.partition
      return { partition: full, behind: full === partition ? undefined : partition }
    }
    // Who may drop unread records takes no room from those who wait for the broker's.
    const holdsBack =
      this.#waitsForBroker > 0 && demands.some(({ partition }) => partition.room !== undefined)
    return holdsBack ? { partition: undefined } : undefined
  }

  #first(partition: Partition): WaitingSend | undefined {
    return this.#lines.get(partition)?.first
  }

  /** Waits for room, and resolves to what the send's `write` returns then. */
  add<T>(unwritten: Unwritten<T>, shortage: Shortage, wait: SendWait): Promise<T> {
    if (this.#refuses) throw this.#closedError(shortage)
    const { demands } = unwritten
    return new Promise((resolve, reject) => {
      const settle = () => {
        timer.cancel()
        forget()
        this.#remove(send)
      }
      const send: WaitingSend = {
        order: this.#next++,
        demands,
        shortage,
        places: undefined,
        admit: () => unwritten.admit(),
        proceed: () => {
          settle()
          try {
            resolve(unwritten.write())
          } catch (error) {
            reject(error)
          }
        },
        fail: error => {
          const waitedForBroker = send.shortage.partition === undefined
          settle()
          reject(error)
          // The sends behind it may fit; behind one that waits for the broker are all.
          if (waitedForBroker) this.freed()
          else for (const { partition } of demands) this.freed(partition)
        },
      }
      const timer: Timer = this.#host.clock.setTimer(
        () => {
          const details = this.#host.explain(send.shortage)
          send.fail(new TimeoutError(`Waited ${wait.timeoutMs} ms for room: ${details}`, { details }))
        },
        wait.timeoutMs,
        { name: 'a send that waits for room' },
      )
      const forget = this.#aborts.watch(wait.signals, send.fail)
      this.#line(send)
    })
  }

  #line(send: WaitingSend): void {
    if (this.#sends.size === 0) this.#host.track(this)
    if (send.shortage.partition === undefined) this.#waitsForBroker++
    const places = [this.#sends.join(send)]
    for (const { partition } of send.demands) {
      const line = this.#lines.get(partition) ?? new WaitingLine()
      this.#lines.set(partition, line)
      places.push(line.join(send))
    }
    send.places = places
  }

  #remove(send: WaitingSend): void {
    if (send.places === undefined) return
    const [amongAll, ...places] = send.places
    send.places = undefined
    this.#sends.leave(amongAll!)
    for (const [i, { partition }] of send.demands.entries()) {
      const line = this.#lines.get(partition)!
      line.leave(places[i]!)
      if (line.size === 0) this.#lines.delete(partition)
    }
    if (send.shortage.partition === undefined) this.#waitsForBroker--
    if (this.#sends.size === 0) this.#host.untrack(this)
  }

  /**
   * Says that there may be room, in this partition or anywhere: sends that fit go on, once the call under way has
   * finished, or in the event loop's next turn where one waits for the broker.
   */
  freed(partition?: Partition): void {
    if (this.#sends.size === 0) return
    // Who waits for the broker is helped by any partition, and those behind it have not been tried.
    if (partition === undefined || this.#waitsForBroker > 0) this.#freed = undefined
    else this.#freed?.add(partition)
    if (this.#retrying) return
    this.#retrying = true
    // The broker's room is looked for in all partitions: not once for each of the commits of a turn.
    const soon = this.#waitsForBroker > 0 ? this.#host.clock.turn() : Promise.resolve()
    soon.then(() => this.#retry())
  }

  /**
   * Says that the topic of these partitions was altered or deleted: sends to it that it does not take any more, or that
   * could never fit, are refused, wherever they stand in line, and the others need what its options say now.
   */
  topicChanged(partitions: readonly Partition[]): void {
    if (this.#sends.size === 0) return
    const sends = new Set(partitions.flatMap(partition => this.#lines.get(partition)?.all() ?? []))
    for (const send of sends) {
      try {
        send.admit()
        this.#host.requireCouldFit(send.demands)
      } catch (error) {
        send.fail(error)
      }
    }
  }

  #retry(): void {
    this.#retrying = false
    const freed = this.#freed
    this.#freed = new Set()
    const full = new Set<Partition>()
    for (let send = this.#firstOf(freed, full); send !== undefined; send = this.#firstOf(freed, full)) {
      const shortage = this.#host.makeRoom(send.demands)
      if (shortage === undefined) {
        send.proceed()
        // Those behind it may be the first of their lines now.
        for (const { partition } of send.demands) freed?.add(partition)
        continue
      }
      this.#shortOf(send, shortage)
      if (shortage.partition === undefined) break
      for (const { partition } of send.demands) full.add(partition)
    }
  }

  // The earliest of the sends that are first in all of their lines, of which one was freed and none is known to be full.
  #firstOf(freed: ReadonlySet<Partition> | undefined, full: ReadonlySet<Partition>): WaitingSend | undefined {
    const isDue = ({ partition }: Demand) => freed?.has(partition) !== false && !full.has(partition)
    const oldest = this.#sends.first
    if (oldest?.demands.some(isDue)) return oldest
    let found: WaitingSend | undefined
    for (const partition of freed ?? this.#lines.keys()) {
      const first = this.#first(partition)
      if (first === undefined || full.has(partition)) continue
      if (found !== undefined && found.order < first.order) continue
      if (first.demands.every(each => this.#first(each.partition) === first)) found = first
    }
    return found
  }

  #shortOf(send: WaitingSend, shortage: Shortage): void {
    const broker = (each: Shortage) => (each.partition === undefined ? 1 : 0)
    this.#waitsForBroker += broker(shortage) - broker(send.shortage)
    send.shortage = shortage
  }

  // One sentence a partition, since there may be thousands of sends.
  pending(): string[] {
    return [...this.#lines].map(([partition, { size }]) => {
      const { shortage } = this.#first(partition)!
      const waiting = size === 1 ? 'a send' : `${size} sends`
      const verb = size === 1 ? 'waits' : 'wait'
      return `${waiting} to ${nameOf(partition)} ${verb} for room: ${this.#host.explain(shortage)}`
    })
  }

  /** Rejects the sends that wait, because the broker closes. */
  async close(): Promise<readonly []> {
    for (const send of this.#sends.all()) send.fail(this.#closedError(send.shortage))
    return []
  }

  /** The same, and also for sends that come from now on, since a handler that waits would hold up the close. */
  refuse(): void {
    this.#refuses = true
    void this.close()
  }

  #closedError(shortage: Shortage): ClosedError {
    const text = 'The broker was closed while this send waited for room, and nothing of it was written'
    const details = this.#host.explain(shortage)
    return new ClosedError(`${text}: ${details}`, { details })
  }
}

/** A partition's name, as messages have it. */
export function nameOf({ topic, index }: Partition): string {
  return formatTopicPartition({ topic, partition: index })
}
