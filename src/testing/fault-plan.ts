import type { BrokerClock } from '../broker-clock.ts'
import { type Barrier, FaultRules, type FaultRuleUse, type FaultTimes } from '../fault-rules.ts'
import { duration, requireArgument } from '../validate.ts'
import { checkScope, covers, describeScope, type FaultPoint, type FaultScope } from './fault-scope.ts'
import type { Timeline } from './timeline.ts'

type FaultAction = 'fail' | 'delay' | 'pause'

/** A fault and how often it was met. */
export type FaultUse = FaultRuleUse<FaultAction, FaultScope>

/**
 * What is to go wrong, and when. Faults are met in the order in which they were planned; one that delays and one that
 * fails the same operation do both.
 *
 * @example
 * broker.faults.fail({ operation: 'commit', group: 'billing' }, new Error('coordinator is gone'))
 */
export class FaultPlan extends FaultRules<FaultAction, FaultScope, FaultPoint> {
  readonly #clock: BrokerClock
  // Ends the delays under way.
  #cleared = new AbortController()

  /** @hidden */
  constructor(clock: BrokerClock, timeline: Timeline) {
    super({
      covers,
      describe: describeScope,
      met: (action, scope, { members }) =>
        void timeline.record({ kind: 'fault', action, what: describeScope(scope), by: members[0]! }),
    })
    this.#clock = clock
  }

  /**
   * The operation is not done, and whoever asked for it gets the error. A `release` that fails is lost on its way: the
   * group waits for it until `rebalanceTimeoutMs`. A `fetch` that fails crashes its consumer; one that is polled throws the
   * error, and reads on with the next poll.
   */
  fail(scope: FaultScope, error: unknown, times: FaultTimes = {}): this {
    checkScope('faults.fail', scope)
    this.add('fail', scope, times, () => {
      throw error
    })
    return this
  }

  /** The operation is done `ms` milliseconds later, on the broker's time. */
  delay(scope: FaultScope, ms: number, times: FaultTimes = {}): this {
    requireArgument('faults.delay', 'ms', ms, duration)
    checkScope('faults.delay', scope)
    this.add('delay', scope, times, () => this.#sleep(ms))
    return this
  }

  // Who is delayed goes on where the plan is cleared.
  #sleep(ms: number): Promise<void> {
    return this.#clock.sleep(ms, { signal: this.#cleared.signal }).catch(() => {})
  }

  /** Takes every fault off the plan; what is held back or delayed goes on at once, and what was used stays in `uses`. */
  override clear(): void {
    super.clear()
    this.#cleared.abort()
    this.#cleared = new AbortController()
  }

  /** Holds the next such operation back until it is released. */
  pauseNext(scope: FaultScope): Barrier {
    checkScope('faults.pauseNext', scope)
    return this.addBarrier('pause', scope)
  }
}
