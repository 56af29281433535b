import { expect, it } from 'vitest'
import { problemsBySeed } from './scene.ts'
import { ToldScene } from './scenes/told.ts'

it('answers every call of a consumer, which reads what it was told last, whatever it is told in one turn', async () => {
  expect(await problemsBySeed(150, seed => new ToldScene(seed))).toEqual({})
})
