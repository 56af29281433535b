import path from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { mutate, pathOf, root } from './mutation.ts'
import { mutationByName } from './mutations.ts'
import { simulation, testsOf } from './rooms.ts'

// A run with one bug: the test that is likely to notice it, then the simulation, then the tests by name, until the first
// that notices. Without a bug it shows that nothing else fails here.
const {
  MUTATION: name,
  MUTATION_LIKELY: likely,
  MUTATION_REPORT: outputFile = 'reports/mutation.json',
} = process.env
const mutation = name === undefined ? undefined : mutationByName(name)
const mutated = mutation && pathOf(mutation)
const first = [likely ?? simulation, simulation].map(file => path.join(root, file))

class LikelyFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => first.indexOf(moduleId) + 1 || first.length + 1
    return files.toSorted((a, b) => rank(a) - rank(b) || (a.moduleId < b.moduleId ? -1 : 1))
  }
}

export default defineConfig({
  root,
  resolve: { alias: [{ find: /^brokerlet$/, replacement: path.join(root, 'src/index.ts') }] },
  plugins: [
    {
      name: 'brokerlet:mutation',
      enforce: 'pre',
      transform: (code, id) =>
        mutation && id.split('?')[0] === mutated ? mutate(mutation, code) : undefined,
    },
  ],
  test: {
    include: [...testsOf(mutation)],
    reporters: [['json', { outputFile }]],
    sequence: { sequencer: LikelyFirst },
    fileParallelism: false,
    bail: 1,
    pool: 'threads',
    isolate: false,
    // On a busy machine a property takes more than half a minute, and must not pass for one that notices the bug.
    testTimeout: 120_000,
    typecheck: { enabled: false },
  },
})
