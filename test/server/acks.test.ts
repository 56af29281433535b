import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { request, sequencedBatch } from '../helpers/wire-client.ts'
import { wireScenes } from '../helpers/wire-scene.ts'

const produce = apis.produce as Api
const scene = wireScenes()

const asked = (acks: number, partition = 0) => {
  const records = [sequencedBatch(-1, -1, -1, [1])]
  return {
    acks,
    timeoutMs: 1000,
    topicData: [{ name: 'orders', partitionData: [{ index: partition, records }] }],
  }
}

it.each([2, -2])('knows nobody who could acknowledge a Produce with acks %i', async acks => {
  const { broker, client } = scene()
  const answer = await client.call(produce, 8, asked(acks))
  expect(answer.responses[0].partitionResponses).toMatchObject([{ errorCode: 21, baseOffset: -1 }])
  expect(broker.topic('orders').partitions[0]!.highWatermark).toBe(0)
})

it('says that there is no partition, or no batch, before it asks who acknowledges', async () => {
  const { client } = scene()
  const answers = [
    await client.call(produce, 8, asked(2, 9)),
    await client.call(produce, 8, {
      ...asked(2),
      topicData: [{ name: 'orders', partitionData: [{ index: 0, records: [] }] }],
    }),
  ]
  const codes = answers.map(({ responses }) => responses[0].partitionResponses[0].errorCode)
  expect(codes).toEqual([3, 87])
})

it('[86] answers no Produce without acks; ends the connection of one that fails, and only of such a one', async () => {
  const { broker, client } = scene()
  client.send(request(produce, 8, asked(0)))
  expect(await client.call(produce, 8, asked(1))).toMatchObject({
    responses: [{ partitionResponses: [{ errorCode: 0, baseOffset: 1 }] }],
  })
  // Also if only a part of it fails.
  const topicData = [...asked(0, 9).topicData, ...asked(0).topicData]
  client.send(request(produce, 8, { ...asked(0), topicData }))
  await client.closed
  expect(broker.topic('orders').partitions[0]!.highWatermark).toBe(3)
})
