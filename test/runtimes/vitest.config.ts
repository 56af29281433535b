import { defineConfig } from 'vitest/config'

// Apart from the other tests, because it needs a build and the other runtimes.
export default defineConfig({
  test: {
    include: ['test/runtimes/*.test.ts'],
    reporters: ['default', ['json', { outputFile: 'reports/runtimes.tests.json' }]],
    testTimeout: 60_000,
  },
})
