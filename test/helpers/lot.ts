import { seededRandom } from '../../src/testing/seeded-random.ts'

/** What a seed draws. */
export class Lot {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  below(n: number): number {
    return Math.floor(this.#random() * n)
  }

  chance(share: number): boolean {
    return this.#random() < share
  }

  oneOf<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!
  }

  /** One of them mostly, two or three now and then. */
  some<T>(draw: () => T): T[] {
    return Array.from({ length: this.oneOf([1, 1, 1, 2, 2, 3]) }, draw)
  }
}

/** The seeds up to a number, or those that `SEEDS=1-500` in the environment asks for instead. */
export function seeds(last: number): readonly number[] {
  const [from, to] = (process.env.SEEDS ?? `1-${last}`).split('-').map(Number) as [number, number]
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}
