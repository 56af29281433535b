import { expect, it } from 'vitest'
import { problemsBySeed } from './scene.ts'
import { Callbacks } from './scenes/callbacks.ts'

it('ends everything, whatever is done to consumers and the broker within callbacks', async () => {
  expect(await problemsBySeed(150, seed => new Callbacks(seed))).toEqual({})
})
