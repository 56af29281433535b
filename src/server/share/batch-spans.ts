import type { OffsetSpan } from './share-partition.ts'

/** A record batch among others, and its bytes. */
export interface BatchSpan extends OffsetSpan {
  readonly bytes: Uint8Array
}

// Where a batch of magic 2 says how long it is, and up to which offset it goes.
const lengthAt = 8
const lengthEnd = 12
const lastOffsetDeltaAt = 23

/** The batches of each piece that was read of a log. */
export function batchSpans(pieces: readonly Uint8Array[]): BatchSpan[] {
  const spans: BatchSpan[] = []
  for (const piece of pieces) {
    const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength)
    for (let at = 0; at < piece.length; ) {
      const first = Number(view.getBigInt64(at))
      const size = lengthEnd + view.getInt32(at + lengthAt)
      const last = first + view.getInt32(at + lastOffsetDeltaAt)
      spans.push({ first, last, bytes: piece.subarray(at, at + size) })
      at += size
    }
  }
  return spans
}
