import { defineConfig } from 'vitest/config'

// Apart from the other tests, because it needs Java and Apache Kafka.
export default defineConfig({
  test: {
    include: ['test/kafka/**/*.test.ts'],
    reporters: ['default', ['json', { outputFile: 'reports/kafka.tests.json' }]],
    fileParallelism: false,
    hookTimeout: 90_000,
    testTimeout: 90_000,
  },
})
