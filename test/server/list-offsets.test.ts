import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { wireScenes } from '../helpers/wire-scene.ts'

const scene = wireScenes()

function start() {
  const { broker, client } = scene()
  const list = async (timestamp: number) => {
    const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp }] }]
    const answer = await client.call(apis.listOffsets as Api, 11, { topics })
    const { errorCode, offset, leaderEpoch } = answer.topics[0].partitions[0]
    return { errorCode, offset, leaderEpoch }
  }
  return { orders: broker.topic('orders'), list }
}

// Kafka's numbers of the places that a client can ask for.
const latest = -1
const earliest = -2
const maxTimestamp = -3
const earliestLocal = -4
const latestTiered = -5

it('has all of a log at hand, from where it begins', async () => {
  const { orders, list } = start()
  for (let i = 0; i < 5; i++) orders.append({ value: i })
  orders.partitions[0]!.deleteRecords(2)
  expect(await list(earliest)).toEqual({ errorCode: 0, offset: 2, leaderEpoch: 0 })
  expect(await list(earliestLocal)).toEqual({ errorCode: 0, offset: 2, leaderEpoch: 0 })
  expect(await list(latest)).toEqual({ errorCode: 0, offset: 5, leaderEpoch: 0 })
})

it.each([
  ['the newest record of an empty log', maxTimestamp],
  ['what is on another storage', latestTiered],
  ['a time after the last record', 9e12],
])('finds nowhere, of no epoch, %s', async (_, timestamp) => {
  const { list } = start()
  expect(await list(timestamp)).toEqual({ errorCode: 0, offset: -1, leaderEpoch: -1 })
})
