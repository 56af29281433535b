import { describe, expect, it } from 'vitest'
import type { Consumer, Transaction } from '../../src/index.ts'
import { type Barrier, RequestLog, serve, WireFaults } from '../../src/server/index.ts'
import { readAll, sendNumbers, until, values } from './collect.ts'
import { start } from './served-broker.ts'

describe('transactions', () => {
  const refused = 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'

  it('tell what a partition was refused for while they still wait for another one', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    await broker.admin.createTopic('secret')
    const cluster = await join()
    faults.fail({ api: 'AddPartitionsToTxn', topic: 'orders' }, 'CONCURRENT_TRANSACTIONS')
    faults.fail({ api: 'AddPartitionsToTxn', topic: 'secret' }, 'TOPIC_AUTHORIZATION_FAILED')
    const failed = cluster.producer({ transactionalId: 'tx' }).transaction(async tx => {
      const sent = [tx.send({ topic: 'orders', partition: 0, value: 1 })]
      await until(() => expect(faults.unused).toHaveLength(1))
      sent.push(tx.send({ topic: 'secret', partition: 0, value: 2 }))
      await Promise.allSettled(sent)
    })
    await expect(failed).rejects.toMatchObject({ code: 'TOPIC_AUTHORIZATION_FAILED' })
    expect(faults.unused).toEqual([])
  })

  it('begin at their coordinator while that writes the end of the last one', async () => {
    const faults = new WireFaults()
    const requests = new RequestLog()
    const { join } = await start({ faults, requests })
    const cluster = await join()
    const producer = cluster.producer({ transactionalId: 'tx' })
    faults.fail({ api: 'AddPartitionsToTxn' }, 'CONCURRENT_TRANSACTIONS', { times: 2 })
    await producer.transaction(tx => tx.send({ topic: 'orders', partition: 0, value: 1 }))
    expect(requests.of({ api: 'AddPartitionsToTxn' })).toHaveLength(3)
    expect(requests.of({ api: 'FindCoordinator' })).toHaveLength(1)
  })

  it.each<[string, (tx: Transaction, consumer: Consumer) => Promise<unknown>]>([
    ['records', tx => tx.send({ topic: 'orders', partition: 0, value: 1 })],
    ['nothing but offsets', (tx, consumer) => tx.sendOffsets(consumer)],
  ])('of %s are over once their coordinator has told all partitions', async (_, work) => {
    const faults = new WireFaults()
    const requests = new RequestLog()
    const { join } = await start({ faults, requests })
    const cluster = await join()
    await sendNumbers(cluster, 'orders', 1, () => ({ partition: 0 }))
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
    await consumer.poll()
    onceEnded(requests, () => faults.fail({ api: 'EndTxn' }, 'CONCURRENT_TRANSACTIONS', { times: 2 }))
    await cluster.producer({ transactionalId: 'tx' }).transaction(tx => work(tx, consumer))
    const told = ['CONCURRENT_TRANSACTIONS']
    expect(requests.of({ api: 'EndTxn' }).map(({ errors }) => errors)).toEqual([[], told, told, []])
  })

  it('are committed also where it is not known whether all partitions were told', async () => {
    const faults = new WireFaults()
    const requests = new RequestLog()
    const { join } = await start({ faults, requests })
    const cluster = await join({ apiTimeoutMs: 300 })
    const producer = cluster.producer({ transactionalId: 'tx' })
    onceEnded(requests, () =>
      faults.fail({ api: 'EndTxn' }, 'COORDINATOR_LOAD_IN_PROGRESS', { always: true }),
    )
    await producer.transaction(tx => tx.send({ topic: 'orders', partition: 0, value: 1 }))
    expect(requests.of({ api: 'EndTxn' })[0]).toMatchObject({ errors: [] })
    expect(requests.of({ api: 'EndTxn' }).length).toBeGreaterThan(2)
    faults.clear()
    await producer.transaction(tx => tx.send({ topic: 'orders', partition: 0, value: 2 }))
    expect(values(await readAll(cluster, 'orders'))).toEqual([1, 2])
  })

  it('take nothing more once it is not known whether a batch of theirs was written', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    const producer = cluster.producer({ transactionalId: 'tx' })
    faults.fail({ api: 'Produce' }, 'UNKNOWN_SERVER_ERROR')
    const failed = producer.transaction(async tx => {
      const to = { topic: 'orders', partition: 0 } as const
      await expect(tx.send({ ...to, value: 1 })).rejects.toMatchObject({ code: 'UNKNOWN_SERVER_ERROR' })
      await expect(tx.send({ ...to, value: 2 })).rejects.toMatchObject({ code: 'TRANSACTION_ABORTABLE' })
    })
    await expect(failed).rejects.toMatchObject({ code: 'UNKNOWN_SERVER_ERROR' })
    await producer.transaction(tx => tx.send({ topic: 'orders', partition: 0, value: 3 }))
    expect(values(await readAll(cluster, 'orders'))).toEqual([3])
  })

  it('are refused a topic that was deleted as soon as that is known', async () => {
    const requests = new RequestLog()
    const { broker, join } = await start({ requests })
    await broker.admin.createTopic('gone')
    const cluster = await join()
    await sendNumbers(cluster, 'gone', 1)
    const producer = cluster.producer({ transactionalId: 'tx' })
    const failed = producer.transaction(async tx => {
      await tx.send({ topic: 'orders', partition: 0, value: 1 })
      await broker.admin.deleteTopic('gone')
      await tx.send({ topic: 'gone', value: 2 })
    })
    await expect(failed).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION', transactionalId: 'tx' })
    expect(requests.of({ api: 'AddPartitionsToTxn' })).toHaveLength(2)
    await producer.transaction(tx => tx.send({ topic: 'orders', partition: 0, value: 3 }))
    expect(values(await readAll(cluster, 'orders'))).toEqual([3])
  })

  // Kafka would take them: it compares the epoch of the member, and not whose the partitions are.
  it('ask nothing of their coordinator where nothing is written in them', async () => {
    const requests = new RequestLog()
    const { join } = await start({ requests })
    const producer = (await join()).producer({ transactionalId: 'tx' })
    for (let i = 0; i < 2; i++) await producer.transaction(async () => {})
    // A coordinator refuses to end what has not begun: the next one would begin under another epoch, to be safe.
    expect(requests.of({ api: 'EndTxn' })).toEqual([])
    expect(requests.of({ api: 'InitProducerId' })).toHaveLength(1)
  })

  it('are not aborted before the answer to what is on its way', async () => {
    const faults = new WireFaults()
    const requests = new RequestLog()
    const { join } = await start({ faults, requests })
    const cluster = await join()
    const producer = cluster.producer({ transactionalId: 'tx' })
    const held = faults.pauseNext({ api: 'Produce' })
    const late = producer.transaction(tx => tx.send({ topic: 'orders', partition: 0, value: 'late' }))
    const told = expect(late).rejects.toMatchObject({ code: 'TRANSACTION_ABORTABLE' })
    await held.entered
    const closed = producer.close({ timeoutMs: 0 })
    for (let i = 0; i < 10; i++) await cluster.admin.listTopics()
    expect(requests.of({ api: 'EndTxn' })).toEqual([])
    held.release()
    await Promise.all([told, closed])
    await until(() => expect(requests.of({ api: 'EndTxn' })).toHaveLength(1))
    expect(await readAll(cluster, 'orders')).toEqual([])
  })

  it('keep a producer that closes no longer than it may where what is on its way is not answered', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    const producer = cluster.producer({ transactionalId: 'tx' })
    const held = faults.pauseNext({ api: 'Produce' })
    const late = producer.transaction(tx => tx.send({ topic: 'orders', partition: 0, value: 'late' }))
    const told = expect(late).rejects.toMatchObject({ code: 'CLOSED' })
    await held.entered
    const began = performance.now()
    await producer.close({ timeoutMs: 200 })
    await cluster.close({ timeoutMs: 200 })
    expect(performance.now() - began).toBeLessThan(10_000)
    held.release()
    await told
  })

  it('are not ended again by their time-out once they have ended', async () => {
    const requests = new RequestLog()
    const { join } = await start({ requests })
    const cluster = await join()
    const producers = ['first', 'second'].map(transactionalId =>
      cluster.producer({ transactionalId, transactionTimeoutMs: 300 }),
    )
    const [first, second] = producers
    await first!.transaction(tx => tx.send({ topic: 'orders', partition: 0, value: 1 }))
    const ended = () => requests.of({ api: 'EndTxn' })
    const before = ended().length
    // It began later, so when it is aborted the time of the first one is over, too.
    const late = second!.transaction(async tx => {
      await tx.send({ topic: 'orders', partition: 0, value: 2 })
      await until(() => expect(ended().length).toBeGreaterThan(before))
    })
    await expect(late).rejects.toMatchObject({ code: 'TRANSACTION_ABORTABLE' })
    expect(ended()).toHaveLength(before + 1)
    expect(values(await readAll(cluster, 'orders'))).toEqual([1])
  })

  it('go on after one that took too long, also where it could not be aborted in time', async () => {
    const faults = new WireFaults()
    const requests = new RequestLog()
    const { join } = await start({ faults, requests })
    const cluster = await join()
    const producer = cluster.producer({ transactionalId: 'tx', transactionTimeoutMs: 200 })
    faults.fail({ api: 'EndTxn' }, refused)
    const late = producer.transaction(async tx => {
      await tx.send({ topic: 'orders', partition: 0, value: 'late' })
      await until(() => expect(requests.of({ api: 'EndTxn' })[0]?.errors).toEqual([refused]))
      await cluster.admin.listTopics()
    })
    await expect(late).rejects.toMatchObject({
      code: 'TRANSACTION_ABORTABLE',
      message: expect.stringContaining('took longer'),
    })
    await producer.transaction(tx => tx.send({ topic: 'orders', partition: 0, value: 'next' }))
    expect(values(await readAll(cluster, 'orders'))).toEqual(['next'])
  })

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
    const { lastStableOffset, highWatermark } = broker.topics.get('orders')!.partitions[0]!
    expect(lastStableOffset).toBe(highWatermark)
  })

  it('write nothing after they were aborted of a batch that was too large for its topic', async () => {
    const faults = new WireFaults()
    const requests = new RequestLog()
    const { broker, join } = await start({ faults, requests })
    await broker.admin.createTopic('small', { maxMessageBytes: 1500 })
    const cluster = await join()
    const producer = cluster.producer({ transactionalId: 'tx' })
    const held = faults.pauseNext({ api: 'Produce' })
    const message = { topic: 'small', value: 'x'.repeat(1000) }
    const late = producer.transaction(tx => tx.sendBatch([message, message]))
    await held.entered
    const closed = producer.close({ timeoutMs: 0 })
    held.release()
    await expect(late).rejects.toMatchObject({ code: 'TRANSACTION_ABORTABLE' })
    await closed
    await until(() => expect(requests.of({ api: 'EndTxn' })).toHaveLength(1))
    await cluster.close()
    expect(requests.of({ api: 'Produce' })).toHaveLength(1)
  })

  it.each([
    ['a request that ended the last one, and comes once more', 0, {}],
    // Whoever asks whether the partitions have been told gives up when that has not been answered in time.
    ['the last request about one before, which comes late', 1, { apiTimeoutMs: 100 }],
  ])('are not ended by %s', async (_, nth, options) => {
    const faults = new WireFaults()
    const requests = new RequestLog()
    const { join } = await start({ faults, requests })
    const cluster = await join({ requestTimeoutMs: 200, ...options })
    const producer = cluster.producer({ transactionalId: 'tx' })
    let held: Barrier
    const hold = () => {
      held = faults.pauseNext({ api: 'EndTxn' })
    }
    if (nth === 0) hold()
    else onceEnded(requests, hold)
    await producer.transaction(tx => tx.send({ topic: 'orders', partition: 0, value: 'first' }))
    const aborted = producer.transaction(async tx => {
      await tx.send({ topic: 'orders', partition: 0, value: 'aborted' })
      held.release()
      await until(() => expect(requests.of({ api: 'EndTxn' })[nth]).toMatchObject({ outcome: 'answered' }))
      throw new Error('no more')
    })
    await expect(aborted).rejects.toThrow('no more')
    expect(values(await readAll(cluster, 'orders'))).toEqual(['first'])
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

  it.each(['after', 'before'] as const)(
    'are not copied twice where the commit is not answered in time, whether the connection ended %s it was done',
    async when => {
      const faults = new WireFaults()
      const { broker, join } = await start({ faults })
      await broker.admin.createTopic('copies')
      const cluster = await join({ apiTimeoutMs: 300 })
      await sendNumbers(cluster, 'orders', 2, () => ({ partition: 0 }))
      const producer = cluster.producer({ transactionalId: 'tx' })
      const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
      const lost: unknown[] = []
      consumer.on('error', () => {})
      consumer.on('retrying', () => faults.clear())
      consumer.on('lost', ({ partitions }) => {
        lost.push(...partitions)
        faults.clear()
      })
      faults.disconnect({ api: 'EndTxn' }, { when, always: true })
      await consumer.run({
        eachRecord: ({ value }, context) =>
          producer.transaction(async tx => {
            await tx.send({ topic: 'copies', value })
            await tx.sendOffsets(context)
          }),
      })
      await consumer.caughtUp({ timeoutMs: 20_000 })
      expect(values(await readAll(broker, 'copies'))).toEqual([0, 1])
      expect(lost).toContainEqual({ topic: 'orders', partition: 0 })
    },
  )

  it('are copied once where their coordinator has forgotten them when they are to be committed', async () => {
    const faults = new WireFaults()
    const { broker, server, join } = await start({ faults })
    await broker.admin.createTopic('copies')
    const cluster = await join()
    await sendNumbers(cluster, 'orders', 2, () => ({ partition: 0 }))
    const producer = cluster.producer({ transactionalId: 'tx' })
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
    consumer.on('error', () => {})
    consumer.on('lost', () => {})
    const held = faults.pauseNext({ api: 'EndTxn' })
    await consumer.run({
      eachRecord: ({ value }, context) =>
        producer.transaction(async tx => {
          await tx.send({ topic: 'copies', value })
          await tx.sendOffsets(context)
        }),
    })
    await held.entered
    await server.close()
    await serve(broker, { port: server.port, consumerHeartbeatIntervalMs: 50 })
    await consumer.caughtUp({ timeoutMs: 20_000 })
    expect(values(await readAll(broker, 'copies'))).toEqual([0, 1])
  })

  it.each([
    ['AddPartitionsToTxn', 'INVALID_PRODUCER_ID_MAPPING'],
    ['AddOffsetsToTxn', 'INVALID_PRODUCER_ID_MAPPING'],
  ] as const)(
    'go on after one that %s refused, since the coordinator had forgotten the producer',
    async (api, code) => {
      const faults = new WireFaults()
      const { join } = await start({ faults })
      const cluster = await join()
      await sendNumbers(cluster, 'orders', 1, () => ({ partition: 1 }))
      const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
      await consumer.poll()
      const producer = cluster.producer({ transactionalId: 'tx' })
      const copy = (value: number) =>
        producer.transaction(async tx => {
          await tx.sendOffsets(consumer)
          await tx.send({ topic: 'orders', partition: 0, value })
        })
      await copy(1)
      faults.fail({ api }, code)
      await expect(copy(2)).rejects.toMatchObject({ code: 'TRANSACTION_ABORTABLE', cause: { code } })
      await copy(3)
      expect(values(await readAll(cluster, 'orders'))).toEqual([1, 3, 0])
    },
  )

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

// A fault that is planned while a request is held back meets that request, too.
function onceEnded(requests: RequestLog, plan: () => void): void {
  requests.onDone = line => {
    if (!line.includes(' EndTxn ')) return
    requests.onDone = undefined
    plan()
  }
}
