import { firstIndex } from '../../binary-search.ts'

/** Offsets from one to another, both included. */
export interface OffsetSpan {
  readonly first: number
  readonly last: number
}

/** The index of the first span that ends at or after an offset, of spans in order. */
export function firstEndingAt(offset: number, spans: readonly OffsetSpan[]): number {
  return firstIndex(spans, ({ last }) => last >= offset)
}

/** The parts of a span that lie in others, which are in order. */
export function overlaps({ first, last }: OffsetSpan, spans: readonly OffsetSpan[]): OffsetSpan[] {
  const found: OffsetSpan[] = []
  for (let i = firstEndingAt(first, spans); i < spans.length && spans[i]!.first <= last; i++) {
    const span = spans[i]!
    found.push({ first: Math.max(first, span.first), last: Math.min(last, span.last) })
  }
  return found
}

/** How many offsets there are in spans. */
export function countOffsets(spans: readonly OffsetSpan[]): number {
  return spans.reduce((sum, { first, last }) => sum + last - first + 1, 0)
}
