import { expect, it } from 'vitest'
import { apis } from '../../../src/server/protocol/apis.ts'
import { streamsScenes } from './streams-scene.ts'

const scene = streamsScenes()

// As a Kafka that has no plugin for them, and Kafka comes without one.
it('keeps no description of a topology, and asks no member for one', async () => {
  const { client, thread, joined, describe } = scene()
  await joined('a')
  const description = { subtopologies: [{ subtopologyId: '0', nodes: [] }], globalStores: [] }
  const push = { groupId: 'g', memberId: 'a', topologyEpoch: 0, topologyDescription: description }
  const answer = await client.call(apis.streamsGroupTopologyDescriptionUpdate, 0, push)
  expect(answer).toMatchObject({ errorCode: 35, errorMessage: expect.stringContaining('plugin') })
  const { topologyDescriptionRequired } = await thread('a').beat({ memberEpoch: 2 })
  expect(topologyDescriptionRequired).toBe(false)
  const told = await describe({ includeTopologyDescription: true })
  expect(told).toMatchObject({ topologyDescriptionStatus: 1, topologyDescription: null })
  expect(await describe()).toMatchObject({ topologyDescriptionStatus: 0, topologyDescription: null })
})

it('names the assignor of its tasks', async () => {
  const { client, joined, describe } = scene()
  await joined('a')
  expect(await describe()).toMatchObject({ errorCode: 0, assignorName: 'sticky' })
  const { groups } = await client.call(apis.streamsGroupDescribe, 1, { groupIds: ['other'] })
  expect(groups[0]).toMatchObject({ errorCode: 69, assignorName: null })
})
