import type { BrokerClock } from '../broker-clock.ts'
import { counted } from '../counted.ts'
import type { EngineClient, SendWait } from '../engine.ts'
import {
  type BrokerletError,
  QueueFullError,
  RecordListTooLargeError,
  RecordTooLargeError,
} from '../errors.ts'
import type { LogManager } from '../log/log-manager.ts'
import type { Partition } from '../log/partition.ts'
import { type Demand, makeRoom, type Shortage } from '../log/room.ts'
import { nameOf, type Unwritten, WaitingSends } from './waiting-sends.ts'

/** What the room for sends needs of its engine. */
export interface SendRoomHost {
  readonly clock: BrokerClock
  readonly log: LogManager
  /** Groups that read a partition, and the offset up to which each has committed it. */
  readers(partition: Partition): readonly { readonly groupId: string; readonly offset: number }[]
  track(client: EngineClient): void
  untrack(client: EngineClient): void
}

/** The room that sends need: makes it, has them wait for it, or refuses them, saying what is full and for whom. */
export class SendRoom {
  readonly waiting: WaitingSends
  readonly #host: SendRoomHost
  readonly #log: LogManager

  constructor(host: SendRoomHost) {
    this.#host = host
    this.#log = host.log
    this.waiting = new WaitingSends({
      clock: host.clock,
      requireCouldFit: demands => this.#requireCouldFit(demands),
      makeRoom: demands => makeRoom(host.log, demands),
      explain: shortage => this.#explain(shortage),
      track: client => host.track(client),
      untrack: client => host.untrack(client),
    })
  }

  /** Makes room, or says what is full. */
  shortage(demands: readonly Demand[]): Shortage | undefined {
    this.#requireCouldFit(demands)
    const ahead = this.waiting.size === 0 ? undefined : this.waiting.ahead(demands)
    return ahead ?? makeRoom(this.#log, demands)
  }

  /** @throws RecordListTooLargeError where the broker could never keep so many records */
  requireBatchFits(count: number): void {
    const { maxRecords } = this.#log
    if (maxRecords === -1 || count <= maxRecords) return
    throw neverFits(
      count,
      0,
      `the broker's maxRecords is ${maxRecords}`,
      `at most ${counted(maxRecords, 'record')}`,
    )
  }

  #requireCouldFit(demands: readonly Demand[]): void {
    const { maxBytes } = this.#log
    let count = 0
    let bytes = 0
    for (const demand of demands) {
      count += demand.count
      bytes += demand.bytes
      const { room } = demand.partition
      if (room === undefined || room.couldFit(demand.count, demand.bytes)) continue
      throw neverFits(demand.count, demand.bytes, `of ${nameOf(demand.partition)}, ${room.limits}`)
    }
    if (maxBytes !== -1 && bytes > maxBytes)
      throw neverFits(count, bytes, `the broker's maxBytes is ${maxBytes}`)
  }

  /**
   * Waits for what is short, and resolves to what `write` returns then.
   *
   * @throws QueueFullError where the send may not wait, or one of its topics lets nobody wait
   */
  wait<T>(unwritten: Unwritten<T>, shortage: Shortage, wait: SendWait | undefined): Promise<T> {
    const refused = this.#refused(unwritten.demands, shortage)
    if (refused !== undefined) throw this.#queueFull(refused)
    if (wait === undefined || wait.timeoutMs === 0) throw this.#queueFull(shortage)
    return this.waiting.add(unwritten, shortage, wait)
  }

  // What is short where a topic lets nobody wait for it, whatever the other topics of the call say.
  #refused(demands: readonly Demand[], shortage: Shortage): Shortage | undefined {
    const { partition, behind } = shortage
    if (behind === undefined && partition === undefined) {
      const waits = new Set(demands.map(demand => demand.partition.room?.waits))
      return waits.has(true) && !waits.has(false) ? undefined : shortage
    }
    if (behind === undefined && !partition?.room?.waits) return shortage
    // Where one partition is waited for, another one may be full, or have sends that wait, whose topic refuses.
    for (const demand of demands) {
      const { room } = demand.partition
      if (room?.waits !== false) continue
      const fits = room.fits(demand.count, demand.bytes)
      const lacks = fits ? this.waiting.ahead([demand]) : { partition: demand.partition }
      if (lacks !== undefined) return lacks
    }
    return undefined
  }

  #queueFull(shortage: Shortage): QueueFullError {
    const { partition, behind = partition } = shortage
    return new QueueFullError(`No room: ${this.#explain(shortage)}`, {
      topic: behind?.topic,
      partition: behind?.index,
      details: partition === undefined ? [] : this.#host.readers(partition),
    })
  }

  #explain({ partition, behind }: Shortage): string {
    if (behind !== undefined)
      return `an earlier send to ${nameOf(behind)} waits for room: ${this.#explain({ partition })}`
    if (partition === undefined) {
      const { records, maxRecords, bytes, maxBytes } = this.#log
      const limit = maxRecords === -1 ? '' : ` of maxRecords ${maxRecords}`
      const byteLimit = maxBytes === -1 ? '' : `, ${bytes} bytes of maxBytes ${maxBytes}`
      return `the broker keeps ${counted(records, 'record')}${limit}${byteLimit}, and none of the remaining ones may go yet`
    }
    const { highWatermark, logStartOffset } = partition
    const behindhand = this.#host
      .readers(partition)
      // One that has committed all of them takes no room.
      .filter(({ offset }) => offset < highWatermark)
      .map(({ groupId, offset }) => {
        const unread = partition.countFrom(Math.max(offset, logStartOffset), highWatermark, false)
        // What is left is no record: an end of a transaction, or a gap.
        const what =
          unread > 0
            ? `not committed ${unread} of them`
            : `committed all of them, up to offset ${offset} of ${highWatermark}`
        return `group '${groupId}' has ${what}`
      })
    const who = behindhand.length === 0 ? 'no group reads it' : behindhand.join(', ')
    const kept = partition.countFrom(logStartOffset, highWatermark, false)
    // They count, though nobody reads them: ends of transactions, and what was compacted before the topic was altered.
    const gaps = partition.config.retentionRecords === -1 ? 0 : highWatermark - logStartOffset - kept
    const and =
      gaps === 0 ? '' : ` and ${counted(gaps, 'offset')} without one (an end of a transaction, or compacted)`
    return `${nameOf(partition)} keeps ${counted(kept, 'record')}${and}, and its ${partition.room?.limits}; ${who}`
  }
}

function neverFits(count: number, bytes: number, limit: string, expected: string = limit): BrokerletError {
  if (count === 1) {
    return new RecordTooLargeError(`A record of ${bytes} bytes can never fit: ${limit}`, { received: bytes })
  }
  const size = bytes === 0 ? '' : `, ${bytes} bytes,`
  return new RecordListTooLargeError(`A batch of ${count} records${size} can never fit: ${limit}`, {
    expected,
    received: count,
  })
}
