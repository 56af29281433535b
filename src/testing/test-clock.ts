import type { Clock } from '../clock.ts'

/** A clock that a test moves. */
export interface TestClock extends Clock {
  /** What its timers are for, the next one to fire first. */
  readonly waiting: readonly string[]
  /** Whether something waits for one of its timers, as a sleep or a retry does; the others only watch. */
  readonly holding: boolean
  /** Fires every timer due within `ms`, in order, with the promise work between them drained. */
  advance(ms: number): Promise<void>
  /** Moves to the next timer and fires it; false where there is none within `withinMs`. */
  advanceToNext(withinMs: number): Promise<boolean>
  /** Lets everything run that needs no time. */
  settle(): Promise<void>
}

// What bounds a turn where time stands still.
export const recordsPerTurn = 1000
