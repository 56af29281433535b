import { performance } from 'node:perf_hooks'

/** How much a row measures: for full figures, or just to see that it runs. */
export interface Scale {
  /** The number of records of one round. */
  readonly records: number
  /** How long the rounds take altogether, about, in milliseconds, ... */
  readonly budgetMs: number
  /** ... but there are at least this many, after two that do not count. */
  readonly rounds: number
}

export const full: Scale = { records: 1_000_000, budgetMs: 3000, rounds: 5 }
export const quick: Scale = { records: 100_000, budgetMs: 500, rounds: 5 }
export const tiny: Scale = { records: 200, budgetMs: 0, rounds: 1 }

/** The work to measure: does one round, for a number of records. */
export type Work = (records: number) => Promise<void> | void

/** Work that takes so long that a share of a round's records must do. */
export interface SlowWork {
  readonly share: number
  readonly work: Work
}

/** A median and its range: the quartiles of rounds, or the lowest and highest value of processes. */
export interface Measured {
  readonly median: number
  readonly from: number
  readonly to: number
}

/** The result of brokerlet beside one yardstick. */
export interface Figure {
  readonly yardstick: string
  /** The figure of brokerlet, in the row's unit. */
  readonly ours: Measured
  readonly theirs: Measured
  /** The ratio of ours to theirs, each within one round. */
  readonly ratio: Measured
}

/**
 * Measures in rounds: every yardstick, brokerlet, every yardstick again. Each ratio is taken within a round, so that a
 * busy machine slows both sides down; the medians of the rounds count.
 */
export async function compare(
  scale: Scale,
  ours: Work,
  yardsticks: Readonly<Record<string, Work | SlowWork>>,
): Promise<Figure[]> {
  const names = Object.keys(yardsticks)
  const times = { ours: [] as number[], theirs: names.map((): number[] => []) }
  await inRounds(scale, async counts => {
    const theirs: number[] = []
    for (const name of names) theirs.push(await timed(yardsticks[name]!, scale.records))
    const mine = await timed(ours, scale.records)
    for (const [i, name] of names.entries())
      theirs[i] = (theirs[i]! + (await timed(yardsticks[name]!, scale.records))) / 2
    if (!counts) return
    times.ours.push(mine)
    for (const [i, time] of theirs.entries()) times.theirs[i]!.push(time)
  })
  return names.map((yardstick, i) => toFigure(yardstick, times.ours, times.theirs[i]!))
}

/** Runs two rounds that do not count, then those that do. */
export async function inRounds(
  { rounds, budgetMs }: Scale,
  run: (counts: boolean) => Promise<void>,
): Promise<void> {
  const warmUps = rounds > 1 ? 2 : 0
  let end = Number.POSITIVE_INFINITY
  for (let round = -warmUps; round < rounds || performance.now() < end; round++) {
    if (round === 0) end = performance.now() + budgetMs
    await run(round >= 0)
  }
}

/** Makes a figure of measurements that were taken in pairs. */
export function toFigure(yardstick: string, ours: readonly number[], theirs: readonly number[]): Figure {
  const ratios = ours.map((time, round) => time / theirs[round]!)
  return { yardstick, ours: quartiles(ours), theirs: quartiles(theirs), ratio: quartiles(ratios) }
}

/**
 * Merges the figures that several processes measured of one yardstick: the median of their medians, and the range of
 * these.
 */
export function merge(figures: readonly Figure[]): Figure {
  const [first] = figures
  if (first === undefined) throw new Error('nothing was measured')
  if (figures.length === 1) return first
  const all = (side: 'ours' | 'theirs' | 'ratio'): Measured => {
    const medians = figures.map(figure => figure[side].median)
    return { median: median(medians), from: Math.min(...medians), to: Math.max(...medians) }
  }
  return { yardstick: first.yardstick, ours: all('ours'), theirs: all('theirs'), ratio: all('ratio') }
}

/** Nanoseconds per record. */
export async function timed(work: Work | SlowWork, records: number): Promise<number> {
  const { share, work: run } = typeof work === 'function' ? { share: 1, work } : work
  const some = Math.ceil(records * share)
  const start = performance.now()
  await run(some)
  return ((performance.now() - start) * 1e6) / some
}

export function quartiles(values: readonly number[]): Measured {
  return { median: median(values), from: quantile(values, 0.25), to: quantile(values, 0.75) }
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}
