import { short } from '../table.ts'
import type { Sample } from './sample.ts'

/**
 * The highest allowed value of each, by its baseline. Bytes differ by two in a hundred from run to run, even on a busy
 * machine. Times differ by a third on one machine, and between machines by their caches and clocks: only a record that
 * takes twice as long is certainly a loss. docs/performance.md has the figures.
 */
export const margins: Readonly<Record<keyof Sample, (baseline: number) => number>> = {
  bytes: baseline => baseline * 1.05 + 3,
  // A compilation may come late: two were seen once in forty runs.
  deoptimisations: baseline => baseline + 2,
  ratio: baseline => baseline * 2,
}

/** Returns, in words, what has become worse, beyond noise. */
export function lossesOf(now: Sample, before: Sample): string[] {
  return (Object.keys(margins) as (keyof Sample)[])
    .filter(each => now[each] > margins[each](before[each]))
    .map(each => `${each}: ${short(now[each])}, and the baseline is ${short(before[each])}`)
}
