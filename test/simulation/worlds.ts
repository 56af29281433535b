import { runScene, type Scene } from './scene.ts'
import { Callbacks } from './scenes/callbacks.ts'
import { Everything } from './scenes/everything/everything.ts'
import { FullLogs } from './scenes/full-logs.ts'
import { RetryTopics } from './scenes/retry-topics.ts'
import { Transactions } from './scenes/transactions.ts'
import { WithinHandlers } from './scenes/within-handlers.ts'
import { runSchedule, ScheduleError } from './schedule.ts'

/** What came of a seed. */
export interface Outcome {
  /** The promise that was broken first, if there was one. */
  readonly problem: string | undefined
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
      return { problem: error.problem, transcript: () => error.transcript }
    }
  },
}

function world(name: string, begin: (seed: number) => Scene): World {
  return {
    name,
    async run(seed) {
      const scene = begin(seed)
      await runScene(scene)
      return { problem: scene.problems[0], transcript: () => scene.transcript }
    },
  }
}

/** All of them; seeds go round them. */
export const worlds: readonly World[] = [
  schedules,
  world('everything', seed => new Everything(seed)),
  world('transactions', seed => new Transactions(seed)),
  world('full-logs', seed => new FullLogs(seed)),
  world('retry-topics', seed => new RetryTopics(seed)),
  world('callbacks', seed => new Callbacks(seed)),
  world('within-handlers', seed => new WithinHandlers(seed)),
]
