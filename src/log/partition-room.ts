import type { PartitionConfig } from './log-config.ts'
import type { Segment } from './segment.ts'

/** A log that keeps records until every group has read them. */
export interface HeldLog {
  /** The current options, since a topic may be altered. */
  readonly config: PartitionConfig
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly bytes: number
  /** The offset after the last record that every group has committed past, or 0. */
  readonly consumedBefore: number
  readonly segments: readonly Segment[]
  /** Drops records that every group has committed past. */
  dropConsumed(before: number): void
}

/**
 * The room in a partition that must keep unread records: only records that every group has committed past make room.
 */
export class PartitionRoom {
  readonly #log: HeldLog

  constructor(log: HeldLog) {
    this.#log = log
  }

  /** Whether writers wait for room; otherwise they are refused. */
  get waits(): boolean {
    return this.#log.config.whenFull === 'wait'
  }

  /** The options that limit the partition, for an error message. */
  get limits(): string {
    const { retentionRecords, retentionBytes } = this.#log.config
    const records = retentionRecords === -1 ? '' : `retentionRecords is ${retentionRecords}`
    const bytes = retentionBytes === -1 ? '' : `retentionBytes is ${retentionBytes}`
    return records !== '' && bytes !== '' ? `${records}, ${bytes}` : records + bytes
  }

  /** Whether so many records and bytes could ever be kept at once. */
  couldFit(count: number, bytes: number): boolean {
    const { retentionRecords, retentionBytes } = this.#log.config
    return (
      (retentionRecords === -1 || count <= retentionRecords) &&
      (retentionBytes === -1 || bytes <= retentionBytes)
    )
  }

  /** Whether so many more records and bytes fit once the consumed records are dropped. */
  fits(count: number, bytes: number): boolean {
    const { retentionRecords, retentionBytes } = this.#log.config
    const log = this.#log
    const from = retentionRecords === -1 ? 0 : log.highWatermark + count - retentionRecords
    if (from > log.logStartOffset && from > log.consumedBefore) return false
    if (retentionBytes === -1 || log.bytes + bytes <= retentionBytes) return true
    return log.bytes - this.#consumedBytes() + bytes <= retentionBytes
  }

  #consumedBytes(): number {
    const { consumedBefore, segments } = this.#log
    let bytes = 0
    for (const segment of segments) {
      if (segment.endOffset > consumedBefore) break
      bytes += segment.bytes
    }
    return bytes
  }

  /** Drops as many consumed records as so many more records and bytes need, where they fit. */
  make(count: number, bytes: number): void {
    const { retentionRecords, retentionBytes } = this.#log.config
    const log = this.#log
    if (retentionRecords !== -1) log.dropConsumed(log.highWatermark + count - retentionRecords)
    if (retentionBytes === -1) return
    while (log.bytes + bytes > retentionBytes) log.dropConsumed(log.segments[0]!.endOffset)
  }
}
