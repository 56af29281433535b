import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { serve, socketFactory } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { type Change, open, start } from './configs-scene.ts'

const { alterConfigs, incrementalAlterConfigs } = apis as unknown as Readonly<Record<string, Api>>

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

  it('names what is without a value before what is wrong', async () => {
    const { alter } = start()
    const wrong: Change = ['cleanup.policy', 'set', 'nothing']
    const missing: readonly Change[] = [
      ['retention.ms', 'set', null],
      ['max.message.bytes', 'append', null],
    ]
    const text = 'Null value not supported for : retention.ms,max.message.bytes'
    expect(await alter(wrong, ...missing)).toEqual([42, text])
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
    expect(await replace({ 'cleanup.policy': 'nothing', 'retention.ms': null })).toBe(42)
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
