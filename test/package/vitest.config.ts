import { defineConfig } from 'vitest/config'

// Apart from the other tests, because it needs a build.
export default defineConfig({
  test: {
    include: ['test/package/*.test.ts'],
    reporters: ['default', ['json', { outputFile: 'reports/package.tests.json' }]],
    hookTimeout: 180_000,
    testTimeout: 60_000,
  },
})
