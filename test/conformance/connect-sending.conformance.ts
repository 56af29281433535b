import { afterEach, describe, expect, it, vi } from 'vitest'
import { Connections } from '../../src/kafka/connections.ts'
import { connect } from '../../src/kafka/index.ts'
import type { BatchOptions } from '../../src/kafka/library-messages.ts'
import { RequestLog, WireFaults } from '../../src/server/index.ts'
import { collect } from '../helpers/collect.ts'
import { numbers, readAll, sendNumbers, until, values } from './collect.ts'
import { start } from './served-broker.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

/** The epochs under which batches are sent from now on, by request. */
function watchEpochs(): number[] {
  const epochs: number[] = []
  const { call } = Connections.prototype
  vi.spyOn(Connections.prototype, 'call').mockImplementation(function (this: Connections, ...asked) {
    const options = asked[2][3] as Partial<BatchOptions> | undefined
    if (options?.sequences !== undefined) epochs.push(options.producerEpoch!)
    return call.apply(this, asked)
  })
  return epochs
}

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

  it('asks no more for topics that are gone: a program may use ever new ones', async () => {
    const requests = new RequestLog()
    const { broker, join } = await start({ requests })
    const producer = (await join()).producer()
    const asked = (topic: string) => requests.of({ api: 'Metadata', topic }).length
    for (const topic of ['first', 'second', 'third', 'fourth']) {
      requests.clear()
      await broker.admin.createTopic(topic)
      await producer.send({ topic, value: 1 })
      await broker.admin.deleteTopic(topic)
    }
    expect(asked('fourth')).toBeGreaterThan(0)
    expect([asked('first'), asked('second')]).toEqual([0, 0])
  })

  it('names no offset where the log says only that it has the batch already', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    faults.fail({ api: 'Produce' }, 'DUPLICATE_SEQUENCE_NUMBER')
    const to = { topic: 'orders', partition: 0 } as const
    const written = await cluster.producer().sendBatch([1, 2, 3].map(value => ({ ...to, value })))
    expect(written.map(({ offset }) => offset)).toEqual([-1, -1, -1])
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

  it('takes back what waits behind a batch on its way when its signal aborts', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    const producer = cluster.producer()
    const held = faults.pauseNext({ api: 'Produce' })
    const send = (value: number, signal?: AbortSignal) =>
      producer.send({ topic: 'orders', partition: 0, value }, { signal })
    const first = send(0)
    await held.entered
    const abort = new AbortController()
    const refused = expect(send(1, abort.signal)).rejects.toThrow('not any more')
    const last = send(2)
    abort.abort(new Error('not any more'))
    await refused
    held.release()
    await Promise.all([first, last])
    expect(values(await readAll(cluster, 'orders'))).toEqual([0, 2])
  })

  it('waits for a topic that is not available for now', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const producer = (await join()).producer()
    await producer.send({ topic: 'orders', partition: 0, value: 0 })
    faults.fail({ api: 'Produce' }, 'NOT_LEADER_OR_FOLLOWER')
    faults.fail({ api: 'Metadata', topic: 'orders' }, 'LEADER_NOT_AVAILABLE')
    await expect(producer.send({ topic: 'orders', partition: 0, value: 1 })).resolves.toMatchObject({
      offset: 1,
    })
    expect(faults.unused).toEqual([])
  })

  it('writes a batch under a later epoch where the log has lost those before it', async () => {
    const faults = new WireFaults()
    const epochs = watchEpochs()
    const { broker, join } = await start({ faults })
    const cluster = await join()
    const producer = cluster.producer()
    const send = (value: number) => producer.send({ topic: 'orders', partition: 0, value })
    await send(0)
    faults.fail({ api: 'Produce' }, 'OUT_OF_ORDER_SEQUENCE_NUMBER')
    const sent = [send(1), producer.send({ topic: 'orders', partition: 1, value: 'other' }), send(2)]
    await Promise.all(sent)
    await send(3)
    expect(faults.unused).toEqual([])
    expect(epochs.at(0)).toBe(0)
    expect(epochs.at(-1)).toBe(1)
    expect(values(await readAll(broker, 'orders'))).toEqual([0, 1, 2, 3, 'other'])
  })

  it('gives a record up when its time is over, and writes the next ones', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join({ deliveryTimeoutMs: 300 })
    faults.fail({ api: 'Produce' }, 'NOT_ENOUGH_REPLICAS', { always: true })
    const producer = cluster.producer()
    const sent = producer.send({ topic: 'orders', partition: 0, value: 'lost' })
    await expect(sent).rejects.toMatchObject({
      code: 'REQUEST_TIMED_OUT',
      message: expect.stringMatching(/^Writing to orders-0: gave up after 300 ms: .*NOT_ENOUGH_REPLICAS/),
      cause: { code: 'NOT_ENOUGH_REPLICAS' },
    })
    faults.clear()
    await producer.send({ topic: 'orders', partition: 0, value: 'next' })
    expect(values(await readAll(cluster, 'orders'))).toEqual(['next'])
  })

  it.each([
    [
      'goes on under a later epoch where it is not known whether a batch was written',
      'UNKNOWN_SERVER_ERROR',
      [0, 1, 1],
    ],
    ['stays under its epoch where a batch was refused', 'INVALID_RECORD', [0, 0, 0]],
  ] as const)('%s', async (_what, error, expected) => {
    const faults = new WireFaults()
    const epochs = watchEpochs()
    const { join } = await start({ faults })
    const cluster = await join()
    const producer = cluster.producer()
    faults.fail({ api: 'Produce' }, error)
    await expect(producer.send({ topic: 'orders', partition: 0, value: 1 })).rejects.toMatchObject({
      code: error,
    })
    await producer.send({ topic: 'orders', partition: 0, value: 2 })
    await producer.send({ topic: 'orders', partition: 1, value: 3 })
    expect(epochs).toEqual(expected)
  })

  it('takes no record for a repetition of one that was refused after its answer had been lost', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    const producer = (await join()).producer()
    const send = (value: string) => producer.send({ topic: 'orders', partition: 0, value })
    faults.disconnect({ api: 'Produce' }, { when: 'after' })
    const refused = expect(send('written')).rejects.toMatchObject({ code: 'TOPIC_AUTHORIZATION_FAILED' })
    await until(() => expect(faults.unused).toEqual([]))
    faults.fail({ api: 'Produce' }, 'TOPIC_AUTHORIZATION_FAILED')
    await refused
    expect(await send('next')).toMatchObject({ offset: 1 })
    expect(values(await readAll(broker, 'orders'))).toEqual(['written', 'next'])
  })

  it('has no more requests on their way to a broker than it may', async () => {
    const faults = new WireFaults()
    const requests = new RequestLog()
    const { broker, join } = await start({ faults, requests })
    await broker.admin.addPartitions('orders', 4)
    const cluster = await join({ maxInFlight: 1 })
    const producer = cluster.producer()
    const held = faults.pauseNext({ api: 'Produce' })
    const sent = [producer.send({ topic: 'orders', partition: 0, value: 0 })]
    await held.entered
    for (const partition of [1, 2, 3]) {
      sent.push(producer.send({ topic: 'orders', partition, value: partition }))
      await cluster.admin.listTopics()
    }
    held.release()
    await Promise.all(sent)
    expect(requests.of({ api: 'Produce' }).map(({ partitions }) => partitions.length)).toEqual([1, 3])
  })

  it('says that a partition has no leader where that is why a record is given up', async () => {
    const { server, join } = await start({ brokers: 2, defaultReplicationFactor: 1 })
    const cluster = await join({ deliveryTimeoutMs: 300 })
    await cluster.admin.createTopic('single')
    const producer = cluster.producer()
    await producer.send({ topic: 'single', value: 'sent' })
    await server.leaderOf({ topic: 'single', partition: 0 })!.stop()
    const sent = producer.send({ topic: 'single', value: 'lost' })
    await expect(sent).rejects.toMatchObject({
      code: 'REQUEST_TIMED_OUT',
      message: 'Writing to single-0: gave up after 300 ms: single-0 has no leader now',
    })
  })

  it('gives up in time a batch that is not answered, and what waits behind it', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join({ deliveryTimeoutMs: 300 })
    const held = faults.pauseNext({ api: 'Produce' })
    const producer = cluster.producer()
    const send = (value: string) => producer.send({ topic: 'orders', partition: 0, value })
    const givenUp = (value: string) =>
      expect(send(value)).rejects.toMatchObject({
        code: 'REQUEST_TIMED_OUT',
        message: 'Writing to orders-0: gave up after 300 ms: not answered yet',
      })
    const first = givenUp('on its way')
    await held.entered
    await Promise.all([first, givenUp('second'), givenUp('third')])
    held.release()
    await send('next')
    await send('last')
    expect(values(await readAll(cluster, 'orders'))).toEqual(['on its way', 'next', 'last'])
  })

  it('does not write again what it gave up on its way', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join({ deliveryTimeoutMs: 300 })
    const held = faults.pauseNext({ api: 'Produce' })
    faults.disconnect({ api: 'Produce' })
    const producer = cluster.producer()
    const lost = producer.send({ topic: 'orders', partition: 0, value: 'lost' })
    await expect(lost).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    held.release()
    await producer.send({ topic: 'orders', partition: 0, value: 'next' })
    expect(values(await readAll(cluster, 'orders'))).toEqual(['next'])
  })

  it('writes nothing late of what it gave up, once it has gone on', async () => {
    const faults = new WireFaults()
    const requests = new RequestLog()
    const { join } = await start({ faults, requests })
    const cluster = await join({ deliveryTimeoutMs: 150, requestTimeoutMs: 200 })
    const held = faults.pauseNext({ api: 'Produce' })
    const producer = cluster.producer()
    const lost = producer.send({ topic: 'orders', partition: 0, value: 'lost' })
    await expect(lost).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    await until(() => producer.send({ topic: 'orders', partition: 0, value: 'next' }))
    expect(values(await readAll(cluster, 'orders'))).toEqual(['next'])
    held.release()
    const refused = { outcome: 'answered', errors: ['INVALID_PRODUCER_EPOCH'] }
    await until(() => expect(requests.of({ api: 'Produce' })[0]).toMatchObject(refused))
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

  it('takes no batch for one that it gave up because brokers which lagged behind knew no such topic', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    const cluster = await join()
    await broker.admin.createTopic('late')
    const producer = cluster.producer()
    await producer.send({ topic: 'late', value: 'before' })
    faults.disconnect({ api: 'Produce' }, { when: 'after' })
    faults.staleMetadata({}, { times: 2 })
    await expect(producer.send({ topic: 'late', value: 'given up' })).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
    })
    expect(faults.unused).toEqual([])
    await producer.send({ topic: 'late', value: 'after' })
    expect(values(await readAll(broker, 'late'))).toEqual(['before', 'given up', 'after'])
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

  it.each(['gzip', 'snappy', 'lz4'] as const)('compresses by %s', async compression => {
    const { join } = await start()
    const cluster = await join({ compression })
    // The limit is that of a batch as it is sent.
    await cluster.admin.createTopic('small', { maxMessageBytes: 1000 })
    const value = 'x'.repeat(10_000)
    await cluster.producer().send({ topic: 'small', value })
    expect(values(await readAll(cluster, 'small'))).toEqual([value])
  })
})
