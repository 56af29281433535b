import { expect, it } from 'vitest'
import { RequestLog } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import type { WireClient } from '../helpers/wire-client.ts'
import { brokerScenes, connectRefused, fetchOrders, leadersAt, notCoordinator } from './broker-scene.ts'

const { start, connectTo } = brokerScenes()

it('stops a broker: it is gone from the metadata, and others lead under the next epoch', async () => {
  const { server } = await start()
  const stopped = server.leaderOf({ topic: 'orders', partition: 0 })!
  const other = server.brokers.find(each => each !== stopped)!
  const [gone, client] = [await connectTo(stopped), await connectTo(other)]
  expect(stopped.connections).toBe(1)
  const before = await leadersAt(client)
  await stopped.stop()
  await gone.closed
  expect(stopped.running).toBe(false)
  expect(stopped.connections).toBe(0)
  await expect(connectRefused(stopped)).resolves.toBe('ECONNREFUSED')
  const after = await leadersAt(client)
  expect(after.slice(1)).toEqual(before.slice(1))
  expect(after[0][2]).toBe(1)
  expect(after[0][1]).not.toBe(stopped.nodeId)
  expect(server.leaderOf({ topic: 'orders', partition: 0 })!.nodeId).toBe(after[0][1])
  const told = await client.call(apis.metadata as Api, 12, { topics: [{ name: 'orders' }] })
  expect(told.brokers.map(({ nodeId }: any) => nodeId)).not.toContain(stopped.nodeId)
  expect(told.topics[0].partitions[0].offlineReplicas).toEqual([stopped.nodeId])
  const fenced = await client.call(apis.describeCluster as Api, 2, { includeFencedBrokers: true })
  expect(fenced.brokers.filter(({ isFenced }: any) => isFenced)).toMatchObject([{ brokerId: stopped.nodeId }])

  const shown = await client.call(apis.describeCluster as Api, 2, { includeFencedBrokers: false })
  expect(shown.brokers.map(({ brokerId }: any) => brokerId)).not.toContain(stopped.nodeId)

  // Where the log ends now is in the epoch of its leader, what it begins with in the first one.
  const epochAt = async (timestamp: number) => {
    const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp }] }]
    const leader = await connectTo(server.leaderOf({ topic: 'orders', partition: 0 })!)
    const answer = await leader.call(apis.listOffsets as Api, 5, { replicaId: -1, topics })
    return answer.topics[0].partitions[0].leaderEpoch
  }
  expect([await epochAt(-1), await epochAt(-2)]).toEqual([1, 0])

  const { port } = stopped
  await stopped.start()
  expect(stopped.port).toBe(port)
  expect(await leadersAt(await connectTo(stopped))).toEqual([[0, stopped.nodeId, 2], ...before.slice(1)])
})

it('hands the coordinator of a group on, with its members and what they committed', async () => {
  const { server } = await start()
  const coordinator = server.coordinatorOf('billing')!
  let client = await connectTo(coordinator)
  const join = {
    groupId: 'billing',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.from('m') }],
  }
  const { memberId } = await client.call(apis.joinGroup as Api, 9, join)
  const joined = await client.call(apis.joinGroup as Api, 9, { ...join, memberId })
  const member = { groupId: 'billing', memberId, generationId: joined.generationId }
  await client.call(apis.syncGroup as Api, 5, {
    ...member,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [{ memberId, assignment: Buffer.from('a') }],
  })
  await coordinator.stop()
  const next = server.coordinatorOf('billing')!
  expect(next).not.toBe(coordinator)
  client = await connectTo(next)
  expect((await client.call(apis.heartbeat as Api, 4, member)).errorCode).toBe(0)
  await coordinator.start()
  expect(server.coordinatorOf('billing')).toBe(coordinator)
  expect((await client.call(apis.heartbeat as Api, 4, member)).errorCode).toBe(notCoordinator)
})

it('ends the wait for other members, or their leader, when another broker coordinates the group', async () => {
  const requests = new RequestLog()
  const { server } = await start({ requests })
  const preferred = server.coordinatorOf('billing')!
  const moveBack = () => preferred.start()
  await preferred.stop()
  const standIn = server.coordinatorOf('billing')!
  const [a, b] = [await connectTo(standIn), await connectTo(standIn)]
  const join = (client: WireClient, memberId: string) =>
    client.call(apis.joinGroup as Api, 9, {
      groupId: 'billing',
      memberId,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.from('m') }],
    })
  const sync = (client: WireClient, memberId: string, generationId: number, assignments: object[] = []) => {
    const group = { groupId: 'billing', protocolType: 'consumer', protocolName: 'range' }
    return client.call(apis.syncGroup as Api, 5, { ...group, memberId, generationId, assignments })
  }
  const waits = (api: 'JoinGroup' | 'SyncGroup') =>
    expect.poll(() => requests.of({ api }).at(-1)!.outcome).toBe('waiting')
  const leader = (await join(a, '')).memberId
  await join(a, leader)
  const follower = (await join(b, '')).memberId
  // It waits for the leader, which has to join again.
  const joining = join(b, follower)
  await waits('JoinGroup')
  await moveBack()
  expect(await joining).toMatchObject({ errorCode: notCoordinator, memberId: follower, protocolName: null })

  const [c, d] = [await connectTo(preferred), await connectTo(preferred)]
  const again = [join(c, leader), join(d, follower)]
  const [{ generationId }, joined] = await Promise.all(again)
  expect(joined).toMatchObject({ errorCode: 0, generationId })
  await preferred.stop()
  const syncing = sync(b, follower, generationId)
  await waits('SyncGroup')
  await moveBack()
  expect((await syncing).errorCode).toBe(notCoordinator)
  const e = await connectTo(preferred)
  const assignments = [{ memberId: follower, assignment: Buffer.from('f') }]
  expect((await sync(e, leader, generationId, assignments)).errorCode).toBe(0)
  expect(await sync(e, follower, generationId)).toMatchObject({
    errorCode: 0,
    assignment: Buffer.from('f'),
  })
})

it('ends the wait of a Fetch when its partition is led by another broker', async () => {
  const requests = new RequestLog()
  const { server, id } = await start({ requests })
  const stopped = server.leaderOf({ topic: 'orders', partition: 0 })!
  await stopped.stop()
  const client = await connectTo(server.leaderOf({ topic: 'orders', partition: 0 })!)
  const body = fetchOrders(id, [{ partition: 0, currentLeaderEpoch: 1 }], 3_600_000)
  const waiting = client.call(apis.fetch as Api, 16, body)
  await expect.poll(() => requests.of({ api: 'Fetch' })).toMatchObject([{ outcome: 'waiting' }])
  await stopped.start()
  const [told] = (await waiting).responses[0].partitions
  expect(told).toMatchObject({
    errorCode: 74,
    currentLeader: { leaderId: stopped.nodeId, leaderEpoch: 2 },
  })
})

it('gives partitions of brokers that have all stopped to the last of them, and to any if they are new', async () => {
  const { broker, server } = await start()
  const [, two, three] = server.brokers
  for (const each of server.brokers) await each.stop()
  expect(server.leaderOf({ topic: 'orders', partition: 0 })).toBeUndefined()
  expect(server.coordinatorOf('billing')).toBeUndefined()
  for (const each of server.brokers) expect(await connectRefused(each)).toBe('ECONNREFUSED')
  // The broker of the process goes on.
  broker.createTopic('late', { partitions: 1 })
  await two!.start()
  const client = await connectTo(two!)
  const leaders = [...(await leadersAt(client)), ...(await leadersAt(client, 'late'))]
  expect(leaders.map(([, leader]) => leader)).toEqual([-1, -1, -1, 2])
  expect((await client.call(apis.metadata as Api, 12, { topics: [] })).controllerId).toBe(2)
  await three!.start()
  const moved = await leadersAt(client)
  expect(moved.map(([, leader]: number[]) => leader).toSorted()).toEqual([2, 3, 3])
  // Each move counts, whether or not anybody has asked between. From 1 to 2 to 3 to nobody and to 3, from 2 to 3 to
  // nobody to 3 to 2, and from 3 to nobody to 3.
  expect(moved.map(([, , epoch]: number[]) => epoch).toSorted()).toEqual([2, 4, 4])
  await server.brokers[0]!.start()
  expect((await leadersAt(client)).map(([, leader]: number[]) => leader).toSorted()).toEqual([1, 2, 3])
})

it('does one change after the other, and closes whatever is under way', async () => {
  const { server } = await start()
  const [first] = server.brokers
  await Promise.all([first!.stop(), first!.stop(), first!.start(), first!.start()])
  expect(first!.running).toBe(true)
  await connectTo(first!)
  const changes = [first!.stop(), first!.start()]
  await server.close()
  expect((await Promise.allSettled(changes)).map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  expect(server.brokers.map(({ running }) => running)).toEqual([false, false, false])
  expect(await connectRefused(first!)).toBe('ECONNREFUSED')
  await expect(first!.start()).rejects.toThrow('The server is closed')
  await server.close()
})

it('rejects a start whose port is taken, and is stopped still', async () => {
  const { server } = await start()
  const [first] = server.brokers
  await first!.stop()
  const taker = await start({ port: first!.port, brokers: 1 })
  await expect(first!.start()).rejects.toMatchObject({ option: 'port', received: first!.port })
  expect(first!.running).toBe(false)
  await taker.server.close()
  await first!.start()
  expect(first!.running).toBe(true)
})
