import { expect, it } from 'vitest'
import { Scene } from './everything/scene.ts'
import { problemsBySeed } from './problems-by-seed.ts'

it('keeps every promise with transactions, groups, limits and changing topics at once', async () => {
  expect(await problemsBySeed(40, seed => new Scene(seed))).toEqual({})
})
