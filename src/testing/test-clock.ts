import type { Clock } from '../clock.ts'

/** A timer that has not fired yet. */
export interface PendingTimer {
  readonly name: string
  /** How far time has to move until it fires, in milliseconds. */
  readonly inMs: number
}

/** A clock that a test moves by hand. */
export interface TestClock extends Clock {
  /** The pending timers, the next one to fire first. */
  readonly pending: readonly PendingTimer[]
  /** Whether some code waits for a timer, as a sleep or a retry does; other timers only limit or watch. */
  readonly holding: boolean
  /** Called with each turn of the event loop that it waits for; what it throws ends the wait. @internal */
  onTurn: (() => void) | undefined
  /** @throws IllegalStateError where its time cannot be moved any more */
  requireMovable(): void
  /** Fires every timer due within `ms`, in order; promises settle between two timers. */
  advance(ms: number): Promise<void>
  /** Moves to the next timer and fires it; resolves with false where none is due within `withinMs`. */
  advanceToNext(withinMs: number): Promise<boolean>
  /** Resolves when nothing can go on any more without time passing. */
  settle(): Promise<void>
}

/** The pending timers, for a sentence. */
export function describeTimers(timers: readonly PendingTimer[]): string {
  return timers.map(({ name, inMs }) => `${name} in ${Math.ceil(inMs)} ms`).join(', ')
}

// Limits a turn by records, since a budget in milliseconds never ends while time stands still.
export const recordsPerTurn = 1000
