import { expect, it } from 'vitest'
import { runExample } from './run-example.ts'

it('counts in threads while the main one goes on', { timeout: 60_000 }, async () => {
  const { exit, lines, errors } = await runExample('worker-pool/main.ts')

  expect(errors).toBe('')
  expect(exit).toBe(0)
  expect(lines).toEqual([
    'below -1: cannot count below -1',
    'below 300000: 25997 primes',
    'below 400000: 33860 primes',
    'below 500000: 41538 primes',
    'below 600000: 49098 primes',
    'meanwhile this thread went on',
    '1 dead letter',
  ])
})
