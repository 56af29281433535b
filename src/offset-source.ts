import type { EpochOffset, Membership } from './engine.ts'

/** The offsets that a consumer has consumed, and its membership: a transaction commits them with its records. */
export interface ConsumedOffsets {
  /** What errors call the consumer. */
  readonly consumer: string
  readonly groupId: string | undefined
  readonly autoCommit: boolean
  /** Undefined where the consumer is no member now. */
  readonly membership: Membership | undefined
  readonly offsets: readonly EpochOffset[]
  /** Says that a transaction has committed them. */
  committed(): void
}

/** A source of consumed offsets: a consumer that is polled, or the context of a handler. */
export interface OffsetSource {
  /** @internal */
  consumedOffsets(): ConsumedOffsets
}

/** Whether a value is an `OffsetSource`. */
export function isOffsetSource(value: unknown): value is OffsetSource {
  try {
    return (
      typeof value === 'object' &&
      value !== null &&
      typeof (value as Partial<OffsetSource>).consumedOffsets === 'function'
    )
  } catch {
    // A proxy whose traps throw, or a getter.
    return false
  }
}
