import { expect, it } from 'vitest'
import { problemsBySeed } from './scene.ts'
import { RetryTopics } from './scenes/retry-topics.ts'

it('ends every record of a group with retry topics, in order and not before its time', async () => {
  expect(await problemsBySeed(100, seed => new RetryTopics(seed))).toEqual({})
})
