import { isBrokerletError } from '../../src/index.ts'
import type { TestBroker } from '../../src/testing/index.ts'

/** What scenes throw by plan. */
export const planned = new Error('planned')

/** The calls of a scene. An error of ours, or a planned one, is an answer; any other one is a problem. */
export class FollowedCalls {
  readonly #problems: string[]
  readonly #underWay = new Map<Promise<void>, string>()

  constructor(problems: string[]) {
    this.#problems = problems
  }

  /** How many have not been answered. */
  get size(): number {
    return this.#underWay.size
  }

  /** Resolves when the call has been answered. */
  follow(what: string, call: () => unknown): Promise<void> {
    const answered = async () => {
      try {
        await call()
      } catch (error) {
        if (error !== planned && !isBrokerletError(error)) this.#problems.push(`${what}: ${String(error)}`)
      }
    }
    const followed = answered().finally(() => this.#underWay.delete(followed))
    this.#underWay.set(followed, what)
    return followed
  }

  /** Notes as problems the calls that have not been answered, and the timers that a closed broker still has. */
  end(broker: Pick<TestBroker, 'pendingTimers'>): void {
    for (const what of this.#underWay.values()) this.#problems.push(`${what} does not end`)
    for (const timer of broker.pendingTimers) this.#problems.push(`timer '${timer}' is left`)
  }
}
