import { expect, it } from 'vitest'
import { problemsBySeed } from './scene.ts'
import { FullLogs } from './scenes/full-logs.ts'

it('ends every send to a full log in its time, keeps their order, and writes none twice', async () => {
  expect(await problemsBySeed(100, seed => new FullLogs(seed))).toEqual({})
})
