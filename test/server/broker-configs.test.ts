import { createConnection } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type TopicOptions, topic } from '../../src/index.ts'
import { connect, serve } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { WireClient } from '../helpers/wire-client.ts'

const { alterConfigs, incrementalAlterConfigs, describeConfigs, createTopics } = apis as unknown as Readonly<
  Record<string, Api>
>

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

const operations = { set: 0, delete: 1, append: 2, subtract: 3 } as const

type Change = readonly [name: string, operation: keyof typeof operations, value?: string | null]

const [ofTopic, ofBroker, ofLoggers, ofGroup] = [2, 4, 8, 32]
const allBrokers = ''
const rate = 'leader.replication.throttled.rate'

const toSet = ([name, value]: readonly string[]): Change => [name!, 'set', value!]

function start(
  options: { readonly autoCreateTopics?: TopicOptions } = {},
  written: { readonly orders?: unknown } = {},
) {
  const broker = new TestBroker({
    ...options,
    topics: { orders: topic<any>(), own: topic({ retentionMs: 5000 }) },
  })
  open.push(() => broker.close())
  if (written.orders !== undefined) broker.topic('orders').append({ value: written.orders })
  const client = new WireClient(connect(broker))
  const alter = async (resourceName: string, changes: readonly Change[], more: object = {}) => {
    const configs = changes.map(([name, operation, value = null]) => ({
      name,
      configOperation: operations[operation],
      value,
    }))
    const resources = [{ resourceType: ofBroker, resourceName, configs }]
    const { responses } = await client.call(incrementalAlterConfigs!, 1, { resources, ...more })
    return [responses[0].errorCode, responses[0].errorMessage]
  }
  const replace = async (resourceName: string, configs: Readonly<Record<string, string>>) => {
    const named = Object.entries(configs).map(([name, value]) => ({ name, value }))
    const resources = [{ resourceType: ofBroker, resourceName, configs: named }]
    return (await client.call(alterConfigs!, 2, { resources })).responses[0].errorCode
  }
  const describeAll = async (resourceType: number, resourceName: string) => {
    const resources = [{ resourceType, resourceName, configurationKeys: null }]
    return (await client.call(describeConfigs!, 4, { resources, includeSynonyms: true })).results[0]
  }
  const told = async (name: string, resourceName = '1', resourceType = ofBroker) => {
    const { configs } = await describeAll(resourceType, resourceName)
    const config = configs.find((each: { name: string }) => each.name === name)
    return (
      config && [
        config.value,
        config.configSource,
        config.synonyms.map((each: any) => [each.name, each.value, each.source]),
      ]
    )
  }
  const value = async (name: string) => (await told(name))?.slice(0, 2)
  return { broker, client, alter, replace, describeAll, told, value }
}

describe('DescribeConfigs of a broker', () => {
  it('tells what it was made with, and what it would be otherwise', async () => {
    const { told, describeAll } = start({ autoCreateTopics: { partitions: 6 } })
    const name = 'auto.create.topics.enable'
    expect(await told(name)).toEqual([
      'true',
      4,
      [
        [name, 'true', 4],
        [name, 'false', 5],
      ],
    ])
    expect(await told('num.partitions')).toMatchObject(['6', 4, { length: 2 }])
    expect(await told('node.id')).toEqual(['1', 4, [['node.id', '1', 4]]])
    const ids = [
      ['broker.id', '1', 4],
      ['broker.id', '-1', 5],
    ]
    expect(await told('broker.id')).toEqual(['1', 4, ids])
    expect(await told('offsets.retention.minutes')).toMatchObject(['10080', 5, { length: 1 }])
    expect(await told('transactional.id.expiration.ms')).toMatchObject(['604800000', 5, { length: 1 }])
    expect(await told('group.consumer.min.session.timeout.ms')).toMatchObject(['45000', 5, { length: 1 }])
    expect(await told('group.consumer.max.session.timeout.ms')).toMatchObject(['60000', 5, { length: 1 }])
    expect(await told('group.streams.max.size')).toMatchObject(['2147483647', 5, { length: 1 }])
    expect(await told('group.share.max.size')).toMatchObject(['200', 5, { length: 1 }])
    expect(await told('group.streams.assignors')).toMatchObject(['sticky', 5, { length: 1 }])
    const { configs } = await describeAll(ofBroker, '1')
    const names = configs.map((each: { name: string }) => each.name)
    expect(new Set(names).size).toBe(names.length)
    const readOnly = new Map(configs.map((each: any) => [each.name, each.readOnly]))
    expect(readOnly.get(name)).toBe(true)
    expect(readOnly.get('log.retention.ms')).toBe(false)
    expect(readOnly.get('num.io.threads')).toBe(false)
  })

  it('tells what topics begin with', async () => {
    const { told } = start()
    expect(await told('log.retention.ms')).toEqual(['604800000', 5, [['log.retention.ms', '604800000', 5]]])
    expect(await told('message.max.bytes')).toMatchObject(['2147483647', 5, { length: 1 }])
    expect(await told('log.flush.interval.ms')).toEqual([null, 5, []])
  })

  it('knows only itself, and all of them together', async () => {
    const { describeAll } = start()
    expect(await describeAll(ofBroker, '2')).toMatchObject({ errorCode: 42 })
    expect(await describeAll(ofLoggers, '1')).toMatchObject({ errorCode: 0, configs: [] })
    expect(await describeAll(ofLoggers, '2')).toMatchObject({ errorCode: 42 })
    // Kafka sets this where it elects eligible leaders (KIP-966).
    expect(await describeAll(ofBroker, allBrokers)).toMatchObject({
      errorCode: 0,
      configs: [{ name: 'min.insync.replicas', value: '1', configSource: 3 }],
    })
  })
})

describe('IncrementalAlterConfigs of a broker', () => {
  it('alters all topics before a listener hears of one', async () => {
    const { broker, alter } = start()
    const heard: unknown[] = []
    broker.createTopic('later')
    broker.on('topicAltered', ({ topic: name }) => {
      heard.push([name, [...broker.topics.values()].map(({ options }) => options.retentionMs)])
      if (name === 'orders') broker.deleteTopic('later' as 'orders')
    })
    expect(await alter(allBrokers, [['log.retention.ms', 'set', '60000']])).toEqual([0, null])
    expect(heard).toEqual([
      ['orders', [60_000, 5000, 60_000]],
      ['later', [60_000, 5000]],
    ])
  })

  it('sets and takes back what it names, for a broker and for all of them', async () => {
    const { alter, told, value } = start()
    const name = 'num.io.threads'
    expect(await alter(allBrokers, [[name, 'set', '4']])).toEqual([0, null])
    expect(await value(name)).toEqual(['4', 3])
    expect(await alter('1', [[name, 'set', ' +9 ']])).toEqual([0, null])
    const fallback = [name, '8', 5]
    expect(await told(name)).toEqual(['9', 2, [[name, '9', 2], [name, '4', 3], fallback]])
    expect(await told(name, allBrokers)).toEqual(['4', 3, [[name, '4', 3]]])
    expect(await alter('1', [[name, 'delete']])).toEqual([0, null])
    expect(await alter(allBrokers, [[name, 'delete']])).toEqual([0, null])
    expect(await told(name)).toEqual(['8', 5, [fallback]])
    expect(await told(name, allBrokers)).toBeUndefined()
  })

  // kafka-reassign-partitions sets limits, and lifts them, whether there are any or not.
  it('keeps limits of moving replicas, which are told only while they are set', async () => {
    const { alter, told } = start()
    expect(await told(rate)).toBeUndefined()
    expect(await alter('1', [[rate, 'delete']])).toEqual([0, null])
    expect(await alter('1', [[rate, 'set', '1000']])).toEqual([0, null])
    expect(await told(rate)).toEqual(['1000', 2, [[rate, '1000', 2]]])
    expect(await alter('1', [[rate, 'delete']])).toEqual([0, null])
    expect(await told(rate)).toBeUndefined()
    expect(await alter(allBrokers, [[rate, 'set', '2000']])).toEqual([0, null])
    expect(await told(rate)).toEqual(['2000', 3, [[rate, '2000', 3]]])
  })

  it('only says whether it would', async () => {
    const { alter, value } = start()
    const only = { validateOnly: true }
    expect(await alter('1', [['log.retention.ms', 'set', '60000']], only)).toEqual([0, null])
    expect(await alter('1', [['log.retention.ms', 'set', 'x']], only)).toEqual([42, expect.any(String)])
    expect(await value('log.retention.ms')).toEqual(['604800000', 5])
  })

  const refused: readonly (readonly [
    what: string,
    broker: string,
    change: Change,
    code: number,
    why: string,
  ])[] = [
    ['of another broker', '7', [rate, 'set', '1'], 42, "Expected broker 1, received '7'"],
    [
      'that stays as it is',
      '1',
      ['node.id', 'set', '2'],
      42,
      'Cannot update these configs dynamically: [node.id]',
    ],
    [
      'that is unknown',
      '1',
      ['no.such', 'set', '2'],
      42,
      'Cannot update these configs dynamically: [no.such]',
    ],
    [
      'that is no number',
      '1',
      [rate, 'set', 'x'],
      42,
      `Invalid value x for configuration ${rate}: Not a number of type LONG`,
    ],
    ['that is too small', '', ['log.segment.bytes', 'set', '1'], 42, 'Value must be at least 1048576'],
    ['that is no word of it', '', ['compression.type', 'set', 'bad'], 42, 'String must be one of'],
    ['without a value', '1', [rate, 'set', null], 42, `Null value not supported for : ${rate}`],
    ['added to what is no list', '1', [rate, 'append', '1'], 40, 'its type is not LIST'],
    ['of replicas for one broker', '1', ['min.insync.replicas', 'set', '2'], 40, 'Broker-level'],
    ['of replicas for none', '', ['min.insync.replicas', 'delete'], 40, 'Cluster-level'],
  ]

  it.each(refused)('refuses a config %s', async (_, broker, change, code, why) => {
    const { alter, value } = start()
    const answer = await alter(broker, [['num.io.threads', 'set', '2'], change])
    expect(answer).toEqual([code, expect.stringContaining(why)])
    expect(await value('num.io.threads')).toEqual(['8', 5])
  })

  it('takes back what cannot be set', async () => {
    const { alter } = start()
    expect(
      await alter('1', [
        ['node.id', 'delete'],
        ['no.such', 'delete'],
      ]),
    ).toEqual([0, null])
  })
})

describe('AlterConfigs of a broker', () => {
  it('takes back all that it does not name', async () => {
    const { alter, replace, value } = start()
    await alter('1', [
      [rate, 'set', '5'],
      ['num.io.threads', 'set', '4'],
    ])
    expect(await replace('1', { 'num.io.threads': '5' })).toBe(0)
    expect([await value(rate), await value('num.io.threads')]).toEqual([undefined, ['5', 2]])
    expect(await replace('1', {})).toBe(0)
    expect(await value('num.io.threads')).toEqual(['8', 5])
    expect(await replace('1', { 'node.id': '5' })).toBe(42)
    expect(await replace(allBrokers, {})).toBe(40)
    // Values are looked at by the broker, replicas by its controller.
    expect(await replace(allBrokers, { [rate]: 'x' })).toBe(42)
    expect(await replace(allBrokers, { 'min.insync.replicas': '1' })).toBe(0)
    expect(await value('min.insync.replicas')).toEqual(['1', 3])
  })
})

describe('what topics have by default', () => {
  it('is altered at once, where they do not say otherwise', async () => {
    const { broker, alter, told } = start()
    const orders = broker.topic('orders')
    orders.append({ value: 1 })
    await broker.advance(60_001)
    expect(await alter('1', [['log.retention.ms', 'set', '60000']])).toEqual([0, null])
    expect(orders.records()).toEqual([])
    expect(orders.options).toMatchObject({ retentionMs: 60_000, segmentMs: 7500 })
    expect(broker.topic('own').options.retentionMs).toBe(5000)
    const set = ['log.retention.ms', '60000', 2]
    const fallback = ['log.retention.ms', '604800000', 5]
    expect(await told('retention.ms', 'orders', ofTopic)).toEqual(['60000', 2, [set, fallback]])
    expect(await told('retention.ms', 'own', ofTopic)).toEqual([
      '5000',
      1,
      [['retention.ms', '5000', 1], set, fallback],
    ])
    expect(await alter('1', [['log.retention.ms', 'delete']])).toEqual([0, null])
    expect(orders.options.retentionMs).toBe(604_800_000)
  })

  it('is a list in which nothing is said twice, while a topic takes that', async () => {
    const { alter } = start()
    const twice = [42, "Configuration 'log.cleanup.policy' values must not be duplicated."]
    for (const value of ['delete,delete', 'compact, delete,compact', ','])
      expect(await alter(allBrokers, [['log.cleanup.policy', 'set', value]])).toEqual(twice)
    expect(await alter(allBrokers, [['log.cleanup.policy', 'append', 'delete']])).toEqual([0, null])
  })

  it("is no list that a topic's own begins with, nor that of a broker", async () => {
    const { broker, client, alter, told } = start()
    await alter(allBrokers, [['log.cleanup.policy', 'set', 'compact']])
    const configs = [{ name: 'cleanup.policy', configOperation: operations.append, value: 'compact' }]
    const resources = [{ resourceType: ofTopic, resourceName: 'orders', configs }]
    await client.call(incrementalAlterConfigs!, 1, { resources })
    expect(broker.topic('orders').options.cleanupPolicy).toBe('delete,compact')
    await alter('1', [['log.cleanup.policy', 'append', 'compact']])
    expect((await told('log.cleanup.policy'))?.slice(0, 2)).toEqual(['delete,compact', 2])
  })

  it.each([
    ['more is kept on the disk of a broker than at all', [['log.local.retention.ms', '604800001']]],
    ['all is kept there, and less at all', [['log.local.retention.ms', '-1']]],
    [
      'the same is said in bytes',
      [
        ['log.retention.bytes', '10'],
        ['log.local.retention.bytes', '11'],
      ],
    ],
    ['what is gone is copied', [['log.remote.copy.lag.ms', '604800001']]],
    [
      'what is gone from its disk is copied',
      [
        ['log.local.retention.bytes', '10'],
        ['log.remote.copy.lag.bytes', '11'],
      ],
    ],
  ])('is refused where %s, though nothing is copied here', async (_, changes) => {
    const { alter, told } = start()
    const last = changes.at(-1)!
    expect(await alter(allBrokers, changes.slice(0, -1).map(toSet))).toEqual([0, null])
    for (const broker of [allBrokers, '1'])
      expect(await alter(broker, [toSet(last)])).toEqual([
        42,
        expect.stringContaining(`for configuration ${last[0]}: `),
      ])
    const less = [last[0]!, String(Math.max(1, Number(last[1]) - 1))]
    expect(await alter('1', [toSet(less)])).toEqual([0, null])
    expect((await told(less[0]!)).slice(0, 2)).toEqual([less[1], 2])
  })

  it('is taken where all is kept, there and at all', async () => {
    const { alter } = start()
    const all: readonly Change[] = [
      ['log.retention.ms', 'set', '-1'],
      ['log.local.retention.ms', 'set', '-1'],
    ]
    expect(await alter(allBrokers, all)).toEqual([0, null])
  })

  it('is told of what nobody has to know only where it is set', async () => {
    const { alter, describeAll } = start()
    const name = 'share.assignor.offload.enable'
    const told = async (resourceType: number, resourceName: string) => {
      const { configs } = await describeAll(resourceType, resourceName)
      return configs
        .filter((config: { name: string }) => config.name.endsWith(name))
        .map(({ value, synonyms }: any) => [value, ...synonyms.map((each: any) => each.source)])
    }
    expect([await told(ofBroker, '1'), await told(ofGroup, 'g')]).toEqual([[], []])
    expect(await alter(allBrokers, [[`group.${name}`, 'set', 'x']])).toEqual([42, expect.any(String)])
    expect(await alter(allBrokers, [[`group.${name}`, 'set', 'false']])).toEqual([0, null])
    expect([await told(ofBroker, '1'), await told(ofGroup, 'g')]).toEqual([
      [['false', 3, 5]],
      [['false', 3, 5]],
    ])
  })

  it('is what new topics begin with, whoever makes them', async () => {
    const { broker, client, alter } = start()
    await alter(allBrokers, [
      ['log.cleanup.policy', 'append', 'compact'],
      ['log.message.timestamp.type', 'set', 'LogAppendTime'],
    ])
    const begun = { cleanupPolicy: 'delete,compact', messageTimestampType: 'LogAppendTime' }
    expect(broker.createTopic('made').options).toMatchObject(begun)
    const configs = [{ name: 'retention.ms', value: '60000' }]
    const topics = [{ name: 'late', numPartitions: 1, replicationFactor: 1, configs }]
    const [late] = (await client.call(createTopics!, 7, { topics })).topics
    expect(broker.topics.get('late')!.options).toMatchObject({ ...begun, retentionMs: 60_000 })
    expect(late.configs).toContainEqual(
      expect.objectContaining({ name: 'cleanup.policy', value: 'delete,compact', configSource: 3 }),
    )
  })

  it('rests where it means nothing under the policy of a topic', async () => {
    const { broker, alter } = start()
    broker.topic('orders').alter({ cleanupPolicy: 'compact' })
    expect(await alter('1', [['log.retention.ms', 'set', '60000']])).toEqual([0, null])
    expect(broker.topic('orders').options.retentionMs).toBe(-1)
    broker.topic('orders').alter({ cleanupPolicy: 'delete' })
    expect(broker.topic('orders').options.retentionMs).toBe(60_000)
    await alter('1', [['log.cleanup.policy', 'set', 'compact']])
    // Its own retention rests by then, and counts again after it.
    expect(broker.topic('own').options).toMatchObject({ cleanupPolicy: 'compact', retentionMs: -1 })
    await alter('1', [['log.cleanup.policy', 'delete']])
    expect(broker.topic('own').options).toMatchObject({ cleanupPolicy: 'delete', retentionMs: 5000 })
  })

  it('makes no segments that outlive the records of a topic', async () => {
    const { broker, alter } = start()
    expect(await alter('1', [['log.roll.ms', 'set', '60000']])).toEqual([0, null])
    expect(broker.topic('orders').options.segmentMs).toBe(60_000)
    expect(broker.topic('own').options.segmentMs).toBe(5000)
  })

  it('is not altered where a topic could not be so', async () => {
    // It has no bytes, so they cannot be counted.
    const { broker, alter, value } = start({}, { orders: 1n })
    const changes = [
      ['log.retention.ms', 'set', '1000'],
      ['message.max.bytes', 'set', '1000'],
    ] as const
    expect(await alter('1', changes)).toEqual([42, expect.stringContaining('cannot begin to count bytes')])
    expect(broker.topic('own').options.maxMessageBytes).toBe(-1)
    expect(broker.topic('orders').options.retentionMs).toBe(604_800_000)
    expect(await value('log.retention.ms')).toEqual(['604800000', 5])
    broker.createTopic('late')
    expect(broker.topics.get('late')!.options.maxMessageBytes).toBe(-1)
  })

  it('is what the first of several brokers has, since they have one log', async () => {
    const broker = new TestBroker({ topics: { orders: topic() } })
    open.push(() => broker.close())
    const server = await serve(broker, { brokers: 2 })
    const clients = server.brokers.map(({ port }) => {
      const socket = createConnection(port, '127.0.0.1')
      open.push(async () => socket.destroy())
      return new WireClient(socket)
    })
    const name = 'log.retention.ms'
    const alterAt = async (at: number, resourceName: string, value: string) => {
      const configs = [{ name, configOperation: 0, value }]
      const resources = [{ resourceType: ofBroker, resourceName, configs }]
      return (await clients[at]!.call(incrementalAlterConfigs!, 1, { resources })).responses[0].errorCode
    }
    const toldAt = async (at: number) => {
      const resources = [
        { resourceType: ofBroker, resourceName: String(at + 1), configurationKeys: [name] },
        { resourceType: ofTopic, resourceName: 'orders', configurationKeys: ['retention.ms'] },
      ]
      const { results } = await clients[at]!.call(describeConfigs!, 4, { resources })
      return results.map(({ configs: [config] }: any) => [config.value, config.configSource])
    }
    expect(await alterAt(0, '2', '60000')).toBe(42)
    expect(await alterAt(1, '2', '60000')).toBe(0)
    expect(await toldAt(1)).toEqual([
      ['60000', 2],
      ['604800000', 5],
    ])
    expect(broker.topic('orders').options.retentionMs).toBe(604_800_000)
    expect(await alterAt(1, allBrokers, '70000')).toBe(0)
    expect(await toldAt(0)).toEqual([
      ['70000', 3],
      ['70000', 3],
    ])
    expect(await alterAt(0, '1', '80000')).toBe(0)
    expect(await toldAt(1)).toEqual([
      ['60000', 2],
      ['80000', 2],
    ])
    expect(broker.topic('orders').options.retentionMs).toBe(80_000)
  })

  it('is told of what has no effect, too', async () => {
    const { alter, told } = start()
    await alter(allBrokers, [
      ['compression.type', 'set', 'lz4'],
      ['log.flush.interval.ms', 'set', '5'],
    ])
    expect(await told('compression.type', 'orders', ofTopic)).toEqual([
      'lz4',
      3,
      [
        ['compression.type', 'lz4', 3],
        ['compression.type', 'producer', 5],
      ],
    ])
    expect(await told('flush.ms', 'orders', ofTopic)).toEqual(['5', 3, [['log.flush.interval.ms', '5', 3]]])
  })

  it('is told of groups, too', async () => {
    const { alter, told } = start()
    const name = 'group.share.assignment.interval.ms'
    await alter(allBrokers, [[name, 'set', '5']])
    expect(await told('share.assignment.interval.ms', 'g', ofGroup)).toEqual([
      '5',
      3,
      [
        [name, '5', 3],
        [name, '1000', 5],
      ],
    ])
  })

  it('is told by the first broker, whatever its number is', async () => {
    const broker = new TestBroker({ topics: { orders: topic() } })
    open.push(() => broker.close())
    const server = await serve(broker, { brokers: 2, firstNodeId: 0 })
    open.push(() => server.close())
    for (const [number, { port }] of server.brokers.entries()) {
      const socket = createConnection(port, '127.0.0.1')
      open.push(async () => socket.destroy())
      const configs = [{ name: 'log.retention.ms', configOperation: 0, value: `${6 - number}0000` }]
      const resources = [{ resourceType: ofBroker, resourceName: String(number), configs }]
      const { responses } = await new WireClient(socket).call(incrementalAlterConfigs!, 1, { resources })
      expect(responses).toMatchObject([{ errorCode: 0 }])
    }
    expect(broker.topic('orders').options.retentionMs).toBe(60_000)
  })

  it('outlives the servers, as what is set for topics does', async () => {
    const broker = new TestBroker({ topics: { orders: topic() } })
    open.push(() => broker.close())
    const connectTo = (port: number) => {
      const socket = createConnection(port, '127.0.0.1')
      open.push(async () => socket.destroy())
      return new WireClient(socket)
    }
    const first = await serve(broker)
    const client = connectTo(first.port)
    const configs = [{ name: 'log.retention.ms', configOperation: 0, value: '60000' }]
    const resource = { resourceType: ofBroker, resourceName: '1' }
    await client.call(incrementalAlterConfigs!, 1, { resources: [{ ...resource, configs }] })
    await first.close()
    const second = await serve(broker)
    const configurationKeys = ['log.retention.ms']
    const asked = { resources: [{ ...resource, configurationKeys }] }
    const { results } = await connectTo(second.port).call(describeConfigs!, 4, asked)
    expect(results[0].configs).toMatchObject([{ value: '60000', configSource: 2 }])
    expect(broker.topic('orders').options.retentionMs).toBe(60_000)
    await second.close()
  })
})
