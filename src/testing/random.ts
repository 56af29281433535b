import { aList, type Check, integer, requireArgument } from '../validate.ts'
import { seededRandom } from './seeded-random.ts'

const weightedList: Check = {
  expected: 'an array of objects with a weight',
  accepts: value =>
    Array.isArray(value) &&
    value.every(each => typeof (each as { weight?: unknown } | null)?.weight === 'number'),
}

/** A random source that a seed decides, with the draws that a test needs. */
export class Random {
  /** Returns a number from 0 to 1, without 1, as `Math.random` does. */
  readonly next: () => number

  constructor(seed: number) {
    requireArgument('Random', 'seed', seed, integer(0))
    this.next = seededRandom(seed)
  }

  /** Returns a whole number from `least` to `most`, both included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  /** Returns true with this probability, from 0 to 1. */
  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** Returns one of the choices, each as likely as the others. */
  pick<T>(choices: readonly T[]): T {
    requireArgument('pick', 'choices', choices, aList)
    return choices[Math.floor(this.next() * choices.length)]!
  }

  /** Returns one of the choices, each as likely as its weight says; undefined where no choice has any weight. */
  weighted<T extends { readonly weight: number }>(choices: readonly T[]): T | undefined {
    requireArgument('weighted', 'choices', choices, weightedList)
    let left = this.next() * choices.reduce((sum, { weight }) => sum + weight, 0)
    for (const choice of choices) {
      left -= choice.weight
      if (left < 0) return choice
    }
    return undefined
  }

  /** Returns some of the choices, each with this probability. */
  some<T>(choices: readonly T[], probability: number): T[] {
    requireArgument('some', 'choices', choices, aList)
    return choices.filter(() => this.chance(probability))
  }
}
