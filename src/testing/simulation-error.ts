import type { Timeline } from './timeline.ts'

/** A schedule under which a scenario went wrong, and how to see it again. */
export class SimulationError extends Error {
  /** `simulate(scenario, { seed })` runs it again. */
  readonly seed: number
  /** `simulate(scenario, { seed, only })` runs the shortest one that was found: these steps of it. */
  readonly only: readonly number[]
  /** What the steps of the shortest one did, a line each. */
  readonly schedule: readonly string[]
  /** What happened in the shortest one. */
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
