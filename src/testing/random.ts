import { aList, type Check, integer, requireArgument } from '../validate.ts'
import { seededRandom } from './seeded-random.ts'

const weightedList: Check = {
  expected: 'an array of objects with a weight',
  accepts: value =>
    Array.isArray(value) &&
    value.every(each => typeof (each as { weight?: unknown } | null)?.weight === 'number'),
}

/** Chance that a seed decides, in the forms that a test asks for. */
export class Random {
  /** From 0 to 1, without 1, as `Math.random` gives it. */
  readonly next: () => number

  constructor(seed: number) {
    requireArgument('Random', 'seed', seed, integer(0))
    this.next = seededRandom(seed)
  }

  /** A whole number from `least` to `most`, both included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  /** True as often as `probability` says, from 0 to 1. */
  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** One of them, each as likely as the others. */
  pick<T>(choices: readonly T[]): T {
    requireArgument('pick', 'choices', choices, aList)
    return choices[Math.floor(this.next() * choices.length)]!
  }

  /** One of them, each as likely as its weight says; undefined where nothing has any. */
  weighted<T extends { readonly weight: number }>(choices: readonly T[]): T | undefined {
    requireArgument('weighted', 'choices', choices, weightedList)
    let left = this.next() * choices.reduce((sum, { weight }) => sum + weight, 0)
    for (const choice of choices) {
      left -= choice.weight
      if (left < 0) return choice
    }
    return undefined
  }

  /** Each of them with that probability. */
  some<T>(choices: readonly T[], probability: number): T[] {
    requireArgument('some', 'choices', choices, aList)
    return choices.filter(() => this.chance(probability))
  }
}
