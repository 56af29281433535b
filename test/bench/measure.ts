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

export const full: Scale = { records: 100_000, budgetMs: 5000, rounds: 9 }
export const quick: Scale = { records: 50_000, budgetMs: 1200, rounds: 5 }
export const tiny: Scale = { records: 200, budgetMs: 0, rounds: 1 }

/** One thing to measure: does the work of one round, for that many records. */
export type Work = (records: number) => Promise<void> | void

/** What is judged: how many times the yardstick, or a figure as it stands. */
export interface Figure {
  readonly yardstick: string
  /** What ours took, in the row's unit. */
  readonly ours: number
  readonly theirs: number
  /** The median of ours / theirs, each within one round. */
  readonly ratio: number
  /** The quartiles of that ratio. */
  readonly spread: readonly [number, number]
  readonly rounds: number
}

/**
 * Measures in rounds: every yardstick, ours, every yardstick again. A ratio is taken within its round, so what slows
 * the machine down for a while slows both sides, and the medians of the rounds are what counts.
 */
export async function compare(
  scale: Scale,
  ours: Work,
  yardsticks: Readonly<Record<string, Work>>,
): Promise<Figure[]> {
  const names = Object.keys(yardsticks)
  const times = { ours: [] as number[], theirs: names.map((): number[] => []) }
  const end = performance.now() + scale.budgetMs
  const warmUps = scale.rounds > 1 ? 2 : 0
  for (let round = -warmUps; round < scale.rounds || performance.now() < end; round++) {
    const theirs: number[] = []
    for (const name of names) theirs.push(await timed(yardsticks[name]!, scale.records))
    const mine = await timed(ours, scale.records)
    for (const [i, name] of names.entries())
      theirs[i] = (theirs[i]! + (await timed(yardsticks[name]!, scale.records))) / 2
    if (round < 0) continue
    times.ours.push(mine)
    for (const [i, time] of theirs.entries()) times.theirs[i]!.push(time)
  }
  return names.map((yardstick, i) => toFigure(yardstick, times.ours, times.theirs[i]!))
}

/** Makes a figure of what was measured in pairs. */
export function toFigure(yardstick: string, ours: readonly number[], theirs: readonly number[]): Figure {
  const ratios = ours.map((time, round) => time / theirs[round]!)
  return {
    yardstick,
    ours: median(ours),
    theirs: median(theirs),
    ratio: median(ratios),
    spread: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
    rounds: ours.length,
  }
}

/** Nanoseconds per record. */
async function timed(work: Work, records: number): Promise<number> {
  const start = performance.now()
  await work(records)
  return ((performance.now() - start) * 1e6) / records
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}
