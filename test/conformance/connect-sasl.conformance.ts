import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { Connections } from '../../src/kafka/connections.ts'
import type { ClientSaslOptions } from '../../src/kafka/index.ts'
import { connect } from '../../src/kafka/index.ts'
import { WireFaults } from '../../src/server/index.ts'
import { apiVersions } from '../../src/server/protocol/messages/api-versions.ts'
import { saslHandshake } from '../../src/server/protocol/messages/sasl-handshake.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { isKafkaInstalled, type RealKafka, startRealKafka } from '../kafka/real-kafka.ts'
import { until } from './collect.ts'
import { start } from './served-broker.ts'

const users = { ada: 'secret' }
const ada = { mechanism: 'PLAIN', username: 'ada', password: 'secret' } as const
const vaultIsDown = () => Promise.reject(new Error('the vault is down'))

afterEach(() => {
  vi.restoreAllMocks()
})

describe('proving who one is', () => {
  it.each(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)('works by %s', async mechanism => {
    const { join } = await start({ sasl: { users } })
    const sasl = { ...ada, mechanism, password: async () => 'secret' }
    const cluster = await join({ sasl })
    expect(await cluster.admin.listTopics()).toEqual(['orders'])
    const wrong = join({ sasl: { ...sasl, password: 'wrong' } })
    await expect(wrong).rejects.toMatchObject({
      code: 'SASL_AUTHENTICATION_FAILED',
      retriable: false,
      message: expect.stringMatching(/SASL authentication failed: Authentication failed: \w/),
    })
  })

  const failing: readonly [string, ClientSaslOptions, string, string][] = [
    ['rejects', { ...ada, password: vaultIsDown }, 'sasl.password', 'threw: the vault is down'],
    [
      'throws',
      {
        ...ada,
        username: () => {
          throw new Error('no user')
        },
      },
      'sasl.username',
      'threw: no user',
    ],
    [
      'returns nothing',
      { ...ada, password: (() => undefined) as never },
      'sasl.password',
      'returned something else than a string',
    ],
  ]
  it.each(failing)(
    'fails at once where a secret is a function that %s, and names it',
    async (_how, sasl, option, why) => {
      const { join } = await start({ sasl: { users } })
      await expect(join({ sasl })).rejects.toMatchObject({
        code: 'SASL_AUTHENTICATION_FAILED',
        option,
        message: expect.stringContaining(`connect: option '${option}' ${why}`),
      })
    },
  )

  it.each(['username', 'password'] as const)(
    'says that it waits for a function for the %s that never answers',
    async name => {
      const { join } = await start({ sasl: { users } })
      const sasl = { ...ada, [name]: () => new Promise<string>(() => {}) }
      const late = join({ sasl, connectTimeoutMs: 50, apiTimeoutMs: 500 })
      await expect(late).rejects.toMatchObject({
        code: 'REQUEST_TIMED_OUT',
        message: expect.stringMatching(
          new RegExp(`timed out; the function of option 'sasl.${name}' has not answered$`),
        ),
        cause: { code: 'NETWORK_EXCEPTION', option: `sasl.${name}` },
      })
    },
  )

  it('does not lay it on an address that the cluster names where a function does not answer', async () => {
    const { join } = await start({ sasl: { users }, host: 'localhost' })
    let connected = false
    const password = () => (connected ? new Promise<string>(() => {}) : Promise.resolve('secret'))
    const { call } = Connections.prototype
    vi.spyOn(Connections.prototype, 'call').mockImplementation(async function (this: Connections, ...asked) {
      const answer: any = await call.apply(this, asked)
      connected = true
      // Another name of the same address, at which nobody has asked yet.
      for (const broker of answer.brokers ?? []) broker.host = '127.0.0.1'
      return answer
    })
    const options = { connectTimeoutMs: 50, deliveryTimeoutMs: 500 }
    const cluster = await join({ sasl: { ...ada, password }, ...options })
    await expect(cluster.producer().send({ topic: 'orders', value: 1 })).rejects.toMatchObject({
      message: expect.stringMatching(/the function of option 'sasl\.password' has not answered$/),
    })
  })

  it('is tried again where a function, after it has connected, fails or returns what is refused', async () => {
    const faults = new WireFaults()
    const { join } = await start({ sasl: { users }, faults })
    const later = [vaultIsDown, async () => 'wrong']
    let connected = false
    const password = () => (connected ? later.shift() : undefined)?.() ?? Promise.resolve('secret')
    const cluster = await join({ sasl: { ...ada, password } })
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    const seen: unknown[] = []
    await consumer.run({ eachRecord: ({ value }) => seen.push(value) })
    connected = true
    faults.disconnect({ api: 'ConsumerGroupHeartbeat' })
    faults.disconnect({ api: 'Fetch' })
    await until(() => expect(later).toEqual([]))
    await cluster.producer().send({ topic: 'orders', value: 7 })
    await until(() => expect(seen).toEqual([7]))
    expect((await cluster.admin.describeGroup('g')).members).toHaveLength(1)
  })

  it('is tried again where its answer does not come', async () => {
    const faults = new WireFaults()
    const { join } = await start({ sasl: { users }, faults })
    const held = faults.pauseNext({ api: 'SaslHandshake' })
    const cluster = await join({ sasl: ada, requestTimeoutMs: 200 })
    expect(await cluster.admin.listTopics()).toEqual(['orders'])
    held.release()
  })

  it('is asked for where a broker closes the connection of whoever does not', async () => {
    const { join } = await start({ sasl: { users } })
    await expect(join({ apiTimeoutMs: 200 })).rejects.toMatchObject({
      code: 'REQUEST_TIMED_OUT',
      message: expect.stringMatching(/; does the broker expect the option 'tls' or 'sasl'\?$/),
    })
  })
})

describe('a token', () => {
  // What comes before the token: no error and no API, which only version 2 of the library asks for, and one mechanism.
  const answers = new Map([
    [apiVersions.key, Buffer.alloc(10)],
    [saslHandshake.key, Buffer.from('\0\0\0\0\0\x01\0\x0bOAUTHBEARER')],
  ])

  function answerTo(request: Buffer): Buffer | undefined {
    const answer = answers.get(request.readInt16BE(4))
    if (answer === undefined) return undefined
    const length = Buffer.from([0, 0, 0, 4 + answer.length])
    return Buffer.concat([length, request.subarray(8, 12), answer])
  }

  /** What a broker that takes no token is sent in the first one. */
  async function firstToken(sasl: ClientSaslOptions): Promise<string | undefined> {
    let received: string | undefined
    const server = createServer(socket => {
      socket.on('error', () => {})
      socket.on('data', request => {
        const answer = answerTo(request)
        if (answer !== undefined) return void socket.write(answer)
        received ??= request.toString('latin1')
        socket.destroy()
      })
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    await rejectionOf(connect({ bootstrapBrokers: [`127.0.0.1:${port}`], sasl, apiTimeoutMs: 200 }))
    server.close()
    return received
  }

  const extensions = { tenant: 'a b', trace: '7' }
  it.each([
    ['as they are', extensions],
    ['by a function', async () => extensions],
  ])('goes with its extensions, given %s', async (_how, oauthBearerExtensions) => {
    const sent = await firstToken({ mechanism: 'OAUTHBEARER', token: 'abc', oauthBearerExtensions })
    expect(sent).toContain('n,,\x01auth=Bearer abc\x01tenant=a b\x01trace=7\x01\x01')
  })

  it('is not sent with extensions that it cannot have', async () => {
    const oauthBearerExtensions = () => ({ auth: 'Bearer of another' })
    const sasl = { mechanism: 'OAUTHBEARER', token: 'abc', oauthBearerExtensions } as const
    expect(await firstToken(sasl)).toBeUndefined()
  })
})

describe.skipIf(!isKafkaInstalled)('proving who one is to Apache Kafka', () => {
  let kafka: RealKafka
  beforeAll(async () => {
    const login = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required'
    kafka = await startRealKafka({
      sasl: { users },
      properties: {
        'sasl.enabled.mechanisms': 'OAUTHBEARER',
        'listener.name.sasl.oauthbearer.sasl.jaas.config': `${login} unsecuredLoginStringClaim_sub="broker";`,
      },
    })
  })
  afterAll(() => kafka?.close())

  const part = (json: object) => Buffer.from(JSON.stringify(json)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const token = (exp: number) => `${part({ alg: 'none' })}.${part({ sub: 'ada', iat: now - 7200, exp })}.`
  const connectBy = (exp: number) =>
    connect({
      bootstrapBrokers: [`127.0.0.1:${kafka.saslPort}`],
      sasl: {
        mechanism: 'OAUTHBEARER',
        token: token(exp),
        oauthBearerExtensions: { tenant: 'ada' },
      },
    })

  it('works by OAUTHBEARER, and says at once that a token is refused', async () => {
    const cluster = await connectBy(now + 3600)
    expect(await cluster.admin.listTopics()).toEqual([])
    await cluster.close()
    expect(await rejectionOf(connectBy(now - 3600))).toMatchObject({
      code: 'SASL_AUTHENTICATION_FAILED',
      message: expect.stringContaining('The broker refuses the token: {"status":"invalid_token"}'),
    })
  })
})
