import { describe, expect, it } from 'vitest'
import type { ConsumerOptions } from '../../src/index.ts'
import { serve, WireFaults } from '../../src/server/index.ts'
import { numbers, readAll, sendNumbers, until, values } from './collect.ts'
import { open, start } from './served-broker.ts'

describe('a fetch that the cluster refuses', () => {
  const refused = { code: 'TOPIC_AUTHORIZATION_FAILED', message: expect.stringContaining('orders-0') }

  it.each([
    ['one by one', {}],
    ['side by side', { concurrency: 2 }],
    ['side by side, by key', { concurrency: 2, ordering: 'key' }],
  ] as const)('crashes a consumer that handles %s', async (_how, options) => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    await sendNumbers(cluster, 'orders', 1)
    faults.fail({ api: 'Fetch' }, 'TOPIC_AUTHORIZATION_FAILED', { always: true })
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    const crashed = new Promise<unknown>(resolve => consumer.on('crashed', ({ error }) => resolve(error)))
    await consumer.run({ eachRecord: () => {}, onFailure: 'stop', ...options })
    expect(await crashed).toMatchObject(refused)
  })

  it('is the error of a poll, and the next one may go on', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    await sendNumbers(cluster, 'orders', 1)
    faults.fail({ api: 'Fetch' }, 'TOPIC_AUTHORIZATION_FAILED', { times: 2 })
    const consumer = cluster.consumer({ topics: ['orders'], from: 'beginning' })
    for (let i = 0; i < 2; i++)
      await expect(consumer.poll({ timeoutMs: 30_000 })).rejects.toMatchObject(refused)
    expect(values(await consumer.poll({ timeoutMs: 30_000 }))).toEqual([0])
  })

  it('ends a redrive', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    await sendNumbers(cluster, 'orders', 1)
    faults.fail({ api: 'Fetch' }, 'TOPIC_AUTHORIZATION_FAILED')
    await expect(cluster.redrive({ from: 'orders' })).rejects.toMatchObject(refused)
  })

  it('is tried again where it could pass', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    await sendNumbers(cluster, 'orders', 1)
    for (const error of ['KAFKA_STORAGE_ERROR', 'UNKNOWN_SERVER_ERROR'] as const) {
      faults.fail({ api: 'Fetch' }, error, { times: 2 })
      expect(values(await readAll(cluster, 'orders'))).toEqual([0])
      expect(faults.unused).toEqual([])
    }
  })

  it('is tried again after longer and longer pauses where the leader does not answer', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    await sendNumbers(cluster, 'orders', 1)
    faults.disconnect({ api: 'Fetch' }, { times: 4 })
    const began = performance.now()
    expect(values(await readAll(cluster, 'orders'))).toEqual([0])
    // 50, 100, 200 and 400 ms, each up to a fifth less.
    expect(performance.now() - began).toBeGreaterThan(0.8 * 750 - 5)
    expect(faults.unused).toEqual([])
  })
})

describe('what cannot be read for longer than a call is tried', () => {
  it.each([
    [
      'its leader knows another epoch',
      'UNKNOWN_LEADER_EPOCH',
      (faults: WireFaults) => {
        faults.fail({ api: 'Fetch' }, 'UNKNOWN_LEADER_EPOCH', { always: true })
      },
    ],
    [
      'its leader ends each connection',
      '127.0.0.1',
      (faults: WireFaults) => {
        faults.disconnect({ api: 'Fetch' }, { always: true })
      },
    ],
  ] as const)('is told of by each consumer, and read once it can be: %s', async (_why, says, begin) => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join({ apiTimeoutMs: 300 })
    const consumer = cluster.consumer({ topics: ['orders'], from: 'beginning' })
    const errors: unknown[] = []
    const seen: unknown[] = []
    consumer.on('error', error => errors.push(error))
    begin(faults)
    await consumer.run({ eachRecord: ({ value }) => seen.push(value) })
    await until(() => expect(errors).toHaveLength(2))
    faults.clear()
    expect(errors[0]).toMatchObject({
      code: 'REQUEST_TIMED_OUT',
      message: expect.stringMatching(new RegExp(`^Reading orders-0, orders-1: .* 300 ms: .*${says}`)),
    })
    await sendNumbers(cluster, 'orders', 1)
    await until(() => expect(seen).toEqual([0]))
  })
})

describe('a partition that has no leader', () => {
  it.each([
    ['where it is read from its beginning', { from: 'beginning' }],
    ['where its group has committed', { groupId: 'g' }],
  ] as const)(
    'keeps nobody from reading the others, and is read once it has one, %s',
    async (_where, options) => {
      const { broker, server, join } = await start({ brokers: 2, defaultReplicationFactor: 1 })
      const cluster = await join({ bootstrapBrokers: server.bootstrapServers.split(','), apiTimeoutMs: 300 })
      await cluster.admin.createTopic('spread', { partitions: 2 })
      const partitions = [0, 1].map(partition => ({ topic: 'spread', partition }))
      await broker.admin.setGroupOffsets(
        'g',
        partitions.map(tp => ({ ...tp, offset: 0 })),
      )
      for (const { partition } of partitions) await sendNumbers(broker, 'spread', 3, () => ({ partition }))
      const down = server.leaderOf(partitions[1]!)!
      expect(server.leaderOf(partitions[0]!)).not.toBe(down)
      await down.stop()
      const seen: unknown[] = []
      const errors: unknown[] = []
      const consumer = cluster.consumer({ topics: ['spread'], ...options })
      consumer.on('error', error => errors.push(error))
      await consumer.run({ eachRecord: ({ partition, value }) => seen.push([partition, value]) })
      const of = (partition: number) => numbers(3).map(value => [partition, value])
      await until(() => expect(seen).toEqual(of(0)))
      await until(() => expect(errors.length).toBeGreaterThan(1))
      expect(errors[0]).toMatchObject({ message: expect.stringContaining('spread-1 has no leader now') })
      await down.start()
      await until(() => expect(seen).toEqual([...of(0), ...of(1)]))
    },
  )

  it('is looked up apart from another one that it had its leader with', async () => {
    const { server, join } = await start({ brokers: 2 })
    const bootstrapBrokers = server.bootstrapServers.split(',')
    const cluster = await join({ bootstrapBrokers, replicationFactor: 1, apiTimeoutMs: 1000 })
    await cluster.admin.createTopic('single')
    const single = { topic: 'single', partition: 0 }
    const down = server.leaderOf(single)!
    await (await join({ bootstrapBrokers, replicationFactor: 2 })).admin.createTopic('both', {
      partitions: 2,
    })
    const both = [0, 1].map(partition => ({ topic: 'both', partition }))
    const other = both.find(tp => server.leaderOf(tp) === down)!
    const ends = (...partitions: { topic: string; partition: number }[]) =>
      Promise.allSettled(partitions.map(tp => cluster.admin.listOffsets([tp], 'end')))
    await ends(single, other)
    await down.stop()
    expect(await ends(single, other)).toMatchObject([
      {
        reason: { code: 'REQUEST_TIMED_OUT', message: expect.stringContaining('single-0 has no leader now') },
      },
      { value: [{ ...other, offset: 0 }] },
    ])
  })
})

describe('an outage that is longer than a call is tried', () => {
  it('does not keep what was finished before it from being committed after it, also where nothing more comes', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    const cluster = await join({ apiTimeoutMs: 300, autoCommitIntervalMs: 50 })
    faults.fail({ api: 'OffsetCommit' }, 'COORDINATOR_LOAD_IN_PROGRESS', { always: true })
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    const errors: unknown[] = []
    consumer.on('error', error => errors.push(error))
    await consumer.run({ eachRecord: () => {} })
    await sendNumbers(cluster, 'orders', 1)
    await until(() => expect(errors).toHaveLength(1))
    faults.clear()
    await until(() => expect(broker.group('g').committed({ topic: 'orders', partition: 0 })?.offset).toBe(1))
  })

  it('ends no consumer, in whatever way it reads', async () => {
    const { broker, server, join } = await start()
    const cluster = await join({ apiTimeoutMs: 300, autoCommitIntervalMs: 50 })
    const seen = new Map<string, unknown[]>()
    const reader = (name: string, options: Partial<ConsumerOptions<string>> = {}) => {
      const taken: unknown[] = []
      seen.set(name, taken)
      const consumer = cluster.consumer({ groupId: name, topics: ['orders'], ...options })
      consumer.on('error', () => {})
      return { consumer, take: ({ value }: { readonly value: unknown }) => void taken.push(value) }
    }
    const handlers = [
      reader('by name'),
      reader('by pattern', { topics: [/^ord/] }),
      reader('static', { groupInstanceId: 'first' }),
      reader('alone', { groupId: undefined, autoOffsetReset: 'earliest' }),
    ]
    for (const { consumer, take } of handlers) await consumer.run({ eachRecord: take })
    const iterating = reader('iterating')
    const iterated = (async () => {
      for await (const record of iterating.consumer) iterating.take(record)
    })()
    await iterating.consumer.ready()
    await broker.producer().send({ topic: 'orders', value: 1 })
    await until(() => expect([...seen.values()]).toEqual(Array.from({ length: 5 }, () => [1])))

    await server.close()
    await broker.producer().send({ topic: 'orders', value: 2 })
    for (let i = 0; i < 3; i++)
      await expect(cluster.admin.listTopics()).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    open.push(await serve(broker, { port: server.port, consumerHeartbeatIntervalMs: 50 }))
    await until(() => {
      for (const taken of seen.values()) expect(new Set(taken)).toEqual(new Set([1, 2]))
    })
    await Promise.all([...handlers, iterating].map(({ consumer }) => consumer.close()))
    await iterated
  })

  it('is told of once where what was finished meanwhile cannot be committed before the connection closes', async () => {
    const { broker, server, join } = await start()
    const cluster = await join({ autoCommitIntervalMs: 1 })
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    const errors: unknown[] = []
    consumer.on('error', error => errors.push(error))
    let handled = 0
    let answered = () => {}
    const gone = new Promise<void>(resolve => {
      answered = resolve
    })
    await consumer.run({
      eachRecord: async () => {
        if (handled++ === 0) await gone
        await broker.clock.sleep(3)
      },
    })
    await sendNumbers(cluster, 'orders', 20)
    await until(() => expect(handled).toBe(1))
    await server.close()
    answered()
    await until(() => expect(handled).toBe(20))
    await cluster.close({ timeoutMs: 0 })
    await until(() => expect(errors).not.toEqual([]))
    await new Promise(setImmediate)
    expect(errors).toMatchObject([{ code: 'CLOSED' }])
  })
})
