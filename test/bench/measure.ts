import { performance } from 'node:perf_hooks'

/** How much a row does: full figures, or just enough to see that it runs. */
export interface Scale {
  /** Records of one round. */
  readonly records: number
  /** Rounds go on for about this long, in milliseconds, ... */
  readonly budgetMs: number
  /** ... but there are at least this many, after two that do not count. */
  readonly rounds: number
}

export const full: Scale = { records: 1_000_000, budgetMs: 3000, rounds: 5 }
export const quick: Scale = { records: 100_000, budgetMs: 500, rounds: 5 }
export const tiny: Scale = { records: 200, budgetMs: 0, rounds: 1 }

/** One thing to measure: does the work of one round, for that many records. */
export type Work = (records: number) => Promise<void> | void

/** Something that takes so long that a share of a round's records has to do. */
export interface SlowWork {
  readonly share: number
  readonly work: Work
}

/** A median, and between what the values lie: quartiles of rounds, or the least and the most of processes. */
export interface Measured {
  readonly median: number
  readonly from: number
  readonly to: number
}

/** What is judged: how many times the yardstick, or a figure as it stands. */
export interface Figure {
  readonly yardstick: string
  /** What ours took, in the row's unit. */
  readonly ours: Measured
  readonly theirs: Measured
  /** Ours / theirs, each within one round. */
  readonly ratio: Measured
}

/**
 * Measures in rounds: every yardstick, ours, every yardstick again. A ratio is taken within its round, so what slows
 * the machine down for a while slows both sides, and the medians of the rounds are what counts.
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

/** Two rounds that do not count, then those that do. */
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

/** Makes a figure of what was measured in pairs. */
export function toFigure(yardstick: string, ours: readonly number[], theirs: readonly number[]): Figure {
  const ratios = ours.map((time, round) => time / theirs[round]!)
  return { yardstick, ours: quartiles(ours), theirs: quartiles(theirs), ratio: quartiles(ratios) }
}

/** Of what several processes measured of one yardstick: medians of their medians, and how far those lie apart. */
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
