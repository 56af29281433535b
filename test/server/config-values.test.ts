import { describe, expect, it } from 'vitest'
import { json } from '../../src/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { sequencedBatch } from '../helpers/wire-client.ts'
import { start } from './configs-scene.ts'

const { createTopics, produce } = apis as unknown as Readonly<Record<string, Api>>

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

  it('are no numbers that only JavaScript reads', async () => {
    const { alter } = start()
    for (const value of ['0x1', '0b1', '', '.', 'Infinity'])
      expect(await alter(['min.cleanable.dirty.ratio', 'set', value])).toEqual([40, expect.any(String)])
  })

  it('are told as Java writes them', async () => {
    const { alter, config } = start()
    expect(await alter(['retention.bytes', 'set', '1'])).toEqual([0, null])
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
