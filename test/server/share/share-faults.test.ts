import { expect, it } from 'vitest'
import { RequestLog, WireFaults } from '../../../src/server/index.ts'
import { apis } from '../../../src/server/protocol/apis.ts'
import { acquiredIn, reject, shareScenes } from './share-scene.ts'

const start = shareScenes()

const storage = 56

/** Two topics with a record each, and a member that reads both. */
async function startTwo() {
  const faults = new WireFaults()
  const requests = new RequestLog()
  const scene = start({ faults, requests })
  const { broker } = scene
  const [orders, payments] = [broker.topic('orders'), broker.createTopic('payments', {})]
  for (const topic of [orders, payments]) topic.append({ value: 1 })
  const consumer = await scene.joined('a')
  await consumer.beat(0, { subscribedTopicNames: ['orders', 'payments'] })
  return { ...scene, consumer, faults, requests, orders, payments }
}

const errorsIn = ({ responses }: any) =>
  Object.fromEntries(responses.map(({ topicId, partitions: [first] }: any) => [topicId, first.errorCode]))

it('a fault refuses a ShareFetch the partitions that it names, and the others have their records', async () => {
  const { consumer, faults, requests, orders, payments } = await startTwo()
  faults.fail({ api: 'ShareFetch', topic: 'orders' }, storage)
  const answer = await consumer.fetchAll({ maxWaitMs: 3_600_000 })
  expect(answer.errorCode).toBe(0)
  expect(errorsIn(answer)).toEqual({ [orders.id]: storage, [payments.id]: 0 })
  expect([...requests].at(-1)!.errors).toEqual(['KAFKA_STORAGE_ERROR'])
  // Nothing of it was acquired, and the session goes on.
  const next = await consumer.fetchAll()
  expect(next.responses).toMatchObject([{ topicId: orders.id }])
  expect(acquiredIn(next)).toEqual([[0, 0, 1]])
})

it('a ShareFetch that only says what changes is met as one of all that its session reads', async () => {
  const { consumer, faults, requests, orders, payments } = await startTwo()
  await consumer.fetchAll()
  faults.fail({ topic: 'orders', partition: 0 }, 'NOT_LEADER_OR_FOLLOWER')
  // Refused at once, though there is nothing to read.
  const answer = await consumer.fetchAll({ maxWaitMs: 3_600_000, topics: [] })
  expect(errorsIn(answer)).toEqual({ [orders.id]: 6 })
  expect(requests.of({ api: 'ShareFetch', topic: 'payments' })).toHaveLength(2)
  await consumer.fetchAll({ topics: [], forgottenTopicsData: [{ topicId: payments.id, partitions: [0] }] })
  expect([...requests].at(-1)!.partitions).toEqual([{ topic: 'orders', partition: 0 }])
})

it('a ShareFetch that is done when its client is gone begins no session, and acquires nothing', async () => {
  const { broker, client, consumer, faults, requests, joined } = await startTwo()
  faults.delay({ api: 'ShareFetch' }, 1000)
  void consumer.fetchAll().catch(() => {})
  await client.call(apis.metadata, 12, { topics: [] })
  consumer.client.socket.destroy()
  await broker.advance(1000)
  expect(requests.of({ api: 'ShareFetch' })).toMatchObject([{ errors: ['SHARE_SESSION_NOT_FOUND'] }])
  expect(await (await joined('b')).fetch()).toEqual([[0, 0, 1]])
})

it('what is acknowledged of a partition that a fault refuses stays acquired', async () => {
  const { consumer, faults, requests, orders, payments } = await startTwo()
  await consumer.fetchAll()
  faults.fail({ topic: 'orders' }, storage, { times: 2 })
  const refused = await consumer.fetchAll({}, [reject(0, 0)])
  const acknowledged = Object.fromEntries(
    refused.responses.map(({ topicId, partitions: [first] }: any) => [topicId, first.acknowledgeErrorCode]),
  )
  expect(acknowledged).toEqual({ [orders.id]: storage, [payments.id]: 0 })
  expect(await consumer.acknowledge(reject(0, 0))).toBe(storage)
  expect([...requests].at(-1)!.errors).toEqual(['KAFKA_STORAGE_ERROR'])
  expect(await consumer.acknowledge(reject(0, 0))).toBe(0)
})

it('a fault that names no topic refuses a ShareFetch as a whole', async () => {
  const { consumer, faults } = await startTwo()
  faults.fail({ api: 'ShareFetch', group: 'g' }, 'SHARE_SESSION_NOT_FOUND')
  expect(await consumer.fetchAll()).toMatchObject({ errorCode: 122, responses: [] })
  expect(acquiredIn(await consumer.fetchAll())).toEqual([[0, 0, 1]])
})
