import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { Connections } from '../../src/kafka/connections.ts'
import { RequestLog, WireFaults } from '../../src/server/index.ts'
import { gate } from '../helpers/behaviours.ts'
import { numbers, sendNumbers, until } from './collect.ts'
import { start } from './served-broker.ts'

describe('reading', () => {
  it('leaves no connections of a consumer that was closed before it was started', async () => {
    const { join } = await start()
    const cluster = await join()
    const close = vi.spyOn(Connections.prototype, 'close')
    await cluster.consumer({ groupId: 'g', topics: ['orders'] }).close()
    expect(close).toHaveBeenCalledTimes(1)
    close.mockRestore()
  })

  it.each([
    ['a member', { groupId: 'g', autoOffsetReset: 'earliest' }],
    ['a reader', { from: 'beginning', until: 'end' }],
  ] as const)('finds as %s what its pattern fits, while another topic is looked up', async (_, options) => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    const cluster = await join()
    await broker.admin.createTopic('payments')
    await broker.admin.createTopic('found')
    broker.topics.get('found')!.append({ value: 1 } as never)
    const held = faults.pauseNext({ api: 'Metadata' })
    const sent = cluster.producer().send({ topic: 'payments', value: 2 })
    await held.entered
    const consumer = cluster.consumer<string>({ topics: [/^f/], ...options })
    const records = consumer[Symbol.asyncIterator]()
    const first = records.next()
    await turn()
    held.release()
    expect(await first).toMatchObject({ value: { topic: 'found', value: 1 } })
    await records.return!()
    await sent
  })

  it('still finds what its pattern fits after it could not turn to something else', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    const cluster = await join({ apiTimeoutMs: 300, metadataMaxAgeMs: 100 })
    const reader = cluster.consumer<string>({ topics: [/^f|^orders/], from: 'beginning' })
    const seen: unknown[] = []
    await reader.run({ eachRecord: ({ topic }) => void seen.push(topic) })
    faults.disconnect({ api: 'Metadata' }, { always: true })
    await expect(reader.subscribe(['orders'])).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    faults.clear()
    await broker.admin.createTopic('found')
    broker.topics.get('found')!.append({ value: 1 } as never)
    await until(() => expect(seen).toEqual(['found']))
  })

  it('asks no more for a partition whose bounded read has come to its end', async () => {
    const requests = new RequestLog()
    const { broker, join } = await start({ requests })
    const cluster = await join({ maxPartitionFetchBytes: 1 })
    await sendNumbers(broker, 'orders', 1)
    const producer = cluster.producer()
    for (let value = 0; value < 5; value++) await producer.send({ topic: 'orders', partition: 1, value })
    const reader = cluster.consumer({ topics: ['orders'], from: 'beginning', until: 'end' })
    const seen: unknown[] = []
    await reader.run({ eachRecord: ({ partition }) => seen.push(partition) })
    await reader.done
    expect(seen.toSorted()).toEqual([0, 1, 1, 1, 1, 1])
    // Perhaps once more, before what came first is handed out.
    expect(requests.of({ api: 'Fetch', topic: 'orders', partition: 0 }).length).toBeLessThan(3)
  })

  it('asks once for what is out of range, however long what comes before it is handled', async () => {
    const requests = new RequestLog()
    const { broker, join } = await start({ requests })
    const cluster = await join()
    const { partitions } = broker.topics.get('orders')!
    await sendNumbers(broker, 'orders', 2)
    const { opened: held, open: free } = gate()
    const seen: unknown[] = []
    const reader = cluster.consumer({ topics: ['orders'], from: 'beginning' })
    await reader.run({
      eachRecord: async ({ value }) => {
        seen.push(value)
        await held
      },
    })
    // It waits for what comes next; when that is read it is gone already.
    await until(() => expect(requests.of({ api: 'Fetch' }).at(-1)?.outcome).toBe('waiting'))
    for (const value of numbers(3, 2)) broker.topics.get('orders')!.append({ value, partition: 0 } as never)
    partitions[0]!.deleteRecords(4)
    const refused = () =>
      requests.of({ api: 'Fetch' }).filter(({ errors }) => errors.includes('OFFSET_OUT_OF_RANGE'))
    await until(() => expect(refused()).toHaveLength(1))
    for (let i = 0; i < 20; i++) await cluster.admin.listTopics()
    expect(refused()).toHaveLength(1)
    free()
    await until(() => expect(seen).toEqual([0, 1, 4]))
  })
})

describe('a reader by itself', () => {
  it('reads a topic that was made anew while it restarted from its beginning', async () => {
    const { broker, join } = await start()
    const cluster = await join({ metadataMaxAgeMs: 60_000 })
    await sendNumbers(broker, 'orders', 5)
    const reader = cluster.consumer({ topics: ['orders'], from: 'beginning' })
    const seen: unknown[] = []
    let failing = true
    reader.on('restarting', async () => {
      failing = false
      await broker.admin.deleteTopic('orders')
      await broker.admin.createTopic('orders')
      await sendNumbers(broker, 'orders', 5)
    })
    await reader.run({
      retry: { attempts: 1, delayMs: 1 },
      eachRecord: ({ value }) => {
        if (failing && value === 3) throw new Error('broken')
        seen.push(value)
      },
    })
    await until(() => expect(seen).toHaveLength(8))
    expect(seen).toEqual([0, 1, 2, ...numbers(5)])
  })

  const orders0 = { topic: 'orders', partition: 0 } as const

  it('reads from an offset that was out of range once it is there', async () => {
    const { join } = await start()
    const cluster = await join()
    const resets: unknown[] = []
    const seen: unknown[] = []
    const reader = cluster.consumer({ topics: ['orders'], autoOffsetReset: 'latest' })
    reader.on('offsetReset', ({ from, to, reason }) => resets.push([from, to, reason]))
    await reader.run({ eachRecord: ({ value }) => seen.push(value) })
    reader.seek(orders0, 5)
    await until(() => expect(resets).toEqual([[5, 0, 'out of range']]))
    await sendNumbers(cluster, 'orders', 5)
    await until(() => expect(seen).toEqual(numbers(5)))
    await sendNumbers(cluster, 'orders', 2)
    await until(() => expect(seen).toEqual([...numbers(5), 0, 1]))
    expect(resets).toHaveLength(1)
  })

  it('asks where all of its partitions begin and end as often as for one of them', async () => {
    const requests = new RequestLog()
    const { broker, join } = await start({ requests })
    await broker.admin.createTopic('payments', { partitions: 3 })
    const cluster = await join()
    const orders = [0, 1].map(partition => ({ topic: 'orders', partition }))
    const askedBy = async (call: () => Promise<unknown>) => {
      const before = requests.of({ api: 'ListOffsets' }).length
      await call()
      return requests.of({ api: 'ListOffsets' }).length - before
    }
    const ready = (topics: string[]) => askedBy(() => cluster.consumer({ topics, from: 'beginning' }).ready())
    await broker.admin.createTopic('single')
    const one = await ready(['single'])
    expect([await ready(['payments']), await ready(['orders', 'payments'])]).toEqual([one, one])
    expect(await askedBy(() => cluster.admin.listOffsets(orders, 'end'))).toBe(1)
  })

  it('refuses to look up a partition that there is not', async () => {
    const { join } = await start()
    const cluster = await join()
    const asked = cluster.admin.listOffsets([{ topic: 'orders', partition: 2 }], 'end')
    await expect(asked).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      message: "Topic 'orders' has no partition 2; it has 2, from 0 to 1",
    })
  })

  it('gives up what it reads no more, and loses what is gone', async () => {
    const { broker, join } = await start()
    await broker.admin.createTopic('payments')
    const cluster = await join()
    const told: unknown[] = []
    const note = (what: string) => (partitions: readonly { readonly topic: string }[]) =>
      void told.push([what, ...partitions.map(tp => tp.topic)])
    const reader = cluster.consumer({
      topics: ['orders', 'payments'],
      onAssigned: note('has'),
      onRevoked: note('gives up'),
      onLost: note('loses'),
    })
    await reader.run({ eachRecord: () => {} })
    await reader.subscribe(['orders'])
    await broker.admin.deleteTopic('orders')
    await broker.admin.createTopic('orders', { partitions: 1 })
    await until(() => expect(told).toHaveLength(4))
    expect(told).toEqual([
      ['has', 'orders', 'orders', 'payments'],
      ['gives up', 'payments'],
      ['loses', 'orders', 'orders'],
      ['has', 'orders'],
    ])
  })
})

describe('a reader of given partitions', () => {
  it.each([
    ['a partition', { topic: 'orders', partition: 2 }],
    ['a topic', { topic: 'missing', partition: 0 }],
  ])('is refused %s that is not there', async (_what, missing) => {
    const { join } = await start()
    const cluster = await join()
    const reader = cluster.consumer({ assign: [{ topic: 'orders', partition: 0 }, missing] })
    await expect(reader.run({ eachRecord: () => {} })).rejects.toMatchObject({
      name: 'UnknownTopicOrPartitionError',
      topic: missing.topic,
    })
  })

  it('commits by itself at its interval, and when it closes', async () => {
    const requests = new RequestLog()
    const { broker, join } = await start({ requests })
    const cluster = await join({ autoCommitIntervalMs: 600_000 })
    const seen: unknown[] = []
    const consumer = cluster.consumer({ groupId: 'g', assign: [{ topic: 'orders', partition: 0 }] })
    await consumer.run({ eachRecord: ({ value }) => seen.push(value) })
    for (const count of [1, 2, 3]) {
      await sendNumbers(cluster, 'orders', 1)
      await until(() => expect(seen).toHaveLength(count))
    }
    await cluster.admin.listTopics()
    expect(requests.of({ api: 'OffsetCommit' })).toEqual([])
    await consumer.close()
    expect(requests.of({ api: 'OffsetCommit' })).toHaveLength(1)
    expect(broker.group('g').committed({ topic: 'orders', partition: 0 })?.offset).toBe(3)
  })
})

describe('a topic that goes', () => {
  it.each([
    ['a member', 'g', 'ListOffsets'],
    ['a member', 'g', 'OffsetFetch'],
    ['a reader', undefined, 'ListOffsets'],
  ] as const)(
    'in the moment in which %s (group %s) gets it does not keep it from the others: %s',
    async (_who, groupId, api) => {
      const faults = new WireFaults()
      const { broker, join } = await start({ faults })
      const cluster = await join()
      await broker.admin.createTopic('gone', { partitions: 2 })
      await sendNumbers(cluster, 'orders', 3)
      const held = faults.pauseNext({ api })
      const consumer = cluster.consumer({
        topics: ['orders', 'gone'],
        ...(groupId === undefined ? { from: 'beginning' as const } : { groupId }),
      })
      const seen: unknown[] = []
      const running = consumer.run({ eachRecord: ({ value }) => seen.push(value) })
      await held.entered
      await broker.admin.deleteTopic('gone')
      held.release()
      await running
      await until(() => expect(seen).toEqual(numbers(3)))
      await until(() =>
        expect(consumer.assignment.map(({ topic: name }) => name)).toEqual(['orders', 'orders']),
      )
    },
  )

  it('and comes anew is read once it is known, also where a broker that lags behind knows the former one', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    const cluster = await join()
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    const seen: unknown[] = []
    await consumer.run({ eachRecord: ({ value }) => seen.push(value) })
    await broker.admin.deleteTopic('orders')
    faults.staleMetadata({}, { times: 3 })
    await broker.admin.createTopic('orders')
    await broker.producer().send({ topic: 'orders', value: 'new' })
    await until(() => expect(seen).toEqual(['new']))
  })

  it('is reported as given up at once: only then does its group assign what it may have in its place', async () => {
    const requests = new RequestLog()
    const { broker, join } = await start({ requests, consumerHeartbeatIntervalMs: 3000 })
    const cluster = await join()
    const heartbeats = () => requests.of({ api: 'ConsumerGroupHeartbeat' }).length
    let lost: { readonly at: number; readonly heartbeats: number } | undefined
    const consumer = cluster.consumer({
      groupId: 'g',
      topics: ['orders'],
      onLost: () => {
        lost = { at: performance.now(), heartbeats: heartbeats() }
      },
    })
    await consumer.run({ eachRecord: () => {} })
    await broker.admin.deleteTopic('orders')
    await until(() => expect(heartbeats()).toBeGreaterThan(lost?.heartbeats ?? Number.POSITIVE_INFINITY))
    expect(performance.now() - lost!.at).toBeLessThan(2000)
  })

  it('and comes anew with fewer partitions keeps nobody waiting who has committed, in a transaction or not', async () => {
    const { broker, join } = await start()
    const cluster = await join()
    const plain = cluster.consumer({ groupId: 'plain', topics: ['orders'] })
    const seen: unknown[] = []
    await plain.run({ eachRecord: ({ value }) => seen.push(value) })
    const copying = cluster.consumer({ groupId: 'copying', topics: ['orders'], autoCommit: false })
    await sendNumbers(cluster, 'orders', 3, () => ({ partition: 1 }))
    const polled = await copying.poll({ timeoutMs: 5000 })
    await until(() => expect(seen.length + polled.length).toBe(6))
    await broker.admin.deleteTopic('orders')
    await broker.admin.createTopic('orders')
    const began = performance.now()
    const copied = cluster.producer({ transactionalId: 'tx' }).transaction(tx => tx.sendOffsets(copying))
    await Promise.all([plain.close(), expect(copied).rejects.toThrow()])
    expect(performance.now() - began).toBeLessThan(5000)
  })
})
