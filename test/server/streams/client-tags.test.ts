import { expect, it } from 'vitest'
import { streamsScenes } from './streams-scene.ts'

const scene = streamsScenes()
const tags = 'streams.rack.aware.assignment.tags'
const missing = (names: string) => ({
  statusCode: 6,
  statusDetail: `Missing required client tags for rack-aware standby assignment: [${names}]. Configure them via 'client.tag.<tagKey>' in your Streams config.`,
})

it('tells a member which client tags it is to have and has not', async () => {
  const { joined, configure } = scene()
  await configure(tags, 'zone,cluster')
  const a = await joined('a', undefined, { clientTags: [{ key: 'zone', value: 'east' }] })
  expect((await a.beat()).status).toEqual([missing('cluster')])
  const b = await joined('b')
  expect((await b.beat()).status).toEqual([missing('zone, cluster')])
  const both = ['cluster', 'zone'].map(key => ({ key, value: 'x' }))
  expect((await b.beat({ clientTags: both })).status).toEqual([])
})

it('does not tell it to a client that does not know that status', async () => {
  const { joined, configure } = scene()
  await configure(tags, 'zone')
  const a = await joined('a')
  expect((await a.beat({}, 0)).status).toEqual([])
  expect((await a.beat({}, 1)).status).toEqual([missing('zone')])
})

it('deals the tasks out anew when other client tags are wanted', async () => {
  const { joined, configure, describe } = scene()
  const a = await joined('a')
  const { groupEpoch } = await describe()
  await configure(tags, 'zone')
  await a.beat()
  expect(await describe()).toMatchObject({ groupEpoch: groupEpoch + 1, groupState: 'Stable' })
  await a.beat()
  expect((await describe()).groupEpoch).toBe(groupEpoch + 1)
})

it('tells a member how often it is to say how far its tasks are, and how far they may be behind', async () => {
  const { joined, configure } = scene()
  const a = await joined('a')
  expect(await a.beat()).toMatchObject({ taskOffsetIntervalMs: 60_000, acceptableRecoveryLag: 10_000 })
  await configure('streams.task.offset.interval.ms', 15_000)
  await configure('streams.acceptable.recovery.lag', 7)
  expect(await a.beat()).toMatchObject({ taskOffsetIntervalMs: 15_000, acceptableRecoveryLag: 7 })
  expect(await a.beat({}, 0)).toMatchObject({ taskOffsetIntervalMs: 15_000, acceptableRecoveryLagLegacy: 0 })
})
