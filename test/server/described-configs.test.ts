import { describe, expect, it } from 'vitest'
import type { TopicOptions } from '../../src/index.ts'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { WireClient } from '../helpers/wire-client.ts'
import { open, start } from './configs-scene.ts'

const { describeConfigs, createTopics } = apis as unknown as Readonly<Record<string, Api>>

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
