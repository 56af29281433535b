import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { connect, Socket, type TcpNetConnectOpts } from 'node:net'
import { inspect } from 'node:util'
import { Kafka, logLevel, type SASLOptions } from 'kafkajs'
import { afterEach, expect, it, vi } from 'vitest'
import { Broker, topic } from '../../src/index.ts'
import { RequestLog, type SaslOptions, type ServeOptions, serve } from '../../src/server/index.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { apiVersions } from '../../src/server/protocol/messages/api-versions.ts'
import { metadata } from '../../src/server/protocol/messages/metadata.ts'
import { saslAuthenticate } from '../../src/server/protocol/messages/sasl-authenticate.ts'
import { saslHandshake } from '../../src/server/protocol/messages/sasl-handshake.ts'
import { ProtocolError } from '../../src/server/protocol/protocol-error.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { framed, request, WireClient } from '../helpers/wire-client.ts'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

const users = { ada: 'secret', 'o=brian,x': 'pass,word' }

async function start(sasl: SaslOptions = { users }) {
  const broker = new Broker({ topics: { orders: topic({ partitions: 1 }) } })
  const errors: unknown[] = []
  broker.on('error', error => errors.push(error))
  open.push(() => broker.close())
  const server = await serve(broker, { sasl })
  const listTopics = async (credentials?: SASLOptions) => {
    const kafka = new Kafka({
      brokers: [server.address],
      logLevel: logLevel.NOTHING,
      retry: { retries: 0 },
      ...(credentials === undefined ? {} : { sasl: credentials }),
    })
    const admin = kafka.admin()
    open.push(() => admin.disconnect())
    await admin.connect()
    return admin.listTopics()
  }
  const dial = (more: Partial<TcpNetConnectOpts> = {}) => {
    const socket = connect({ port: server.port, host: '127.0.0.1', ...more })
    open.push(async () => void socket.destroy())
    return new WireClient(socket)
  }
  return { broker, server, errors, listTopics, dial }
}

it('tells anybody its versions, and only who has proved who they are that they expect another broker', async () => {
  const { dial } = await start()
  const client = dial()
  const says = { clientSoftwareName: 'client', clientSoftwareVersion: '1', clusterId: 'another', nodeId: 1 }
  expect(await client.call(apiVersions as Api, 5, says)).toMatchObject({ errorCode: 0 })
  await client.call(saslHandshake as Api, 1, { mechanism: 'PLAIN' })
  const authBytes = Buffer.from('\0ada\0secret')
  expect(await client.call(saslAuthenticate as Api, 2, { authBytes })).toMatchObject({ errorCode: 0 })
  expect(await client.call(apiVersions as Api, 5, says)).toMatchObject({ errorCode: 129 })
})

it.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)(
  'lets in who proves by %s who they are, and nobody else',
  async mechanism => {
    const { listTopics } = await start()
    const login = (username: string, password: string) =>
      listTopics({ mechanism, username, password } as SASLOptions)
    expect(await login('ada', 'secret')).toEqual(['orders'])
    expect(await login('o=brian,x', 'pass,word')).toEqual(['orders'])
    for (const [user, password] of [
      ['ada', 'Secret'],
      ['ada', ''],
      ['eve', 'secret'],
      ['toString', 'x'],
    ] as const) {
      await expect(login(user, password)).rejects.toThrow(/Authentication failed|SASL/)
    }
  },
)

it('serves nobody who says nothing of themselves, and tells that by its error', async () => {
  const { listTopics, errors } = await start()
  await expect(listTopics()).rejects.toThrow('Closed connection')
  expect(errors).toEqual([
    expect.objectContaining({ message: 'Metadata is not allowed before the client has authenticated' }),
  ])
})

it('offers only the mechanisms that it is told', async () => {
  const { listTopics } = await start({ users, mechanisms: ['SCRAM-SHA-512'] })
  expect(await listTopics({ mechanism: 'scram-sha-512', username: 'ada', password: 'secret' })).toEqual([
    'orders',
  ])
  await expect(listTopics({ mechanism: 'plain', username: 'ada', password: 'secret' })).rejects.toThrow(
    'does not support the requested SASL mechanism',
  )
})

it('answers a proof without a handshake with an error, and ends the connection', async () => {
  const { dial } = await start()
  const client = dial()
  const authBytes = Buffer.from([0])
  expect(await client.call(saslAuthenticate as Api, 0, { authBytes })).toMatchObject({ errorCode: 34 })
  await client.closed
})

it('ends no connection of who was let in because of a proof without a handshake', async () => {
  const { dial } = await start()
  const client = dial()
  await client.call(saslHandshake as Api, 1, { mechanism: 'PLAIN' })
  const authBytes = Buffer.from('\0ada\0secret')
  expect(await client.call(saslAuthenticate as Api, 2, { authBytes })).toMatchObject({ errorCode: 0 })
  expect(await client.call(saslAuthenticate as Api, 2, { authBytes })).toMatchObject({ errorCode: 34 })
  expect(await client.call(apiVersions as Api, 0, {})).toMatchObject({ errorCode: 0 })
})

it('ends a connection whose client chooses a mechanism twice', async () => {
  const { dial } = await start()
  const client = dial()
  expect(await client.call(saslHandshake as Api, 1, { mechanism: 'PLAIN' })).toMatchObject({ errorCode: 0 })
  expect(await client.call(saslHandshake as Api, 1, { mechanism: 'PLAIN' })).toMatchObject({ errorCode: 34 })
  await client.closed
})

it.each(['PLAIN', 'SCRAM-SHA-256'])(
  'ends a connection with the refusal of a wrong proof by %s',
  async mechanism => {
    const { dial, errors } = await start()
    const client = dial()
    expect(await client.call(saslHandshake as Api, 1, { mechanism })).toMatchObject({ errorCode: 0 })
    const authBytes = Buffer.from('xx')
    expect(await client.call(saslAuthenticate as Api, 0, { authBytes })).toMatchObject({ errorCode: 58 })
    await client.closed
    expect(errors).toEqual([])
  },
)

it.each([
  ['without a password', 'ada\0secret'],
  ['without any part', ''],
  ['with a part too many', '\0ada\0secret\0'],
  ['with a password that is longer', '\0ada\0secrets'],
  ['with a password that is shorter', '\0ada\0secre'],
  ['of nobody that is known', '\0eve\0secret'],
  ['of who is no user, but a property of every object', '\0constructor\0secret'],
  ['of nobody', '\0\0'],
])('refuses a proof by PLAIN %s', async (_, proof) => {
  const { dial, errors } = await start()
  const client = dial()
  await client.call(saslHandshake as Api, 1, { mechanism: 'PLAIN' })
  const authBytes = Buffer.from(proof)
  expect(await client.call(saslAuthenticate as Api, 2, { authBytes })).toMatchObject({ errorCode: 58 })
  await client.closed
  expect(errors).toEqual([])
})

it.each([
  ['is too short', 'AAAA'],
  ['is too long', Buffer.alloc(33).toString('base64')],
  ['is wrong', Buffer.alloc(32).toString('base64')],
])('refuses a proof by SCRAM that %s', async (_, proof) => {
  const { dial, errors } = await start()
  const client = dial()
  await client.call(saslHandshake as Api, 1, { mechanism: 'SCRAM-SHA-256' })
  const say = (text: string) => client.call(saslAuthenticate as Api, 2, { authBytes: Buffer.from(text) })
  const { authBytes } = await say('n,,n=ada,r=abc')
  const [nonce] = Buffer.from(authBytes).toString().split(',')
  expect(await say(`c=biws,${nonce},p=${proof}`)).toMatchObject({ errorCode: 58 })
  await client.closed
  expect(errors).toEqual([])
})

it.each([
  ['PLAIN', 'eve\0ada\0secret', 'ada\0ada\0secret'],
  ['SCRAM-SHA-256', 'n,a=eve,n=ada,r=abc', 'n,a=ada,n=ada,r=abc'],
])('refuses by %s who would act as another user, and says so', async (mechanism, asAnother, asOneself) => {
  const { dial } = await start()
  const say = async (text: string) => {
    const client = dial()
    await client.call(saslHandshake as Api, 1, { mechanism })
    return client.call(saslAuthenticate as Api, 2, { authBytes: Buffer.from(text) })
  }
  expect(await say(asAnother)).toMatchObject({
    errorCode: 58,
    errorMessage: 'Authentication failed: the client asks to act as another user than it is',
  })
  expect(await say(asOneself)).toMatchObject({ errorCode: 0 })
})

it.each([
  ['takes a right proof by SCRAM', '', 0],
  ['refuses one that is right under another nonce: it may be an old one', 'x', 58],
])('%s', async (_, added, errorCode) => {
  const { dial } = await start()
  const client = dial()
  await client.call(saslHandshake as Api, 1, { mechanism: 'SCRAM-SHA-256' })
  const say = (text: string) => client.call(saslAuthenticate as Api, 2, { authBytes: Buffer.from(text) })
  const first = Buffer.from((await say('n,,n=ada,r=abc')).authBytes).toString()
  const [nonce, salt, iterations] = first.split(',').map(part => part.slice(2))
  const salted = pbkdf2Sync('secret', Buffer.from(salt!, 'base64'), Number(iterations), 32, 'sha256')
  const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest()
  const key = hmac(salted, 'Client Key')
  const last = `c=biws,r=${nonce}${added}`
  const signature = hmac(createHash('sha256').update(key).digest(), `n=ada,r=abc,${first},${last}`)
  const proof = Buffer.from(key.map((byte, i) => byte ^ signature[i]!)).toString('base64')
  expect(await say(`${last},p=${proof}`)).toMatchObject({ errorCode })
})

// It puts its own nonce before that of the server, which begins with it. Kafka 4 refuses that, too (CVE-2024-56128).
it('tells an old librdkafka why its nonce does not match', async () => {
  const { dial } = await start()
  const client = dial()
  await client.call(saslHandshake as Api, 1, { mechanism: 'SCRAM-SHA-256' })
  const say = (text: string) => client.call(saslAuthenticate as Api, 2, { authBytes: Buffer.from(text) })
  const [first] = Buffer.from((await say('n,,n=ada,r=abc')).authBytes)
    .toString()
    .split(',')
  expect(await say(`c=biws,r=abc${first!.slice(2)},p=AAAA`)).toMatchObject({
    errorCode: 58,
    errorMessage: 'Authentication failed: the nonce does not match; that of librdkafka is right since 2.6.1',
  })
})

it('ends a connection with the refusal of a mechanism, and answers nothing that came behind', async () => {
  const { dial } = await start()
  const client = dial()
  client.send(request(saslHandshake as Api, 1, { mechanism: 'GSSAPI' }))
  expect(await client.call(saslHandshake as Api, 1, { mechanism: 'PLAIN' })).toMatchObject({ errorCode: 33 })
  await client.closed
  await expect(client.answer()).rejects.toThrow('closed without an answer')
})

it('lets a client prove anew who it is, but not that it is somebody else', async () => {
  const { dial } = await start()
  const client = dial()
  const prove = async (proof: string) => {
    await client.call(saslHandshake as Api, 1, { mechanism: 'PLAIN' })
    return client.call(saslAuthenticate as Api, 2, { authBytes: Buffer.from(proof) })
  }
  expect(await prove('\0ada\0secret')).toMatchObject({ errorCode: 0 })
  expect(await prove('\0ada\0secret')).toMatchObject({ errorCode: 0 })
  expect(await prove('\0o=brian,x\0pass,word')).toMatchObject({
    errorCode: 58,
    errorMessage: "Authentication failed: the client was 'ada' before, and is 'o=brian,x' now",
  })
  await client.closed
})

it('does nothing for a client that is about to prove anew who it is', async () => {
  const { dial, errors } = await start()
  const client = dial()
  await client.call(saslHandshake as Api, 1, { mechanism: 'PLAIN' })
  await client.call(saslAuthenticate as Api, 2, { authBytes: Buffer.from('\0ada\0secret') })
  await client.call(saslHandshake as Api, 1, { mechanism: 'PLAIN' })
  client.send(request(metadata as Api, 1, { topics: null }))
  await expect(client.answer()).rejects.toThrow('closed')
  expect(errors).toEqual([new ProtocolError('Metadata is not allowed before the client has authenticated')])
})

it('takes only small requests of who has not authenticated yet', async () => {
  const { dial, errors } = await start()
  const unknown = dial()
  const length = Buffer.alloc(4)
  length.writeInt32BE(512 * 1024 + 1)
  unknown.socket.write(length)
  await unknown.closed
  expect(errors).toEqual([
    expect.objectContaining({ message: 'expected a frame of at most 524288 bytes, received 524289' }),
  ])
  const known = dial()
  await known.call(saslHandshake as Api, 1, { mechanism: 'PLAIN' })
  await known.call(saslAuthenticate as Api, 2, { authBytes: Buffer.from('\0ada\0secret') })
  const names = Array.from({ length: 60_000 }, () => ({ name: 'no-such' }))
  const { topics } = await known.call(metadata as Api, 4, { topics: names, allowAutoTopicCreation: false })
  expect(topics.length).toBeGreaterThan(0)
})

it('takes a large request of who has authenticated, also where it comes together with the proof', async () => {
  const { dial, errors } = await start()
  const client = dial()
  await client.call(saslHandshake as Api, 1, { mechanism: 'PLAIN' })
  const proof = { authBytes: Buffer.from('\0ada\0secret') }
  const names = Array.from({ length: 60_000 }, () => ({ name: 'no-such' }))
  const large = { topics: names, allowAutoTopicCreation: false }
  const requests = [request(saslAuthenticate as Api, 2, proof, 1), request(metadata as Api, 4, large, 2)]
  client.socket.write(Buffer.concat(requests.map(framed)))
  expect((await client.answer()).readInt32BE(0)).toBe(1)
  expect((await client.answer()).readInt32BE(0)).toBe(2)
  expect(errors).toEqual([])
})

it('tells no versions between the choice of a mechanism and the proof, and ends the connection', async () => {
  const { dial } = await start()
  const client = dial()
  expect(await client.call(apiVersions as Api, 0, {})).toMatchObject({ errorCode: 0 })
  await client.call(saslHandshake as Api, 1, { mechanism: 'PLAIN' })
  expect(await client.call(apiVersions as Api, 0, {})).toMatchObject({ errorCode: 34, apiKeys: [] })
  await client.closed
})

it('takes proofs that come without a header, after a handshake of version 0', async () => {
  const { dial, errors } = await start()
  const proved = dial()
  await proved.call(saslHandshake as Api, 0, { mechanism: 'PLAIN' })
  proved.send(Buffer.from('\0ada\0secret'))
  expect(await proved.answer()).toEqual(Buffer.alloc(0))
  expect(await proved.call(metadata as Api, 1, { topics: null })).toMatchObject({
    topics: [{ name: 'orders' }],
  })
  expect(errors).toEqual([])

  const wrong = dial()
  await wrong.call(saslHandshake as Api, 0, { mechanism: 'SCRAM-SHA-256' })
  wrong.send(Buffer.from('n,,n=ada,r=abc'))
  const [nonce] = (await wrong.answer()).toString().split(',')
  expect(nonce).toMatch(/^r=abc/)
  wrong.send(Buffer.from(`c=biws,${nonce},p=AAAA`))
  await wrong.closed
  expect(errors).toEqual([
    expect.objectContaining({ message: expect.stringMatching(/^Authentication failed: /) }),
  ])
})

it('refuses options that cannot be meant', async () => {
  const broker = new Broker()
  open.push(() => broker.close())
  const refused = (sasl: object) => expect(serve(broker, { sasl: sasl as SaslOptions })).rejects
  await refused({}).toThrow("serve: sasl: option 'users' expected passwords by user name, at least one")
  for (const none of [{}, null, 'ada', { ada: 'secret', eve: 1 }])
    await refused({ users: none }).toThrow("option 'users' expected passwords by user name")
  for (const none of [[], ['GSSAPI'], ['PLAIN', 'GSSAPI'], 'PLAIN', { length: 1 }])
    await refused({ users, mechanisms: none }).toThrow("option 'mechanisms' expected an array of PLAIN")
  await refused({ users, mechanism: 'PLAIN' }).toThrow(
    "unknown option 'mechanism'. Did you mean 'mechanisms'?",
  )
})

it.each([
  [{ sasl: 'ada:pencil' }, "serve: option 'sasl' expected an object, received a string"],
  [
    { sasl: { users: 'ada:pencil' } },
    "serve: sasl: option 'users' expected passwords by user name, at least one, received a string",
  ],
  [
    { sasl: { users: { ada: 'pencil', eve: 1 } } },
    "serve: sasl: option 'users' expected passwords by user name, at least one, received an object",
  ],
  [{ tls: 'pencil' }, "serve: option 'tls' expected an object, received a string"],
])('shows nothing of credentials that it refuses: %j', async (options, text) => {
  const broker = new Broker()
  open.push(() => broker.close())
  const error = await rejectionOf(serve(broker, options as unknown as ServeOptions))
  expect(error.message).toBe(text)
  expect(inspect(error)).not.toContain('pencil')
})

it('tells a client that would authenticate that nobody does, where everybody is let in', async () => {
  const broker = new Broker()
  open.push(() => broker.close())
  const errors: unknown[] = []
  broker.on('error', error => errors.push(error))
  const server = await serve(broker)
  const socket = connect(server.port, '127.0.0.1')
  open.push(async () => socket.destroy())
  const client = new WireClient(socket)
  const illegalSaslState = 34
  const handshake = await client.call(saslHandshake as Api, 1, { mechanism: 'PLAIN' })
  expect(handshake).toMatchObject({ errorCode: illegalSaslState, mechanisms: [] })
  const proof = await client.call(saslAuthenticate as Api, 2, { authBytes: Buffer.from('\0ada\0secret') })
  expect(proof).toMatchObject({ errorCode: illegalSaslState })
  expect(errors).toEqual([])
})

it('parts from who is refused, however much they have sent by then', async () => {
  const { server, dial } = await start()
  const client = dial()
  await client.call(saslHandshake as Api, 1, { mechanism: 'PLAIN' })
  server.brokers[0]!.slowBy(60_000)
  const refused = client.call(saslAuthenticate as Api, 2, { authBytes: Buffer.from('\0ada\0wrong') })
  // More than the server takes before it has answered.
  const { pause } = Socket.prototype
  const paused = new Promise<void>(resolve => {
    vi.spyOn(Socket.prototype, 'pause').mockImplementationOnce(function (this: Socket) {
      resolve()
      return pause.call(this)
    })
  })
  for (let i = 0; i < 3; i++) client.send(Buffer.alloc(100_000))
  await paused
  server.brokers[0]!.slowBy(0)
  expect(await refused).toMatchObject({ errorCode: 58 })
  await client.closed
  await expect.poll(() => server.connections).toBe(0)
})

it('parts from who is refused, and never closes their side', async () => {
  const { server, dial } = await start()
  const client = dial({ allowHalfOpen: true })
  await client.call(saslHandshake as Api, 1, { mechanism: 'PLAIN' })
  const authBytes = Buffer.from('\0ada\0wrong')
  expect(await client.call(saslAuthenticate as Api, 2, { authBytes })).toMatchObject({ errorCode: 58 })
  await client.closed
  expect(client.socket.writable).toBe(true)
  await expect.poll(() => server.connections, { timeout: 10_000 }).toBe(0)
})

it('hears nothing more of who is refused, also where the right password comes after it', async () => {
  const broker = new Broker()
  open.push(() => broker.close())
  const requests = new RequestLog()
  const server = await serve(broker, { sasl: { users }, requests })
  const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
  open.push(async () => void socket.destroy())
  const client = new WireClient(socket)
  const proves = (password: string) => ({ authBytes: Buffer.from(`\0ada\0${password}`) })
  await client.call(saslHandshake as Api, 1, { mechanism: 'PLAIN' })
  await client.call(saslAuthenticate as Api, 2, proves('wrong'))
  await client.closed
  client.send(request(saslHandshake as Api, 1, { mechanism: 'PLAIN' }))
  client.send(request(saslAuthenticate as Api, 2, proves('secret')))
  socket.end()
  await expect.poll(() => server.connections).toBe(0)
  expect(requests.of({}).map(({ api }) => api)).toEqual(['SaslHandshake', 'SaslAuthenticate'])
})
