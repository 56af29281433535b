import { expect, it } from 'vitest'
import { runExample } from './run-example.ts'

it('quickstart reads what it sends, and ends by itself', { timeout: 60_000 }, async () => {
  const { exit, lines, errors } = await runExample('quickstart.ts')

  expect(errors).toBe('')
  expect(exit).toBe(0)
  expect(lines).toEqual(['o-1: charge 12 (partition 0, offset 0)', 'o-2: charge 30 (partition 3, offset 0)'])
})
