import { expect, it } from 'vitest'
import { counting, streamsScenes } from './streams-scene.ts'

const scene = streamsScenes()
const at = (partition: number, offset: number) => ({ subtopologyId: '0', partition, offset })

it('tells how far the tasks of a member are, as it last said', async () => {
  const { joined, describe } = scene()
  const a = await joined('a', counting('orders'))
  await a.beat({ taskOffsets: [at(1, 5), at(0, 3)], taskEndOffsets: [at(1, 10)] })
  await a.beat()
  expect((await describe()).members).toMatchObject([
    { taskOffsets: [at(0, 3), at(1, 5)], taskEndOffsets: [at(1, 10)] },
  ])
  await a.beat({ taskEndOffsets: [] })
  expect((await describe()).members).toMatchObject([
    { taskOffsets: [at(0, 3), at(1, 5)], taskEndOffsets: [] },
  ])
})

it('gives the task of one that leaves to who has most of its state', async () => {
  const { joined } = scene()
  const a = await joined('a', counting('orders'))
  const others = [
    await joined('b', counting('orders'), { taskOffsets: [at(0, 7), at(1, 7)] }),
    await joined('c', counting('orders'), { taskOffsets: [at(0, 70), at(1, 7)] }),
    await joined('d', counting('orders'), { taskOffsets: [at(1, 700)] }),
  ]
  await a.leave()
  for (let i = 0; i < 2; i++) for (const each of others) await each.owns()
  expect(others.map(({ active }) => active)).toEqual([[], ['0_0'], ['0_1']])
})

it('refuses offsets of a task that are given twice', async () => {
  const { joined } = scene()
  const a = await joined('a', counting('orders'))
  expect(await a.beat({ taskOffsets: [at(1, 5), at(0, 3), at(1, 6)] })).toMatchObject({ errorCode: 42 })
  expect(await a.beat({ taskEndOffsets: [at(0, 3), at(0, 3)] })).toMatchObject({ errorCode: 42 })
})

// Looked at one by one for each of them, they would take longer than a test may.
it('takes the offsets of many tasks', async () => {
  const { joined } = scene()
  const a = await joined('a', counting('orders'))
  const taskOffsets = Array.from({ length: 200_000 }, (_, partition) => at(partition, 1))
  expect(await a.beat({ taskOffsets })).toMatchObject({ errorCode: 0 })
})
