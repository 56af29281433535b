import type { BrokerClock } from '../broker-clock.ts'
import { Deferred } from '../deferred.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import { type Check, checkOptions, duration, integer, invalidOption, requireArgument } from '../validate.ts'
import { checkScope, covers, describeScope, type FaultPoint, type FaultScope } from './fault-scope.ts'
import type { Timeline } from './timeline.ts'

/** How often a fault comes; default once. */
export type FaultTimes =
  | { readonly times?: number; readonly always?: never }
  | { readonly always: true; readonly times?: never }

/** Holds one operation back until it is released. */
export interface Barrier {
  /** Resolves when an operation has come to it. */
  readonly entered: Promise<void>
  /** Lets the operation go on; before one has come, the barrier is gone. */
  release(): void
}

/** A fault and how often it was met. */
export interface FaultUse {
  readonly action: 'fail' | 'delay' | 'pause'
  readonly scope: FaultScope
  readonly used: number
  /** How often it is still to come; `Infinity` for one that always does. */
  readonly left: number
}

const onlyTrue: Check = { expected: 'true', accepts: value => value === true }

interface Rule {
  readonly action: FaultUse['action']
  readonly scope: FaultScope
  readonly effect: () => MaybePromise<void>
  used: number
  left: number
}

/**
 * What is to go wrong, and when. Faults are met in the order in which they were planned; one that delays and one that
 * fails the same operation do both.
 *
 * @example
 * broker.faults.fail({ operation: 'commit', group: 'billing' }, new Error('coordinator is gone'))
 */
export class FaultPlan {
  readonly #clock: BrokerClock
  readonly #timeline: Timeline
  #rules: Rule[] = []
  readonly #held = new Map<Deferred, string>()

  /** @hidden */
  constructor(clock: BrokerClock, timeline: Timeline) {
    this.#clock = clock
    this.#timeline = timeline
  }

  /**
   * The operation is not done, and whoever asked for it gets the error. A `release` that fails is lost on its way: the
   * group waits for it until `rebalanceTimeoutMs`. A `fetch` that fails crashes its consumer.
   */
  fail(scope: FaultScope, error: unknown, times: FaultTimes = {}): this {
    return this.#add('fail', scope, times, () => {
      throw error
    })
  }

  /** The operation is done `ms` milliseconds later, on the broker's time. */
  delay(scope: FaultScope, ms: number, times: FaultTimes = {}): this {
    requireArgument('faults.delay', 'ms', ms, duration)
    return this.#add('delay', scope, times, () => this.#clock.sleep(ms))
  }

  /** Holds the next such operation back until it is released. */
  pauseNext(scope: FaultScope): Barrier {
    const entered = new Deferred()
    const released = new Deferred()
    this.#add('pause', scope, {}, () => {
      entered.resolve()
      if (!released.settled) this.#held.set(released, describeScope(scope))
      return released.promise
    })
    const rule = this.#rules.at(-1)!
    const release = () => {
      rule.left = 0
      this.#held.delete(released)
      released.resolve()
    }
    return { entered: entered.promise, release }
  }

  /** Takes every fault off the plan and releases what is held back; what was used stays in `uses`. */
  clear(): void {
    for (const rule of this.#rules) rule.left = 0
    for (const released of this.#held.keys()) released.resolve()
    this.#held.clear()
  }

  /** Every fault that was ever planned, with how often it was met. */
  get uses(): readonly FaultUse[] {
    return this.#rules.map(({ action, scope, used, left }) => ({ action, scope, used, left }))
  }

  /** The faults that no operation has met: a test that plans one of these does not test what it says. */
  get unused(): readonly FaultUse[] {
    return this.uses.filter(({ used }) => used === 0)
  }

  /** The unused faults, as sentences. @internal */
  get neverMet(): readonly string[] {
    return this.unused.map(({ action, scope }) => `a fault was never met: ${action} ${describeScope(scope)}`)
  }

  /** What is held back now, as sentences. @internal */
  get held(): readonly string[] {
    return [...this.#held.values()].map(what => `a fault holds back ${what}`)
  }

  #add(action: FaultUse['action'], scope: FaultScope, times: FaultTimes, effect: Rule['effect']): this {
    const where = `faults.${action}`
    checkScope(where, scope)
    const given: { readonly times?: number; readonly always?: true } = times
    checkOptions(where, given, { times: integer(1), always: onlyTrue })
    if (given.always && given.times !== undefined)
      throw invalidOption(where, 'times', `nothing beside 'always'`, given.times)
    const left = given.always ? Number.POSITIVE_INFINITY : (given.times ?? 1)
    this.#rules.push({ action, scope: { ...scope }, effect, used: 0, left })
    return this
  }

  /** Whether anything could be met. @internal */
  get active(): boolean {
    return this.#rules.some(({ left }) => left > 0)
  }

  /**
   * An operation is about to be done: does what is planned for it. Throws, or rejects with, the error of a fault.
   *
   * @internal
   */
  meet(point: FaultPoint): MaybePromise<void> {
    if (this.#rules.length === 0) return
    return this.#meetFrom(0, point)
  }

  #meetFrom(index: number, point: FaultPoint): MaybePromise<void> {
    for (let i = index; i < this.#rules.length; i++) {
      const rule = this.#rules[i]!
      if (rule.left === 0 || !covers(rule.scope, point)) continue
      rule.left--
      rule.used++
      const { action, scope } = rule
      this.#timeline.record({ kind: 'fault', action, what: describeScope(scope), by: point.members[0]! })
      const effect = rule.effect()
      if (effect !== undefined) return effect.then(() => this.#meetFrom(i + 1, point))
    }
  }
}
