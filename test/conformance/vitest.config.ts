import path from 'node:path'
import { defineConfig } from 'vitest/config'
import { peerPath } from './peer-path.ts'
import { TableReporter } from './table-reporter.ts'

// All engines that are there, side by side.
export default defineConfig({
  resolve: {
    alias: [
      { find: '@platformatic/kafka', replacement: peerPath },
      { find: /^brokerlet$/, replacement: path.resolve('src/index.ts') },
    ],
  },
  test: {
    include: ['test/conformance/memory.test.ts', 'test/conformance/*.conformance.ts'],
    reporters: ['default', new TableReporter(), 'json'],
    outputFile: { json: 'reports/conformance.tests.json' },
    fileParallelism: false,
    hookTimeout: 90_000,
    testTimeout: 60_000,
  },
})
