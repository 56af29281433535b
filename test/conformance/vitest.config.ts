import path from 'node:path'
import { defineConfig } from 'vitest/config'
import { TableReporter } from './table-reporter.ts'

// All engines that are there, side by side. The peer is installed here, and not in the root: it asks for a later Node.
export default defineConfig({
  resolve: {
    alias: {
      '@platformatic/kafka': path.resolve(
        import.meta.dirname,
        'node_modules/@platformatic/kafka/dist/index.js',
      ),
    },
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
