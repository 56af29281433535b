import { spawnSync } from 'node:child_process'
import { inspect } from 'node:util'
import zlib from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { Broker, json, topic } from '../../src/index.ts'
import { type ConnectOptions, connect, mirror, portability } from '../../src/kafka/index.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'

const bootstrapBrokers = ['127.0.0.1:9092']

it('names the package to install, in one line, where the optional peer is missing', async () => {
  const connected = connect({ bootstrapBrokers })
  await expect(connected).rejects.toMatchObject({
    code: 'PEER_NOT_INSTALLED',
    message: expect.stringMatching(
      /^brokerlet\/kafka needs the package @platformatic\/kafka \(npm install @platformatic\/kafka@1\), which cannot be loaded: .+$/,
    ),
  })
})

it('says where the brokers go, where they are given alone', async () => {
  await expect(connect('127.0.0.1:9092' as never)).rejects.toThrow(
    "connect: expected an object of options, such as { bootstrapBrokers: ['localhost:9092'] }, received '127.0.0.1:9092'",
  )
})

it('says which version of the optional peer to install, where the one that is there does not run', () => {
  // Vitest resolves no package that is not installed, also where a test brings one.
  const peer = `data:text/javascript,export const clientSoftwareVersion = '2.12.1'`
  const hook = `export const resolve = (specifier, context, next) =>
    specifier === '@platformatic/kafka' ? { url: ${JSON.stringify(peer)}, shortCircuit: true } : next(specifier, context)`
  const program = `
    import { register } from 'node:module'
    import { connect } from './src/kafka/index.ts'
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)})
    Promise.withResolvers = undefined
    const error = await connect({ bootstrapBrokers: ['127.0.0.1:9092'] }).catch(error => error)
    console.log(error.code + ': ' + error.message)`
  const args = ['--import', 'tsx', '--input-type=module', '--eval', program]
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(stdout).toBe(
    'PEER_NOT_INSTALLED: brokerlet/kafka needs the package @platformatic/kafka (npm install @platformatic/kafka@1), ' +
      `and its version 2.12.1 does not run on Node ${process.version}\n`,
  )
})

describe('options that cannot be', () => {
  const refused: readonly [string, object, string][] = [
    ['no brokers', {}, 'bootstrapBrokers'],
    ['a broker without a port', { bootstrapBrokers: ['kafka'] }, 'bootstrapBrokers'],
    ['a port that there is not', { bootstrapBrokers: ['kafka:70000'] }, 'bootstrapBrokers'],
    ['an unknown option', { bootstrapBrokers, brokers: [] }, 'brokers'],
    ['SASL without a password', { bootstrapBrokers, sasl: { mechanism: 'PLAIN', username: 'ada' } }, 'sasl'],
    ...[{ auth: 'x' }, { tenant: 'a\u0001b' }, { 'tenant-id': 'a' }, { tenant: 5 }, 'tenant=a'].map(
      (oauthBearerExtensions): [string, object, string] => [
        `an extension that a token cannot have: ${JSON.stringify(oauthBearerExtensions)}`,
        { bootstrapBrokers, sasl: { mechanism: 'OAUTHBEARER', token: 't', oauthBearerExtensions } },
        'sasl',
      ],
    ),
    ['topics that are no object', { bootstrapBrokers, topics: [] }, 'topics'],
    ['TLS that is neither on nor off nor options', { bootstrapBrokers, tls: [] }, 'tls'],
    ['no replica', { bootstrapBrokers, replicationFactor: 0 }, 'replicationFactor'],
    ['an unknown compression', { bootstrapBrokers, compression: 'rar' }, 'compression'],
    ['a time longer than a timer', { bootstrapBrokers, requestTimeoutMs: 2 ** 31 }, 'requestTimeoutMs'],
    ['the same for connecting', { bootstrapBrokers, connectTimeoutMs: 2 ** 31 }, 'connectTimeoutMs'],
    ['no time for a call', { bootstrapBrokers, apiTimeoutMs: 0 }, 'apiTimeoutMs'],
    ['no time to write a record', { bootstrapBrokers, deliveryTimeoutMs: 0 }, 'deliveryTimeoutMs'],
    ['a fetch without end', { bootstrapBrokers, fetchMaxWaitMs: Number.POSITIVE_INFINITY }, 'fetchMaxWaitMs'],
    [
      'a fetch that waits as long as its request may take',
      { bootstrapBrokers, fetchMaxWaitMs: 500, requestTimeoutMs: 500 },
      'fetchMaxWaitMs',
    ],
    ['a request larger than can be', { bootstrapBrokers, maxRequestBytes: 2 ** 31 }, 'maxRequestBytes'],
    ['a fetch larger than can be asked for', { bootstrapBrokers, fetchMaxBytes: 2 ** 31 }, 'fetchMaxBytes'],
    [
      'the same of a partition',
      { bootstrapBrokers, maxPartitionFetchBytes: 2 ** 31 },
      'maxPartitionFetchBytes',
    ],
    ['a default of consumers that is none', { bootstrapBrokers, consumerDefaults: { groups: 1 } }, 'groups'],
  ]
  it.each(refused)('%s', async (_what, options, option) => {
    await expect(connect(options as ConnectOptions)).rejects.toMatchObject({ code: 'INVALID_CONFIG', option })
  })

  it.each<[unknown, string]>([
    ['ada:secret', 'expected { mechanism, ... }, received a string'],
    [
      { mechanism: 'plain', username: 'ada', password: 'secret' },
      "expected mechanism to be one of 'PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER', received 'plain'",
    ],
    [
      { mechanism: 'PLAIN', username: 'ada' },
      'expected password to be a string, or a function that returns it, received undefined',
    ],
    [
      { mechanism: 'SCRAM-SHA-256', username: 'ada', password: 4711 },
      'expected password to be a string, or a function that returns it, received a number',
    ],
    [
      { mechanism: 'OAUTHBEARER', username: 'ada', password: 'secret' },
      'expected token to be a string, or a function that returns it, received undefined',
    ],
    [
      { mechanism: 'OAUTHBEARER', token: 't', oauthBearerExtensions: 'tenant=a' },
      'expected oauthBearerExtensions to be an object of texts by names that are letters, or a function that returns it, ' +
        'received a string',
    ],
  ])('credentials, naming the part of them that is wrong: %j', async (sasl, text) => {
    const error = await rejectionOf(connect({ bootstrapBrokers, sasl } as unknown as ConnectOptions))
    expect(error.message).toBe(`connect: option 'sasl' ${text}`)
    expect(error).toMatchObject({ code: 'INVALID_CONFIG', option: 'sasl' })
    expect(inspect(error)).not.toContain('secret')
  })

  it.each([
    ['ssl', 'tls'],
    ['security.protocol', 'tls'],
    ['brokers', 'bootstrapBrokers'],
    ['metadata.broker.list', 'bootstrapBrokers'],
    ['bootstrap.servers', 'bootstrapBrokers'],
    ['client.id', 'clientId'],
    ['connectionTimeout', 'connectTimeoutMs'],
    ['requestTimeout', 'requestTimeoutMs'],
    ['batch.size', 'batchBytes'],
    ['max.request.size', 'maxRequestBytes'],
    ['max.in.flight.requests.per.connection', 'maxInFlight'],
    ['socket.connection.setup.timeout.ms', 'connectTimeoutMs'],
    ['default.api.timeout.ms', 'apiTimeoutMs'],
    ['maxInFlightRequests', 'maxInFlight'],
  ])('an option under the word of another library: %s, where %s is meant', async (word, option) => {
    await expect(connect({ bootstrapBrokers, [word]: true } as ConnectOptions)).rejects.toMatchObject({
      message: `connect: unknown option '${word}'. Did you mean '${option}'?`,
      suggestions: [option],
    })
  })

  it('an option whose name every object has, like any other', async () => {
    await expect(
      connect({ bootstrapBrokers, toString: 5 } as unknown as ConnectOptions),
    ).rejects.toMatchObject({
      message: expect.stringContaining("unknown option 'toString'; known options: "),
    })
  })

  it.each([
    ['a URL', 'kafka://kafka-1:9092'],
    ['several in one', 'kafka-1:9092,kafka-2:9092'],
    ['a space, as between those of a list', ' kafka-2:9092'],
    ['the port that lets a server choose', 'kafka-2:0'],
    ['something else than text', 9092],
  ])('a broker that is %s, by its name', async (_what, broker) => {
    const brokers = [...bootstrapBrokers, broker] as string[]
    await expect(connect({ bootstrapBrokers: brokers })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      option: 'bootstrapBrokers',
      received: broker,
    })
  })

  it('zstd where Node does not have it', async () => {
    const { zstdCompressSync } = zlib as { zstdCompressSync?: unknown }
    Object.assign(zlib, { zstdCompressSync: undefined })
    const error = await rejectionOf(connect({ bootstrapBrokers, compression: 'zstd' }))
    Object.assign(zlib, { zstdCompressSync })
    expect(error).toMatchObject({
      code: 'INVALID_CONFIG',
      option: 'compression',
      message: expect.stringContaining('Node 22.15'),
    })
  })

  it('a topic that is neither options nor a definition', async () => {
    for (const topics of [{ orders: null }, { orders: undefined }, { orders: 5 }]) {
      await expect(connect({ bootstrapBrokers, topics: topics as never })).rejects.toMatchObject({
        code: 'INVALID_REQUEST',
        topic: 'orders',
      })
    }
  })

  const inMemory: readonly [string, object][] = [
    ['retentionRecords', { retentionRecords: 10 }],
    ['segmentRecords', { segmentRecords: 10 }],
    ['whenFull', { whenFull: 'wait' }],
    ['cleanupPolicy', { cleanupPolicy: 'consumed' }],
  ]
  it.each(inMemory)('a topic whose %s only a log in memory has', async (option, options) => {
    const topics = { orders: topic(options) }
    await expect(connect({ bootstrapBrokers, topics })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      topic: 'orders',
      option,
    })
  })
})

describe('portability', () => {
  it('lists what a cluster would refuse, and what would change', async () => {
    const broker = new Broker({
      topics: {
        latest: topic({ retentionRecords: 100, codec: json }),
        queue: topic({ cleanupPolicy: 'consumed' }),
        table: topic({ cleanupPolicy: 'compact', codec: json }),
        bounded: topic({ whenFull: 'wait', retentionMs: 1000, codec: json }),
        short: topic({ segmentRecords: 4096, codec: json }),
        tight: topic({ cleanupPolicy: 'compact', whenFull: 'wait', codec: json }),
      },
    })
    const notes = portability(broker).map(note => [note.topic, note.option, note.effect])
    expect(notes).toEqual([
      ['latest', 'retentionRecords', 'refused'],
      ['queue', 'cleanupPolicy', 'refused'],
      ['queue', 'codec', 'changes'],
      ['bounded', 'whenFull', 'refused'],
      ['short', 'segmentRecords', 'refused'],
      ['tight', 'whenFull', 'refused'],
    ])
    const assignors = { g: 'by-region', ranged: 'range', even: 'uniform' }
    const groups = new Map(Object.entries(assignors).map(([groupId, assignor]) => [groupId, { assignor }]))
    expect(portability({ topics: new Map(), groups })).toMatchObject([{ groupId: 'g', option: 'assignor' }])
    await broker.close()
  })

  it.each([undefined, null, {}, { topics: 5, groups: 5 }])(
    'is said, as mirroring is done, of a broker and not of %j',
    async wrong => {
      const expected = 'expected a Broker of this process, received '
      const fields = { name: 'InvalidArgumentError', code: 'INVALID_REQUEST', field: 'broker' }
      const message = expect.stringContaining(expected)
      expect(thrownBy(() => portability(wrong as never))).toMatchObject({ ...fields, message })
      const broker = new Broker()
      expect(await rejectionOf(mirror(wrong as never, broker))).toMatchObject({ ...fields, message })
      expect(await rejectionOf(mirror(broker, wrong as never))).toMatchObject({ ...fields, field: 'bus' })
      await broker.close()
    },
  )

  it('lists topics of which a cluster takes only one', () => {
    const names = ['orders.paid', 'orders_paid', 'orders-paid', 'orders.sent']
    const topics = new Map(names.map(name => [name, { options: { codec: json } }]))
    expect(portability({ topics, groups: new Map() })).toMatchObject([
      { topic: 'orders.paid', option: 'name', effect: 'refused' },
      { topic: 'orders_paid', option: 'name', onCluster: expect.stringContaining("'orders.paid'") },
    ])
  })
})
