import { Random } from './random.ts'

/**
 * A kind of step in a schedule.
 *
 * - `act`: runs one of the scenario's actions.
 * - `start`: starts one more instance of a service. `stop`: closes an instance in order. `crash`: kills an instance, at
 *   once, or when it has written up to three times and has not heard of the last.
 * - `fail`, `delay`: makes a send or an operation of a group fail, or take longer (`broker.faults`), up to three times.
 *   A consumer without a group may be slow to fetch, too.
 * - `redeliver`: delivers a record again that a group has committed.
 * - `time`: moves the broker's time. `turn`: lets promises go on for a few steps while no time passes.
 */
export type StepKind = 'act' | 'start' | 'stop' | 'crash' | 'fail' | 'delay' | 'redeliver' | 'time' | 'turn'

/**
 * One step. It picks its target by a number from 0 to 1, among the targets that exist when the step runs, so that it
 * still means something where other steps are left out.
 */
export interface Step {
  /** Its number in the whole schedule. */
  readonly at: number
  readonly kind: StepKind
  /** The name of the action or the service. */
  readonly name: string
  readonly pick: number
  /** The seed of the random source that an action gets. */
  readonly seed: number
  /** For `crash`: whether the instance crashes only once it has written, and hears nothing of that. */
  readonly onWrite: boolean
  /** Milliseconds, for `time` and `delay`. */
  readonly ms: number
  /** How often: for `turn`, `fail`, `delay`, and how often it writes before it crashes. */
  readonly times: number
  /** The operation, for `fail` and `delay`. */
  readonly operation: (typeof failing)[number] | (typeof slow)[number]
}

/** How likely each kind of step is, relative to the others; 0 is never. */
export type StepWeights = Partial<Readonly<Record<StepKind, number>>>

/** The default weight of each kind. */
export const defaultWeights: Readonly<Record<StepKind, number>> = {
  act: 10,
  start: 2,
  stop: 1,
  crash: 1.5,
  fail: 1.5,
  delay: 2,
  redeliver: 0.5,
  time: 6,
  turn: 4,
}

const failing = ['handle', 'commit', 'append', 'release'] as const
const slow = ['handle', 'commit', 'append', 'release', 'fetch', 'join', 'committed'] as const
// The longest is more than a group waits for a member that handles a record.
const moments = [1, 10, 100, 1000, 5000, 60_000, 600_000]

/** Returns the weight of every kind, in their order. */
export function weightsOf(weights: StepWeights): { readonly kind: StepKind; readonly weight: number }[] {
  const kinds = Object.keys(defaultWeights) as StepKind[]
  return kinds.map(kind => ({ kind, weight: weights[kind] ?? defaultWeights[kind] }))
}

/** Draws the schedule of a seed. */
export function drawSchedule(
  seed: number,
  steps: number,
  weights: StepWeights,
  names: { readonly actions: readonly string[]; readonly services: readonly string[] },
): Step[] {
  const random = new Random(seed)
  const kinds = weightsOf(weights)
  return Array.from({ length: steps }, (_, at) => {
    const { kind } = random.weighted(kinds)!
    // Every step draws the same number of random values, so that a longer schedule begins like a shorter one.
    return {
      at,
      kind,
      name: random.pick(kind === 'act' ? names.actions : names.services),
      pick: random.next(),
      seed: random.integer(0, 2 ** 31),
      onWrite: random.chance(0.4),
      ms: random.pick(moments),
      times: random.integer(1, kind === 'turn' ? 12 : 3),
      operation: random.pick(kind === 'fail' ? failing : slow),
    }
  })
}
