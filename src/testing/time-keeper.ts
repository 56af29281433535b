import { NeverIdleError, TimeoutError } from '../errors.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import type { Moment } from './moment.ts'
import type { Processing } from './processing.ts'
import { describeTimers, type TestClock } from './test-clock.ts'
import { realDelay, requireRealMicrotasks, timersAreFake } from './turns.ts'
import { VirtualClock } from './virtual-clock.ts'

/** What a test broker waits for. */
export interface Goal {
  /** The end of the sentence "Waited for ...". */
  readonly what: string
  /** Whether the goal is reached; asked when all is at rest. Throws where it can never be. */
  reached(): MaybePromise<boolean>
  /** Says why the goal is not reached yet. */
  explain(): Promise<string>
  /** How far time may move for the goal, in milliseconds; undefined where time must stand still. */
  readonly limitMs: number | undefined
  /** How long, in real milliseconds, handlers may await something that the broker's time does not move. */
  readonly realTimeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** Throws where it is of no use to move time on; `what` as above. */
  readonly requireProgress?: (what: string) => void
}

/** Moves the time of a test broker, and knows when moving it is of no use. */
export class TimeKeeper {
  readonly #clock: TestClock
  readonly #processings: () => Iterable<Processing>
  readonly #served: () => readonly string[]
  readonly #moment: Moment
  #moving = 0
  // What is waited for, by the calls that are under way.
  readonly #waiting = new Set<{ readonly what: string }>()

  /** `served`: what clients of a server still have to do; they live in real time, which does not stand still. */
  constructor(
    clock: TestClock,
    moment: Moment,
    processings: () => Iterable<Processing>,
    served: () => readonly string[],
  ) {
    this.#clock = clock
    this.#moment = moment
    this.#processings = processings
    this.#served = served
    clock.onTurn = () => {
      for (const { what } of this.#waiting) return moment.requireEnd(what)
    }
  }

  /**
   * Moves time by `ms` milliseconds.
   *
   * @throws NeverIdleError where what happens at one moment has no end
   */
  async advance(ms: number): Promise<void> {
    await this.#watched(`time to move by ${ms} ms`, () => this.#move(() => this.#clock.advance(ms)))
  }

  // A moment without an end must not keep the caller for ever.
  async #watched(what: string, wait: () => Promise<void>): Promise<void> {
    const waiting = { what }
    this.#waiting.add(waiting)
    this.#moment.begin()
    try {
      await wait()
    } finally {
      this.#waiting.delete(waiting)
    }
  }

  async #move(move: () => Promise<void>): Promise<void> {
    this.#clock.requireMovable()
    this.#moving++
    try {
      await requireRealMicrotasks()
      await move()
    } finally {
      this.#moving--
    }
  }

  /**
   * Resolves when the goal is reached.
   *
   * @throws NeverIdleError where nothing is left that could reach the goal, or what happens at one moment has no end
   * @throws TimeoutError when time has moved as far, or the wait has lasted as long, as the goal allows
   */
  until(goal: Goal): Promise<void> {
    return this.#watched(goal.what, () => this.#until(goal))
  }

  async #until(goal: Goal): Promise<void> {
    const { limitMs } = goal
    if (limitMs !== undefined)
      return this.#move(() => this.#moveUntil(goal, this.#clock.monotonic() + limitMs))
    await requireRealMicrotasks()
    const outside = this.#waitOutside(goal)
    while (!(await this.#reached(goal))) {
      // Another call is moving time, which may reach the goal.
      if (this.#moving > 0) await realDelay(0)
      else if (this.#waitsOutside || this.#serves) await outside()
      else throw await this.#onlyTime(goal)
    }
  }

  /**
   * Returns a function that waits a moment of real time while a handler awaits something other than the broker's time.
   * It resolves with false where no handler does, or none has made progress for `patienceMs`.
   */
  waitPatiently(patienceMs: number): () => Promise<boolean> {
    return this.#patience(patienceMs, () =>
      this.#waitsOutside ? this.#outside.flatMap(({ outside }) => outside) : [],
    )
  }

  #patience(patienceMs: number, left: () => readonly string[]): () => Promise<boolean> {
    let before = ''
    let waitedMs = 0
    return async () => {
      const now = left().join()
      if (now !== before) waitedMs = 0
      before = now
      if (now === '' || waitedMs >= patienceMs) return false
      waitedMs += await shortDelay(waitedMs)
      return true
    }
  }

  async #moveUntil(goal: Goal, end: number): Promise<void> {
    const outside = this.#waitOutside(goal)
    // A client that is gone without leaving is removed by its group when its session expires, in the broker's time.
    const clients = this.#patience(goal.realTimeoutMs, () => (this.#serves ? this.#served() : []))
    while (!(await this.#reached(goal))) {
      goal.requireProgress?.(goal.what)
      if (this.#waitsOutside) await outside()
      else if (!(await clients()) && !(await this.#clock.advanceToNext(end - this.#clock.monotonic())))
        throw await this.#noFurther(goal)
    }
  }

  async #reached(goal: Goal): Promise<boolean> {
    await this.#clock.settle()
    goal.signal?.throwIfAborted()
    return goal.reached()
  }

  // Whether handlers run and nothing waits for a timer, so that they await something other than the broker's time.
  get #waitsOutside(): boolean {
    return !this.#clock.holding && this.#outside.length > 0
  }

  // A client that waits for a timer is not waited for in real time, and neither is one that depends on it.
  get #serves(): boolean {
    return !this.#clock.holding && this.#served().length > 0
  }

  get #outside(): Processing[] {
    return [...this.#processings()].filter(({ outside }) => outside.length > 0)
  }

  #waitOutside(goal: Goal): () => Promise<void> {
    const { realTimeoutMs } = goal
    const noted = new Set<Processing>()
    let waitedMs = 0
    return async () => {
      for (const processing of this.#outside) {
        if (!noted.has(processing)) processing.noteOutside()
        noted.add(processing)
      }
      if (waitedMs >= realTimeoutMs) {
        const handlers = this.#outside.flatMap(({ outside }) => outside).join(', ')
        const why = await goal.explain()
        const awaits =
          handlers === ''
            ? "clients of a server, whose sessions end on the broker's time (advance, advanceUntilIdle)"
            : `something other than the broker's time: ${handlers}`
        const text = `Waited ${realTimeoutMs} ms of real time for ${goal.what}; it awaits ${awaits}. Now: ${why}`
        const timers = handlers === '' ? this.#pendingTimers() : ''
        throw new TimeoutError(text + timers + this.#fakeTimers(), { details: why })
      }
      waitedMs += await shortDelay(waitedMs)
    }
  }

  #fakeTimers(): string {
    if (!(this.#clock instanceof VirtualClock) || !timersAreFake()) return ''
    return ". Fake timers hold setTimeout back: give them to the broker as its option 'timers', and it moves them, too"
  }

  async #onlyTime(goal: Goal): Promise<NeverIdleError> {
    const { pending } = this.#clock
    const why = await goal.explain()
    if (pending.length === 0) return never(goal, why)
    return new NeverIdleError(
      `Waited for ${goal.what}, which needs time to move: call advance() or advanceUntilIdle(). ` +
        `Now: ${why}${this.#pendingTimers()}`,
      { details: pending.map(({ name }) => name) },
    )
  }

  #pendingTimers(): string {
    const { pending } = this.#clock
    return pending.length === 0 ? '' : `; pending timers: ${describeTimers(pending)}`
  }

  async #noFurther(goal: Goal): Promise<NeverIdleError | TimeoutError> {
    const why = await goal.explain()
    if (this.#clock.pending.length === 0) return never(goal, why)
    return new TimeoutError(`Moved ${goal.limitMs} ms, waiting for ${goal.what}: ${why}`, { details: why })
  }
}

// Real time is counted in delays, since a test may have replaced every way to read it. Many short ones take much longer
// than they say.
async function shortDelay(waitedMs: number): Promise<number> {
  const ms = waitedMs < 100 ? 1 : waitedMs < 1000 ? 10 : 50
  await realDelay(ms)
  return ms
}

function never(goal: Goal, why: string): NeverIdleError {
  return new NeverIdleError(
    `Waited for ${goal.what}, but nothing is left that could make it happen: ${why}`,
    {
      details: why,
    },
  )
}
