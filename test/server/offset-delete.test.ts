import { Kafka, logLevel } from 'kafkajs'
import { afterEach, expect, it } from 'vitest'
import { Broker, topic } from '../../src/index.ts'
import { connect, socketFactory } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { subscription } from '../helpers/consumer-protocol.ts'
import { WireClient } from '../helpers/wire-client.ts'

const { describeGroups, joinGroup, leaveGroup, offsetDelete } = apis as unknown as Readonly<
  Record<string, Api>
>

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

async function start() {
  const broker = new Broker({ topics: { orders: topic({ partitions: 2 }), payments: topic() } })
  open.push(() => broker.close())
  const client = new WireClient(connect(broker))
  await broker.admin.setGroupOffsets('g', [
    { topic: 'orders', partition: 0, offset: 0 },
    { topic: 'orders', partition: 1, offset: 0 },
    { topic: 'payments', partition: 0, offset: 0 },
  ])
  const forget = async (...places: readonly (readonly [name: string, partition: number])[]) => {
    const topics = places.map(([name, partitionIndex]) => ({ name, partitions: [{ partitionIndex }] }))
    const answer = await client.call(offsetDelete!, 0, { groupId: 'g', topics })
    if (answer.errorCode !== 0) return answer.errorCode
    return answer.topics.map(({ partitions }: any) => partitions[0].errorCode)
  }
  const left = () => broker.group('g').offsets.map(each => `${each.topic}-${each.partition}`)
  return { broker, client, forget, left }
}

it('forgets what is named of an empty group, and says what there is not', async () => {
  const { forget, left } = await start()
  expect(await forget(['orders', 1], ['orders', 7], ['nowhere', 0], ['payments', 0])).toEqual([0, 3, 3, 0])
  expect(left()).toEqual(['orders-0'])
})

it('says that there is no such group', async () => {
  const { broker, forget } = await start()
  broker.deleteGroup('g')
  expect(await forget(['orders', 0])).toBe(69)
})

it('keeps what a consumer of the process reads', async () => {
  const { broker, forget, left } = await start()
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).ready()
  expect(await forget(['orders', 0], ['payments', 0])).toEqual([86, 0])
  expect(left()).toEqual(['orders-0', 'orders-1'])
})

it('keeps what a client of the classic protocol reads', async () => {
  const { broker, forget, left } = await start()
  const kafka = new Kafka({
    brokers: ['in-process:9092'],
    socketFactory: socketFactory(broker),
    logLevel: logLevel.NOTHING,
  })
  const consumer = kafka.consumer({ groupId: 'g', maxWaitTimeInMs: 20, heartbeatInterval: 20 })
  open.push(() => consumer.disconnect())
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders' })
  const joined = new Promise(resolve => consumer.on('consumer.group_join', resolve))
  await consumer.run({ eachMessage: async () => {} })
  await joined
  expect(await forget(['orders', 0], ['payments', 0])).toEqual([86, 0])
  expect(left()).toEqual(['orders-0', 'orders-1'])
})

it('goes by what the members read that are joining again, until they have', async () => {
  const { broker, client, forget } = await start()
  const join = (on: WireClient, names: readonly string[]) =>
    on.call(joinGroup!, 1, {
      ...joining(),
      protocols: names.map(name => ({ name, metadata: subscription(['payments']) })),
    })
  const { memberId } = await join(client, ['range', 'other'])
  // Waits for the first one.
  const second = new WireClient(connect(broker))
  const joined = join(second, ['other'])
  const state = async () => (await client.call(describeGroups!, 1, { groups: ['g'] })).groups[0].groupState
  while ((await state()) !== 'PreparingRebalance');
  expect(await forget(['orders', 0], ['payments', 0])).toEqual([0, 86])
  await client.call(leaveGroup!, 1, { groupId: 'g', memberId })
  expect(await joined).toMatchObject({ errorCode: 0, generationId: 2 })
  expect(await forget(['orders', 1], ['payments', 0])).toEqual([0, 86])
})

it('keeps all that a group has whose members are no consumers', async () => {
  const { client, forget, left } = await start()
  const protocols = [{ name: 'v0', metadata: Buffer.from('anything') }]
  const join = { groupId: 'g', sessionTimeoutMs: 10_000, memberId: '', protocolType: 'connect', protocols }
  await client.call(joinGroup!, 1, join)
  expect(await forget(['orders', 0])).toBe(68)
  expect(left()).toHaveLength(3)
})

const joining = () => ({
  groupId: 'g',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 10_000,
  memberId: '',
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: subscription(['payments']) }],
})

it('forgets nothing, and says so, of a group of clients that has committed nothing', async () => {
  const { broker, client, forget } = await start()
  broker.deleteGroup('g')
  await client.call(joinGroup!, 1, joining())
  expect(await forget(['orders', 0], ['payments', 0])).toEqual([0, 86])
})

it('knows a group of which a client has only been told its member id', async () => {
  const { broker, client, forget } = await start()
  broker.deleteGroup('g')
  expect(await client.call(joinGroup!, 4, joining())).toMatchObject({ errorCode: 79 })
  expect(await forget(['payments', 0])).toEqual([0])
})
