import { expect, it } from 'vitest'
import { problemsBySeed } from './scene.ts'
import { Transactions } from './scenes/transactions.ts'

it('reads nothing that was aborted, loses and tears nothing that was committed, and writes the outcome of each input once', async () => {
  expect(await problemsBySeed(60, seed => new Transactions(seed))).toEqual({})
})
