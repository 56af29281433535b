import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, expect, it, vi } from 'vitest'
import { Broker, topic } from '../../src/index.ts'
import { Cluster } from '../../src/server/cluster/cluster.ts'
import { makeNodes } from '../../src/server/cluster/cluster-node.ts'
import { pointOf } from '../../src/server/faults/request-point.ts'
import { coversRequest } from '../../src/server/faults/wire-scope.ts'
import type { RequestContext } from '../../src/server/handler.ts'
import {
  connect,
  RequestLog,
  serve,
  socketFactory,
  WireFaults,
  type WireScope,
} from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import { type Api, versionOf } from '../../src/server/protocol/message.ts'
import { Reader } from '../../src/server/protocol/reader.ts'
import type { Type } from '../../src/server/protocol/type.ts'
import { refuse } from '../../src/server/refusals.ts'
import type { Wire } from '../../src/server/wire.ts'
import { nameOfErrno } from '../../src/server/wire-error-code.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { bodies } from '../fuzz/hostile-frames.ts'
import { range } from '../helpers/behaviours.ts'
import { request, WireClient } from '../helpers/wire-client.ts'
import { writeMessage } from '../helpers/write-message.ts'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

const topics = { orders: topic({ partitions: 2 }), payments: topic({ partitions: 1 }) }

async function start() {
  const broker = new Broker({ topics })
  const faults = new WireFaults()
  const requests = new RequestLog()
  const kafka = new Kafka({
    clientId: 'shop',
    brokers: ['in-process:9092'],
    socketFactory: socketFactory(broker, { faults, requests }),
    logLevel: logLevel.NOTHING,
    // Its own waits are real time, so they are short here.
    retry: { retries: 5, initialRetryTime: 5, maxRetryTime: 20 },
  })
  open.push(() => broker.close())
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  open.push(() => producer.disconnect())
  await producer.connect()
  const send = (value: string) =>
    producer.send({ topic: 'orders', messages: [{ key: 'a', value, partition: 0 }] })
  const values = () =>
    broker
      .topic('orders')
      .records()
      .map(record => record.value)
  return { broker, faults, requests, kafka, producer, send, values }
}

it('answers with an error as often as it is told to, and the client tries again', async () => {
  const { faults, requests, send, values } = await start()
  faults.fail({ api: 'Produce', topic: 'orders' }, 'NOT_LEADER_OR_FOLLOWER', { times: 2 })
  await send('1')
  expect(values()).toEqual([1])
  expect(requests.of({ api: 'Produce' }).map(({ outcome, errors }) => [outcome, errors])).toEqual([
    ['answered', ['NOT_LEADER_OR_FOLLOWER']],
    ['answered', ['NOT_LEADER_OR_FOLLOWER']],
    ['answered', []],
  ])
  expect(faults.uses).toMatchObject([{ action: 'fail', used: 2, left: 0 }])
})

it('gives an error that cannot be tried again to whoever asked', async () => {
  const { faults, send, values } = await start()
  faults.fail({ api: 'Produce', topic: 'orders', partition: 0 }, 'TOPIC_AUTHORIZATION_FAILED')
  await expect(send('1')).rejects.toMatchObject({ type: 'TOPIC_AUTHORIZATION_FAILED' })
  expect(values()).toEqual([])
})

it('takes an error by its number, and tells its name', async () => {
  const { faults, requests, kafka } = await start()
  const admin = kafka.admin({ retry: { retries: 0 } })
  open.push(() => admin.disconnect())
  await admin.connect()
  faults.fail({ api: 'Metadata', topic: 'orders' }, 72)
  await expect(admin.fetchTopicMetadata({ topics: ['orders'] })).rejects.toMatchObject({ code: 72 })
  expect(requests.of({ topic: 'orders' }).at(-1)!.errors).toEqual(['LISTENER_NOT_FOUND'])
})

it('leaves alone what a fault is not for', async () => {
  const { faults, send, values } = await start()
  faults.fail({ api: 'Produce', topic: 'payments' }, 'KAFKA_STORAGE_ERROR')
  faults.fail({ api: 'Produce', topic: 'orders', partition: 1 }, 'KAFKA_STORAGE_ERROR')
  faults.fail({ api: 'Produce', clientId: 'another' }, 'KAFKA_STORAGE_ERROR')
  faults.fail({ api: 'Heartbeat', group: 'billing' }, 'KAFKA_STORAGE_ERROR')
  await send('1')
  expect(values()).toEqual([1])
  expect(faults.unused).toHaveLength(4)
})

it('loses a request with its connection, and the client sends it again', async () => {
  const { faults, requests, send, values } = await start()
  faults.disconnect({ api: 'Produce' })
  await send('1')
  expect(values()).toEqual([1])
  expect(requests.of({ api: 'Produce' }).map(({ outcome }) => outcome)).toEqual(['dropped', 'answered'])
})

it('loses an answer with its connection, and an idempotent producer writes nothing twice', async () => {
  const { faults, requests, send, values } = await start()
  faults.disconnect({ api: 'Produce' }, { when: 'after' })
  await send('1')
  await send('2')
  expect(values()).toEqual([1, 2])
  expect(requests.of({ api: 'Produce' }).map(({ outcome }) => outcome)).toEqual([
    'dropped',
    'answered',
    'answered',
  ])
})

it('cuts an answer in half, and an idempotent producer writes nothing twice', async () => {
  const { faults, requests, send, values } = await start()
  faults.truncate({ api: 'Produce' })
  await send('1')
  expect(values()).toEqual([1])
  expect(requests.of({ api: 'Produce' }).map(({ outcome }) => outcome)).toEqual(['truncated', 'answered'])
})

it('does nothing of what a client still sends over a connection whose answer was cut in half', async () => {
  const broker = new Broker({ topics })
  open.push(() => broker.close())
  const faults = new WireFaults()
  const requests = new RequestLog()
  const client = new WireClient(connect(broker, { faults, requests }))
  const half = once(client.socket, 'data')
  faults.truncate({ api: 'Metadata' })
  client.send(request(apis.metadata as Api, 12, { topics: [] }))
  await half
  client.send(request(apis.createTopics as Api, 7, { topics: [{ name: 'late', numPartitions: 1 }] }))
  client.socket.end()
  await client.closed
  expect(requests.of({}).map(({ api }) => api)).toEqual(['Metadata'])
  expect([...broker.topics.keys()]).not.toContain('late')
})

it('ends the connection where a request has no answer that could tell the error', async () => {
  const { faults, requests, kafka, values } = await start()
  const producer = kafka.producer()
  open.push(() => producer.disconnect())
  await producer.connect()
  faults.fail({ api: 'Produce' }, 'NOT_LEADER_OR_FOLLOWER')
  // It believes that this was sent: that is what no acks mean.
  await producer.send({ topic: 'orders', acks: 0, messages: [{ value: '1' }] })
  await vi.waitUntil(() => requests.of({ api: 'Produce' })[0]?.outcome === 'dropped')
  expect(values()).toEqual([])
})

it('answers nothing to a request that waits for no answer, whatever it is refused for', async () => {
  const broker = new Broker({ topics })
  open.push(() => broker.close())
  const faults = new WireFaults()
  const client = new WireClient(connect(broker, { faults }))
  faults.fail({ api: 'Produce' }, 'NOT_LEADER_OR_FOLLOWER')
  const topicData = [{ name: 'orders', partitionData: [{ index: 0, records: null }] }]
  client.send(request(apis.produce as Api, 9, { acks: 0, timeoutMs: 100, topicData }))
  await expect(client.answer()).rejects.toThrow('closed without an answer')
})

it('holds a request back until it is released', async () => {
  const { faults, send, values } = await start()
  const barrier = faults.pauseNext({ api: 'Produce' })
  const sent = send('1')
  await barrier.entered
  expect(values()).toEqual([])
  barrier.release()
  await sent
  expect(values()).toEqual([1])
})

it('delays a request on the time of the broker', async () => {
  const broker = new TestBroker({ topics })
  open.push(() => broker.close())
  const faults = new WireFaults()
  const requests = new RequestLog()
  const kafka = new Kafka({
    brokers: ['in-process:9092'],
    socketFactory: socketFactory(broker, { faults, requests }),
    logLevel: logLevel.NOTHING,
  })
  const producer = kafka.producer()
  open.push(() => producer.disconnect())
  await producer.connect()
  const barrier = faults.pauseNext({ api: 'Produce' })
  faults.delay({ api: 'Produce' }, 60_000)
  const messages = [{ value: '1', timestamp: String(broker.now) }]
  const sent = producer.send({ topic: 'orders', messages })
  await barrier.entered
  barrier.release()
  await broker.advance(60_000)
  await sent
  const [produce] = requests.of({ api: 'Produce' })
  expect(produce!.doneAt! - produce!.receivedAt).toBe(60_000)
})

it('delays nothing any more once the server is closed', async () => {
  const broker = new TestBroker({ topics })
  open.push(() => broker.close())
  const faults = new WireFaults().delay({ api: 'Metadata' }, 60_000)
  const requests = new RequestLog()
  const server = await serve(broker, { faults, requests })
  const client = new WireClient(connectTcp(server.port, '127.0.0.1'))
  client.send(request(apis.metadata as Api, 12, { topics: [] }))
  await expect.poll(() => broker.pendingTimers).toContain('sleep')
  await server.close()
  await expect.poll(() => requests.of({})[0]!.outcome).toBe('dropped')
  expect(broker.pendingTimers).not.toContain('sleep')
})

it('lets go at once what is delayed or held back, where the faults are cleared', async () => {
  const { broker, faults, requests, send } = await start()
  await send('1')
  faults.delay({ api: 'Produce' }, 60_000)
  const sent = send('2')
  await vi.waitUntil(() => requests.of({ api: 'Produce' }).length === 2)
  faults.clear()
  await sent
  expect(broker.topic('orders').records()).toHaveLength(2)
})

it('writes what the clients of a broker in 2020 send, where the topic stamps its records', async () => {
  const broker = new TestBroker({
    topics: { orders: topic({ partitions: 1, messageTimestampType: 'LogAppendTime' }) },
  })
  open.push(() => broker.close())
  const kafka = new Kafka({
    brokers: ['in-process:9092'],
    socketFactory: socketFactory(broker),
    logLevel: logLevel.NOTHING,
  })
  const producer = kafka.producer()
  open.push(() => producer.disconnect())
  await producer.connect()
  await producer.send({ topic: 'orders', messages: [{ value: '1' }] })
  expect(broker.topic('orders').records()[0]!.timestamp).toBe(broker.now)
})

it('makes a consumer of a client join again, and lose nothing', async () => {
  const { faults, requests, kafka, send } = await start()
  const consumer = kafka.consumer({ groupId: 'billing', maxWaitTimeInMs: 20, heartbeatInterval: 1 })
  open.push(() => consumer.disconnect())
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  faults.fail({ api: 'Heartbeat', group: 'billing' }, 'REBALANCE_IN_PROGRESS')
  const seen = new Set<string>()
  await consumer.run({ eachMessage: async ({ message }) => void seen.add(String(message.value)) })
  await send('1')
  await send('2')
  await vi.waitUntil(() => seen.size === 2 && faults.unused.length === 0)
  await vi.waitUntil(() => requests.of({ api: 'SyncGroup', group: 'billing' }).length === 2)
  expect([...seen]).toEqual(['1', '2'])
  expect(requests.of({ api: 'FindCoordinator', group: 'billing' }).length).toBeGreaterThan(0)
})

it('keeps the newest requests, and prints a line for each', async () => {
  const broker = new Broker({ topics })
  open.push(() => broker.close())
  const requests = new RequestLog({ maxRequests: 2 })
  const admin = new Kafka({
    clientId: 'ops',
    brokers: ['in-process:9092'],
    socketFactory: socketFactory(broker, { requests }),
    logLevel: logLevel.NOTHING,
  }).admin()
  open.push(() => admin.disconnect())
  await admin.connect()
  await admin.fetchTopicOffsets('orders')
  expect([...requests].map(({ api }) => api)).toEqual(['ListOffsets', 'ListOffsets'])
  expect(String(requests)).toMatch(/Z {2}ops {2}ListOffsets v\d {2}orders-0 orders-1 {2}answered$/)
  requests.clear()
  expect(requests).toHaveLength(0)
  expect(() => new RequestLog({ maxRequests: 0 })).toThrow('maxRequests')
})

it('knows each error of Kafka 4.4 by its name', () => {
  expect(range(1, 137).filter(errno => nameOfErrno(errno) === String(errno))).toEqual([])
  const faults = new WireFaults()
  faults.fail({ api: 'Metadata' }, 'LISTENER_NOT_FOUND')
  expect(faults.unused).toHaveLength(1)
})

it.each([
  ['UNKNOWN', 'UNKNOWN_SERVER_ERROR'],
  ['NOT_LEADER_FOR_PARTITION', 'NOT_LEADER_OR_FOLLOWER'],
  ['GROUP_LOAD_IN_PROGRESS', 'COORDINATOR_LOAD_IN_PROGRESS'],
  ['GROUP_COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_NOT_AVAILABLE'],
  ['NOT_COORDINATOR_FOR_GROUP', 'NOT_COORDINATOR'],
])("refuses %s, the name that an error has in KafkaJS, with Kafka's own: %s", (former, name) => {
  expect(() => new WireFaults().fail({ api: 'Produce' }, former as never)).toThrow(
    `received '${former}'. Did you mean '${name}'?`,
  )
})

it('refuses what is no fault', () => {
  const faults = new WireFaults()
  expect(() => faults.fail({ api: 'Product' as never }, 'NOT_COORDINATOR')).toThrow(
    /^faults\.fail: option 'api' expected the name of an API, received 'Product'\. Did you mean 'Produce'\?$/,
  )
  expect(() => faults.fail({ api: 'WriteTxnMarkers' as never }, 'NOT_COORDINATOR')).toThrow(
    "expected the name of an API, received 'WriteTxnMarkers'; known: AddOffsetsToTxn, ",
  )
  expect(() => faults.fail({ api: 'Produce' }, 'NO_SUCH_ERROR' as never)).toThrow('NO_SUCH_ERROR')
  // @ts-expect-error -- never crosses a wire
  expect(() => faults.fail({ api: 'Produce' }, 'QUEUE_FULL')).toThrow('QUEUE_FULL')
  // @ts-expect-error
  expect(() => faults.fail({ api: 'Produce' }, 'ILLEGAL_STATE')).toThrow('ILLEGAL_STATE')
  for (const number of [0, 1.5, -2, 137, 6666])
    expect(() => faults.fail({ api: 'Produce' }, number)).toThrow(
      `faults.fail: expected the name of an error of Kafka's protocol, or its number (-1, or 1 to 136), received ${number}`,
    )
  expect(() => faults.fail({ api: 'Produce' }, 'NOT_COORDINATR' as never)).toThrow(
    "received 'NOT_COORDINATR'. Did you mean 'NOT_COORDINATOR'?",
  )
  expect(() => faults.delay({}, -1)).toThrow('-1')
  expect(() => faults.disconnect({}, { when: 'later' as never })).toThrow("'later'")
  expect(() => faults.disconnect({}, null as never)).toThrow('expected an object of options, received null')
  expect(() => faults.disconnect({}, { time: 2 } as never)).toThrow("unknown option 'time'")
  expect(() => faults.fail({ topics: 'orders' } as never, 'NOT_COORDINATOR')).toThrow('topics')
  expect(faults.uses).toEqual([])
})

it.each<[WireScope, string]>([
  [{ api: 'JoinGroup', topic: 'orders' }, "option 'topic' expected nothing, since JoinGroup names no topics"],
  [{ api: 'DescribeGroups', topic: 'orders' }, "'topic' expected nothing, since DescribeGroups names no"],
  [
    { api: 'ApiVersions', partition: 0 },
    "'partition' expected nothing, since ApiVersions names no partitions",
  ],
  [{ api: 'Metadata', topic: 'orders', partition: 1 }, 'since Metadata names no partitions, received 1'],
  [
    { api: 'Fetch', group: 'billing' },
    "'group' expected nothing, since Fetch names no groups, received 'billing'",
  ],
])('refuses a scope that no request can fit: %j', (scope, message) => {
  const faults = new WireFaults()
  const requests = new RequestLog()
  const plans = [
    () => faults.fail(scope, 'NOT_COORDINATOR'),
    () => faults.delay(scope, 1),
    () => faults.pauseNext(scope),
    () => faults.disconnect(scope),
    () => faults.truncate(scope),
    () => requests.of(scope),
  ]
  for (const plan of plans) expect(plan).toThrow(message)
  expect(faults.uses).toEqual([])
})

it('takes stale metadata of a topic, and of no partition or group', () => {
  const faults = new WireFaults()
  faults.staleMetadata({ topic: 'orders' })
  expect(() => faults.staleMetadata({ partition: 1 })).toThrow('Metadata names no partitions')
  expect(() => faults.staleMetadata({ group: 'billing' })).toThrow('Metadata names no groups')
})

const all = Object.values(apis) as unknown as readonly Api[]

// Bodies of what `bodies` leaves out, or says only for one of several fields.
const moreBodies: Readonly<Record<string, object>> = {
  AddOffsetsToTxn: { groupId: 'billing' },
  AlterConfigs: { resources: [{ resourceType: 32, resourceName: 'billing' }] },
  ConsumerGroupHeartbeat: {
    groupId: 'billing',
    subscribedTopicNames: ['orders'],
    topicPartitions: [{ topic: 'orders', partitions: [0] }],
  },
  DescribeConfigs: { resources: [{ resourceType: 32, resourceName: 'billing' }] },
  IncrementalAlterConfigs: { resources: [{ resourceType: 32, resourceName: 'billing' }] },
  JoinGroup: { groupId: 'billing' },
  LeaveGroup: { groupId: 'billing' },
  ListPartitionReassignments: { topics: [{ name: 'orders', partitionIndexes: [0] }] },
  ShareAcknowledge: { topics: [{ topic: 'orders', partitions: [{ partitionIndex: 0 }] }] },
  ShareFetch: { topics: [{ topic: 'orders', partitions: [{ partitionIndex: 0 }] }] },
}

it.each(all)('takes the scopes of $name that its requests can fit, and no others', api => {
  const name = api.name
  const context = { clientId: 'shop', node: { nodeId: 1 } } as RequestContext
  const points = [bodies[name] ?? {}, moreBodies[name] ?? {}].map(body =>
    pointOf({ engine: { topicsById: new Map() } } as unknown as Wire, name, context, body),
  )
  const fits = (scope: WireScope) => points.some(point => coversRequest(scope, point))
  const taken = (scope: WireScope) => {
    try {
      new WireFaults().truncate({ api: name, ...scope })
      return true
    } catch {
      return false
    }
  }
  const named = points.flatMap(({ partitions }) => partitions.map(({ topic: of }) => of))
  expect(taken({ topic: 'orders' })).toBe(named.length > 0)
  expect(taken({ partition: 0 })).toBe(fits({ partition: 0 }))
  expect(taken({ group: 'billing' })).toBe(points.some(({ groups }) => groups.length > 0))
})

it.each(all)('refuses $name in every version with the error', api => {
  const rules = { minInSyncReplicas: () => 1, uncleanLeaderElection: () => false }
  const wire = {
    engine: { topics: new Map() },
    cluster: new Cluster(makeNodes('a', 1, 1), new Map(), { rules }),
  } as unknown as Wire
  const [min, max] = api.key === apis.addPartitionsToTxn.key ? [0, 3] : api.versions
  for (let version = min; version <= max; version++) {
    const at = versionOf(api, version)
    const asked = writeMessage(api.request as Type<unknown, object>, bodies[api.name] ?? {}, at)
    const response = refuse(wire, api, api.request.read(new Reader(asked), at), 6)
    const answered = writeMessage(api.response as Type<unknown, unknown>, response, at)
    const told = JSON.stringify(api.response.read(new Reader(answered), at))
    expect(told).toMatch(/"(partitionE|e)rrorCode":6\b/)
  }
})
