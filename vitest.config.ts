import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/package/**', 'node_modules/**'],
    reporters: ['default', ['json', { outputFile: 'reports/unit.tests.json' }]],
    globals: false,
    environment: 'node',
    pool: 'threads',
    typecheck: {
      enabled: true,
      checker: './node_modules/typescript-native/bin/tsc',
      include: ['test/types/**/*.test-d.ts'],
      tsconfig: './tsconfig.json',
    },
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reportsDirectory: 'reports/coverage',
      reporter: ['text-summary', 'html', 'json-summary'],
      thresholds: { lines: 90, branches: 90 },
    },
  },
})
