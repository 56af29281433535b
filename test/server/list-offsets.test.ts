import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { wireScenes } from '../helpers/wire-scene.ts'

const scene = wireScenes()

function start() {
  const { broker, client } = scene()
  const list = async (timestamp: number, version = 11) => {
    const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp }] }]
    const answer = await client.call(apis.listOffsets as Api, version, { topics })
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

it.each([
  ['the newest record', maxTimestamp, 7],
  ['where the log begins here', earliestLocal, 8],
  ['what is on another storage', latestTiered, 9],
  ['what is to be brought there', -6, 11],
])('looks for %s from the version on that knows of it', async (_, timestamp, since) => {
  const { list } = start()
  expect(await list(timestamp, since - 1)).toMatchObject({ errorCode: 35, offset: -1 })
  expect(await list(timestamp, since)).toMatchObject({ errorCode: 0 })
})

it('knows of no other place than those that have a number', async () => {
  const { list } = start()
  expect(await list(-7)).toMatchObject({ errorCode: 35, offset: -1 })
})
