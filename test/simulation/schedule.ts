import { Anomaly } from './anomaly.ts'
import { checkRest } from './checkers/rest.ts'
import { createTopic, operations } from './operations.ts'
import { World } from './world.ts'

/** A schedule that showed an anomaly; the message says how to run it again. */
export class ScheduleError extends Error {
  readonly seed: number
  readonly kind: string
  /** What went wrong, without the transcript. */
  readonly problem: string
  readonly transcript: string

  constructor(seed: number, cause: unknown, world: World) {
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
    super(
      `Seed ${seed}: ${text}\n\n${world.transcript.tail(80)}\n\nnpx tsx test/simulation/main.ts --only schedules --seed ${seed}`,
    )
    this.name = 'ScheduleError'
    this.seed = seed
    this.problem = text
    this.kind = cause instanceof Anomaly ? cause.kind : 'unexpected-error'
    this.transcript = String(world.transcript)
  }
}

/**
 * Runs the schedule of one seed and returns its transcript, which is the same for the same seed.
 *
 * @throws ScheduleError
 */
export async function runSchedule(seed: number): Promise<string> {
  const world = new World(seed)
  const rejected = (error: unknown) => world.report('unexpected-error', `unhandled rejection: ${error}`)
  process.on('unhandledRejection', rejected)
  try {
    await run(world)
    return String(world.transcript)
  } catch (error) {
    throw new ScheduleError(seed, world.anomaly ?? error, world)
  } finally {
    process.off('unhandledRejection', rejected)
  }
}

async function run(world: World): Promise<void> {
  const { random } = world
  world.log(createTopic(world)!)
  if (random.chance(0.5)) world.log(createTopic(world)!)
  const steps = random.integer(15, 60)
  for (let step = 0; step < steps; step++) {
    const did = random.weighted(operations)!.run(world)
    if (did === undefined) continue
    world.log(`- ${did}`)
    world.check()
    await pass(world)
    world.check()
  }
  await checkRest(world)
}

// Between two operations: nothing, a few promise steps, all work that needs no time, or some time.
async function pass(world: World): Promise<void> {
  const { random, clock } = world
  const kind = random.next()
  if (kind < 0.25) return
  if (kind < 0.45) {
    for (let ticks = random.integer(1, 12); ticks > 0; ticks--) await undefined
    return
  }
  if (kind < 0.6) await clock.settle()
  else await clock.advance(random.pick([1, 10, 50, 200, 1000, random.integer(1, 4000)]))
  world.awake.check()
}
