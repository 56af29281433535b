import type { Figure } from './measure.ts'
import type { Row, Target } from './row.ts'

/** One line of the table. */
export interface Line extends Figure {
  readonly row: string
  readonly unit: Row['unit']
  readonly judged: 'ratio' | 'ours'
  readonly target: Target
  /** Against the first target; undefined where there is none. */
  readonly ok: boolean | undefined
}

export function toLines(row: Row, figures: readonly Figure[]): Line[] {
  const { name, unit, judged = 'ratio' } = row
  return figures.map(figure => {
    const target = row.targets?.[figure.yardstick] ?? {}
    const ok = target.first === undefined ? undefined : figure[judged] <= target.first
    return { row: name, unit, judged, target, ok, ...figure }
  })
}

const header = ['row', 'ours', 'yardstick', 'ratio', 'quartiles', 'target', 'later', '']

export function toTable(lines: readonly Line[]): string {
  const cells = lines.map(line => [
    line.row,
    `${short(line.ours)} ${line.unit}`,
    `${short(line.theirs)} (${line.yardstick})`,
    short(line.ratio),
    `${short(line.spread[0])} - ${short(line.spread[1])}`,
    limit(line, line.target.first),
    limit(line, line.target.later),
    line.ok === undefined ? '' : line.ok ? 'ok' : 'over',
  ])
  return toMarkdown(header, cells)
}

/** A table whose columns are aligned, so that it can be read as it stands, too. */
export function toMarkdown(columns: readonly string[], cells: readonly (readonly string[])[]): string {
  const table = [columns, ...cells]
  const widths = columns.map((_, column) => Math.max(...table.map(row => row[column]!.length)))
  const rule = widths.map(width => '-'.repeat(width))
  return [columns, rule, ...cells]
    .map(row => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`)
    .join('\n')
}

function limit({ judged, unit }: Line, value: number | undefined): string {
  if (value === undefined) return ''
  return judged === 'ratio' ? `<= ${value}` : `<= ${value} ${unit}`
}

/** Three digits, or so. */
export function short(value: number): string {
  const size = Math.abs(value)
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 4)
}
