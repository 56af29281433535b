import { expect, it } from 'vitest'
import { problemsBySeed } from './scene.ts'
import { WithinHandlers } from './scenes/within-handlers.ts'

it('partitions have one owner, keys their order, and commits pass nothing, whatever handlers do', async () => {
  expect(await problemsBySeed(30, seed => new WithinHandlers(seed))).toEqual({})
})
