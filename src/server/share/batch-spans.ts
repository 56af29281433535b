import type { OffsetSpan } from './offset-span.ts'

/** The offsets of a record batch, and its bytes. */
export interface BatchSpan extends OffsetSpan {
  readonly bytes: Uint8Array
}

// Where a batch of magic 2 has its length, and the delta of its last offset.
const lengthAt = 8
const lengthEnd = 12
const lastOffsetDeltaAt = 23

/** Finds the batches in each piece that was read from a log. */
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
