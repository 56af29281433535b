import { describe, expect, it } from 'vitest'
import type { OpenTopics, PubSub } from '../../src/index.ts'
import { RequestLog, WireFaults } from '../../src/server/index.ts'
import { sendNumbers, until } from './collect.ts'
import { start } from './served-broker.ts'

describe('transactions with offsets', () => {
  const refused = 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'

  it.each([
    ['of a broker in this process', true, 'of this broker'],
    ['of a cluster', false, 'of this cluster'],
  ])('%s refuse the offsets of a consumer elsewhere', async (_, isMemory, where) => {
    const { broker, join } = await start()
    const cluster = await join()
    const [bus, elsewhere]: readonly [PubSub<OpenTopics>, PubSub<OpenTopics>] = isMemory
      ? [broker, cluster]
      : [cluster, broker]
    await sendNumbers(broker, 'orders', 1)
    const options = { groupId: 'g', topics: ['orders'], clientId: 'copier', autoCommit: false } as const
    const consumer = elsewhere.consumer(options)
    await consumer.poll()
    const sent = bus.producer({ transactionalId: 'tx' }).transaction(tx => tx.sendOffsets(consumer))
    await expect(sent).rejects.toMatchObject({
      code: 'ILLEGAL_STATE',
      message: expect.stringMatching(new RegExp(`^sendOffsets: consumer 'copier[^']*' is not ${where}$`)),
    })
  })

  it.each(['a member', 'one that chose its partitions'])(
    'take no offsets of a consumer of another cluster: %s',
    async who => {
      const from = await start()
      const to = await start()
      const cluster = await from.join()
      const other = await to.join()
      await sendNumbers(from.broker, 'orders', 1)
      const reads =
        who === 'a member'
          ? ({ topics: ['orders'] } as const)
          : ({ assign: [0, 1].map(partition => ({ topic: 'orders', partition }) as const) } as const)
      const consumer = cluster.consumer({ groupId: 'g', autoCommit: false, ...reads })
      expect(await consumer.poll()).toHaveLength(1)
      const sent = other.producer({ transactionalId: 'tx' }).transaction(tx => tx.sendOffsets(consumer))
      await expect(sent).rejects.toMatchObject({
        code: 'ILLEGAL_STATE',
        message: expect.stringContaining('is not of this cluster'),
      })
      expect(to.broker.groups.get('g')).toBeUndefined()
    },
  )

  it('take the offsets of a consumer that has a connection of its own', async () => {
    const { broker, join } = await start()
    const [reading, writing] = [await join(), await join()]
    await sendNumbers(broker, 'orders', 1)
    const consumer = reading.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
    expect(await consumer.poll()).toHaveLength(1)
    await writing.producer({ transactionalId: 'tx' }).transaction(tx => tx.sendOffsets(consumer))
    await until(() => expect(broker.group('g').lag()).toBe(0))
  })

  it.each([
    ['where that could pass', 'COORDINATOR_LOAD_IN_PROGRESS'],
    ['under the epoch of now where that has passed on', 'ILLEGAL_GENERATION'],
  ] as const)('send offsets again %s', async (_where, code) => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    await sendNumbers(cluster, 'orders', 3)
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
    let polled = 0
    while (polled < 3) polled += (await consumer.poll({ timeoutMs: 5000 })).length
    faults.fail({ api: 'TxnOffsetCommit' }, code, { times: 2 })
    await cluster.producer({ transactionalId: 'tx' }).transaction(tx => tx.sendOffsets(consumer))
    expect(await consumer.committed({ topic: 'orders', partition: 0 })).toEqual({ offset: 3 })
    expect(faults.unused).toEqual([])
  })

  it('send no offsets before their coordinator knows of the group', async () => {
    const faults = new WireFaults()
    const requests = new RequestLog()
    const { join } = await start({ faults, requests })
    const cluster = await join()
    await sendNumbers(cluster, 'orders', 1)
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
    expect(await consumer.poll({ timeoutMs: 30_000 })).toHaveLength(1)
    const producer = cluster.producer({ transactionalId: 'tx' })
    faults.fail({ api: 'AddOffsetsToTxn' }, 'GROUP_AUTHORIZATION_FAILED')
    await expect(producer.transaction(tx => tx.sendOffsets(consumer))).rejects.toMatchObject({
      code: 'GROUP_AUTHORIZATION_FAILED',
      transactionalId: 'tx',
    })
    const held = faults.pauseNext({ api: 'AddOffsetsToTxn' })
    const sent = producer.transaction(tx => tx.sendOffsets(consumer))
    await held.entered
    for (let i = 0; i < 10; i++) await cluster.admin.listTopics()
    expect(requests.of({ api: 'TxnOffsetCommit' })).toEqual([])
    held.release()
    await sent
    expect(await consumer.committed({ topic: 'orders', partition: 0 })).toEqual({ offset: 1 })
  })

  it('send no offsets of what was given up before their coordinator knew of the group', async () => {
    const faults = new WireFaults()
    const requests = new RequestLog()
    const { broker, join } = await start({ faults, requests })
    const cluster = await join()
    await sendNumbers(cluster, 'orders', 2, partition => ({ partition }))
    const options = { groupId: 'g', topics: ['orders' as const], autoCommit: false }
    const consumer = cluster.consumer(options)
    for (let left = 2; left > 0; ) left -= (await consumer.poll({ timeoutMs: 30_000 })).length
    const held = faults.pauseNext({ api: 'AddOffsetsToTxn' })
    const sent = cluster.producer({ transactionalId: 'tx' }).transaction(tx => tx.sendOffsets(consumer))
    const refusedOffsets = expect(sent).rejects.toMatchObject({
      name: 'CommitFailedError',
      code: 'STALE_MEMBER_EPOCH',
    })
    await held.entered
    const other = broker.consumer(options)
    void other.ready()
    await until(async () => {
      await consumer.poll({ timeoutMs: 0 })
      expect(other.assignment).toHaveLength(1)
    })
    held.release()
    await refusedOffsets
    expect(requests.of({ api: 'TxnOffsetCommit' })).toEqual([])
  })

  it('leave the consumer whose offsets they have as it is where their commit is refused', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    await sendNumbers(cluster, 'orders', 1)
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
    expect(await consumer.poll({ timeoutMs: 30_000 })).toHaveLength(1)
    const lost: unknown[] = []
    consumer.on('lost', event => lost.push(event))
    const producer = cluster.producer({ transactionalId: 'tx' })
    faults.disconnect({ api: 'AddOffsetsToTxn' }, { when: 'after' })
    faults.fail({ api: 'EndTxn' }, refused)
    await expect(producer.transaction(tx => tx.sendOffsets(consumer))).rejects.toMatchObject({
      code: refused,
    })
    await producer.transaction(tx => tx.sendOffsets(consumer))
    expect(await consumer.committed({ topic: 'orders', partition: 0 })).toEqual({ offset: 1 })
    expect(lost).toEqual([])
  })

  it('keep their offsets where those of the last one come once more', async () => {
    const faults = new WireFaults()
    const requests = new RequestLog()
    const { broker, join } = await start({ faults, requests })
    const cluster = await join({ requestTimeoutMs: 200 })
    await sendNumbers(cluster, 'orders', 3, () => ({ partition: 0 }))
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
    const producer = cluster.producer({ transactionalId: 'tx' })
    const held = faults.pauseNext({ api: 'TxnOffsetCommit' })
    await consumer.poll({ maxRecords: 1 })
    await producer.transaction(tx => tx.sendOffsets(consumer))
    await consumer.poll({ maxRecords: 1 })
    await producer.transaction(async tx => {
      await tx.sendOffsets(consumer)
      held.release()
      await until(() =>
        expect(requests.of({ api: 'TxnOffsetCommit' })[0]).toMatchObject({ outcome: 'answered' }),
      )
    })
    expect(await broker.admin.listGroupOffsets('g')).toMatchObject([{ offset: 2 }])
  })
})
