/** Where the records of one partition went, offset by offset. */
export interface MirroredOffsets {
  // A run ends where the distance between the two changes: at a gap that compaction or a transaction has left.
  readonly runs: { readonly source: number; readonly target: number }[]
  /** The offset after the last record in the target. */
  end: number
}

/** Notes where the next record went. */
export function noteMirrored(offsets: MirroredOffsets, source: number, target: number): void {
  const last = offsets.runs.at(-1)
  if (last === undefined || target - source !== last.target - last.source)
    offsets.runs.push({ source, target })
  offsets.end = target + 1
}

/** The offset in the target of the first record at or after an offset of the source; where there is none, the end. */
export function targetOffset({ runs, end }: MirroredOffsets, source: number): number {
  const found = runs.findIndex(run => run.source > source)
  const following = found === -1 ? runs.length : found
  const next = runs[following]?.target ?? end
  const run = runs[following - 1]
  // Past the last record of its run an offset stands in the gap before the next one.
  return run === undefined ? next : Math.min(run.target + source - run.source, next)
}
