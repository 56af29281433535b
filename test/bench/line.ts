import { lacks } from './lacks.ts'
import type { Figure, Measured } from './measure.ts'
import type { Row } from './row.ts'

/** One line of the table: the figure of brokerlet, or of a yardstick, in one row. */
export interface Line {
  readonly row: string
  readonly unit: Row['unit']
  readonly name: string
  readonly figure: Measured
  /** The figure as a multiple of a bare loop's, and of eventemitter3's emit, for the same records. */
  readonly ofLoop?: number
  readonly ofEmit?: number
  /** For a yardstick: brokerlet's figure as a multiple of this one. */
  readonly ratio?: Measured
  /** The highest allowed value of what is judged. */
  readonly target?: number
  readonly judged?: 'ratio' | 'ours'
  readonly ok?: boolean
  /** The promises of Kafka that it does not keep. */
  readonly lacks?: string
}

export const oursName = 'brokerlet'

const loops = new Set(['push and loop', 'push and await', 'push', 'array loop', 'array await'])

/** Brokerlet first, then the yardsticks. */
export function toLines(row: Row, figures: readonly Figure[]): Line[] {
  const { name, unit, judged = 'ratio' } = row
  const [first] = figures
  if (first === undefined) return []
  const loop = figures.find(({ yardstick }) => loops.has(yardstick))?.ratio.median
  const emit = figures.find(({ yardstick }) => yardstick === 'eventemitter3')?.ratio.median
  // Ratios within a round are the same on a busy machine; so are ratios of these.
  const of = (ratio: number) => ({
    ...(loop !== undefined && { ofLoop: loop / ratio }),
    ...(emit !== undefined && { ofEmit: emit / ratio }),
  })
  const limit = (target: number | undefined, value: number) =>
    target === undefined ? {} : { target, judged, ok: value <= target }
  const own = judged === 'ours' ? Object.values(row.targets ?? {})[0] : undefined
  return [
    { row: name, unit, name: oursName, figure: first.ours, ...of(1), ...limit(own, first.ours.median) },
    ...figures.map(({ yardstick, theirs, ratio }): Line => {
      const target = judged === 'ratio' ? row.targets?.[yardstick] : undefined
      const without = lacks[yardstick]
      return {
        row: name,
        unit,
        name: yardstick,
        figure: theirs,
        ...of(ratio.median),
        ratio,
        ...limit(target, ratio.median),
        ...(without !== undefined && { lacks: without }),
      }
    }),
  ]
}
