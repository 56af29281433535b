import { expect, it } from 'vitest'
import { mostComplete } from '../../src/kafka/most-complete.ts'

/** Asks brokers that lack so much each, in turn; resolves with how many answers it took, and which one counts. */
async function asking(...lacks: number[]): Promise<{ asked: number; answer: number }> {
  let asked = 0
  const ask = async (heard: Set<string>) => {
    const broker = asked++ % lacks.length
    heard.add(`broker-${broker}`)
    return broker
  }
  const answer = await mostComplete(ask, broker => lacks[broker]!)
  return { asked, answer }
}

it('takes an answer that lacks nothing, and asks nobody else', async () => {
  expect(await asking(0, 1, 1)).toEqual({ asked: 1, answer: 0 })
  expect(await asking(1, 0, 1)).toEqual({ asked: 2, answer: 1 })
  expect(await asking(1, 1, 0)).toEqual({ asked: 3, answer: 2 })
})

it('takes what lacks least of three answers, the last of those that lack as much', async () => {
  expect(await asking(2, 1, 2, 0)).toEqual({ asked: 3, answer: 1 })
  expect(await asking(1, 1, 1, 0)).toEqual({ asked: 3, answer: 2 })
})

it('asks the only one twice', async () => {
  expect(await asking(1)).toEqual({ asked: 2, answer: 0 })
})
