import type { BrokerClock } from '../../broker-clock.ts'
import type { Partition } from '../../log/partition.ts'
import type { Topic } from '../../log/topic.ts'
import { entryOf } from '../entry-of.ts'
import type { ResolvedGroupConfig } from '../group-configs.ts'
import type { WireErrorCode } from '../wire-error-code.ts'
import type { AcknowledgementBatch } from './acknowledgement.ts'
import type { AcquiredRecords } from './acquisition.ts'
import type { DeadLetters } from './dead-letters.ts'
import { firstEndingAt, type OffsetSpan } from './offset-span.ts'
import { readableOffsets } from './readable-offsets.ts'
import { type ShareLimits, SharePartition } from './share-partition.ts'

/** What the partitions of a share group need of their broker. */
export interface SharePartitionsHost {
  readonly clock: BrokerClock
  readonly config: ResolvedGroupConfig
  touch(): void
  /** Writes what the group gives up of a partition. */
  giveUp(log: Partition, letters: readonly DeadLetters[]): void
}

/** A member's request for records of a partition. */
export interface ShareWish {
  readonly memberId: string
  readonly maxRecords: number
  readonly batchSize: number
  readonly exact: boolean
}

/** How far a share group has read each of its partitions, with the locks of its members. */
export class SharePartitions {
  readonly #groupId: string
  readonly #host: SharePartitionsHost
  readonly #byLog = new Map<Partition, SharePartition>()
  // The partitions of each topic that were there when the group subscribed to it, or whose start was set.
  readonly #known = new Map<string, Set<Partition>>()
  // When the timer of each partition is due.
  readonly #expiries = new Map<Partition, number>()
  /** Called when records may have become available, or there may be room for more. */
  readonly listeners: Set<() => void> = new Set()
  // The config of the group when they were called last.
  #toldUnder: ResolvedGroupConfig
  #closed = false

  constructor(groupId: string, host: SharePartitionsHost) {
    this.#groupId = groupId
    this.#host = host
    this.#toldUnder = host.config
  }

  /** The partitions that were read, or whose start was set. */
  get all(): ReadonlyMap<Partition, SharePartition> {
    return this.#byLog
  }

  /** Whether the group was deleted; who still waits for its records gets none. */
  get closed(): boolean {
    return this.#closed
  }

  /** Whether only committed records are delivered. */
  get committed(): boolean {
    return this.#host.config.shareIsolationLevel === 'read_committed'
  }

  get #limits(): ShareLimits {
    const { config } = this.#host
    return {
      deliveryCountLimit: config.shareDeliveryCountLimit,
      maxRecordLocks: config.sharePartitionMaxRecordLocks,
      renews: config.shareRenewAcknowledgeEnable,
    }
  }

  /** The share partition of a log; the first call creates it, where the group's config says. */
  of(log: Partition): SharePartition {
    let partition = this.#byLog.get(log)
    if (partition === undefined) {
      partition = new SharePartition(this.#firstOffset(log))
      this.#byLog.set(log, partition)
      log.readFrom(partition.startOffset)
    }
    return partition
  }

  /**
   * The group has subscribed to a topic. A partition that the topic gets later is read from its start, so no record of
   * it is missed, whatever the group's config says of the others. (Kafka: buildInitializeShareGroupStateRequest)
   */
  subscribed({ name, partitions }: Pick<Topic, 'name' | 'partitions'>): void {
    const known = this.#known.get(name)
    if (known === undefined) this.#known.set(name, new Set(partitions))
    else if (known.size < partitions.length) {
      for (const log of partitions) {
        if (known.has(log)) continue
        if (this.#byLog.has(log)) known.add(log)
        else this.setStart(log, log.logStartOffset)
      }
    }
  }

  /** How far the group has read a partition, or where it will begin. */
  placeOf(log: Partition): Pick<SharePartition, 'startOffset' | 'endOffset' | 'inFlight'> {
    return this.#byLog.get(log) ?? new SharePartition(this.#firstOffset(log))
  }

  /** How many records are not finished, from one offset to before another. */
  countUnfinished(log: Partition, from: number, to: number): number {
    return this.#count(log, from, to, (first, end) => log.countFrom(first, end, this.committed))
  }

  /** How many records are not finished, and may be gone: those that are undecided count, too. */
  countUnread(log: Partition, from: number, to: number): number {
    return this.#count(log, from, to, (first, end) => log.countUnread(first, end, this.committed))
  }

  #count(log: Partition, from: number, to: number, count: (first: number, end: number) => number): number {
    const { endOffset, inFlight } = this.placeOf(log)
    let sum = endOffset < to ? count(Math.max(endOffset, from), to) : 0
    // Most often few of them are between the two: with each append to a full log those are asked for that go.
    for (let i = firstEndingAt(from, inFlight); i < inFlight.length && inFlight[i]!.first < to; i++) {
      const { first, last } = inFlight[i]!
      sum += count(Math.max(first, from), Math.min(last + 1, to))
    }
    return sum
  }

  #firstOffset(log: Partition): number {
    const reset = this.#host.config.shareAutoOffsetReset
    if (reset === 'earliest') return log.logStartOffset
    if (reset === 'latest') return log.highWatermark
    const from = this.#host.clock.now() - reset.durationMs
    return log.offsetForTimestamp(from) ?? log.highWatermark
  }

  /** Sets the start of a partition, with nothing in flight; below 0 the group's config decides again. (Kafka: -1) */
  setStart(log: Partition, startOffset: number): void {
    entryOf(this.#known, log.topic, () => new Set()).add(log)
    if (startOffset < 0) this.#byLog.delete(log)
    else {
      this.#byLog.set(log, new SharePartition(startOffset))
      log.readFrom(startOffset)
    }
    this.#changed(log)
  }

  /** Forgets how far the group has read a topic; returns whether it had read any of it. */
  deleteTopic(name: string): boolean {
    this.#known.delete(name)
    const logs = [...this.#byLog.keys()].filter(({ topic }) => topic === name)
    for (const log of logs) {
      this.#byLog.delete(log)
      this.#changed(log)
    }
    return logs.length > 0
  }

  /** The offset from which there may be records for a member; undefined if there can be none. */
  nextFetchOffset(log: Partition): number | undefined {
    const partition = this.of(log)
    const next = partition.nextFetchOffset(this.#limits)
    if (next === undefined || next >= log.logStartOffset) return next
    // Only who would read what has left the log looks where that begins: until then it can be acknowledged as before.
    // (Kafka: ShareFetchUtils.processFetchResponse)
    partition.archiveBefore(log.logStartOffset)
    return partition.nextFetchOffset(this.#limits)
  }

  /** There are no records for the group before an offset. */
  passOver(log: Partition, before: number): void {
    this.of(log).passOver(before)
    this.#moved(log)
  }

  acquire(log: Partition, batches: readonly OffsetSpan[], wish: ShareWish): AcquiredRecords[] {
    const { committed } = this
    const acquired = this.of(log).acquire(
      {
        ...wish,
        batches,
        readable: (from, to) => readableOffsets(log, from, to, committed),
        lockedUntil: this.#lockEnd(),
      },
      this.#limits,
    )
    // No records became available by that, so the listeners are not called.
    this.#watch(log)
    this.#moved(log)
    return acquired
  }

  acknowledge(
    log: Partition,
    memberId: string,
    batches: readonly AcknowledgementBatch[],
  ): WireErrorCode | undefined {
    const partition = this.of(log)
    const before = partition.nextFetchOffset(this.#limits)
    const error = partition.acknowledge(memberId, batches, this.#limits, this.#lockEnd())
    // Most often nothing became available by that: then nobody who waits need look again, unless other limits count by now.
    const same = partition.nextFetchOffset(this.#limits) === before && this.#toldUnder === this.#host.config
    this.#changed(log, !same)
    return error
  }

  #lockEnd(): number {
    return this.#host.clock.monotonic() + this.#host.config.shareRecordLockDurationMs
  }

  /** Releases what a member has acquired of those partitions. */
  release(memberId: string, which: (log: Partition) => boolean = () => true): void {
    for (const [log, partition] of this.#byLog) {
      if (which(log) && partition.release(memberId, this.#limits)) this.#changed(log)
    }
  }

  /** Releases what any member has acquired of a partition. */
  releaseAll(log: Partition): void {
    if (this.#byLog.get(log)?.releaseAll(this.#limits)) this.#changed(log)
  }

  /** Stops the timers of all locks, since the group is deleted. */
  close(): void {
    this.#closed = true
    for (const log of this.#expiries.keys()) this.#host.clock.unschedule(this.#timerOf(log))
    this.#expiries.clear()
  }

  #changed(log: Partition, available = true): void {
    this.#watch(log)
    const letters = this.#byLog.get(log)?.takeDeadLetters() ?? []
    // Before the log may drop them.
    if (letters.length > 0) this.#host.giveUp(log, letters)
    this.#moved(log)
    if (!available) return
    this.#toldUnder = this.#host.config
    for (const listener of [...this.listeners]) listener()
  }

  // Finished records may be dropped, if their topic keeps only unread ones.
  #moved(log: Partition): void {
    log.offsetCommitted?.()
    this.#host.touch()
  }

  // One timer for each partition: for the lock that ends first.
  #watch(log: Partition): void {
    const expiry = this.#byLog.get(log)?.nextExpiry ?? Number.POSITIVE_INFINITY
    if (expiry === (this.#expiries.get(log) ?? Number.POSITIVE_INFINITY)) return
    const { clock } = this.#host
    if (expiry === Number.POSITIVE_INFINITY) {
      this.#expiries.delete(log)
      clock.unschedule(this.#timerOf(log))
      return
    }
    this.#expiries.set(log, expiry)
    clock.schedule(this.#timerOf(log), Math.max(0, expiry - clock.monotonic()), () => {
      this.#expiries.delete(log)
      this.#byLog.get(log)?.expire(clock.monotonic(), this.#limits)
      this.#changed(log)
    })
  }

  #timerOf({ topic, index }: Partition): string {
    return `share group '${this.#groupId}': locks of ${topic}-${index}`
  }
}
