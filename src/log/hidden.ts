import type { Hidden } from './segment.ts'

/** How a column of marks says why a record, or a batch, is hidden; 0 where it is not. */
export const hiddenCodes: Readonly<Record<Hidden, number>> = { aborted: 1, control: 2 }

/** The column with one more mark; a longer one, of `capacity`, where it is too short, or there is none yet. */
export function marked(
  column: Uint8Array | undefined,
  index: number,
  why: Hidden,
  capacity: number,
): Uint8Array {
  let marks = column
  if (marks === undefined || marks.length <= index) {
    marks = new Uint8Array(capacity)
    if (column !== undefined) marks.set(column)
  }
  marks[index] = hiddenCodes[why]
  return marks
}

/** Whether a reader gets what has this mark; `committed` for a `read_committed` reader. */
export function isVisible(mark: number | undefined, committed: boolean): boolean {
  return !mark || (mark === hiddenCodes.aborted && !committed)
}
