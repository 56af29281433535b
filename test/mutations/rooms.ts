import type { Mutation } from './mutation.ts'

/** How many schedules the simulation runs with each bug, before the tests are asked. */
export const seeds = 300

/** The same for each of its other worlds. */
export const otherSeeds = 20

/** The simulation, which is asked before the tests. */
export const simulation = 'test/mutations/seeds.mutant.ts'

// By room: its own tests, and those of what stands on it.
const tests: Readonly<Record<string, readonly string[]>> = {
  log: ['log', 'behaviours', 'broker', 'producer', 'server'],
  transaction: ['producer', 'behaviours', 'server'],
  producer: ['producer', 'behaviours'],
  group: ['group', 'behaviours', 'broker', 'consumer', 'log'],
  consumer: ['consumer', 'behaviours', 'broker'],
  broker: ['broker', 'behaviours', 'log', 'consumer'],
  server: ['server', 'log'],
}

/** What a bug is up against, the simulation among it; without a bug all there is. */
export function testsOf(mutation: Mutation | undefined): readonly string[] {
  const room = mutation && roomOf(mutation)
  const rooms = room === undefined ? [...new Set(Object.values(tests).flat())] : tests[room]!
  // No world of the simulation has a server.
  const simulated = room === 'server' ? [] : [simulation]
  return [...simulated, ...rooms.map(each => `test/${each}/**/*.test.ts`)]
}

// What lies directly in src is seen best from the broker.
function roomOf({ file }: Mutation): string {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : 'broker'
}
