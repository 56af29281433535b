import { median, quantile, toFigure } from '../measure.ts'
import { short, toMarkdown } from '../table.ts'
import type { Series } from './rounds.ts'
import { isRate, type Row } from './row.ts'

/** One line of the table: a row, measured on one server. */
export interface Line {
  readonly row: string
  readonly unit: Row['unit']
  readonly server: string
  readonly median: number
  readonly quartiles: readonly [number, number]
  readonly megabytesPerSecond?: number
  /** For a peer: brokerlet's figure as a multiple of this one, within a round; the median and the quartiles. */
  readonly ratio?: number
  readonly ratioQuartiles?: readonly [number, number]
  readonly target?: string
  readonly ok?: boolean
  readonly rounds: number
}

/**
 * The lines of a row. The first series is brokerlet's, the others are its peers'. A peer that failed has no line, and
 * where brokerlet failed there is none at all.
 */
export function toLines(row: Row, [ours, ...peers]: readonly Series[]): Line[] {
  if (ours === undefined || ours.failure !== undefined) return []
  const limit = row.limit === undefined ? undefined : { most: row.limit, unit: ` ${row.unit}` }
  return [
    { ...line(row, ours), ...judge(median(ours.values), limit) },
    ...peers
      .filter(({ failure }) => failure === undefined)
      .map(peer => {
        const { ratio } = toFigure(peer.server, ours.values, peer.values)
        const target = row.targets?.[peer.server]
        const bound = target === undefined ? undefined : isRate(row) ? { least: target } : { most: target }
        const ratioQuartiles = [ratio.from, ratio.to] as const
        return { ...line(row, peer), ratio: ratio.median, ratioQuartiles, ...judge(ratio.median, bound) }
      }),
  ]
}

function line(row: Row, { server, values }: Series): Line {
  const figure = median(values)
  return {
    row: row.name,
    unit: row.unit,
    server,
    median: figure,
    quartiles: [quantile(values, 0.25), quantile(values, 0.75)],
    ...(row.recordBytes !== undefined && { megabytesPerSecond: (figure * row.recordBytes) / 1e6 }),
    rounds: values.length,
  }
}

interface Bound {
  readonly least?: number
  readonly most?: number
  readonly unit?: string
}

function judge(value: number, bound: Bound | undefined): Pick<Line, 'target' | 'ok'> {
  if (bound === undefined) return {}
  const { least, most, unit = '' } = bound
  if (least !== undefined) return { target: `>= ${least}${unit}`, ok: value >= least }
  return { target: `<= ${most}${unit}`, ok: value <= most! }
}

const header = ['row', 'server', 'median', 'quartiles', 'MB/s', 'brokerlet is', 'quartiles', 'target', '']

export function toTable(lines: readonly Line[]): string {
  return toMarkdown(
    header,
    lines.map(each => [
      each.row,
      each.server,
      `${amount(each.median)} ${each.unit}`,
      range(each.quartiles, amount),
      each.megabytesPerSecond === undefined ? '' : short(each.megabytesPerSecond),
      each.ratio === undefined ? '' : `${short(each.ratio)} times`,
      each.ratioQuartiles === undefined ? '' : range(each.ratioQuartiles, short),
      each.target ?? '',
      each.ok === undefined ? '' : each.ok ? 'ok' : 'missed',
    ]),
  )
}

const range = ([from, to]: readonly [number, number], write: (value: number) => string) =>
  `${write(from)} - ${write(to)}`

const amount = (value: number) => (value >= 1000 ? Math.round(value).toLocaleString('en') : short(value))
