/** Offsets from `from` up to, and without, `to`. */
export interface OffsetRange {
  readonly from: number
  readonly to: number
}

// What group coordinators take at most (offset.metadata.max.bytes).
const mostBytes = 4096
const prefix = 'done:'

/**
 * Ranges above a committed offset, relative to it, as the metadata of the commit: `done:+2-5,+9`. What does not fit is left
 * out, beginning with the highest; undefined for none.
 */
export function toMetadata(base: number, ranges: readonly OffsetRange[]): string | undefined {
  let text = prefix
  for (const { from, to } of ranges) {
    const first = `+${from - base}`
    const range = to - from === 1 ? first : `${first}-${to - 1 - base}`
    const next = text === prefix ? text + range : `${text},${range}`
    if (next.length > mostBytes) break
    text = next
  }
  return text === prefix ? undefined : text
}

/** The ranges in the metadata of a commit; none where `toMetadata` did not write it. */
export function fromMetadata(base: number, metadata: string | undefined): OffsetRange[] {
  if (metadata === undefined || !/^done:\+\d+(-\d+)?(,\+\d+(-\d+)?)*$/.test(metadata)) return []
  return metadata
    .slice(prefix.length)
    .split(',')
    .map(range => {
      const [first, last = first] = range.slice(1).split('-').map(Number)
      return { from: base + first!, to: base + last! + 1 }
    })
}
