import { Random } from './random.ts'

/**
 * What a schedule does in one step.
 *
 * - `act`: one of the scenario's actions.
 * - `start`: one more instance of a service. `stop`: an instance closes in order. `crash`: an instance dies.
 * - `fail`, `delay`: an operation of a group fails, or takes time (`broker.faults`).
 * - `redeliver`: a record comes again that a group has committed.
 * - `time`: the broker's time moves. `turn`: promises go on a few steps, and no time passes.
 */
export type StepKind = 'act' | 'start' | 'stop' | 'crash' | 'fail' | 'delay' | 'redeliver' | 'time' | 'turn'

/**
 * One step. It says by a number from 0 to 1 whom it concerns of those who are there when its turn comes, so that it
 * means the most where other steps are left out.
 */
export interface Step {
  /** Its place in the whole schedule. */
  readonly at: number
  readonly kind: StepKind
  /** The action or the service. */
  readonly name: string
  readonly pick: number
  /** The seed of what an action draws. */
  readonly seed: number
  /** Milliseconds of `time` and `delay`. */
  readonly ms: number
  /** Of `turn` and of faults. */
  readonly times: number
  /** Of faults. */
  readonly operation: (typeof failing)[number] | (typeof slow)[number]
}

/** How likely each kind is, in relation to the others; 0 is never. */
export type StepWeights = Partial<Readonly<Record<StepKind, number>>>

/** How likely each kind is where nobody says otherwise. */
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
const moments = [1, 10, 100, 1000, 5000, 60_000]
const minute = 60_000

/** Draws the schedule of a seed. */
export function drawSchedule(
  seed: number,
  steps: number,
  weights: StepWeights,
  names: { readonly actions: readonly string[]; readonly services: readonly string[] },
): Step[] {
  const random = new Random(seed)
  const kinds = Object.entries({ ...defaultWeights, ...weights }).map(([kind, weight]) => ({
    kind: kind as StepKind,
    weight,
  }))
  return Array.from({ length: steps }, (_, at) => {
    const { kind } = random.weighted(kinds)!
    // Every step draws the same number of times, so that a longer schedule begins like a shorter one.
    return {
      at,
      kind,
      name: random.pick(kind === 'act' ? names.actions : names.services),
      pick: random.next(),
      seed: random.integer(0, 2 ** 31),
      ms: random.pick(kind === 'delay' ? [...moments, 10 * minute] : moments),
      times: random.integer(1, kind === 'turn' ? 12 : 3),
      operation: random.pick(kind === 'fail' ? failing : slow),
    }
  })
}
