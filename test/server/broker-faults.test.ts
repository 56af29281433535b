import { expect, it } from 'vitest'
import type { Broker } from '../../src/index.ts'
import { RequestLog, WireFaults } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { request } from '../helpers/wire-client.ts'
import { brokerScenes, fetchOrders, leadersAt, produce, topics } from './broker-scene.ts'

const { start, connectTo } = brokerScenes()

it('fails the requests of broker 0 alone', async () => {
  const faults = new WireFaults()
  const { server } = await start({ firstNodeId: 0, faults })
  faults.fail({ api: 'CreateTopics', nodeId: 0 }, 'TOPIC_ALREADY_EXISTS')
  const create = async (at: number) => {
    const client = await connectTo(server.brokers[at]!)
    const { topics: told } = await client.call(apis.createTopics as Api, 7, {
      topics: [{ name: `t${at}`, numPartitions: 1, replicationFactor: 1 }],
    })
    return told[0].errorCode
  }
  expect([await create(1), await create(0), await create(0)]).toEqual([0, 36, 0])
})

it('makes each answer of a slow broker late, on the time of the broker', async () => {
  const broker = new TestBroker({ topics })
  const requests = new RequestLog()
  const { server } = await start({ requests }, broker as unknown as Broker<typeof topics>)
  const [slow, other] = server.brokers
  slow!.slowBy(60_000)
  expect(() => slow!.slowBy(-1)).toThrow('slowBy')
  const client = await connectTo(slow!)
  let answered = false
  const answer = client.call(apis.metadata as Api, 12, { topics: [] }).then(() => {
    answered = true
  })
  await (await connectTo(other!)).call(apis.metadata as Api, 12, { topics: [] })
  await expect.poll(() => requests.of({ nodeId: 1 })[0]?.outcome).toBe('answered')
  await broker.advance(59_999)
  expect(answered).toBe(false)
  await broker.advance(1)
  await answer
  slow!.slowBy(0)
  await client.call(apis.metadata as Api, 12, { topics: [] })
  // One that waits is gone with its broker.
  slow!.slowBy(60_000)
  client.send(request(apis.metadata as Api, 12, { topics: [] }))
  await expect.poll(() => requests.of({ nodeId: 1 })).toHaveLength(3)
  await slow!.stop()
  await client.closed
})

it('sends the answers that wait at once where a broker is slow no longer', async () => {
  const broker = new TestBroker({ topics })
  const requests = new RequestLog()
  const { server } = await start({ requests }, broker as unknown as Broker<typeof topics>)
  const [slow] = server.brokers
  slow!.slowBy(60_000)
  const client = await connectTo(slow!)
  const answer = client.call(apis.metadata as Api, 12, { topics: [] })
  await expect.poll(() => requests.of({ nodeId: 1 })[0]?.outcome).toBe('answered')
  slow!.slowBy(0)
  await answer
  expect(broker.pendingTimers).not.toContain('sleep')
})

it('leaves no timer behind where a client goes that waits for a slow broker', async () => {
  const broker = new TestBroker({ topics })
  const { server } = await start({}, broker as unknown as Broker<typeof topics>)
  const [slow] = server.brokers
  slow!.slowBy(60_000)
  const client = await connectTo(slow!)
  client.send(request(apis.metadata as Api, 12, { topics: [] }))
  await expect.poll(() => broker.pendingTimers).toContain('sleep')
  client.socket.destroy()
  await expect.poll(() => broker.pendingTimers).not.toContain('sleep')
})

it('loses what waits at a broker that stops', async () => {
  const faults = new WireFaults()
  const requests = new RequestLog()
  const { broker, server } = await start({ faults, requests })
  const leader = server.leaderOf({ topic: 'orders', partition: 0 })!
  const barrier = faults.pauseNext({ api: 'Produce', nodeId: leader.nodeId })
  const sent = produce(await connectTo(leader), [0])
  await barrier.entered
  await leader.stop()
  await expect(sent).rejects.toThrow('closed without an answer')
  // Another life than the one that was asked.
  await leader.start()
  barrier.release()
  await expect.poll(() => requests.of({ api: 'Produce' })[0]!.outcome).toBe('dropped')
  expect(broker.topic('orders').records()).toEqual([])
})

it('tells metadata from before the last reassignment, and its end', async () => {
  const faults = new WireFaults()
  const { server } = await start({ faults })
  const client = await connectTo(server.brokers[0]!)
  const replicas = async () => {
    const { topics: told } = await client.call(apis.metadata as Api, 12, { topics: [{ name: 'orders' }] })
    return told[0].partitions[0].replicaNodes as number[]
  }
  const reassign = async (to: readonly number[] | null) => {
    const partitions = [{ partitionIndex: 0, replicas: to }]
    const asked = { topics: [{ name: 'orders', partitions }] }
    const answer = await client.call(apis.alterPartitionReassignments as Api, 1, asked)
    expect(answer.responses[0].partitions[0].errorCode).toBe(0)
  }
  const before = await replicas()
  await reassign([2])
  faults.staleMetadata()
  expect([await replicas(), await replicas()]).toEqual([before, [2]])
  await server.brokers[2]!.stop()
  await reassign([3])
  const waiting = await replicas()
  expect(waiting).toHaveLength(2)
  await reassign(null)
  faults.staleMetadata()
  expect([await replicas(), await replicas()]).toEqual([waiting, [2]])
})

it('tells metadata from before the last change, as a broker that lags behind', async () => {
  const faults = new WireFaults()
  const { broker, server } = await start({ faults })
  const stopped = server.leaderOf({ topic: 'orders', partition: 0 })!
  const client = await connectTo(server.brokers.find(each => each !== stopped)!)
  const before = await leadersAt(client)
  // Nothing has changed yet, so nothing is out of date.
  faults.staleMetadata({}, { times: 2 })
  expect(await leadersAt(client)).toEqual(before)
  const ports = server.brokers.map(({ port }) => port)
  const portsAt = async () =>
    (await client.call(apis.metadata as Api, 12, { topics: null })).brokers.map(({ port }: any) => port)
  expect(await portsAt()).toEqual(ports)
  await stopped.stop()
  const after = await leadersAt(client)
  faults.staleMetadata({ nodeId: server.brokers.find(each => each.connections > 0)!.nodeId }, { times: 2 })
  expect(await leadersAt(client)).toEqual(before)
  const all = await client.call(apis.metadata as Api, 12, { topics: null })
  expect(all.brokers.map(({ nodeId }: any) => nodeId)).toEqual([1, 2, 3])
  expect(all.brokers.map(({ port }: any) => port)).toEqual(ports)
  expect(all.topics).toHaveLength(1)
  // In the first version all topics are meant where none is named.
  faults.staleMetadata()
  expect((await client.call(apis.metadata as Api, 0, { topics: [] })).topics).toHaveLength(1)
  expect(await leadersAt(client)).toEqual(after)

  const late = broker.createTopic('late', { partitions: 1 })
  const ask = async (wanted: object) =>
    (await client.call(apis.metadata as Api, 12, { topics: [wanted] })).topics[0].errorCode
  faults.staleMetadata({ topic: 'late' }, { times: 3 })
  expect(await ask({ name: 'late' })).toBe(3)
  expect(await ask({ name: null, topicId: late.id })).toBe(100)
  expect(await ask({ name: '', topicId: late.id })).toBe(100)
  expect(await ask({ name: 'late' })).toBe(0)
  late.addPartitions(2)
  faults.staleMetadata({ topic: 'late' })
  expect(await leadersAt(client, 'late')).toHaveLength(1)
  expect(await leadersAt(client, 'late')).toHaveLength(2)
  broker.deleteTopic(late.name as never)
  faults.staleMetadata({ topic: 'late' })
  expect(await leadersAt(client, 'late')).toHaveLength(2)
  expect(await ask({ name: 'late' })).toBe(3)
  expect(faults.unused).toEqual([])
  expect(() => faults.staleMetadata({ api: 'Fetch' } as never)).toThrow("option 'api'")
})

it.each([1, 3])('does not wait for records for a client that is gone (%i brokers)', async brokers => {
  const faults = new WireFaults()
  const requests = new RequestLog()
  const { id, server } = await start({ brokers, faults, requests })
  const leader = server.leaderOf({ topic: 'orders', partition: 0 })!
  const barrier = faults.pauseNext({ api: 'Fetch' })
  const client = await connectTo(leader)
  client.send(request(apis.fetch as Api, 13, fetchOrders(id, [{ partition: 0 }], 3_600_000)))
  await barrier.entered
  client.socket.destroy()
  await expect.poll(() => server.connections).toBe(0)
  barrier.release()
  await expect.poll(() => requests.of({ api: 'Fetch' })[0]!.outcome).toBe('answered')
})

it('knows a fetch session at the broker that began it, and in that life of it only', async () => {
  const { server, id } = await start()
  const [first, second] = server.brokers
  const asked = fetchOrders(id, [{ partition: 0 }])
  const begin = async () => {
    const client = await connectTo(first!)
    const { sessionId } = await client.call(apis.fetch as Api, 15, {
      ...asked,
      sessionId: 0,
      sessionEpoch: 0,
    })
    return { ...asked, topics: [], sessionId, sessionEpoch: 1 }
  }
  const goOn = async (at: typeof first, session: object): Promise<number> =>
    (await (await connectTo(at!)).call(apis.fetch as Api, 15, session)).errorCode
  expect(await goOn(first, await begin())).toBe(0)
  expect(await goOn(second, await begin())).toBe(70)
  const session = await begin()
  await first!.stop()
  await first!.start()
  expect(await goOn(first, session)).toBe(70)
})
