import { expect, it } from 'vitest'
import { problemsBySeed } from './scene.ts'
import { Everything } from './scenes/everything/everything.ts'

it('keeps every promise with transactions, groups, limits and changing topics at once', async () => {
  expect(await problemsBySeed(40, seed => new Everything(seed))).toEqual({})
})
