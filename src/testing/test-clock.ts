import type { Clock } from '../clock.ts'

/** A clock that a test moves by hand. */
export interface TestClock extends Clock {
  /** The names of the pending timers, the next one to fire first. */
  readonly waiting: readonly string[]
  /** Whether some code waits for a timer, as a sleep or a retry does; other timers only limit or watch. */
  readonly holding: boolean
  /** Fires every timer due within `ms`, in order; promises settle between two timers. */
  advance(ms: number): Promise<void>
  /** Moves to the next timer and fires it; resolves with false where none is due within `withinMs`. */
  advanceToNext(withinMs: number): Promise<boolean>
  /** Resolves when nothing can go on any more without time passing. */
  settle(): Promise<void>
}

// Limits a turn by records, since a budget in milliseconds never ends while time stands still.
export const recordsPerTurn = 1000
