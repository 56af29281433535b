import type { WireErrorCode } from '../wire-error-code.ts'
import { type AcknowledgementBatch, acknowledgements, acknowledgeTypes } from './acknowledgement.ts'
import { type AcquiredRecords, type Acquisition, lastOf, pieces, thinned } from './acquisition.ts'
import { type DeadLetters, deadLetterCauses } from './dead-letters.ts'
import { type InFlightBatch, type InFlightRecords, InFlightRuns } from './in-flight-records.ts'
import { countOffsets, type OffsetSpan, overlaps } from './offset-span.ts'

/** The limits that a group's configs set for its partitions. */
export interface ShareLimits {
  /** How often a record is delivered at most. */
  readonly deliveryCountLimit: number
  /** How many offsets may lie between the start and the end, unless a batch has more. */
  readonly maxRecordLocks: number
  /** Whether a member may renew its lock of a record (KIP-1222). */
  readonly renews: boolean
}

/**
 * How far a group has read one partition, which any of its members may read. All offsets before the start offset are
 * finished, and none from the end offset on was delivered. Between them an offset is available, acquired by a member
 * until its lock ends, or finished: acknowledged or archived. (KIP-932; Kafka: SharePartition)
 */
export class SharePartition {
  readonly #runs = new InFlightRuns()
  #deadLetters: DeadLetters[] = []
  // Equal if nothing is in flight.
  #startOffset: number
  #endOffset: number

  constructor(startOffset: number) {
    this.#startOffset = startOffset
    this.#endOffset = startOffset
  }

  /** The first offset that is not finished. (Kafka: share-partition start offset, SPSO) */
  get startOffset(): number {
    return this.#startOffset
  }

  /** The first offset that was never read for the group. */
  get endOffset(): number {
    return this.#endOffset
  }

  get inFlight(): readonly InFlightRecords[] {
    return this.#runs.all
  }

  /** When the first lock ends, or `Infinity`. */
  get nextExpiry(): number {
    let next = Number.POSITIVE_INFINITY
    // The lock of an available run never ends, as there is none.
    for (const { lockedUntil } of this.#runs.all) next = Math.min(next, lockedUntil)
    return next
  }

  /** The offset from which there may be records to acquire; undefined if there can be none. */
  nextFetchOffset({ maxRecordLocks }: ShareLimits): number | undefined {
    const hasRoom = this.#endOffset - this.#startOffset < maxRecordLocks
    return this.#firstAvailable ?? (hasRoom ? this.#endOffset : undefined)
  }

  // --- acquiring ----------------------------------------------------------------------------------------------------

  /** Acquires records that were read for a member: first those that are delivered again, then new ones. */
  acquire(wish: Acquisition, limits: ShareLimits): AcquiredRecords[] {
    const through = wish.batches.at(-1)?.last
    if (through === undefined) return []
    // Offsets without a record for the group, or no longer in the log, are finished, those before what was read, too.
    this.#archiveUnreadable(Math.min(through, this.#endOffset - 1), wish)
    this.#moveStart()
    const room = limits.maxRecordLocks - (this.#endOffset - this.#startOffset)
    // Without any room, what has been in flight already may be delivered again.
    const most = room > 0 ? Math.min(wish.maxRecords, room) : wish.maxRecords
    const known = { first: this.#startOffset, last: through }
    const { acquired, left } = this.#acquireAvailable(known, most, wish, limits)
    if (room <= 0 || left <= 0) return acquired
    const added = this.#add(wish, left, through)
    acquired.push(...this.#acquireAvailable(added, left, wish, limits).acquired)
    this.#moveStart()
    return acquired
  }

  /** Finishes what is available before an offset, and what was never read: there are no records for the group. */
  passOver(before: number): void {
    this.#runs.replace(this.#startOffset, before - 1, run => (run.state === 'available' ? undefined : run))
    this.#endOffset = Math.max(this.#endOffset, before)
    this.#moveStart()
  }

  #archiveUnreadable(last: number, { readable }: Acquisition): void {
    const first = this.#firstAvailable
    if (first === undefined || last < first) return
    const kept = readable(first, last + 1)
    this.#runs.replace(first, last, run =>
      run.state === 'available' ? overlaps(run, kept).map(span => ({ ...run, ...span })) : run,
    )
  }

  get #firstAvailable(): number | undefined {
    return this.#runs.all.find(({ state }) => state === 'available')?.first
  }

  // Records on their last delivery are acquired one by one, and those that were delivered often in fewer and fewer at
  // once. So a record that no client can process does not take its whole batch with it (KAFKA-19635).
  #acquireAvailable({ first, last }: OffsetSpan, most: number, wish: Acquisition, limits: ShareLimits) {
    const { deliveryCountLimit } = limits
    const throttledFrom = Math.max(2, Math.ceil(deliveryCountLimit / 2))
    const acquired: AcquiredRecords[] = []
    let left = most
    const available = this.#runs.within(first, last).filter(({ state }) => state === 'available')
    for (let i = 0; i < available.length && left > 0; ) {
      const { batch } = available[i]!
      let end = i
      while (available[end]?.batch === batch) end++
      const runs = available.slice(i, end)
      const often = Math.max(...runs.map(({ deliveryCount }) => deliveryCount))
      const isolated = often >= throttledFrom
      if (isolated && acquired.length > 0) return { acquired, left: 0 }
      let before: AcquiredRecords | undefined
      for (const span of isolated ? thinned(runs, throttledFrom, deliveryCountLimit) : runs) {
        const taken = Math.min(span.last, last, wish.exact ? span.first + left - 1 : last)
        if (taken < span.first) break
        left -= taken - span.first + 1
        const run = this.#acquireRun({ ...span, last: taken }, wish)
        // What is alike in a batch is told as one, even where it was acknowledged in parts.
        const alike = before?.last === run.first - 1 && before.deliveryCount === run.deliveryCount
        before = alike ? { ...run, first: acquired.pop()!.first } : run
        acquired.push(before)
      }
      if (isolated) return { acquired, left: 0 }
      i = end
    }
    return { acquired, left }
  }

  #acquireRun({ first, last }: OffsetSpan, { memberId, lockedUntil }: Acquisition): AcquiredRecords {
    let deliveryCount = 0
    this.#runs.replace(first, last, run => {
      deliveryCount = run.deliveryCount + 1
      return { ...run, state: 'acquired', deliveryCount, memberId, lockedUntil }
    })
    return { first, last, deliveryCount }
  }

  // Adds whole batches, also where not all of their records are acquired. (Kafka: SharePartition.acquireNewBatchRecords)
  #add(wish: Acquisition, records: number, through: number): OffsetSpan {
    const first = this.#endOffset
    const readable = wish.readable(first, through + 1)
    const last = lastOf(readable, records, wish) ?? Math.max(through, first - 1)
    this.#endOffset = last + 1
    for (const piece of pieces({ first, last }, wish)) {
      const spans = overlaps(piece, readable)
      const batch: InFlightBatch = { size: countOffsets(spans) }
      for (const span of spans) this.#runs.add({ ...span, ...unacquired, deliveryCount: 0, batch })
    }
    return { first, last }
  }

  // --- acknowledging ------------------------------------------------------------------------------------------------

  /**
   * Acknowledges records that a member has acquired: all of them, or none if it may not acknowledge one. Records that
   * have left the log meanwhile are passed over.
   */
  acknowledge(
    memberId: string,
    batches: readonly AcknowledgementBatch[],
    { deliveryCountLimit, renews }: ShareLimits,
    renewedUntil: number,
  ): WireErrorCode | undefined {
    const said = batches.filter(({ lastOffset }) => lastOffset >= this.#startOffset)
    for (const { firstOffset, lastOffset, acknowledgeTypes: types } of said) {
      // Nothing is in flight.
      if (this.#startOffset === this.#endOffset) return 'INVALID_RECORD_STATE'
      if (lastOffset >= this.#endOffset) return 'INVALID_REQUEST'
      if (!this.#holds(memberId, Math.max(firstOffset, this.#startOffset), lastOffset))
        return 'INVALID_RECORD_STATE'
      if (types.includes(acknowledgeTypes.renew) && !renews) return 'INVALID_RECORD_STATE'
    }
    for (const { first, last, type } of acknowledgements(said)) {
      this.#runs.replace(first, last, run => {
        if (type === acknowledgeTypes.renew) return { ...run, lockedUntil: renewedUntil }
        if (type === acknowledgeTypes.release) return this.#released(run, deliveryCountLimit)
        return type === acknowledgeTypes.reject ? this.#giveUp(run, deadLetterCauses.rejected) : undefined
      })
    }
    this.#moveStart()
    return undefined
  }

  #holds(memberId: string, first: number, last: number): boolean {
    let next = first
    for (const run of this.#runs.within(first, last)) {
      if (run.first > next || run.state !== 'acquired' || run.memberId !== memberId) return false
      next = run.last + 1
    }
    return next > last
  }

  /** Releases what a member has acquired; returns whether there was anything. */
  release(memberId: string, limits: ShareLimits): boolean {
    return this.#releaseWhere(run => run.memberId === memberId, limits)
  }

  /** Releases what any member has acquired; returns whether there was anything. */
  releaseAll(limits: ShareLimits): boolean {
    return this.#releaseWhere(() => true, limits)
  }

  /** Releases records whose lock has ended; returns whether there were any. */
  expire(now: number, limits: ShareLimits): boolean {
    return this.#releaseWhere(({ lockedUntil }) => lockedUntil <= now, limits)
  }

  #releaseWhere(matches: (run: InFlightRecords) => boolean, { deliveryCountLimit }: ShareLimits): boolean {
    let any = false
    this.#runs.replace(this.#startOffset, this.#endOffset, run => {
      if (run.state !== 'acquired' || !matches(run)) return run
      any = true
      return this.#released(run, deliveryCountLimit)
    })
    this.#moveStart()
    return any
  }

  // A record that has been delivered as often as the limit allows is archived.
  #released(run: InFlightRecords, deliveryCountLimit: number): InFlightRecords | undefined {
    if (run.deliveryCount >= deliveryCountLimit) return this.#giveUp(run, deadLetterCauses.exceeded)
    return { ...run, ...unacquired }
  }

  #giveUp({ first, last, deliveryCount }: InFlightRecords, cause: DeadLetters['cause']): undefined {
    this.#deadLetters.push({ first, last, deliveryCount, cause })
  }

  /** Takes what was given up since it was called last. */
  takeDeadLetters(): readonly DeadLetters[] {
    const taken = this.#deadLetters
    if (taken.length > 0) this.#deadLetters = []
    return taken
  }

  // --- the log moves ------------------------------------------------------------------------------------------------

  /** Archives all records before the log's start: they are gone, even those that a member has acquired. */
  archiveBefore(logStartOffset: number): void {
    if (logStartOffset <= this.#startOffset) return
    this.#runs.replace(this.#startOffset, logStartOffset - 1, () => undefined)
    this.#endOffset = Math.max(this.#endOffset, logStartOffset)
    this.#moveStart()
  }

  #moveStart(): void {
    this.#startOffset = this.#runs.first?.first ?? this.#endOffset
  }
}

const unacquired = { state: 'available', memberId: '', lockedUntil: Number.POSITIVE_INFINITY } as const
