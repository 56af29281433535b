import { runScene, type Scene } from './scene.ts'
import { Callbacks } from './scenes/callbacks.ts'
import { Everything } from './scenes/everything/everything.ts'
import { FullLogs } from './scenes/full-logs.ts'
import { RetryTopics } from './scenes/retry-topics.ts'
import { ToldScene } from './scenes/told.ts'
import { Transactions } from './scenes/transactions.ts'
import { WithinHandlers } from './scenes/within-handlers.ts'
import { runSchedule, ScheduleError } from './schedule.ts'

/** What came of a seed. */
export interface Outcome {
  /** The promise that was broken first, if there was one. */
  readonly problem: { readonly kind: string; readonly text: string } | undefined
  /** What happened, for a person to read. */
  transcript(): string
}

/** One way to simulate, in which a seed decides everything. */
export interface World {
  readonly name: string
  run(seed: number): Promise<Outcome>
}

const schedules: World = {
  name: 'schedules',
  async run(seed) {
    try {
      const transcript = await runSchedule(seed)
      return { problem: undefined, transcript: () => transcript }
    } catch (error) {
      if (!(error instanceof ScheduleError)) throw error
      const problem = { kind: error.kind, text: error.problem }
      return { problem, transcript: () => error.transcript }
    }
  },
}

function world(name: string, begin: (seed: number) => Scene): World {
  return {
    name,
    async run(seed) {
      const scene = begin(seed)
      await runScene(scene)
      const [text] = scene.problems
      const problem = text === undefined ? undefined : { kind: name, text }
      return { problem, transcript: () => scene.transcript }
    },
  }
}

/** All of them. */
export const worlds: readonly World[] = [
  schedules,
  world('everything', seed => new Everything(seed)),
  world('transactions', seed => new Transactions(seed)),
  world('full-logs', seed => new FullLogs(seed)),
  world('retry-topics', seed => new RetryTopics(seed)),
  world('callbacks', seed => new Callbacks(seed)),
  world('within-handlers', seed => new WithinHandlers(seed)),
  world('told', seed => new ToldScene(seed)),
]

// A schedule is over soon, and everything finds most.
const shares: Readonly<Record<string, number>> = { schedules: 10, everything: 2 }

/** The world of each seed, over and over. */
export const turns: readonly World[] = worlds.flatMap(each =>
  Array.from({ length: shares[each.name] ?? 1 }, () => each),
)
