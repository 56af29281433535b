import { expect, it } from 'vitest'
import { runExample } from './run-example.ts'

it('one topic, three readers: one is slow, one fails, the others do not notice', {
  timeout: 60_000,
}, async () => {
  const { exit, lines, errors } = await runExample('seed-story/main.ts')

  expect(errors).toBe('')
  expect(exit).toBe(0)
  expect(lines.map(line => line.replace(/^ *\d+ ms {2}/, '').replace(/ +/g, ' '))).toEqual([
    expect.stringMatching(/^shop sent 120 payments in \d+ ms, and waited for nobody$/),
    expect.stringMatching(/^banking booked 120 payments, 7260 in all; stock has done \d{1,2} so far$/),
    'logging stopped after 50 payments: Error: no space left on device',
    'logging is behind by 70 payments; the topic keeps them',
    'logging got a new disk and went on where it had stopped: 120 lines, 120 different',
    'stock is through as well: 120 payments, 30 apples, 30 bread, 30 cheese, 30 dates',
  ])
})
