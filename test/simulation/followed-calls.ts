import { isBrokerletError } from '../../src/index.ts'
import type { TestBroker } from '../../src/testing/index.ts'

/** What scenes throw by plan. */
export const planned = new Error('planned')

/** The calls of a scene. An error of ours, or a planned one, is an answer; any other one is a problem. */
export class FollowedCalls {
  readonly #problems: string[]
  readonly #note: (line: string) => void
  readonly #underWay = new Map<Promise<void>, string>()

  /** `note` hears of each call, and of each error. */
  constructor(problems: string[], note: (line: string) => void = () => {}) {
    this.#problems = problems
    this.#note = note
  }

  /** Those that have not been answered. */
  get underWay(): readonly Promise<void>[] {
    return [...this.#underWay.keys()]
  }

  /** How many have not been answered. */
  get size(): number {
    return this.#underWay.size
  }

  /** Resolves when the call has been answered. */
  follow(what: string, call: () => unknown): Promise<void> {
    this.#note(what)
    const answered = async () => {
      try {
        await call()
      } catch (error) {
        this.#note(`${what}: ${String(error)}`)
        if (error !== planned && !isBrokerletError(error)) this.#problems.push(`${what}: ${String(error)}`)
      }
    }
    const followed = answered().finally(() => this.#underWay.delete(followed))
    this.#underWay.set(followed, what)
    return followed
  }

  /** Notes as problems those that have not been answered: of these calls, or of all. */
  demand(calls: readonly Promise<void>[] = this.underWay): void {
    for (const call of calls) {
      const what = this.#underWay.get(call)
      if (what !== undefined) this.#problems.push(`${what} does not end`)
    }
  }

  /** Notes as problems the calls that have not been answered, and the timers that a closed broker still has. */
  end(broker: Pick<TestBroker, 'pendingTimers'>): void {
    this.demand()
    for (const timer of broker.pendingTimers) this.#problems.push(`timer '${timer}' is left`)
  }
}
