import { expect, it } from 'vitest'
import { copying, streamsScenes } from './streams-scene.ts'

const scene = streamsScenes()
const copy = copying('orders')
const [fenced, stale] = [110, 113]
const one = { instanceId: 'one' }

it('has one that has gone join anew also if it reports what it had under the epoch before', async () => {
  const { joined } = scene()
  const a = await joined('a', undefined, one)
  const b = await joined('b')
  for (const each of [a, a, b]) await each.owns()
  const [before, epoch] = [2, a.memberEpoch]
  expect(epoch).toBe(3)
  await a.leave({ memberEpoch: -2, ...one })
  expect(await a.owns({ memberEpoch: before, ...one })).toMatchObject({ errorCode: fenced })
  expect(await a.owns({ memberEpoch: epoch, ...one })).toMatchObject({ errorCode: fenced })
})

it('commits for who has come back what its predecessor has read, under an earlier epoch too', async () => {
  const { thread, joined, commit } = scene()
  const a = await joined('a', undefined, one)
  expect(await commit('orders', 0, 'a', 1)).toBe(stale)
  await a.leave({ memberEpoch: -2, ...one })
  const next = thread('next')
  await next.join(copy, { processId: 'a', ...one })
  expect(next.memberEpoch).toBe(2)
  expect(await commit('orders', 0, 'next', 2)).toBe(0)
  expect(await commit('orders', 0, 'next', 1)).toBe(0)
})

it('moves nothing where one comes back at another endpoint, with another time to give tasks up', async () => {
  const { thread, joined, describe } = scene()
  const a = await joined('a', undefined, { ...one, userEndpoint: { host: 'a', port: 1 } })
  await joined('b')
  await a.leave({ memberEpoch: -2, ...one })
  const { groupEpoch } = await describe()
  const said = { processId: 'a', userEndpoint: { host: 'a', port: 2 }, rebalanceTimeoutMs: 1000, ...one }
  await thread('next').join(copy, said)
  expect((await describe()).groupEpoch).toBe(groupEpoch)
})

it('keeps the place of one that went with tasks to give up for its session, whatever its rebalance timeout', async () => {
  const { broker, joined, describe } = scene({ streamsSessionTimeoutMs: 10_000 })
  const a = await joined('a', undefined, { ...one, rebalanceTimeoutMs: 2000 })
  const b = await joined('b')
  await a.owns()
  await a.leave({ memberEpoch: -2, ...one })
  await broker.advance(5000)
  await b.beat()
  expect((await describe()).members).toMatchObject([{ memberId: 'a', instanceId: 'one' }, {}])
})
