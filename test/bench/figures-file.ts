import { writeFileSync } from 'node:fs'

/** Writes figures that are kept in the repository, rounded to four digits, which is all that a measurement tells. */
export function writeFigures(file: string, figures: unknown): void {
  const rounded = (_: string, value: unknown) =>
    typeof value === 'number' ? Number(value.toPrecision(4)) : value
  writeFileSync(file, `${JSON.stringify(figures, rounded, 2)}\n`)
}
