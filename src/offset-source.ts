import type { EpochOffset, Membership } from './engine.ts'

/** What somebody has consumed, and under which membership: what a transaction commits with what it writes. */
export interface ConsumedOffsets {
  /** What errors call the consumer. */
  readonly consumer: string
  readonly groupId: string | undefined
  readonly autoCommit: boolean
  /** Undefined where it is no member now. */
  readonly membership: Membership | undefined
  readonly offsets: readonly EpochOffset[]
}

/** Whoever can say what was consumed: a consumer that is polled, or the context of a handler. */
export interface OffsetSource {
  /** @internal */
  consumedOffsets(): ConsumedOffsets
}

/** Whether a value is one. */
export function isOffsetSource(value: unknown): value is OffsetSource {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<OffsetSource>).consumedOffsets === 'function'
  )
}
