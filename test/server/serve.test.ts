import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import path from 'node:path'
import { connect as connectTls } from 'node:tls'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, expect, it } from 'vitest'
import { Broker, topic } from '../../src/index.ts'
import {
  connect as connectInProcess,
  type ServeOptions,
  serve,
  socketFactory,
} from '../../src/server/index.ts'
import { apiVersions } from '../../src/server/protocol/messages/api-versions.ts'
import { fetch as fetchApi } from '../../src/server/protocol/messages/fetch.ts'
import { metadata } from '../../src/server/protocol/messages/metadata.ts'
import { produce } from '../../src/server/protocol/messages/produce.ts'
import { collect } from '../helpers/collect.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { consumerMembers } from '../helpers/group-requests.ts'
import { framed, request, sequencedBatch, WireClient } from '../helpers/wire-client.ts'

const hasIPv6 = Object.values(networkInterfaces()).some(each =>
  each?.some(({ address }) => address === '::1'),
)

const pem = (name: string) => readFileSync(path.join(import.meta.dirname, 'tls', name))

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

async function start(options: ServeOptions = {}) {
  const broker = new Broker({ topics: { orders: topic({ partitions: 1 }) } })
  open.push(() => broker.close())
  const server = await serve(broker, options)
  return { broker, server }
}

async function send(address: string, ssl?: object): Promise<void> {
  const kafka = new Kafka({
    brokers: [address],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
    ...(ssl === undefined ? {} : { ssl }),
  })
  const producer = kafka.producer()
  open.push(() => producer.disconnect())
  await producer.connect()
  await producer.send({ topic: 'orders', messages: [{ value: '1' }] })
}

it('listens on a free port of 127.0.0.1, and tells clients to come there', async () => {
  const { broker, server } = await start()
  expect(server.address).toBe(`127.0.0.1:${server.port}`)
  await send(server.address)
  expect(broker.topic('orders').records()).toMatchObject([{ value: 1 }])
  expect(server.connections).toBeGreaterThan(0)
})

// Left out where the machine has no IPv6, as in many containers.
it.skipIf(!hasIPv6)('puts an address of IPv6 in brackets, as clients take it', async () => {
  const { server } = await start({ host: '::1', brokers: 2 })
  const addresses = server.brokers.map(({ port }) => `[::1]:${port}`)
  expect(server.address).toBe(addresses[0])
  expect(server.bootstrapServers).toBe(addresses.join(','))
})

it('tells clients another host to come to than the one it listens at, also once it has started again', async () => {
  const { server } = await start({ host: '127.0.0.1', advertisedHost: 'brokers.example' })
  expect(server.address).toBe(`brokers.example:${server.port}`)
  expect(server.bootstrapServers).toBe(server.address)
  await server.brokers[0]!.stop()
  await server.brokers[0]!.start()
  const socket = connectTcp(server.port, '127.0.0.1')
  open.push(async () => socket.destroy())
  const { brokers } = await new WireClient(socket).call(metadata, 4, { topics: [] })
  expect(brokers).toMatchObject([{ host: 'brokers.example', port: server.port }])
})

it('speaks TLS', async () => {
  const { broker, server } = await start({ tls: { key: pem('key.pem'), cert: pem('cert.pem') } })
  await send(server.address, { ca: [pem('cert.pem')], servername: 'localhost' })
  expect(broker.topic('orders').records()).toHaveLength(1)
})

it('tells of a client that does not speak TLS, and of one that does where it is not spoken', async () => {
  const secure = await start({ tls: { key: pem('key.pem'), cert: pem('cert.pem') } })
  const plain = await start()
  const messages: string[] = []
  for (const { broker } of [secure, plain])
    broker.on('error', error => messages.push((error as Error).message))
  await expect(send(secure.server.address)).rejects.toThrow()
  await expect(send(plain.server.address, { ca: [pem('cert.pem')] })).rejects.toThrow()
  expect(messages).toEqual([
    'A client and the server do not agree on TLS: wrong version number',
    expect.stringMatching(
      /^expected a frame of at most .*; the client speaks TLS, which the server does with the option 'tls'$/,
    ),
  ])
})

it('tells of a client that speaks HTTP', async () => {
  const { broker, server } = await start()
  const messages: string[] = []
  broker.on('error', error => messages.push((error as Error).message))
  await expect(fetch(`http://${server.address}/`)).rejects.toThrow()
  expect(messages).toEqual([expect.stringMatching(/; the client speaks HTTP$/)])
})

it('says nothing of a client that goes before it has spoken, as one that looks whether a port is open', async () => {
  const { broker, server } = await start({ tls: { key: pem('key.pem'), cert: pem('cert.pem') } })
  const messages: string[] = []
  broker.on('error', error => messages.push((error as Error).message))
  const socket = connectTcp(server.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.end()
  await once(socket.resume(), 'close')
  await send(server.address, { ca: [pem('cert.pem')], servername: 'localhost' })
  expect(messages).toEqual([])
})

it('rejects where the port is taken, and says which, and where', async () => {
  const { server } = await start()
  const { broker } = await start()
  await expect(serve(broker, { port: server.port })).rejects.toMatchObject({
    name: 'InvalidOptionError',
    message: `serve: option 'port' is ${server.port}, which is taken at 127.0.0.1`,
    option: 'port',
    received: server.port,
    cause: { code: 'EADDRINUSE' },
  })
})

// The address is for documentation: no machine has it. (RFC 5737)
it('rejects where the host is no address of this machine', async () => {
  const { broker } = await start()
  await expect(serve(broker, { host: '192.0.2.1' })).rejects.toMatchObject({
    name: 'InvalidOptionError',
    message: "serve: option 'host' is 192.0.2.1, which is no address of this machine",
    option: 'host',
    cause: { code: 'EADDRNOTAVAIL' },
  })
})

it('ends every connection when it closes, and with its broker', async () => {
  const { server } = await start()
  const socket: Socket = connectTcp(server.port, '127.0.0.1')
  const ended = new Promise(resolve => socket.once('close', resolve))
  await new Promise(resolve => socket.once('connect', resolve))
  await server.close()
  await ended
  expect(server.connections).toBe(0)

  const other = await start()
  await other.broker.close()
  await expect(send(other.server.address)).rejects.toThrow('ECONNREFUSED')
})

it('counts nobody any more once a broker has stopped, or the server has closed', async () => {
  const { server } = await start({ brokers: 2 })
  const [one, two] = server.brokers
  for (const { port } of [one!, two!]) {
    await new WireClient(connectTcp(port, '127.0.0.1')).call(apiVersions, 0, {})
  }
  expect(server.connections).toBe(2)
  await one!.stop()
  expect([one!.connections, server.connections]).toEqual([0, 1])
  await server.close()
  expect(server.connections).toBe(0)
})

it('leaves nothing of itself behind in a broker that goes on', async () => {
  const broker = new Broker({ topics: { orders: topic() } })
  open.push(() => broker.close())
  const servers: WeakRef<object>[] = []
  for (let i = 0; i < 3; i++) {
    const server = await serve(broker)
    servers.push(new WeakRef(server.brokers[0]!))
    await server.close()
  }
  for (let turns = 0; turns < 3; turns++) {
    await broker.clock.turn()
    collect()
  }
  // The last one may still be in somebody's hands.
  expect(servers.slice(0, 2).map(each => each.deref())).toEqual([undefined, undefined])
})

it('closes, whoever has connected and says nothing', async () => {
  for (const tls of [undefined, { key: pem('key.pem'), cert: pem('cert.pem') }]) {
    const { server } = await start(tls && { tls })
    const socket: Socket = connectTcp(server.port, '127.0.0.1')
    const ended = new Promise(resolve => socket.once('close', resolve))
    await new Promise(resolve => socket.once('connect', resolve))
    await server.close()
    await ended
  }
})

it('refuses what cannot be meant', async () => {
  const broker = new Broker()
  await expect(serve(broker, { port: 70_000 })).rejects.toThrow(
    "serve: option 'port' expected a whole number from 0 to 65535",
  )
  await expect(serve(broker, { ports: 1 } as never)).rejects.toThrow(
    "unknown option 'ports'. Did you mean 'port'?",
  )
  for (const option of ['tls', 'sasl']) {
    await expect(serve(broker, { [option]: [] })).rejects.toThrow(
      `serve: option '${option}' expected an object, received an array`,
    )
  }
  expect(await rejectionOf(serve(broker, { tls: { key: 'k', cert: 'c' } }))).toMatchObject({
    name: 'InvalidOptionError',
    option: 'tls',
    message: expect.stringMatching(
      /expected what node:tls takes, such as a key and its certificate in PEM: ./,
    ),
    cause: expect.any(Error),
  })
  const server = await serve(broker)
  expect(thrownBy(() => server.coordinatorOf(undefined as never))).toMatchObject({
    name: 'InvalidArgumentError',
    field: 'groupId',
  })
  await broker.close()
})

it.each([undefined, null, {}, 'broker'])('serves a broker, and refuses %j', async wrong => {
  const refused = (where: string) => ({
    name: 'InvalidArgumentError',
    field: 'broker',
    message: expect.stringContaining(`${where}: expected a Broker of this process, received `),
  })
  await expect(serve(wrong as never)).rejects.toMatchObject(refused('serve'))
  expect(thrownBy(() => socketFactory(wrong as never))).toMatchObject(refused('socketFactory'))
  expect(thrownBy(() => connectInProcess(wrong as never))).toMatchObject(refused('connect'))
  const { server } = await start()
  expect(thrownBy(() => server.leaderOf(wrong as never))).toMatchObject({
    name: 'InvalidArgumentError',
    field: 'partition',
  })
})

it('answers what a client in the process sent before it ended its side', async () => {
  const { broker } = await start()
  const client = new WireClient(connectInProcess(broker))
  for (let i = 0; i < 20; i++) client.send(request(apiVersions, 3, {}, i))
  client.socket.end()
  const answered: number[] = []
  for (let i = 0; i < 20; i++) answered.push((await client.answer()).readInt32BE(0))
  expect(answered).toEqual(Array.from({ length: 20 }, (_, i) => i))
  await client.closed
})

it.each([
  ['', {}],
  [' and TLS', { tls: { key: pem('key.pem'), cert: pem('cert.pem') } }],
])(
  'writes what a client sent without a wait for answers before it closed, over TCP%s',
  async (_, options) => {
    const { broker, server } = await start(options)
    const to = { port: server.port, host: '127.0.0.1' }
    const socket = 'tls' in options ? connectTls({ ...to, rejectUnauthorized: false }) : connectTcp(to)
    const batch = sequencedBatch(-1, -1, -1, [1])
    const written = { name: 'orders', partitionData: [{ index: 0, records: [batch] }] }
    const one = framed(request(produce, 9, { acks: 0, timeoutMs: 1000, topicData: [written] }))
    socket.end(Buffer.concat(Array.from({ length: 2000 }, () => one)))
    socket.resume()
    await once(socket, 'close')
    expect(broker.topic('orders').partitions[0]!.highWatermark).toBe(2000)
  },
)

it('closes the socket of a client in the process, as one over TCP, when its broker closes', async () => {
  const { broker } = await start()
  const socket = connectInProcess(broker)
  const closed = once(socket.resume(), 'close')
  await broker.close()
  await closed
})

it('tells a client in the process that what it was writing did not arrive', async () => {
  const { broker } = await start()
  const client = new WireClient(connectInProcess(broker))
  const waiting = { maxWaitMs: 3_600_000, minBytes: 1, maxBytes: 1000 }
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }]
  client.send(request(fetchApi, 11, { ...waiting, topics: [{ topic: 'orders', partitions }] }))
  const written: unknown[] = []
  for (let i = 0; i < 20; i++)
    client.socket.write(Buffer.alloc(100_000), error => written.push(error?.message))
  const failed = once(client.socket, 'error')
  await broker.clock.turn()
  await broker.close()
  const [error] = await failed
  expect(error.message).toBe('This socket has been ended by the other party')
  await expect.poll(() => written).toHaveLength(20)
  expect(written.at(-1)).toBe(error.message)
})

it('refuses a broker that is closed, and one that closes before the server listens', async () => {
  const broker = new Broker()
  const serving = serve(broker)
  await broker.close()
  await expect(serving).rejects.toMatchObject({ code: 'CLOSED' })
  await expect(serve(broker)).rejects.toMatchObject({ code: 'CLOSED' })
})

it('lets the members go whose clients it served, once it is closed', async () => {
  const { broker, server } = await start()
  const { join } = consumerMembers(new WireClient(connectTcp(server.port, '127.0.0.1')))
  await join('a')
  const own = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const ready = own.ready()
  expect(broker.group('g').members).toHaveLength(2)
  await server.close()
  await ready
  expect(broker.group('g').members).toHaveLength(1)
  expect(own.assignment).toHaveLength(1)
})
