import { expect, it } from 'vitest'
import { runExample } from './run-example.ts'

it('a transform writes one invoice for each order, whatever fails on the way', {
  timeout: 60_000,
}, async () => {
  const { exit, lines, errors } = await runExample('exactly-once/main.ts')

  expect(errors).toBe('')
  expect(exit).toBe(0)
  expect(lines).toEqual([
    '100 orders took 110 attempts, of which 10 were aborted after they had written',
    '110 invoices were written, 100 count: one for each of 100 orders',
  ])
})
