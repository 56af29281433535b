import type { Clock } from '../../src/clock.ts'

/** Time that a test sets; no timer is ever due. */
export class SetClock implements Clock {
  time = Date.UTC(2020, 0, 1)
  readonly workBudget = { ms: 1, records: 1 }
  now = () => this.time
  monotonic = () => this.time
  setTimer = () => ({ cancel: () => {} })
  turn = () => Promise.resolve()
}
