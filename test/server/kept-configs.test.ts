import { describe, expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { start } from './configs-scene.ts'

const { createTopics } = apis as unknown as Readonly<Record<string, Api>>

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
