import type { Interest } from '../engine.ts'

/** A change of what a consumer reads, and what there was before it. */
export interface SubscriptionChange {
  readonly interest: Interest
  before: Interest
  /** Takes back what else has changed with it. */
  undo: () => void
  /** Whether the consumer was ready, or would be without the change. */
  settled: boolean
}

/** What a consumer reads, and what it goes back to where its group refuses a change. (Kafka: SubscriptionState) */
export class Subscription {
  #interest: Interest
  // Those that the group has not answered yet.
  readonly #changes = new Set<SubscriptionChange>()
  // By what was refused: what there was before it.
  readonly #refused = new WeakMap<Interest, Interest>()

  constructor(interest: Interest) {
    this.#interest = interest
  }

  get interest(): Interest {
    return this.#interest
  }

  /** Reads something else from now on. What is returned must be accepted or refused. */
  change(interest: Interest, undo = () => {}, settled = false): SubscriptionChange {
    const change = { interest, before: this.#interest, undo, settled }
    this.#interest = interest
    this.#changes.add(change)
    return change
  }

  /** It has all of an interest by now: it is ready, too, once it goes back to that. */
  settled(interest: Interest): void {
    for (const change of this.#changes) if (change.before === interest) change.settled = true
  }

  /** What an interest has come to: where it was refused, what there was before. */
  outcome(interest: Interest): Interest {
    const before = this.#refused.get(interest)
    return before === undefined ? interest : this.outcome(before)
  }

  accept(change: SubscriptionChange): void {
    this.#changes.delete(change)
  }

  /** Goes back to what there was before. Returns `false` where a later change has the last word. */
  refuse(change: SubscriptionChange): boolean {
    this.#changes.delete(change)
    this.#refused.set(change.interest, change.before)
    // Were that one refused, too, it would go back to what was before this one.
    for (const later of this.#changes) {
      if (later.before !== change.interest) continue
      later.before = change.before
      later.undo = change.undo
      later.settled ||= change.settled
    }
    if (this.#interest !== change.interest) return false
    this.#interest = change.before
    change.undo()
    return true
  }
}
