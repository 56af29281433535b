import type { Figure, Scale } from './measure.ts'

/** At most this; `later` is what a later release aims at. */
export interface Target {
  readonly first?: number
  readonly later?: number
}

/** One line of work of the benchmark, with a line of the table for each yardstick. */
export interface Row {
  readonly name: string
  readonly what: string
  readonly unit: 'ns/record' | 'bytes/record' | 'ms' | 'records' | 'MB'
  /** What the target speaks of: the ratio (by default), or ours alone. */
  readonly judged?: 'ratio' | 'ours'
  /** By yardstick. */
  readonly targets?: Readonly<Record<string, Target>>
  measure(scale: Scale): Promise<Figure[]>
}
