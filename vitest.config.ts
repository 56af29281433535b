import path from 'node:path'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  // The same as `paths` in tsconfig.json: what the examples import is the source.
  resolve: {
    alias: [
      { find: /^brokerlet$/, replacement: path.resolve('src/index.ts') },
      { find: /^brokerlet\/testing$/, replacement: path.resolve('src/testing/index.ts') },
      { find: /^brokerlet\/server$/, replacement: path.resolve('src/server/index.ts') },
      { find: /^brokerlet\/kafka$/, replacement: path.resolve('src/kafka/index.ts') },
      { find: /^brokerlet\/opentelemetry$/, replacement: path.resolve('src/opentelemetry/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
    exclude: ['test/package/**', 'test/runtimes/**', 'test/kafka/**', '**/node_modules/**'],
    reporters: ['default', 'json'],
    outputFile: { json: 'reports/unit.tests.json' },
    globals: false,
    environment: 'node',
    pool: 'threads',
    // Many tests are about failures that nobody listens to; those about the warnings listen to them.
    execArgv: ['--disable-warning=BrokerletWarning'],
    // For a test that hangs: on a busy machine, with coverage, some take more than vitest's five seconds.
    testTimeout: 30_000,
    typecheck: {
      enabled: true,
      checker: './node_modules/typescript-native/bin/tsc',
      include: ['test/types/**/*.test-d.ts'],
      tsconfig: './tsconfig.json',
    },
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      // What speaks to a cluster is tested against clusters: npm run test:conformance.
      exclude: ['src/kafka/**'],
      reportsDirectory: 'reports/coverage',
      reporter: ['text-summary', 'html', 'json-summary'],
      thresholds: { lines: 90, branches: 90 },
    },
  },
})
