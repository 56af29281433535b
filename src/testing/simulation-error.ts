import type { Timeline } from './timeline.ts'

/** Reports a schedule under which a scenario failed, and how to run it again. */
export class SimulationError extends Error {
  /**
   * The seed: `simulate(scenario, { seed })` runs the schedule again, with the `steps`, `weights` and `instances` that it
   * had.
   */
  readonly seed: number
  /**
   * The steps of the shortest failing schedule that was found: `simulate(scenario, { seed, only })` runs only those, with
   * the same of the other options.
   */
  readonly only: readonly number[]
  /** What each step of the shortest schedule did, a line each. */
  readonly schedule: readonly string[]
  /** Everything that happened under the shortest schedule. */
  readonly timeline: Timeline

  /** @hidden */
  constructor(
    message: string,
    fields: Pick<SimulationError, 'seed' | 'only' | 'schedule' | 'timeline'> & { readonly cause: unknown },
  ) {
    const { seed, only, schedule, timeline, cause } = fields
    super(message, { cause })
    this.name = 'SimulationError'
    this.seed = seed
    this.only = only
    this.schedule = schedule
    this.timeline = timeline
  }
}
