import type { BrokerClock } from '../broker-clock.ts'
import { warn } from '../events.ts'
import { type Barrier, FaultRules, type FaultRuleUse, type FaultTimes } from '../fault-rules.ts'
import { didYouMean, suggest } from '../suggest.ts'
import { type Check, duration, requireArgument } from '../validate.ts'
import { checkScope, covers, describeScope, type FaultPoint, type FaultScope } from './fault-scope.ts'
import type { Timeline } from './timeline.ts'

// A handler may throw anything; without an error, its caller would not know that something failed.
const anError: Check = { expected: 'an error', accepts: value => value !== undefined }

const nothing = () => {}

type FaultAction = 'fail' | 'delay' | 'pause'

/** A fault, and how often it was met. */
export type FaultUse = FaultRuleUse<FaultAction, FaultScope>

/**
 * The faults that are planned, met in the order in which they were planned. A delay and a failure of
 * the same operation both apply. A scope that no operation can fit is refused: InvalidOptionError.
 *
 * @example
 * broker.faults.fail({ operation: 'commit', group: 'billing' }, new Error('coordinator is gone'))
 */
export class FaultPlan extends FaultRules<FaultAction, FaultScope, FaultPoint> {
  readonly #clock: BrokerClock
  readonly #timeline: Timeline
  readonly #topics: ReadonlyMap<string, unknown>
  readonly #groups: ReadonlyMap<string, unknown>
  readonly #watch: (what: string) => () => void

  /** `watch` is told what is waited for, and returns what ends that. @hidden */
  constructor(
    clock: BrokerClock,
    timeline: Timeline,
    { topics, groups }: Readonly<Record<'topics' | 'groups', ReadonlyMap<string, unknown>>>,
    watch: (what: string) => () => void,
  ) {
    super({
      covers,
      met: (action, scope, { members }) =>
        void timeline.record({ kind: 'fault', action, what: describeScope(scope), by: members[0]! }),
    })
    this.#clock = clock
    this.#timeline = timeline
    this.#topics = topics
    this.#groups = groups
    this.#watch = watch
  }

  /** The operations held back now, as sentences. @internal */
  get held(): readonly string[] {
    return this.heldBack.map(scope => `a fault holds back ${describeScope(scope)}`)
  }

  /** The unused faults, as sentences. @internal */
  get neverMet(): readonly string[] {
    return this.#neverMet().map(({ text, meant }) => text + meant)
  }

  /** The unused faults for a group that there never was, and nearly, as sentences. @internal */
  get misspelt(): readonly string[] {
    return this.#neverMet().flatMap(({ text, meant }) => (meant === '' ? [] : [text + meant]))
  }

  #neverMet(): { readonly text: string; readonly meant: string }[] {
    return this.unused.map(({ action, scope }) => ({
      text: `a fault was never met: ${action} ${describeScope(scope)}`,
      meant: this.#meantGroup(scope.group),
    }))
  }

  // A fault is often planned before its group exists, and groups have names that are nearly alike: only in the end is it
  // known that none had this name.
  #meantGroup(group: string | undefined): string {
    if (group === undefined) return ''
    const joined = this.#timeline.ofKind('joined').flatMap(entry => entry.group ?? [])
    const known = new Set([...this.#groups.keys(), ...joined])
    const meant = known.has(group) ? '' : didYouMean(suggest(group, known))
    return meant === '' ? '' : `. There is no group '${group}'${meant}`
  }

  /** Checks a scope, and warns where it names a topic that there is not, but nearly. */
  #check(where: string, scope: FaultScope): void {
    checkScope(where, scope)
    const { topic } = scope
    if (topic === undefined || this.#topics.has(topic)) return
    // It may be created later, so that is no error; but such a fault is met by nothing, and a test would pass for that.
    const meant = didYouMean(suggest(topic, this.#topics.keys()))
    if (meant !== '') warn(`${where}: there is no topic '${topic}' by now${meant}`)
  }

  /**
   * Makes an operation fail: it is not done, and its caller gets the error. A `release` that fails is lost: the group
   * waits for it until `rebalanceTimeoutMs`. A `fetch` that fails crashes its consumer; a consumer that is polled
   * throws the error from `poll`, and reads on with the next one.
   */
  fail(scope: FaultScope, error: unknown, times: FaultTimes = {}): this {
    this.#check('faults.fail', scope)
    requireArgument('faults.fail', 'error', error, anError)
    this.add('fail', scope, times, () => {
      throw error
    })
    return this
  }

  /** Makes an operation take `ms` milliseconds longer, on the broker's time. */
  delay(scope: FaultScope, ms: number, times: FaultTimes = {}): this {
    requireArgument('faults.delay', 'ms', ms, duration)
    this.#check('faults.delay', scope)
    this.add('delay', scope, times, () => this.sleep(this.#clock, ms))
    return this
  }

  /** Holds the next operation of this scope back until the barrier is released. */
  pauseNext(scope: FaultScope): Barrier {
    this.#check('faults.pauseNext', scope)
    const barrier = this.addBarrier('pause', scope)
    const watch = () => this.#watch(`an operation to come to a barrier (${describeScope(scope)})`)
    let unwatch: (() => void) | undefined
    const over = () => {
      unwatch?.()
      unwatch = nothing
    }
    void barrier.entered.then(over)
    return {
      // Who asks for it waits.
      get entered() {
        unwatch ??= watch()
        return barrier.entered
      },
      release() {
        over()
        barrier.release()
      },
    }
  }
}
