import type { LogConfig } from './log-config.ts'
import type { Segment } from './segment.ts'

/** A log that holds back what is not read. */
export interface HeldLog {
  /** As it is now: a topic may be altered. */
  readonly config: LogConfig
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly bytes: number
  /** The offset after the last record that every group has committed past, or 0. */
  readonly consumedBefore: number
  readonly segments: readonly Segment[]
  /** Lets go of records that every group has committed past. */
  dropConsumed(before: number): void
}

/** The room in a partition whose unread records have to stay: for more there is only what everybody has read. */
export class PartitionRoom {
  readonly #log: HeldLog

  constructor(log: HeldLog) {
    this.#log = log
  }

  /** Whether its writers wait for room; else they are refused. */
  get waits(): boolean {
    return this.#log.config.whenFull === 'wait'
  }

  /** What bounds it, as an error says it. */
  get limits(): string {
    const { retentionRecords, retentionBytes } = this.#log.config
    const records = retentionRecords === -1 ? '' : `retentionRecords is ${retentionRecords}`
    const bytes = retentionBytes === -1 ? '' : `retentionBytes is ${retentionBytes}`
    return records !== '' && bytes !== '' ? `${records}, ${bytes}` : records + bytes
  }

  /** Whether so much could ever be kept at once. */
  couldFit(count: number, bytes: number): boolean {
    const { retentionRecords, retentionBytes } = this.#log.config
    return (
      (retentionRecords === -1 || count <= retentionRecords) &&
      (retentionBytes === -1 || bytes <= retentionBytes)
    )
  }

  /** Whether so much more fits once what everybody has read is gone. */
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

  /** Drops as much of what everybody has read as is needed for so much more, where that fits. */
  make(count: number, bytes: number): void {
    const { retentionRecords, retentionBytes } = this.#log.config
    const log = this.#log
    if (retentionRecords !== -1) log.dropConsumed(log.highWatermark + count - retentionRecords)
    if (retentionBytes === -1) return
    while (log.bytes + bytes > retentionBytes && log.segments.length > 0) {
      const { endOffset } = log.segments[0]!
      if (endOffset > log.consumedBefore) break
      log.dropConsumed(endOffset)
    }
  }
}
