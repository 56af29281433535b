// Prints the test counts of vitest's reports in the form `N passed, N failed`.
import { existsSync, readdirSync, readFileSync } from 'node:fs'

const folder = new URL('../reports/', import.meta.url)
const files = existsSync(folder) ? readdirSync(folder).filter(name => name.endsWith('.tests.json')) : []
const total = { passed: 0, failed: 0, skipped: 0 }

for (const file of files) {
  const report = JSON.parse(readFileSync(new URL(file, folder), 'utf8'))
  total.passed += report.numPassedTests
  total.failed += report.numFailedTests
  total.skipped += report.numPendingTests + report.numTodoTests
  // A file that could not even be loaded counts as one failure, as its tests are unknown.
  total.failed += report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && assertionResults.every(test => test.status !== 'failed'),
  ).length
}

const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : ''
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`)
