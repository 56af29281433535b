import { it } from 'vitest'
import { runSchedule, ScheduleError } from '../simulation/schedule.ts'
import { seeds } from './rooms.ts'

declare module 'vitest' {
  interface TaskMeta {
    /** What the simulation found, and with which seed. */
    anomaly?: { readonly kind: string; readonly seed: number }
  }
}

// The simulation, as a run with a deliberate bug has it; `npm test` has its own.
it(`shows no anomaly in ${seeds} schedules`, { timeout: 600_000 }, async ({ task }) => {
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      await runSchedule(seed)
    } catch (error) {
      if (error instanceof ScheduleError) task.meta.anomaly = { kind: error.kind, seed }
      throw error
    }
  }
})
