import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs'
import { afterEach, describe, expect, it } from 'vitest'
import { json, type TopicOptions, topic } from '../../src/index.ts'
import { connect, serve, socketFactory } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { sequencedBatch, WireClient } from '../helpers/wire-client.ts'

const { alterConfigs, incrementalAlterConfigs, describeConfigs, createTopics, produce } =
  apis as unknown as Readonly<Record<string, Api>>

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

const operations = { set: 0, delete: 1, append: 2, subtract: 3 } as const

type Change = readonly [name: string, operation: keyof typeof operations, value?: string | null]

function start(options: TopicOptions = {}) {
  const broker = new TestBroker({ topics: { orders: topic(options), other: topic() } })
  open.push(() => broker.close())
  const client = new WireClient(connect(broker))
  const toResource = (changes: readonly Change[], resourceName = 'orders', resourceType = 2) => ({
    resourceType,
    resourceName,
    configs: changes.map(([name, operation, value = null]) => ({
      name,
      configOperation: operations[operation],
      value,
    })),
  })
  const alter = async (...changes: readonly Change[]) => {
    const { responses } = await client.call(incrementalAlterConfigs!, 1, { resources: [toResource(changes)] })
    return [responses[0].errorCode, responses[0].errorMessage]
  }
  const replace = async (configs: Readonly<Record<string, string | null>>, more: object = {}) => {
    const resource = {
      resourceType: 2,
      resourceName: 'orders',
      configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
    }
    const { responses } = await client.call(alterConfigs!, 2, { resources: [resource], ...more })
    return responses[0].errorCode
  }
  const describeAll = async (resourceType = 2, resourceName = 'orders', more: object = {}) => {
    const resources = [{ resourceType, resourceName, configurationKeys: null }]
    return (await client.call(describeConfigs!, 4, { resources, ...more })).results[0]
  }
  const config = async (name: string, more: object = {}) =>
    (await describeAll(2, 'orders', more)).configs.find((each: { name: string }) => each.name === name)
  return { broker, client, toResource, alter, replace, describeAll, config, orders: broker.topic('orders') }
}

describe('IncrementalAlterConfigs', () => {
  it('sets and takes back what it names, and leaves the rest', async () => {
    const { alter, orders } = start({ retentionRecords: 5 })
    expect(await alter(['retention.ms', 'set', '60000'], ['max.message.bytes', 'set', '1000'])).toEqual([
      0,
      null,
    ])
    expect(orders.options).toMatchObject({ retentionMs: 60_000, maxMessageBytes: 1000, retentionRecords: 5 })
    expect(await alter(['retention.ms', 'delete'])).toEqual([0, null])
    expect(orders.options).toMatchObject({ retentionMs: 604_800_000, maxMessageBytes: 1000 })
  })

  it('changes nothing where it takes back what no topic has', async () => {
    const { alter, orders } = start({ retentionMs: 60_000 })
    expect(await alter(['no.such.config', 'delete'])).toEqual([0, null])
    expect(orders.options.retentionMs).toBe(60_000)
    expect(await alter(['no.such.config', 'set', '1'])).toEqual([40, expect.any(String)])
  })

  it('drops at once what is too old by then', async () => {
    const { broker, alter, orders } = start()
    orders.append({ value: 1 })
    await broker.advance(60_001)
    expect(await alter(['retention.ms', 'set', '60000'])).toEqual([0, null])
    expect(orders.records()).toEqual([])
  })

  it('adds to a list and takes from it', async () => {
    const { alter, orders } = start()
    expect(await alter(['cleanup.policy', 'append', 'compact'])).toEqual([0, null])
    expect(orders.options.cleanupPolicy).toBe('delete,compact')
    expect(await alter(['cleanup.policy', 'append', 'compact'])).toEqual([0, null])
    expect(await alter(['cleanup.policy', 'subtract', 'delete,other'])).toEqual([0, null])
    expect(orders.options.cleanupPolicy).toBe('compact')
    expect(await alter(['cleanup.policy', 'subtract', 'compact'])).toEqual([
      40,
      expect.stringContaining('for configuration cleanup.policy'),
    ])
    expect(await alter(['cleanup.policy', 'set', ' delete , compact '])).toEqual([0, null])
    expect(orders.options.cleanupPolicy).toBe('delete,compact')
    expect(await alter(['retention.ms', 'append', '5'])).toEqual([
      40,
      "Can't APPEND to key retention.ms because its type is not LIST.",
    ])
  })

  const refused: readonly (readonly [string, readonly Change[], number, string])[] = [
    ['a name that is unknown', [['retention.mss', 'set', '1']], 40, "Did you mean 'retention.ms'"],
    ['what Kafka has no name for', [['whenFull', 'set', 'wait']], 40, 'Unknown topic config name: whenFull'],
    [
      'no number',
      [['retention.ms', 'set', 'soon']],
      40,
      'Invalid value soon for configuration retention.ms: Not a number of type LONG',
    ],
    ['a number with an exponent', [['retention.ms', 'set', '1e6']], 40, 'Not a number of type LONG'],
    [
      'a number beyond what 32 bits hold',
      [['max.message.bytes', 'set', '2147483648']],
      40,
      'Not a number of type INT',
    ],
    [
      'a number beyond what 64 bits hold',
      [['retention.ms', 'set', '9223372036854775808']],
      40,
      'Not a number of type LONG',
    ],
    ['no ratio', [['min.cleanable.dirty.ratio', 'set', 'half']], 40, 'Not a number of type DOUBLE'],
    [
      'a number that cannot be',
      [['retention.ms', 'set', '-2']],
      40,
      'retention.ms: Value must be at least -1',
    ],
    ['a word that cannot be', [['message.timestamp.type', 'set', 'Now']], 40, 'LogAppendTime'],
    [
      'what means nothing now and cannot be',
      [['delete.retention.ms', 'set', '-1']],
      40,
      'delete.retention.ms: Value must be at least 0',
    ],
    ['no value', [['retention.ms', 'set', null]], 42, 'Null value not supported for : retention.ms'],
    [
      'one config twice',
      [
        ['retention.ms', 'set', '1'],
        ['retention.ms', 'delete'],
      ],
      42,
      'named twice',
    ],
  ]

  it.each(refused)('refuses %s, and changes nothing of the topic', async (_, changes, code, message) => {
    const { alter, orders } = start()
    const before = orders.options
    const others: readonly Change[] = [['segment.ms', 'set', '5']]
    expect(await alter(...others, ...changes)).toEqual([code, expect.stringContaining(message)])
    expect(orders.options).toBe(before)
  })

  it('answers each resource by itself', async () => {
    const { client, toResource, broker } = start()
    const change: readonly Change[] = [['retention.ms', 'set', '60000']]
    const resources = [
      toResource(change, 'nowhere'),
      toResource(change, 'no name!'),
      toResource(change, 'other'),
      toResource(change, '1', 4),
      toResource(change, 'g', 32),
      toResource(change, '1', 8),
      toResource(change),
      toResource(change),
    ]
    const { responses } = await client.call(incrementalAlterConfigs!, 0, { resources })
    expect(
      responses.map(({ resourceType, resourceName, errorCode }: Record<string, unknown>) => [
        resourceType,
        resourceName,
        errorCode,
      ]),
    ).toEqual([
      [2, 'nowhere', 3],
      [2, 'no name!', 17],
      [2, 'other', 0],
      [4, '1', 42],
      [32, 'g', 40],
      [8, '1', 40],
      [2, 'orders', 42],
      [2, 'orders', 42],
    ])
    expect(broker.topic('other').options.retentionMs).toBe(60_000)
    expect(broker.topic('orders').options.retentionMs).toBe(604_800_000)
  })

  it('has no topic without a name, and no loggers', async () => {
    const { client, toResource } = start()
    const change: readonly Change[] = [['retention.ms', 'set', '60000']]
    const loggers = (resourceName: string) => toResource([], resourceName, 8)
    const codesOf = async (api: Api, version: number, resources: readonly object[]) =>
      (await client.call(api, version, { resources })).responses.map(
        (each: { errorCode: number }) => each.errorCode,
      )
    const named = [toResource(change, ''), toResource(change, '1', 8)]
    expect(await codesOf(incrementalAlterConfigs!, 1, named)).toEqual([42, 40])
    expect(await codesOf(incrementalAlterConfigs!, 1, [loggers('1'), loggers('2')])).toEqual([0, 42])
    expect(await codesOf(alterConfigs!, 2, [...named, loggers('2')])).toEqual([42, 42, 42])
  })

  it('refuses an operation that there is not', async () => {
    const { client } = start()
    const configs = [{ name: 'retention.ms', configOperation: 9, value: '1' }]
    const resources = [{ resourceType: 2, resourceName: 'orders', configs }]
    const { responses } = await client.call(incrementalAlterConfigs!, 1, { resources })
    expect(responses[0]).toMatchObject({
      errorCode: 42,
      errorMessage: expect.stringContaining('operation 9'),
    })
  })

  it('only says whether it would', async () => {
    const { client, toResource, orders } = start()
    const before = orders.options
    const ask = async (changes: readonly Change[]) => {
      const request = { resources: [toResource(changes)], validateOnly: true }
      return (await client.call(incrementalAlterConfigs!, 1, request)).responses[0].errorCode
    }
    expect(await ask([['retention.ms', 'set', '5']])).toBe(0)
    expect(await ask([['retention.ms', 'set', 'x']])).toBe(40)
    expect(orders.options).toBe(before)
  })
})

describe('AlterConfigs', () => {
  it('makes everything the default again that it does not name, but what Kafka has no name for', async () => {
    const { replace, orders } = start({ retentionMs: 5000, maxMessageBytes: 10, retentionRecords: 5 })
    expect(await replace({ 'retention.ms': '60000' }, { validateOnly: true })).toBe(0)
    expect(orders.options.retentionMs).toBe(5000)
    expect(await replace({ 'retention.ms': '60000' })).toBe(0)
    expect(orders.options).toMatchObject({ retentionMs: 60_000, maxMessageBytes: -1, retentionRecords: 5 })
    expect(await replace({ 'retention.ms': null })).toBe(42)
    expect(await replace({ 'retention.mss': '1' })).toBe(40)
    expect(orders.options.retentionMs).toBe(60_000)
  })

  it("is KafkaJS's", async () => {
    const { broker, orders } = start()
    const kafka = new Kafka({
      brokers: ['in-process:9092'],
      socketFactory: socketFactory(broker),
      logLevel: logLevel.NOTHING,
      retry: { retries: 0 },
    })
    const admin = kafka.admin()
    open.push(() => admin.disconnect())
    await admin.connect()
    const alter = (name: string, value: string) =>
      admin.alterConfigs({
        validateOnly: false,
        resources: [{ type: 2, name: 'orders', configEntries: [{ name, value }] }],
      })
    await alter('retention.ms', '60000')
    expect(orders.options.retentionMs).toBe(60_000)
    await expect(alter('retention.ms', 'soon')).rejects.toMatchObject({ type: 'INVALID_CONFIG' })
  })
})

describe('DescribeConfigs', () => {
  it('tells values, their types and where they come from', async () => {
    const { config } = start({ retentionMs: 60_000, cleanupPolicy: 'compact,delete' })
    expect(await config('retention.ms')).toMatchObject({
      value: '60000',
      configSource: 1,
      configType: 5,
      readOnly: false,
      isSensitive: false,
      synonyms: [],
      documentation: null,
    })
    expect(await config('cleanup.policy')).toMatchObject({ value: 'compact,delete', configType: 7 })
    expect(await config('segment.ms')).toMatchObject({ value: '7500', configSource: 5 })
    expect(await config('min.cleanable.dirty.ratio')).toMatchObject({ value: '0.5', configType: 6 })
  })

  it('tells synonyms and documentation to those who ask', async () => {
    const { config, alter } = start()
    const asked = { includeSynonyms: true, includeDocumentation: true }
    expect(await config('retention.ms', asked)).toMatchObject({
      synonyms: [{ name: 'log.retention.ms', value: '604800000', source: 5 }],
      documentation: expect.stringContaining('milliseconds'),
    })
    await alter(['retention.ms', 'set', '60000'], ['segment.ms', 'set', '10'])
    expect((await config('retention.ms', asked)).synonyms).toEqual([
      expect.objectContaining({ name: 'retention.ms', value: '60000', source: 1 }),
      expect.objectContaining({ name: 'log.retention.ms', value: '604800000', source: 5 }),
    ])
    expect((await config('segment.ms', asked)).synonyms.at(-1)).toMatchObject({
      name: 'log.roll.ms',
      value: '7500',
    })
  })

  it.each([
    ['delete,compact', 'delete,compact'],
    ['compact,delete', 'compact,delete'],
    [' delete , compact,delete', 'delete,compact'],
  ])('tells the policies in the order in which they were set: %s', async (given, told) => {
    const { client, config, alter } = start()
    await alter(['cleanup.policy', 'set', given])
    expect(await config('cleanup.policy')).toMatchObject({ value: told })
    const configs = [{ name: 'cleanup.policy', value: given }]
    const made = { name: 'made', numPartitions: 1, replicationFactor: 1, configs }
    const { topics } = await client.call(createTopics!, 7, { topics: [made] })
    expect(topics[0].configs).toContainEqual(expect.objectContaining({ name: 'cleanup.policy', value: told }))
  })

  it('tells an age of segments beyond that of records, at which they are closed before', async () => {
    const { alter, config, orders } = start()
    const greatest = '9223372036854775807'
    expect(await alter(['segment.ms', 'set', greatest], ['retention.ms', 'set', '1000'])).toEqual([0, null])
    expect(await config('segment.ms')).toMatchObject({ value: greatest, configSource: 1 })
    expect(orders.options).toMatchObject({ segmentMs: 1000, retentionMs: 1000 })
    expect(await alter(['retention.ms', 'set', '5000'])).toEqual([0, null])
    expect(orders.options.segmentMs).toBe(5000)
  })

  it('still tells what was asked for and rests under another policy', async () => {
    const { alter, config } = start({ retentionMs: 60_000 })
    await alter(['cleanup.policy', 'set', 'compact'])
    expect(await config('retention.ms')).toMatchObject({ value: '60000', configSource: 1 })
  })

  it('tells only what is named', async () => {
    const { client } = start()
    const resources = [{ resourceType: 2, resourceName: 'orders', configurationKeys: ['segment.ms'] }]
    const { results } = await client.call(describeConfigs!, 1, { resources })
    expect(results[0].configs.map(({ name }: { name: string }) => name)).toEqual(['segment.ms'])
  })
})

it('tells of a new topic what it is, also of one that is only asked about', async () => {
  const { client, broker } = start()
  const make = async (validateOnly: boolean) => {
    const configs = [
      { name: 'cleanup.policy', value: 'delete,compact' },
      { name: 'min.compaction.lag.ms', value: '5' },
    ]
    const topics = [{ name: 'late', numPartitions: 2, replicationFactor: 1, configs }]
    return (await client.call(createTopics!, 7, { topics, validateOnly })).topics[0]
  }
  const told = { errorCode: 0, numPartitions: 2, replicationFactor: 1 }
  const config = { name: 'min.compaction.lag.ms', value: '5', configSource: 1 }
  for (const validateOnly of [true, false]) {
    const made = await make(validateOnly)
    expect(made).toMatchObject(told)
    expect(made.configs).toContainEqual(expect.objectContaining(config))
  }
  expect(broker.topics.get('late')!.options).toMatchObject({
    cleanupPolicy: 'delete,compact',
    minCompactionLagMs: 5,
    retentionMs: 604_800_000,
  })
  expect((await make(true)).errorCode).toBe(36)
})

// Kafka has one num.partitions for both.
it.each<[what: string, autoCreateTopics: boolean | TopicOptions, partitions: number]>([
  ['as many partitions as one that is made when it is first named', { partitions: 6, retentionMs: 1 }, 6],
  ['one partition', true, 1],
  ['one partition', { retentionMs: 1 }, 1],
  ['one partition', false, 1],
])('gives a new topic of which nobody says it %s', async (_, autoCreateTopics, partitions) => {
  const broker = new TestBroker({ autoCreateTopics })
  open.push(() => broker.close())
  const client = new WireClient(connect(broker))
  const topics = [{ name: 'late', numPartitions: -1, replicationFactor: -1 }]
  expect((await client.call(createTopics!, 7, { topics })).topics).toMatchObject([
    { errorCode: 0, numPartitions: partitions },
  ])
  expect(broker.topics.get('late')).toMatchObject({
    partitionCount: partitions,
    options: { retentionMs: 604_800_000 },
  })
  const resources = [{ resourceType: 4, resourceName: '1', configurationKeys: ['num.partitions'] }]
  const { results } = await client.call(describeConfigs!, 4, { resources })
  expect(results[0].configs).toMatchObject([{ value: String(partitions) }])
})

it('refuses a new topic of no partitions', async () => {
  const { client } = start()
  const topics = [0, -2].map(numPartitions => ({
    name: `of${numPartitions}`,
    numPartitions,
    replicationFactor: 1,
  }))
  const answer = await client.call(createTopics!, 7, { topics })
  expect(answer.topics).toMatchObject([
    { errorCode: 37, errorMessage: expect.stringContaining('1 partition or more') },
    { errorCode: 37 },
  ])
})

it('takes what means nothing under the policy, and counts it once that changes', async () => {
  const { client, broker, alter, config, orders } = start()
  const configs = [
    { name: 'cleanup.policy', value: 'compact' },
    { name: 'retention.ms', value: '60000' },
  ]
  const make = async (name: string, given: object[]) => {
    const topics = [{ name, numPartitions: 1, replicationFactor: 1, configs: given }]
    return (await client.call(createTopics!, 7, { topics })).topics[0]
  }
  const made = await make('made', configs)
  expect(made.configs).toContainEqual(expect.objectContaining({ name: 'retention.ms', value: '60000' }))
  const { options } = broker.topic('made' as 'orders')
  expect(options).toMatchObject({ cleanupPolicy: 'compact', retentionMs: -1 })
  expect(await make('bad', [configs[0]!, { name: 'retention.ms', value: '-5' }])).toMatchObject({
    errorCode: 40,
  })
  expect(await alter(['delete.retention.ms', 'set', '5'])).toEqual([0, null])
  expect(await config('delete.retention.ms')).toMatchObject({ value: '5', configSource: 1 })
  expect(await alter(['cleanup.policy', 'append', 'compact'])).toEqual([0, null])
  expect(orders.options).toMatchObject({ cleanupPolicy: 'delete,compact', deleteRetentionMs: 5 })
})

it("takes Kafka's greatest number for no end, and tells it back", async () => {
  const { broker, alter, config, orders } = start()
  const greatest = '9223372036854775807'
  const names = ['retention.ms', 'message.timestamp.after.max.ms'] as const
  expect(await alter(...names.map(name => [name, 'set', greatest] as const))).toEqual([0, null])
  for (const name of names) {
    expect(await config(name, { includeSynonyms: true })).toMatchObject({
      value: greatest,
      synonyms: [{ value: greatest }, {}],
    })
  }
  orders.append({ value: 1, timestamp: 9e12 })
  await broker.advance(8 * 24 * 60 * 60 * 1000)
  expect(orders.records()).toHaveLength(1)
})

it('begins to count bytes on demand', async () => {
  const { alter, orders } = start({ codec: json })
  orders.append({ value: 'a'.repeat(100) })
  expect(await alter(['max.message.bytes', 'set', '50'])).toEqual([0, null])
  expect(() => orders.append({ value: 'a'.repeat(100) })).toThrow('more than maxMessageBytes (50)')
})

it('counts the batches of clients as they came, also those from before it counted', async () => {
  const { broker, client, alter, orders } = start({ messageTimestampType: 'LogAppendTime' })
  const batch = sequencedBatch(-1, -1, -1, [1, 2, 3])
  const send = async () => {
    const topicData = [{ name: 'orders', partitionData: [{ index: 0, records: [batch] }] }]
    const answer = await client.call(produce!, 8, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 1000,
      topicData,
    })
    return answer.responses[0].partitionResponses[0].errorCode
  }
  expect(await send()).toBe(0)
  expect(await alter(['max.message.bytes', 'set', String(batch.length)])).toEqual([0, null])
  const bytes = () => broker.describe().topics.find(({ name }) => name === 'orders')!.partitions[0]!.bytes
  expect(bytes()).toBe(batch.length)
  expect(await send()).toBe(0)
  expect(bytes()).toBe(2 * batch.length)
  expect(await alter(['max.message.bytes', 'set', String(batch.length - 1)])).toEqual([0, null])
  expect(await send()).toBe(10)
  expect(orders.records()).toHaveLength(6)
})

describe('values', () => {
  it.each([
    ['segment.bytes', '1048575', 'Value must be at least 1048576'],
    ['message.timestamp.before.max.ms', '-1', 'Value must be at least 0'],
    ['message.timestamp.after.max.ms', '-1', 'Value must be at least 0'],
    ['max.message.bytes', '-1', 'Value must be at least 0'],
    ['max.message.bytes', '0', 'Value must be at least 1'],
    ['retention.ms', '0', 'Value must be at least 1, or -1 for no limit'],
    ['retention.bytes', '-3', 'Value must be at least 1, or -1 for no limit'],
    ['cleanup.policy', 'dilute', 'String must be one of: compact, delete, consumed'],
    ['leader.replication.throttled.replicas', '0:1,x', 'must be the literal'],
    ['follower.replication.throttled.replicas', '0', 'must be the literal'],
  ])('of %s cannot be %s, in the words of Kafka', async (name, value, why) => {
    const { client, alter } = start()
    const refused = [40, expect.stringContaining(`for configuration ${name}: `)]
    const answer = await alter([name, 'set', value])
    expect(answer).toEqual(refused)
    expect(answer[1]).toContain(why)
    const topics = [{ name: 'made', numPartitions: 1, replicationFactor: 1, configs: [{ name, value }] }]
    const { errorCode, errorMessage } = (await client.call(createTopics!, 7, { topics })).topics[0]
    expect([errorCode, errorMessage]).toEqual(answer)
  })

  it('of a list have no empty elements, and the storage is not tiered', async () => {
    const { alter } = start()
    expect(await alter(['cleanup.policy', 'set', 'delete,'])).toEqual([
      40,
      "Configuration 'cleanup.policy' values must not be empty.",
    ])
    expect(await alter(['remote.storage.enable', 'set', 'true'])).toEqual([
      40,
      expect.stringContaining('Tiered Storage functionality is disabled'),
    ])
    expect(await alter(['remote.storage.enable', 'set', 'false'])).toEqual([0, null])
  })

  it('are told as Java writes them', async () => {
    const { alter, config } = start()
    const told = async (name: string, value: string) => {
      expect(await alter([name, 'set', value])).toEqual([0, null])
      return (await config(name)).value
    }
    expect(await told('flush.ms', '+5')).toBe('5')
    expect(await told('flush.ms', '-0')).toBe('0')
    expect(await told('min.cleanable.dirty.ratio', '1')).toBe('1.0')
    expect(await told('min.cleanable.dirty.ratio', '0.0001')).toBe('1.0E-4')
    expect(await told('follower.replication.throttled.replicas', ' 0:1 , 0:2 ')).toBe('0:1,0:2')
  })

  it('without a limit are the greatest that there are, and are taken back as that', async () => {
    const { alter, config, orders } = start()
    const limits = [
      ['max.message.bytes', '2147483647'],
      ['segment.bytes', '2147483647'],
      ['message.timestamp.before.max.ms', '9223372036854775807'],
    ] as const
    for (const [name, value] of limits) {
      expect(await config(name)).toMatchObject({ value, configSource: 5 })
      expect(await alter([name, 'set', value])).toEqual([0, null])
    }
    expect(orders.options).toMatchObject({
      maxMessageBytes: -1,
      segmentBytes: -1,
      messageTimestampBeforeMaxMs: -1,
    })
  })

  it('of segments shorter than Kafka allows have a config of their own', async () => {
    const { alter, config, orders } = start({ segmentBytes: 1000 })
    expect(await config('internal.segment.bytes')).toMatchObject({ value: '1000', configSource: 1 })
    expect(await config('segment.bytes')).toMatchObject({ value: '2147483647', configSource: 5 })
    expect(await alter(['internal.segment.bytes', 'set', '500'])).toEqual([0, null])
    expect(orders.options.segmentBytes).toBe(500)
    expect(await alter(['segment.bytes', 'set', '1048576'])).toEqual([0, null])
    expect(await config('internal.segment.bytes')).toBeUndefined()
    expect(await config('segment.bytes')).toMatchObject({ value: '1048576', configSource: 1 })
  })
})

describe('a config that has nothing to do in memory', () => {
  it('has the synonyms that it has at Kafka', async () => {
    const { alter, config } = start()
    const synonyms = async (name: string) => (await config(name, { includeSynonyms: true })).synonyms
    const fallback = { name: 'log.segment.delete.delay.ms', value: '60000', source: 5 }
    expect(await synonyms('file.delete.delay.ms')).toEqual([fallback])
    expect(await synonyms('flush.ms')).toEqual([])
    expect(await synonyms('remote.log.copy.disable')).toEqual([])
    await alter(['file.delete.delay.ms', 'set', '5'], ['remote.log.copy.disable', 'set', 'true'])
    expect(await synonyms('file.delete.delay.ms')).toEqual([
      { name: 'file.delete.delay.ms', value: '5', source: 1 },
      fallback,
    ])
    expect(await synonyms('remote.log.copy.disable')).toEqual([
      { name: 'remote.log.copy.disable', value: 'true', source: 1 },
    ])
  })

  it('may be a list, to which elements are added, and from which they are taken', async () => {
    const { alter, config } = start()
    const name = 'leader.replication.throttled.replicas'
    expect(await alter([name, 'append', '0:1'])).toEqual([0, null])
    expect(await alter([name, 'append', '0:2,0:1'])).toEqual([0, null])
    expect(await config(name)).toMatchObject({ value: '0:1,0:2' })
    expect(await alter([name, 'subtract', '0:1'])).toEqual([0, null])
    expect(await config(name)).toMatchObject({ value: '0:2' })
    expect(await alter([name, 'append', '*'])).toEqual([40, expect.any(String)])
  })

  it('is taken when a topic is made, and told back', async () => {
    const { client, broker, describeAll } = start()
    const configs = [
      { name: 'min.insync.replicas', value: '2' },
      { name: 'compression.type', value: 'lz4' },
      { name: 'retention.ms', value: '60000' },
    ]
    const topics = [{ name: 'made', numPartitions: 1, replicationFactor: 1, assignments: [], configs }]
    const answer = await client.call(createTopics!, 7, { topics, timeoutMs: 1000 })
    expect(answer.topics[0]).toMatchObject({ errorCode: 0 })
    expect(answer.topics[0].configs).toContainEqual(
      expect.objectContaining({ name: 'compression.type', value: 'lz4', configSource: 1 }),
    )
    expect(broker.topic('made' as 'orders').options.retentionMs).toBe(60_000)
    const told = new Map(
      (await describeAll(2, 'made')).configs.map((each: any) => [each.name, [each.value, each.configSource]]),
    )
    expect(told.get('min.insync.replicas')).toEqual(['2', 1])
    expect(told.get('compression.type')).toEqual(['lz4', 1])
    expect(told.get('preallocate')).toEqual(['false', 5])
  })

  it('is told in the words of Kafka, however it was written', async () => {
    const { alter, config } = start()
    expect(await alter(['preallocate', 'set', 'True'], ['min.insync.replicas', 'set', ' 2 '])).toEqual([
      0,
      null,
    ])
    expect(await config('preallocate')).toMatchObject({ value: 'true' })
    expect(await config('min.insync.replicas')).toMatchObject({ value: '2' })
  })

  it('is altered like any other', async () => {
    const { alter, replace, config } = start()
    expect(await alter(['min.insync.replicas', 'set', '2'], ['flush.ms', 'set', '5'])).toEqual([0, null])
    expect(await config('min.insync.replicas')).toMatchObject({ value: '2', configSource: 1 })
    expect(await alter(['min.insync.replicas', 'delete'])).toEqual([0, null])
    expect(await config('min.insync.replicas')).toMatchObject({ value: '1', configSource: 3 })
    expect(await config('flush.ms')).toMatchObject({ value: '5' })
    expect(await replace({ 'retention.ms': '60000' })).toBe(0)
    expect(await config('flush.ms')).toMatchObject({ value: '9223372036854775807', configSource: 5 })
  })

  it('grows and shrinks where it is a list, and has nothing twice', async () => {
    const { alter, config } = start()
    const name = 'leader.replication.throttled.replicas'
    const told = async () => (await config(name)).value
    expect(await alter([name, 'append', '0:0,1:1'])).toEqual([0, null])
    expect(await alter([name, 'append', '1:1,2:2'])).toEqual([0, null])
    expect(await told()).toBe('0:0,1:1,2:2')
    expect(await alter([name, 'subtract', '0:0,9:9'])).toEqual([0, null])
    expect(await told()).toBe('1:1,2:2')
  })

  it('is refused where its value is of another kind, and nothing is changed', async () => {
    const { alter, config, orders } = start()
    const refused = [40, 'Invalid value two for configuration min.insync.replicas: Not a number of type INT']
    expect(await alter(['retention.ms', 'set', '60000'], ['min.insync.replicas', 'set', 'two'])).toEqual(
      refused,
    )
    expect(orders.options.retentionMs).toBe(604_800_000)
    expect(await alter(['min.insync.replicas', 'set', '3'], ['retention.ms', 'set', 'soon'])).toEqual([
      40,
      expect.any(String),
    ])
    expect(await config('min.insync.replicas')).toMatchObject({ value: '1' })
    expect(await alter(['preallocate', 'set', '1'])).toEqual([40, expect.any(String)])
    expect(await alter(['min.insync.replicas', 'set', '0'])).toEqual([
      40,
      'Invalid value 0 for configuration min.insync.replicas: Value must be at least 1',
    ])
    expect(await alter(['compression.type', 'set', 'gzpi'])).toEqual([
      40,
      expect.stringContaining('compression.type: String must be one of: uncompressed, zstd'),
    ])
    expect(await alter(['min.insync.replicas', 'append', '3'])).toEqual([40, expect.any(String)])
  })

  it('has the levels that its compression has', async () => {
    const { alter } = start()
    const refused = (name: string, why: string) => [
      40,
      expect.stringContaining(`for configuration compression.${name}.level: Value must be ${why}`),
    ]
    const set = (name: string, level: number) => alter([`compression.${name}.level`, 'set', String(level)])
    for (const level of [-1, 1, 9]) expect(await set('gzip', level)).toEqual([0, null])
    for (const level of [-2, 0, 10])
      expect(await set('gzip', level)).toEqual(refused('gzip', 'between 1 and 9 or equal to -1'))
    for (const level of [1, 17]) expect(await set('lz4', level)).toEqual([0, null])
    expect(await set('lz4', 0)).toEqual(refused('lz4', 'at least 1'))
    expect(await set('lz4', 18)).toEqual(refused('lz4', 'no more than 17'))
    for (const level of [-131072, 22]) expect(await set('zstd', level)).toEqual([0, null])
    expect(await set('zstd', -131073)).toEqual(refused('zstd', 'at least -131072'))
    expect(await set('zstd', 23)).toEqual(refused('zstd', 'no more than 22'))
  })
})

it('a broker has the same groups, transactions and configs whichever of its servers a client is connected to', async () => {
  const { broker, alter } = start()
  await alter(['min.insync.replicas', 'set', '2'])
  const server = await serve(broker)
  const kafka = new Kafka({ brokers: [server.address], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  open.push(() => admin.disconnect())
  await admin.connect()
  const resources = [
    { type: ConfigResourceTypes.TOPIC, name: 'orders', configNames: ['min.insync.replicas'] },
  ]
  const told = await admin.describeConfigs({ resources, includeSynonyms: false })
  expect(told.resources[0]!.configEntries[0]!.configValue).toBe('2')
})
