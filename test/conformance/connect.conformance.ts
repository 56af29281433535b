import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { Broker, type ConsumerOptions, type OpenTopics, topic } from '../../src/index.ts'
import { type ConnectOptions, connect, type KafkaConnection } from '../../src/kafka/index.ts'
import { RequestLog, type ServeOptions, serve, WireFaults } from '../../src/server/index.ts'
import { collect } from '../helpers/collect.ts'
import { numbers, readAll, sendNumbers, until, values } from './collect.ts'

const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each[Symbol.asyncDispose]()
})

async function start(served: ServeOptions = {}, options: Partial<ConnectOptions> = {}) {
  const broker = new Broker({ topics: { orders: topic({ partitions: 2 }) } })
  const server = await serve(broker, { consumerHeartbeatIntervalMs: 50, ...served })
  open.push(broker)
  const join = async (more: Partial<ConnectOptions> = {}): Promise<KafkaConnection<OpenTopics>> => {
    const cluster = await connect({
      bootstrapBrokers: [server.address],
      fetchMaxWaitMs: 50,
      ...options,
      ...more,
    })
    open.push(cluster)
    return cluster as KafkaConnection<OpenTopics>
  }
  return { broker, server, join }
}

describe('connecting', () => {
  it('refuses declared topics that the cluster does not have, and makes them where it is to', async () => {
    const { join } = await start()
    const topics = { orders: topic(), payments: topic({ partitions: 3 }) }
    await expect(join({ topics })).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      topic: 'payments',
    })
    const cluster = await join({ topics, createTopics: true })
    expect((await cluster.admin.describeTopic('payments')).partitions).toHaveLength(3)
  })

  it('refuses a declared topic that has fewer partitions on the cluster', async () => {
    const { join } = await start()
    const topics = { orders: topic({ partitions: 3 }) }
    await expect(join({ topics })).rejects.toMatchObject({ code: 'INVALID_CONFIG', option: 'partitions' })
  })

  it('gives up where nobody answers, once its time is over', async () => {
    const { server, join } = await start()
    await server.close()
    await expect(join({ apiTimeoutMs: 300 })).rejects.toMatchObject({
      code: 'REQUEST_TIMED_OUT',
      cause: { code: 'NETWORK_EXCEPTION' },
    })
  })

  it.each(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)('proves who it is by %s', async mechanism => {
    const { join } = await start({ sasl: { users: { ada: 'secret' } } })
    const sasl = { mechanism, username: 'ada', password: async () => 'secret' }
    const cluster = await join({ sasl })
    expect(await cluster.admin.listTopics()).toEqual(['orders'])
    const wrong = join({ sasl: { ...sasl, password: 'wrong' } })
    await expect(wrong).rejects.toMatchObject({ code: 'SASL_AUTHENTICATION_FAILED' })
  })

  it('speaks TLS', async () => {
    const file = (name: string) => readFileSync(path.join(import.meta.dirname, '../server/tls', name))
    const cert = file('cert.pem')
    const { join } = await start({ tls: { key: file('key.pem'), cert } })
    const cluster = await join({ tls: { ca: cert } })
    expect(await cluster.admin.listTopics()).toEqual(['orders'])
  })

  it('shares the making of missing topics with programs that start at the same time', async () => {
    const { join } = await start()
    const topics = { payments: topic({ partitions: 3 }), refunds: topic() }
    const clusters = await Promise.all([1, 2, 3].map(() => join({ topics, createTopics: true })))
    expect(await clusters[0]!.admin.listTopics()).toEqual(['orders', 'payments', 'refunds'])
  })

  it('believes no broker that lags behind that there is no topic of a name', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    const cluster = await join()
    await broker.admin.createTopic('late')
    faults.staleMetadata()
    await cluster.producer().send({ topic: 'late', value: 'written' })
    for (const times of [1, 2]) {
      faults.staleMetadata({}, { times })
      expect(values(await readAll(cluster, 'late'))).toEqual(['written'])
    }
    faults.staleMetadata()
    await join({ topics: { late: topic() } })
    expect(faults.unused).toEqual([])
  })

  it('believes no broker that lags behind that a topic has fewer partitions', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    const cluster = await join()
    await broker.admin.addPartitions('orders', 3)
    await cluster.producer().send({ topic: 'orders', partition: 2, value: 'written' })
    faults.staleMetadata()
    expect(values(await readAll(cluster, 'orders'))).toEqual(['written'])
    expect(faults.unused).toEqual([])
  })

  it('finds a topic that is first asked for while others are looked up', async () => {
    const { broker, join } = await start()
    await broker.admin.createTopic('payments')
    const cluster = await join()
    const sent = ['orders', 'payments'].map(name => cluster.producer().send({ topic: name, value: 1 }))
    await expect(Promise.all(sent)).resolves.toMatchObject([{ topic: 'orders' }, { topic: 'payments' }])
  })

  it('lets its process and others share a group: a partition goes to whoever is there', async () => {
    const { broker, join } = await start()
    const cluster = await join()
    const options = { groupId: 'billing', topics: ['orders' as const] }
    const here = broker.consumer(options)
    const there = cluster.consumer(options)
    const seen: unknown[] = []
    const eachRecord = ({ value }: { readonly value: unknown }) => seen.push(value)
    await here.run({ eachRecord })
    await there.run({ eachRecord })
    await until(() => expect([here.assignment.length, there.assignment.length]).toEqual([1, 1]))
    await sendNumbers(cluster, 'orders', 20, n => ({ partition: n % 2 }))
    await until(() => expect(seen).toHaveLength(20))
    await there.close()
    await until(() => expect(here.assignment).toHaveLength(2))
  })
})

describe('sending', () => {
  it('writes a batch once where its answer was lost', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    faults.disconnect({ api: 'Produce' }, { when: 'after', times: 2 })
    await sendNumbers(cluster, 'orders', 5)
    expect(faults.unused).toEqual([])
    expect(values(await readAll(cluster, 'orders'))).toEqual(numbers(5))
  })

  it('tries again what could pass, and keeps the order of what comes after it', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    faults.fail({ api: 'Produce' }, 'NOT_LEADER_OR_FOLLOWER', { times: 3 })
    const producer = cluster.producer()
    const sent: Promise<unknown>[] = []
    for (const value of numbers(50)) {
      sent.push(producer.send({ topic: 'orders', partition: 0, value }))
      if (value % 10 === 9) await new Promise(setImmediate)
    }
    await Promise.all(sent)
    expect(values(await readAll(cluster, 'orders'))).toEqual(numbers(50))
  })

  it('gives a record up when its time is over, and writes the next ones', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join({ deliveryTimeoutMs: 300 })
    faults.fail({ api: 'Produce' }, 'NOT_ENOUGH_REPLICAS', { always: true })
    const producer = cluster.producer()
    const sent = producer.send({ topic: 'orders', partition: 0, value: 'lost' })
    await expect(sent).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    faults.clear()
    await producer.send({ topic: 'orders', partition: 0, value: 'next' })
    expect(values(await readAll(cluster, 'orders'))).toEqual(['next'])
  })

  it('gives a record up in time where nobody answers', async () => {
    const { server, join } = await start()
    const cluster = await join({ deliveryTimeoutMs: 300 })
    const producer = cluster.producer()
    await producer.send({ topic: 'orders', partition: 0, value: 'sent' })
    await server.close()
    const began = performance.now()
    const lost = producer.send({ topic: 'orders', partition: 0, value: 'lost' })
    await expect(lost).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    expect(performance.now() - began).toBeLessThan(5000)
  })

  it('refuses at once what is for a partition that its topic, made anew, has no longer', async () => {
    const { broker, join } = await start()
    const cluster = await join()
    const producer = cluster.producer()
    await producer.send({ topic: 'orders', partition: 1, value: 'before' })
    await broker.admin.deleteTopic('orders')
    await broker.admin.createTopic('orders')
    await expect(producer.send({ topic: 'orders', partition: 1, value: 'after' })).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      topic: 'orders',
      partition: 1,
    })
  })

  it('finds a partition that others have added, wherever it is named', async () => {
    const { broker, join } = await start()
    const cluster = await join()
    const producer = cluster.producer()
    await producer.send({ topic: 'orders', partition: 1, value: 'known' })
    await broker.admin.addPartitions('orders', 3)
    const metadata = await producer.send({ topic: 'orders', partition: 2, value: 'added' })
    expect(metadata).toMatchObject({ partition: 2, offset: 0 })
    await broker.admin.addPartitions('orders', 4)
    const added = { topic: 'orders', partition: 3 }
    const reader = cluster.consumer({ assign: [added] })
    await reader.ready()
    expect(reader.assignment).toEqual([added])
    await broker.admin.addPartitions('orders', 5)
    const last = { topic: 'orders', partition: 4 }
    expect(await cluster.admin.listOffsets([last], 'end')).toEqual([{ ...last, offset: 0 }])
    const gone = { topic: 'orders', partition: 5, value: 'nowhere' }
    await expect(producer.send(gone)).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  })

  it('writes what was sent before the connection is closed', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    const cluster = await join({ bufferMemory: 1000 })
    const producer = cluster.producer()
    await producer.send({ topic: 'orders', partition: 0, value: 0 })
    faults.disconnect({ api: 'Produce' }, { when: 'after' })
    // Some of it on its way, some behind that, and some that waits for room.
    const sent = numbers(5, 1).map(value =>
      producer.send({ topic: 'orders', partition: 0, value: String(value).padEnd(300) }),
    )
    await cluster.close()
    expect((await Promise.all(sent)).map(({ offset }) => offset)).toEqual(numbers(5, 1))
    expect(broker.topics.get('orders')!.partitions[0]!.highWatermark).toBe(6)
  })

  it('keeps nothing of itself alive once it is closed', async () => {
    const { server } = await start()
    const closed: WeakRef<object>[] = []
    for (let i = 0; i < 3; i++) {
      const cluster = await connect({ bootstrapBrokers: [server.address] })
      const producer = cluster.producer()
      // The second one waits for the answer to the first one, and might have to be given up.
      const first = producer.send({ topic: 'orders', partition: 0, value: 1 })
      await new Promise(setImmediate)
      await Promise.all([first, producer.send({ topic: 'orders', partition: 0, value: 2 })])
      await cluster.close()
      closed.push(new WeakRef(cluster))
    }
    await until(() => {
      collect()
      // The last one may still be in somebody's hands.
      expect(closed.slice(0, 2).map(each => each.deref())).toEqual([undefined, undefined])
    })
  })

  it('closes who began while the others ended, too', async () => {
    const { broker, join } = await start()
    const cluster = await join()
    let free = () => {}
    const slow = cluster.consumer({ groupId: 'slow', topics: ['orders'] })
    await slow.run({ eachRecord: () => new Promise<void>(resolve => (free = resolve)) })
    await cluster.producer().send({ topic: 'orders', value: 1 })
    await until(() => expect(slow.lag()).toBe(1))
    const closed = cluster.close()
    const late = cluster.consumer({ groupId: 'late', topics: ['orders'] })
    const loop = (async () => {
      for await (const _ of late);
    })()
    await until(() => expect(broker.group('late').members).toHaveLength(1))
    free()
    await closed
    await loop
    await late.done
    expect(broker.group('late').members).toEqual([])
  })

  it('splits a batch that is larger than its topic takes', async () => {
    const { join } = await start()
    const cluster = await join()
    await cluster.admin.createTopic('small', { maxMessageBytes: 2000 })
    const messages = numbers(100).map(value => ({ topic: 'small', value: { value, text: 'x'.repeat(90) } }))
    const metadata = await cluster.producer().sendBatch(messages)
    expect(metadata.map(({ offset }) => offset)).toEqual(numbers(100))
  })

  it('waits for room where too much is on its way, and no longer than it may', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join({ bufferMemory: 1000 })
    const held = faults.pauseNext({ api: 'Produce' })
    const producer = cluster.producer({ maxBlockMs: 200 })
    const first = producer.send({ topic: 'orders', value: 'x'.repeat(900) })
    const second = producer.send({ topic: 'orders', value: 'x'.repeat(900) })
    await expect(second).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    const third = producer.send({ topic: 'orders', value: 'x'.repeat(900) }, { timeoutMs: 10_000 })
    held.release()
    await Promise.all([first, third])
    expect(await readAll(cluster, 'orders')).toHaveLength(2)
  })

  it('takes back what waits when its signal aborts', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join({ bufferMemory: 1000 })
    const held = faults.pauseNext({ api: 'Produce' })
    const producer = cluster.producer()
    const first = producer.send({ topic: 'orders', value: 'x'.repeat(900) })
    const second = producer.send(
      { topic: 'orders', value: 'y'.repeat(900) },
      { signal: AbortSignal.timeout(50) },
    )
    await expect(second).rejects.toMatchObject({ name: 'TimeoutError' })
    held.release()
    await first
    expect(await readAll(cluster, 'orders')).toHaveLength(1)
  })

  it.each(['gzip', 'snappy', 'lz4'] as const)('compresses by %s', async compression => {
    const { join } = await start()
    const cluster = await join({ compression })
    await sendNumbers(cluster, 'orders', 100)
    expect(values(await readAll(cluster, 'orders'))).toEqual(numbers(100))
  })
})

describe('describing', () => {
  it('tells of no topic that more of it is stable than there is, also while it is written', async () => {
    let asked = 0
    const requests = new RequestLog()
    const { broker, join } = await start({ requests })
    const cluster = await join()
    await sendNumbers(cluster, 'orders', 1)
    const add = requests.add.bind(requests)
    requests.add = request => {
      add(request)
      if (request.api === 'ListOffsets' && ++asked === 3)
        broker.topics.get('orders')!.append({ value: 'written', partition: 0 } as never)
    }
    const { partitions } = await cluster.admin.describeTopic('orders')
    expect(partitions[0]).toMatchObject({ highWatermark: 2, lastStableOffset: 2, records: 2 })
  })
})

describe('reading', () => {
  it('asks once for what is out of range, however long what comes before it is handled', async () => {
    const requests = new RequestLog()
    const { broker, join } = await start({ requests })
    const cluster = await join()
    const { partitions } = broker.topics.get('orders')!
    await sendNumbers(broker, 'orders', 2)
    let free = () => {}
    const held = new Promise<void>(resolve => {
      free = resolve
    })
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

describe('being a member', () => {
  it('is ready with what it reads by now, also where it was heard as a reader of something else meanwhile', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    await broker.admin.createTopic('payments')
    const cluster = await join()
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] as string[] })
    await consumer.ready()
    const held = faults.pauseNext({ api: 'ConsumerGroupHeartbeat' })
    await held.entered
    await consumer.subscribe(['payments'])
    const ready = consumer.ready()
    held.release()
    await ready
    expect(consumer.assignment).toEqual([{ topic: 'payments', partition: 0 }])
  })

  it('stays one where answers to its heartbeats are lost', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    const lost: unknown[] = []
    consumer.on('lost', event => lost.push(event))
    await consumer.run({ eachRecord: () => {} })
    faults.disconnect({ api: 'ConsumerGroupHeartbeat' }, { when: 'after', times: 3 })
    await until(() => expect(faults.unused).toEqual([]))
    await sendNumbers(cluster, 'orders', 3)
    await consumer.caughtUp({ timeoutMs: 5000 })
    expect(lost).toEqual([])
  })

  it('joins anew once it is told that it is no member any more', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    await consumer.run({ eachRecord: () => {} })
    const before = consumer.memberId
    const lost = new Promise(resolve => consumer.on('lost', resolve))
    faults.fail({ api: 'ConsumerGroupHeartbeat' }, 'UNKNOWN_MEMBER_ID')
    await expect(lost).resolves.toMatchObject({ reason: { code: 'UNKNOWN_MEMBER_ID' } })
    await until(() => expect(consumer.assignment).toHaveLength(2))
    expect(consumer.memberId).not.toBe(before)
  })

  it('commits again under the epoch of now where that has passed on, as long as the partition is its own', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
    await consumer.ready()
    faults.fail({ api: 'OffsetCommit' }, 'STALE_MEMBER_EPOCH', { times: 2 })
    await consumer.commit([{ topic: 'orders', partition: 0, offset: 0 }])
    expect(await consumer.committed({ topic: 'orders', partition: 0 })).toEqual({ offset: 0 })
  })

  it('is refused a commit by a group that has fenced it, and does not try again', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
    await consumer.ready()
    faults.fail({ api: 'OffsetCommit' }, 'FENCED_MEMBER_EPOCH')
    await expect(consumer.commit([{ topic: 'orders', partition: 0, offset: 0 }])).rejects.toMatchObject({
      name: 'CommitFailedError',
    })
    expect(await consumer.committed({ topic: 'orders', partition: 0 })).toBeNull()
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

describe('a consumer that had joined', () => {
  it('comes back when it is answered again, however long that takes', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join({ apiTimeoutMs: 300 })
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    const errors: unknown[] = []
    const done: unknown[] = []
    consumer.on('error', error => errors.push(error))
    consumer.on('restarting', () => {
      faults.fail({ api: 'ConsumerGroupHeartbeat' }, 'COORDINATOR_LOAD_IN_PROGRESS', { always: true })
    })
    let failures = 1
    await consumer.run({
      eachRecord({ value }) {
        if (failures-- > 0) throw new Error('boom')
        done.push(value)
      },
      retry: { attempts: 1 },
    })
    await cluster.producer().send({ topic: 'orders', value: 'one' })
    await until(() => expect(errors.length).toBeGreaterThan(1))
    expect(errors.at(-1)).toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    faults.clear()
    await until(() => expect(done).toEqual(['one']))
  })
})

describe('a static member whose group has not heard that it left', () => {
  it('comes back once the session of its former self is over', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults, consumerSessionTimeoutMs: 4000 })
    const cluster = await join({ apiTimeoutMs: 300 })
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'], groupInstanceId: 'first' })
    const codes: unknown[] = []
    const done: unknown[] = []
    consumer.on('error', error => {
      codes.push((error as { readonly code?: unknown }).code)
      if (codes.length > 1) faults.clear()
    })
    consumer.on('restarting', () => {
      faults.disconnect({ api: 'ConsumerGroupHeartbeat' }, { always: true })
    })
    let failures = 1
    await consumer.run({
      eachRecord({ value }) {
        if (failures-- > 0) throw new Error('boom')
        done.push(value)
      },
      retry: { attempts: 1 },
    })
    await cluster.producer().send({ topic: 'orders', value: 'one' })
    await until(() => expect(done).toEqual(['one']))
    expect(new Set(codes)).toEqual(new Set(['REQUEST_TIMED_OUT', 'UNRELEASED_INSTANCE_ID']))
  })
})

describe('a static member that was stuck', () => {
  it('comes back to its place, also where its group takes its time to hear that it is free', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    const groupInstanceId = 'first'
    let free = () => {}
    const stuck = new Promise<void>(resolve => {
      free = resolve
    })
    const onLost = () => {
      faults.delay({ api: 'ConsumerGroupHeartbeat' }, 200)
      free()
    }
    const options = { groupId: 'g', topics: ['orders'], groupInstanceId, maxPollIntervalMs: 100, onLost }
    const consumer = cluster.consumer(options as ConsumerOptions)
    const errors: unknown[] = []
    const seen: unknown[] = []
    consumer.on('error', error => errors.push(error))
    await consumer.run({
      eachRecord: async ({ value }) => {
        seen.push(value)
        await stuck
      },
    })
    await sendNumbers(cluster, 'orders', 1)
    await until(() => expect(seen).toEqual([0, 0]))
    expect(errors).toEqual([])
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
})

describe('closing while nobody answers', () => {
  it('ends a redrive, which would wait for letters without end', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    await cluster.admin.createTopic('dead')
    await sendNumbers(cluster, 'dead', 3)
    faults.disconnect({ api: 'Fetch' }, { always: true })
    const met = faults.pauseNext({ api: 'Fetch' })
    const moved = cluster.redrive({ from: 'dead', to: 'orders' })
    await met.entered
    met.release()
    await Promise.all([
      cluster.close({ timeoutMs: 1000 }),
      expect(moved).rejects.toMatchObject({ code: 'CLOSED' }),
    ])
  })

  it('takes little longer than it may', async () => {
    const { server, join } = await start()
    const cluster = await join()
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    consumer.on('error', () => {})
    await consumer.run({ eachRecord: () => {} })
    await sendNumbers(cluster, 'orders', 3)
    await consumer.caughtUp({ timeoutMs: 5000 })
    await server.close()
    const began = performance.now()
    await consumer.close({ timeoutMs: 200 })
    await cluster.close({ timeoutMs: 200 })
    expect(performance.now() - began).toBeLessThan(10_000)
  })
})

describe('transactions', () => {
  it('write nothing after they were aborted, whatever becomes of what was on its way', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    const cluster = await join()
    const producer = cluster.producer({ transactionalId: 'tx' })
    const held = faults.pauseNext({ api: 'Produce' })
    faults.disconnect({ api: 'Produce' })
    const late = producer.transaction(tx => tx.send({ topic: 'orders', partition: 0, value: 'late' }))
    await held.entered
    const closed = producer.close({ timeoutMs: 0 })
    held.release()
    await expect(late).rejects.toMatchObject({ code: 'TRANSACTION_ABORTABLE' })
    await closed
    const next = cluster.producer({ transactionalId: 'tx' })
    await next.transaction(tx => tx.send({ topic: 'orders', partition: 0, value: 'next' }))
    expect(values(await readAll(cluster, 'orders', { isolationLevel: 'read_uncommitted' }))).toEqual(['next'])
    expect(broker.topics.get('orders')!.partitions[0]!.lastStableOffset).toBe(2)
  })

  it('go on where it was not heard how the last one ended', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join({ apiTimeoutMs: 300 })
    const producer = cluster.producer({ transactionalId: 'tx' })
    const send = (value: string) =>
      producer.transaction(tx => tx.send({ topic: 'orders', partition: 0, value }))
    await send('first')
    faults.fail({ api: 'EndTxn' }, 'COORDINATOR_LOAD_IN_PROGRESS', { always: true })
    await expect(send('not known')).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    faults.clear()
    await send('next')
    expect(values(await readAll(cluster, 'orders'))).toEqual(['first', 'next'])
  })

  it('tell what their function threw where they cannot be aborted either', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join({ apiTimeoutMs: 300 })
    const producer = cluster.producer({ transactionalId: 'tx' })
    faults.fail({ api: 'EndTxn' }, 'COORDINATOR_LOAD_IN_PROGRESS', { always: true })
    const failed = producer.transaction(async tx => {
      await tx.send({ topic: 'orders', partition: 0, value: 'failed' })
      throw new Error('changed my mind')
    })
    await expect(failed).rejects.toThrow('changed my mind')
    faults.clear()
    await producer.transaction(tx => tx.send({ topic: 'orders', partition: 0, value: 'next' }))
    expect(values(await readAll(cluster, 'orders'))).toEqual(['next'])
  })
})
