import type { Mutation } from './mutation.ts'

/** How many schedules the simulation runs with each bug, before the tests are asked. */
export const seeds = 300

/** The same for each of its other worlds. */
export const otherSeeds = 20

/** The simulation, which every run begins with. */
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

/** The tests that a bug is up against; without a bug all of them. */
export function testsOf(mutation: Mutation | undefined): readonly string[] {
  const rooms = mutation === undefined ? [...new Set(Object.values(tests).flat())] : tests[roomOf(mutation)]!
  return rooms.map(room => `test/${room}/**/*.test.ts`)
}

// What lies directly in src is seen best from the broker.
function roomOf({ file }: Mutation): string {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : 'broker'
}
