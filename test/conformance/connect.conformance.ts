import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import { connect } from '../../src/kafka/index.ts'
import { RequestLog, WireFaults } from '../../src/server/index.ts'
import { readAll, sendNumbers, until, values } from './collect.ts'
import { open, start } from './served-broker.ts'

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

  it('takes a codec that is undefined as none', async () => {
    const { join } = await start()
    const cluster = await join({ topics: { orders: topic({ partitions: 2, codec: undefined } as object) } })
    await cluster.producer().send({ topic: 'orders', value: { total: 7 } })
    expect(values(await readAll(cluster, 'orders'))).toEqual([{ total: 7 }])
  })

  it('gives up where nobody answers, once its time is over', async () => {
    const { server, join } = await start()
    await server.close()
    await expect(join({ apiTimeoutMs: 300 })).rejects.toMatchObject({
      code: 'REQUEST_TIMED_OUT',
      message: expect.stringContaining('ECONNREFUSED'),
      cause: { code: 'NETWORK_EXCEPTION' },
    })
  })

  it('asks over another connection where one is not answered any more', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join({ requestTimeoutMs: 200, apiTimeoutMs: 5000 })
    const held = faults.pauseNext({ api: 'Metadata' })
    expect(await cluster.admin.listTopics()).toEqual(['orders'])
    held.release()
  })

  it('leaves an address alone that nobody answers at, once it knows the brokers', async () => {
    const { server, join } = await start()
    let tried = 0
    const wrong = net.createServer(socket => {
      tried++
      socket.destroy()
    })
    await once(wrong.listen(0, '127.0.0.1'), 'listening')
    open.push({ [Symbol.asyncDispose]: async () => void wrong.close() })
    const address = `127.0.0.1:${(wrong.address() as net.AddressInfo).port}`
    const cluster = await join({ bootstrapBrokers: [address, server.address] })
    tried = 0
    for (let i = 0; i < 5; i++) await cluster.admin.listTopics()
    expect(tried).toBe(0)
  })

  it('gives a call up in its time also where its request is not answered at all, and takes no harm', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join({ apiTimeoutMs: 300 })
    const held = faults.pauseNext({ api: 'CreateTopics' })
    const began = performance.now()
    await expect(cluster.admin.createTopic('late')).rejects.toMatchObject({
      code: 'REQUEST_TIMED_OUT',
      message: "Creating topic 'late': gave up after 300 ms: not answered yet",
    })
    expect(performance.now() - began).toBeLessThan(10_000)
    held.release()
    await until(async () => expect(await cluster.admin.listTopics()).toEqual(['late', 'orders']))
  })

  it('speaks TLS', async () => {
    const file = (name: string) => readFileSync(path.join(import.meta.dirname, '../server/tls', name))
    const cert = file('cert.pem')
    const { join } = await start({ tls: { key: file('key.pem'), cert } })
    const cluster = await join({ tls: { ca: cert } })
    expect(await cluster.admin.listTopics()).toEqual(['orders'])
  })

  it('reads the options of TLS at each new connection: a certificate may be another one by then', async () => {
    const file = (name: string) => readFileSync(path.join(import.meta.dirname, '../server/tls', name))
    const cert = file('cert.pem')
    const { join } = await start({ tls: { key: file('key.pem'), cert } })
    let now = cert
    const tls = {
      get ca() {
        return now
      },
    }
    const cluster = await join({ tls, apiTimeoutMs: 300, deliveryTimeoutMs: 300 })
    now = Buffer.from('')
    const send = () => cluster.producer().send({ topic: 'orders', value: 1, partition: 0 })
    await expect(send()).rejects.toThrow()
    now = cert
    await send()
  })

  it('names to TLS the broker that it means, unless by an IP address', async () => {
    const file = (name: string) => readFileSync(path.join(import.meta.dirname, '../server/tls', name))
    const cert = file('cert.pem')
    const names: string[] = []
    const SNICallback = (name: string, done: (error: null) => void) => {
      names.push(name)
      done(null)
    }
    const { server, join } = await start({ tls: { key: file('key.pem'), cert, SNICallback } })
    await join({ tls: { ca: cert } })
    expect(names).toEqual([])
    await join({ tls: { ca: cert }, bootstrapBrokers: [`localhost:${server.port}`] })
    expect(names[0]).toBe('localhost')
    names.length = 0
    const named = { ca: cert, servername: 'kafka', checkServerIdentity: () => undefined }
    await join({ tls: named, bootstrapBrokers: [`localhost:${server.port}`] })
    expect(new Set(names)).toEqual(new Set(['kafka']))
  })

  it('asks for TLS and SASL also where a broker, or what stands before it, resets connections', async () => {
    const resets = net.createServer(socket => {
      socket.on('error', () => {})
      socket.once('data', () => socket.resetAndDestroy())
    })
    resets.listen(0, '127.0.0.1')
    await once(resets, 'listening')
    const { port } = resets.address() as net.AddressInfo
    const refused = connect({ bootstrapBrokers: [`127.0.0.1:${port}`], apiTimeoutMs: 200 })
    await expect(refused).rejects.toMatchObject({
      code: 'REQUEST_TIMED_OUT',
      message: expect.stringMatching(/ECONNRESET; does the broker expect the option 'tls' or 'sasl'\?$/),
    })
    resets.close()
  })

  it('asks for TLS where a broker closes the connection of whoever does not speak it', async () => {
    const file = (name: string) => readFileSync(path.join(import.meta.dirname, '../server/tls', name))
    const { join } = await start({ tls: { key: file('key.pem'), cert: file('cert.pem') } })
    await expect(join({ apiTimeoutMs: 200 })).rejects.toMatchObject({
      code: 'REQUEST_TIMED_OUT',
      message: expect.stringMatching(/does the broker expect the option 'tls'|Broker requires TLS/),
    })
  })

  it('says at once that it does not trust who answers, where nobody else does', async () => {
    const file = (name: string) => readFileSync(path.join(import.meta.dirname, '../server/tls', name))
    const cert = file('cert.pem')
    const { join } = await start({ tls: { key: file('key.pem'), cert } }, { apiTimeoutMs: 5000 })
    await expect(join({ tls: true })).rejects.toMatchObject({
      code: 'NETWORK_EXCEPTION',
      message: expect.stringContaining('self-signed certificate'),
    })
    await expect(join({ tls: { ca: cert, servername: 'elsewhere' } })).rejects.toMatchObject({
      code: 'NETWORK_EXCEPTION',
      message: expect.stringContaining('altnames'),
    })
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

  it('believes no broker that lags behind that a topic has not grown', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    const cluster = await join()
    const producer = cluster.producer()
    await producer.send({ topic: 'orders', partition: 1, value: 'known' })
    await broker.admin.addPartitions('orders', 3)
    faults.staleMetadata()
    await producer.send({ topic: 'orders', partition: 2, value: 'written' })
    expect(faults.unused).toEqual([])
  })

  it('finds a partition that was added while others were looked up', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    const cluster = await join()
    const producer = cluster.producer()
    await producer.send({ topic: 'orders', partition: 1, value: 'known' })
    const held = faults.pauseNext({ api: 'Metadata' })
    faults.staleMetadata({}, { times: 2 })
    const listed = cluster.admin.listGroups()
    await held.entered
    await broker.admin.addPartitions('orders', 3)
    const sent = producer.send({ topic: 'orders', partition: 2, value: 'added' })
    held.release()
    await expect(sent).resolves.toMatchObject({ partition: 2, offset: 0 })
    await listed
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

describe('administration', () => {
  it('is done where another program goes on with the topic at once', async () => {
    const { broker, join } = await start()
    const { admin } = await join({ apiTimeoutMs: 2000 })
    let then: () => unknown = () => broker.admin.addPartitions('made', 3)
    const goOn = () => {
      const next = then
      then = () => {}
      next()
    }
    broker.on('topicCreated', goOn).on('topicDeleted', goOn)
    await admin.createTopic('made', { partitions: 2 })
    then = () => broker.admin.createTopic('made')
    await admin.deleteTopic('made')
    expect((await admin.describeTopic('made')).partitions).toHaveLength(1)
  })

  it('has deleted a topic that it knew as another one when every broker says so', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    const cluster = await join()
    await sendNumbers(cluster, 'orders', 1)
    await broker.admin.deleteTopic('orders')
    await broker.admin.createTopic('orders')
    faults.staleMetadata({}, { times: 3 })
    await cluster.admin.deleteTopic('orders')
    expect(faults.unused).toEqual([])
    expect(await cluster.admin.listTopics()).toEqual([])
    expect(await broker.admin.listTopics()).toEqual([])
  })

  it('has grown a topic when every broker says so', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    await sendNumbers(cluster, 'orders', 1)
    faults.staleMetadata({}, { times: 3 })
    await cluster.admin.addPartitions('orders', 3)
    expect((await cluster.admin.describeTopic('orders')).partitions).toHaveLength(3)
  })
})

describe('describing', () => {
  it('leaves out of a group what is deleted in that moment', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    const cluster = await join()
    await broker.admin.createTopic('gone')
    const offsets = ['orders', 'gone'].map(name => ({ topic: name, partition: 0, offset: 0 }))
    await cluster.admin.setGroupOffsets('g', offsets)
    const held = faults.pauseNext({ api: 'ListOffsets' })
    const described = cluster.admin.describeGroup('g')
    await held.entered
    await broker.admin.deleteTopic('gone')
    held.release()
    expect((await described).partitions).toMatchObject([{ topic: 'orders', partition: 0, committed: 0 }])
  })

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

describe('closing', () => {
  it('ends its connections', async () => {
    const { server, join } = await start()
    const proxy = await proxyTo(server.port)
    const cluster = await join({ bootstrapBrokers: [proxy.address] })
    expect(proxy.connections()).toBeGreaterThan(0)
    await cluster.close()
    await until(() => expect(proxy.connections()).toBe(0))
  })

  it('ends what is asked again and again', async () => {
    const faults = new WireFaults()
    const requests = new RequestLog()
    const { join } = await start({ faults, requests })
    const cluster = await join()
    faults.fail({ api: 'DeleteGroups' }, 'COORDINATOR_LOAD_IN_PROGRESS', { always: true })
    const asked = expect(cluster.admin.deleteGroup('g')).rejects.toMatchObject({ code: 'CLOSED' })
    await until(() => expect(requests.of({ api: 'DeleteGroups' }).length).toBeGreaterThan(1))
    await cluster.close()
    await asked
  })
})

/** A consumer whose brokers will not say where the log ends, before that is released. */
async function whoseEndsAreHeldBack() {
  const faults = new WireFaults()
  const { join } = await start({ faults })
  const cluster = await join()
  const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: () => {} })
  const ends = faults.pauseNext({ api: 'ListOffsets' })
  return { consumer, ends }
}

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

  it('ends sooner when it is closed again with less time', async () => {
    const { join } = await start()
    const cluster = await join()
    let enter = () => {}
    const entered = new Promise<void>(resolve => {
      enter = resolve
    })
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    await consumer.run({
      eachRecord: () => {
        enter()
        return new Promise(() => {})
      },
    })
    await sendNumbers(cluster, 'orders', 1)
    await entered
    const began = performance.now()
    const closing = cluster.close({ drain: true })
    const left = await cluster.close({ timeoutMs: 100 })
    expect(left).toMatchObject([{ group: 'g', topic: 'orders', count: 1 }])
    expect(await closing).toBe(left)
    expect(performance.now() - began).toBeLessThan(10_000)
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

  it('takes little longer than it may also where it is to read to the end first', async () => {
    const { consumer, ends } = await whoseEndsAreHeldBack()
    const began = performance.now()
    const closing = consumer.close({ drain: true, timeoutMs: 200 })
    await ends.entered
    await closing
    expect(performance.now() - began).toBeLessThan(10_000)
    ends.release()
  })
})

describe('waiting for a consumer to catch up', () => {
  it('ends in time where nobody says where the log ends', async () => {
    const { consumer, ends } = await whoseEndsAreHeldBack()
    await expect(consumer.caughtUp({ timeoutMs: 200 })).rejects.toMatchObject({
      code: 'REQUEST_TIMED_OUT',
      message: expect.stringContaining('Waited 200 ms'),
    })
    ends.release()
  })

  it('ends in time where the consumer is not let in', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    const joining = faults.pauseNext({ api: 'ConsumerGroupHeartbeat' })
    await expect(consumer.caughtUp({ timeoutMs: 200 })).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    joining.release()
  })

  it('rejects where it cannot join, or is closed meanwhile', async () => {
    const { join } = await start()
    const cluster = await join()
    const consumer = cluster.consumer({ groupId: 'g', topics: ['nowhere'] })
    await expect(consumer.caughtUp()).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    const other = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    const caughtUp = expect(other.caughtUp()).rejects.toMatchObject({ code: 'CLOSED' })
    await other.close()
    await caughtUp
  })
})

/** A proxy that knows its connections. */
async function proxyTo(port: number) {
  const sockets = new Set<net.Socket>()
  const proxy = net.createServer(client => {
    const broker = net.connect(port, '127.0.0.1')
    for (const [from, to] of [
      [client, broker],
      [broker, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => {})
      from.on('close', () => to.destroy())
      from.on('data', bytes => to.write(bytes))
    }
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  open.push({
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await once(proxy.close(), 'close')
    },
  })
  return {
    address: `127.0.0.1:${(proxy.address() as net.AddressInfo).port}`,
    connections: () => [...sockets].filter(({ destroyed }) => !destroyed).length,
  }
}
