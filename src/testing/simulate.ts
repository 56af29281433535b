import { describeError, isError } from '../thrown.ts'
import type { OpenTopics, TopicMap } from '../topic-definition.ts'
import {
  anObject,
  type Check,
  type Checks,
  checkOptions,
  integer,
  invalidOption,
  listOf,
} from '../validate.ts'
import { type Scenario, type ScenarioParts, toParts } from './scenario.ts'
import {
  defaultWeights,
  drawSchedule,
  type Step,
  type StepKind,
  type StepWeights,
  weightsOf,
} from './schedule.ts'
import { shrink } from './shrink.ts'
import { SimulationError } from './simulation-error.ts'
import { SimulationRun } from './simulation-run.ts'
import type { Timeline } from './timeline.ts'

/** How many schedules a simulation runs, and of what kind. */
export interface SimulateOptions {
  /** How many schedules to run, with the seeds from 1 on; default 100. */
  readonly seeds?: number | undefined
  /** Runs only the schedule of this seed, which a failure reports. */
  readonly seed?: number | undefined
  /** Runs only these steps of that schedule, which a failure reports for the shortest one. */
  readonly only?: readonly number[] | undefined
  /** How many steps a schedule has; default 50. */
  readonly steps?: number | undefined
  /** How likely each kind of step is, relative to the others; 0 is never. */
  readonly weights?: StepWeights | undefined
  /** How many instances of a service run at once at most; default 3. */
  readonly instances?: number | undefined
  /** How many shorter schedules to try after one has failed; default 300. */
  readonly shrinkAttempts?: number | undefined
}

/** The report of a simulation in which no schedule failed. */
export interface SimulationReport {
  readonly seeds: number
  /**
   * How often a step of each kind was carried out: one that finds no target, such as no
   * instance to stop, does not count.
   */
  readonly steps: Readonly<Record<StepKind, number>>
  /** What happened under the last seed. */
  readonly timeline: Timeline
}

const weight: Check = {
  expected: 'a number of 0 or more',
  accepts: value => Number.isFinite(value) && (value as number) >= 0,
}

const weightChecks = Object.fromEntries(
  Object.keys(defaultWeights).map(kind => [kind, weight]),
) as Checks<StepWeights>

const stepList: Check = listOf({ ...integer(0), expected: 'step numbers' })

/**
 * Runs services under many schedules, each drawn from a seed: actions from outside, instances that start, stop and
 * crash, operations that fail or are slow, records that come again, and time in between. At the end of each schedule,
 * faults stop, every service runs again, the broker becomes idle, and the promises of the scenario are checked.
 *
 * @throws SimulationError for the first seed that fails, with the shortest failing schedule
 * found; its `cause` is the failure
 *
 * @example
 * await simulate({
 *   topics,
 *   services: { orders: startOrders, billing: startBilling },
 *   actions: {
 *     order: ({ broker, step }) => broker.producer().send({ topic: 'orders', key: 'ada', value: { id: step } }),
 *   },
 * })
 */
export async function simulate<Topics extends TopicMap = OpenTopics>(
  scenario: Scenario<Topics>,
  options: SimulateOptions = {},
): Promise<SimulationReport> {
  return new Simulation(toParts(scenario), options).explore()
}

class Simulation<Topics extends TopicMap> {
  readonly #parts: ScenarioParts<Topics>
  readonly #options: SimulateOptions
  readonly #counts = Object.fromEntries(Object.keys(defaultWeights).map(kind => [kind, 0])) as Record<
    StepKind,
    number
  >

  constructor(parts: ScenarioParts<Topics>, options: SimulateOptions) {
    checkOptions('simulate', options, {
      seeds: integer(1),
      seed: integer(0),
      only: stepList,
      steps: integer(0),
      weights: anObject,
      instances: integer(1),
      shrinkAttempts: integer(0),
    })
    const { seed, seeds, only } = options
    if (seed !== undefined && seeds !== undefined)
      throw invalidOption('simulate', 'seeds', `no seeds beside 'seed'`, seeds)
    if (only !== undefined && seed === undefined)
      throw invalidOption('simulate', 'only', `a 'seed' beside it`, only)
    const { weights = {} } = options
    checkOptions('simulate: weights', weights, weightChecks)
    if (weightsOf(weights).every(each => each.weight === 0))
      throw invalidOption('simulate', 'weights', 'one above 0', weights)
    // Such a step does not exist: the simulation would run without it and pass.
    const { steps = 50 } = options
    if (only?.some(at => at >= steps))
      throw invalidOption('simulate', 'only', `numbers below steps (${steps})`, only)
    this.#parts = parts
    this.#options = options
  }

  async explore(): Promise<SimulationReport> {
    const { seed, seeds = 100, only } = this.#options
    const first = seed ?? 1
    const last = seed ?? seeds
    for (let next = first; ; next++) {
      const schedule = this.#draw(next)
      const chosen = only === undefined ? schedule : schedule.filter(({ at }) => only.includes(at))
      const attempt = await this.#attempt(next, chosen)
      if (attempt.failed) throw await this.#shortest(next, chosen, attempt)
      for (const { step } of attempt.run.done) this.#counts[step.kind]++
      if (next === last)
        return { seeds: last - first + 1, steps: this.#counts, timeline: attempt.run.timeline }
    }
  }

  #draw(seed: number): Step[] {
    const { steps = 50, weights = {} } = this.#options
    const { actions, services } = this.#parts
    return drawSchedule(seed, steps, weights, {
      actions: Object.keys(actions),
      services: Object.keys(services),
    })
  }

  async #attempt(seed: number, schedule: readonly Step[]): Promise<Attempt<Topics>> {
    const run = new SimulationRun(this.#parts, seed, this.#options.instances ?? 3)
    try {
      await run.run(schedule)
      return { run, failed: false, error: undefined }
    } catch (error) {
      return { run, failed: true, error }
    }
  }

  // A schedule that fails with another error has another cause, so it does not count as a shorter one.
  async #shortest(seed: number, whole: readonly Step[], attempt: Attempt<Topics>): Promise<SimulationError> {
    const { shrinkAttempts = 300 } = this.#options
    let shortest = attempt
    const fails = async (schedule: readonly Step[]) => {
      const next = await this.#attempt(seed, schedule)
      if (!next.failed || kindOf(next.error) !== kindOf(attempt.error)) return false
      shortest = next
      return true
    }
    const replays = shrinkAttempts === 0 || (await fails(whole))
    const steps = replays ? await shrink(whole, fails, shrinkAttempts) : whole
    return toError(seed, whole, steps, shortest, replays, this.#options)
  }
}

interface Attempt<Topics extends TopicMap> {
  readonly run: SimulationRun<Topics>
  readonly failed: boolean
  readonly error: unknown
}

function kindOf(error: unknown): string {
  if (!isError(error)) return typeof error
  return `${error.name} ${(error as { readonly code?: unknown }).code}`
}

function toError<Topics extends TopicMap>(
  seed: number,
  whole: readonly Step[],
  steps: readonly Step[],
  { run, error }: Attempt<Topics>,
  replays: boolean,
  options: SimulateOptions,
): SimulationError {
  const schedule = run.done.map(({ step, what }) => `step ${step.at}: ${what}`)
  const only = steps.map(({ at }) => at)
  const lines = schedule.length === 0 ? ['  none: it fails by itself'] : schedule.map(line => `  ${line}`)
  const shorter =
    steps.length < whole.length ? [`Or only its shortest part: ${callOf({ ...options, seed, only })}`] : []
  const exact =
    replays && run.timeline.ofKind('outside').length === 0
      ? []
      : [
          `It ${replays ? 'may not' : 'did not'} fail the same way again: something in it does not come from the broker`,
        ]
  const message = [
    `With seed ${seed}: ${describeError(error)}`,
    '',
    `The steps of the shortest schedule that was found (${steps.length} of ${whole.length}):`,
    ...lines,
    '',
    `Again: ${callOf({ ...options, seed })}`,
    ...shorter,
    ...exact,
  ].join('\n')
  return new SimulationError(message, { seed, only, schedule, timeline: run.timeline, cause: error })
}

// The call that runs a schedule again: with all that the schedule follows from.
function callOf({ seed, steps, weights, instances, only }: SimulateOptions): string {
  const options = Object.entries({ seed, steps, weights, instances, only })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${JSON.stringify(value).replace(/[:,]/g, '$& ')}`)
  return `simulate(scenario, { ${options.join(', ')} })`
}
