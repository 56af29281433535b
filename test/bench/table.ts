import type { Line } from './line.ts'
import type { Measured } from './measure.ts'

interface Column {
  readonly title: string
  readonly cell: (line: Line) => string
}

const columns: readonly Column[] = [
  { title: 'row', cell: ({ row }) => `\`${row}\`` },
  { title: 'who', cell: ({ name }) => name },
  { title: 'median', cell: ({ figure, unit }) => `${amount(figure.median)} ${unit}` },
  { title: 'spread', cell: ({ figure }) => range(figure) },
  { title: 'of a bare loop', cell: ({ ofLoop }) => (ofLoop === undefined ? '' : times(ofLoop)) },
  { title: 'of emit', cell: ({ ofEmit }) => (ofEmit === undefined ? '' : times(ofEmit)) },
  { title: 'brokerlet is', cell: ({ ratio }) => (ratio === undefined ? '' : times(ratio.median)) },
  { title: 'spread', cell: ({ ratio }) => (ratio === undefined ? '' : range(ratio)) },
  { title: 'target', cell: limit },
  { title: '', cell: ({ ok }) => (ok === undefined ? '' : ok ? 'ok' : 'over') },
  { title: 'does not', cell: line => line.lacks ?? '' },
]

/** Leaves out empty columns. */
export function toTable(lines: readonly Line[]): string {
  const used = columns.filter(({ cell }) => lines.some(line => cell(line) !== ''))
  return toMarkdown(
    used.map(({ title }) => title),
    lines.map(line => used.map(({ cell }) => cell(line))),
  )
}

/** A table of the figures that have a target. */
export function toTargets(lines: readonly Line[]): string {
  const judged = lines.filter(({ target }) => target !== undefined)
  return toMarkdown(
    ['row', 'beside', 'is', 'target', ''],
    judged.map(line => [
      `\`${line.row}\``,
      line.ratio === undefined ? '' : line.name,
      line.ratio === undefined ? `${amount(line.figure.median)} ${line.unit}` : times(line.ratio.median),
      limit(line),
      line.ok ? 'ok' : 'over',
    ]),
  )
}

/** A table whose columns are aligned, so that its source is readable, too. */
export function toMarkdown(titles: readonly string[], cells: readonly (readonly string[])[]): string {
  const table = [titles, ...cells]
  const widths = titles.map((_, column) => Math.max(...table.map(row => row[column]!.length)))
  const rule = widths.map(width => '-'.repeat(width))
  return [titles, rule, ...cells]
    .map(row => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`)
    .join('\n')
}

function limit({ judged, unit, target }: Line): string {
  if (target === undefined) return ''
  const most = target.toLocaleString('en', { maximumSignificantDigits: 3 })
  return judged === 'ratio' ? `<= ${most}` : `<= ${most} ${unit}`
}

const times = (ratio: number) => `${short(ratio)} times`

const range = ({ from, to }: Measured) => `${amount(from)} - ${amount(to)}`

const amount = (value: number) => (value >= 1000 ? Math.round(value).toLocaleString('en') : short(value))

/** Rounds to about three digits. */
export function short(value: number): string {
  const size = Math.abs(value)
  if (size === 0) return '0'
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 4)
}
