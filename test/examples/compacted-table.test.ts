import { expect, it } from 'vitest'
import { runExample } from './run-example.ts'

it('a compacted topic is a table that a restarted service reads back', { timeout: 60_000 }, async () => {
  const { exit, lines, errors } = await runExample('compacted-table/main.ts')

  expect(errors).toBe('')
  expect(exit).toBe(0)
  expect(lines).toEqual([
    'the service followed 10001 changes and sells apples, cheese, dates',
    'restarted, it read 3 records and sells apples, cheese, dates',
    'apples: 10096 cents',
    'cheese: 10098 cents',
    'dates: 10099 cents',
  ])
})
