import { it } from 'vitest'
import { Watchdog } from '../simulation/watchdog.ts'
import { worlds } from '../simulation/worlds.ts'
import { otherSeeds, seeds } from './rooms.ts'

declare module 'vitest' {
  interface TaskMeta {
    /** What the simulation found, and with which seed. */
    anomaly?: { readonly kind: string; readonly seed: number }
  }
}

const watchdog = new Watchdog(60_000)

// The simulation, as a run with a deliberate bug has it; `npm test` has its own.
it.for(worlds)('shows no anomaly in the world of $name', { timeout: 600_000 }, async (world, { task }) => {
  const last = world.name === 'schedules' ? seeds : otherSeeds
  for (let seed = 1; seed <= last; seed++) {
    const { problem } = await watchdog.watch(`Seed ${seed} of ${world.name}`, () => world.run(seed))
    if (problem === undefined) continue
    task.meta.anomaly = { kind: problem.kind, seed }
    throw new Error(problem.text)
  }
})
