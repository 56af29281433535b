import { expect, it } from 'vitest'
import { collectWarnings } from '../helpers/warnings.ts'
import { Scene } from './everything/scene.ts'
import { problemsBySeed } from './problems-by-seed.ts'

collectWarnings()

it('keeps every promise with transactions, groups, limits and changing topics at once', async () => {
  expect(await problemsBySeed(40, seed => new Scene(seed))).toEqual({})
})
