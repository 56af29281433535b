import { short } from '../table.ts'
import type { Sample } from './sample.ts'

/**
 * What each may be at most, by its baseline. Bytes differ by two in a hundred from run to run, even on a machine that does
 * something else. Times differ by a third on one machine, and on another one by what its caches and its clock are: only a
 * record that takes twice as long is a loss for certain. docs/performance.md has the figures.
 */
export const margins: Readonly<Record<keyof Sample, (baseline: number) => number>> = {
  bytes: baseline => baseline * 1.05 + 3,
  // A compilation may come late: two were seen once in forty.
  deoptimisations: baseline => baseline + 2,
  ratio: baseline => baseline * 2,
}

/** What is worse than it was, beyond noise, in words. */
export function lossesOf(now: Sample, before: Sample): string[] {
  return (Object.keys(margins) as (keyof Sample)[])
    .filter(each => now[each] > margins[each](before[each]))
    .map(each => `${each}: ${short(now[each])}, and the baseline is ${short(before[each])}`)
}
