import { AbortWatch } from './abort-watch.ts'
import type { BrokerClock } from './broker-clock.ts'
import { Deferred } from './deferred.ts'
import type { MaybePromise } from './maybe-promise.ts'
import { type Check, checkOptions, integer, invalidOption } from './validate.ts'

/** How often a fault happens; default once. */
export type FaultTimes =
  | { readonly times?: number | undefined; readonly always?: never }
  | { readonly always: true; readonly times?: never }

/** Holds one operation back until it is released. */
export interface Barrier {
  /** Resolves when an operation has reached the barrier. */
  readonly entered: Promise<void>
  /** Lets the operation go on; before one has reached the barrier, removes the barrier. */
  release(): void
}

/** A fault and how often it was met. */
export interface FaultRuleUse<Action, Scope> {
  readonly action: Action
  readonly scope: Scope
  readonly used: number
  /** How often the fault can still happen; `Infinity` for one with `always`. */
  readonly left: number
}

interface Rule<Action, Scope, Point> {
  readonly action: Action
  readonly scope: Scope
  readonly effect: (point: Point) => MaybePromise<void>
  used: number
  left: number
}

/** Tells which operations a scope covers. */
export interface FaultPlaces<Action, Scope, Point> {
  covers(scope: Scope, point: Point): boolean
  /** Called when a fault meets an operation. */
  met?(action: Action, scope: Scope, point: Point): void
}

const onlyTrue: Check = { expected: 'true', accepts: value => value === true }

/** Faults in the order in which they were planned, each for a scope and a number of times. */
export class FaultRules<Action extends string, Scope extends object, Point> {
  readonly #places: FaultPlaces<Action, Scope, Point>
  readonly #rules: Rule<Action, Scope, Point>[] = []
  // Those that can still be met: an operation costs no more for what earlier ones have met.
  readonly #open = new Set<Rule<Action, Scope, Point>>()
  readonly #held = new Map<Deferred, Scope>()
  // Aborts the delays under way.
  readonly #aborts = new AbortWatch()
  #cleared = new AbortController()

  /** @hidden */
  constructor(places: FaultPlaces<Action, Scope, Point>) {
    this.#places = places
  }

  /**
   * Ends every fault; operations that are held back or delayed go on at once. `uses` still lists all of them, with how
   * often each was met, and `unused` those that nothing has met.
   */
  clear(): void {
    for (const rule of this.#open) this.#end(rule)
    for (const released of this.#held.keys()) released.resolve()
    this.#held.clear()
    this.#cleared.abort()
    this.#cleared = new AbortController()
  }

  /** Every fault that was ever planned, with how often it was met. */
  get uses(): readonly FaultRuleUse<Action, Scope>[] {
    return this.#rules.map(({ action, scope, used, left }) => ({ action, scope, used, left }))
  }

  /** The faults that nothing has met: a test that plans one of these does not test what it says. */
  get unused(): readonly FaultRuleUse<Action, Scope>[] {
    return this.uses.filter(({ used }) => used === 0)
  }

  /** Whether a fault can still be met. @internal */
  get active(): boolean {
    return this.#open.size > 0
  }

  /**
   * Applies the faults planned for an operation that is about to begin. Throws, or rejects with, the error of a fault.
   *
   * @internal
   */
  meet(point: Point): MaybePromise<void> {
    if (this.#open.size === 0) return
    return this.#meetRest(this.#open.values(), point)
  }

  // Goes on with the rules that are still to come, also with those that are planned while an operation is held back.
  #meetRest(rules: IterableIterator<Rule<Action, Scope, Point>>, point: Point): MaybePromise<void> {
    for (const rule of rules) {
      if (!this.#places.covers(rule.scope, point)) continue
      rule.left--
      rule.used++
      if (rule.left === 0) this.#open.delete(rule)
      this.#places.met?.(rule.action, rule.scope, point)
      const effect = rule.effect(point)
      if (effect !== undefined) return effect.then(() => this.#meetRest(rules, point))
    }
  }

  #end(rule: Rule<Action, Scope, Point>): void {
    rule.left = 0
    this.#open.delete(rule)
  }

  /** @throws InvalidOptionError where `times` is invalid */
  protected add(
    action: Action,
    scope: Scope,
    times: FaultTimes,
    effect: Rule<Action, Scope, Point>['effect'],
  ): void {
    const where = `faults.${action}`
    const given: { readonly times?: number; readonly always?: true } = times
    checkOptions(where, given, { times: integer(1), always: onlyTrue })
    if (given.always && given.times !== undefined)
      throw invalidOption(where, 'times', `no number beside 'always'`, given.times)
    const left = given.always ? Number.POSITIVE_INFINITY : (given.times ?? 1)
    const rule = { action, scope: { ...scope }, effect, used: 0, left }
    this.#rules.push(rule)
    this.#open.add(rule)
  }

  /** The scopes of the barriers that hold an operation back now. */
  protected get heldBack(): readonly Scope[] {
    return [...this.#held.values()]
  }

  /** Holds an operation back for `ms` milliseconds, or until the faults are cleared, or something of its own ends it. */
  protected async sleep(clock: BrokerClock, ms: number, ...ended: readonly AbortSignal[]): Promise<void> {
    if (ended.some(({ aborted }) => aborted)) return
    const { over, end } = clock.delay(ms, 'sleep')
    const forget = this.#aborts.watch([this.#cleared.signal, ...ended], end)
    await over
    forget()
  }

  /** Holds the next operation in the scope at a barrier. */
  protected addBarrier(action: Action, scope: Scope): Barrier {
    const entered = new Deferred()
    const released = new Deferred()
    this.add(action, scope, {}, () => {
      entered.resolve()
      if (!released.settled) this.#held.set(released, scope)
      return released.promise
    })
    const rule = this.#rules.at(-1)!
    const release = () => {
      this.#end(rule)
      this.#held.delete(released)
      released.resolve()
    }
    return { entered: entered.promise, release }
  }
}
