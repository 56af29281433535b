/** Where the records of one partition went, offset by offset. */
export interface MirroredOffsets {
  // A run ends where the distance of the two offsets changes: at a gap left by compaction or a transaction.
  readonly runs: { readonly source: number; readonly target: number }[]
  /** The offset after the last record in the target. */
  end: number
}

/** Notes the target offset of the next record. */
export function noteMirrored(offsets: MirroredOffsets, source: number, target: number): void {
  const last = offsets.runs.at(-1)
  if (last === undefined || target - source !== last.target - last.source)
    offsets.runs.push({ source, target })
  offsets.end = target + 1
}

/** Returns the target offset of the first record at or after a source offset; the end where there is none. */
export function targetOffset({ runs, end }: MirroredOffsets, source: number): number {
  const found = runs.findIndex(run => run.source > source)
  const following = found === -1 ? runs.length : found
  const next = runs[following]?.target ?? end
  const run = runs[following - 1]
  // An offset past the last record of its run lies in the gap before the next run.
  return run === undefined ? next : Math.min(run.target + source - run.source, next)
}
