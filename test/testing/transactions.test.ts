import { topic } from 'brokerlet'
import { assertNothingLost, type Operation, TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { fill } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'

const topics = { orders: topic({ partitions: 1 }), payments: topic({ partitions: 1 }) }
const boom = new Error('boom')

/** A service that turns orders into payments, exactly once. */
async function start() {
  const broker = new TestBroker({ topics })
  const producer = broker.producer({
    clientId: 'shop',
    transactionalId: 'shop',
    transactionTimeoutMs: 10_000,
  })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], autoCommit: false })
  await consumer.run({
    eachRecord: (record, context) =>
      producer.transaction(async tx => {
        await tx.send({ topic: 'payments', value: record.value })
        await tx.sendOffsets(context)
      }),
  })
  const payments = () => {
    const { partitions } = broker.topic('payments')
    return partitions[0]!.read(0).map(({ value }) => value as unknown)
  }
  const committed = () => broker.group('billing').committed({ topic: 'orders', partition: 0 })
  return { broker, producer, payments, committed }
}

it.each(['initTransactions', 'beginTransaction', 'append', 'sendOffsets', 'commitTransaction'] as const)(
  'fails %s, and the record is done again: once in the end',
  async operation => {
    const { broker, payments, committed } = await start()
    broker.faults.fail({ operation, member: 'shop' }, boom)
    fill(broker, 'orders', 2)
    await broker.advanceUntilIdle()
    expect(payments()).toEqual([0, 1])
    expect(committed()).toEqual({ offset: 2 })
    expect(broker.faults.unused).toEqual([])
  },
)

it.each(['beginTransaction', 'append', 'sendOffsets', 'commitTransaction'] as const)(
  'delays %s',
  async operation => {
    const { broker, payments } = await start()
    broker.faults.delay({ operation, member: 'shop' }, 500)
    fill(broker, 'orders', 1)
    await broker.advance(499)
    expect(payments()).toEqual([])
    await broker.advance(1)
    expect(payments()).toEqual([0])
  },
)

it('commits nothing for a consumer that has crashed meanwhile: its record is done again, once in the end', async () => {
  const { broker, payments, committed } = await start()
  broker.faults.delay({ operation: 'commitTransaction' }, 500)
  fill(broker, 'orders', 1)
  await broker.advance(100)
  broker.crash({ group: 'billing' })
  await broker.advance(45_000)
  expect(payments()).toEqual([])
  expect(committed()).toBeNull()
  const refused = broker.timeline.ofKind('commit refused')
  expect(refused.map(({ offsets }) => offsets)).toEqual([[{ topic: 'orders', partition: 0, offset: 1 }]])
  const producer = broker.producer({ transactionalId: 'again' })
  const next = broker.consumer({ groupId: 'billing', topics: ['orders'], autoCommit: false })
  await next.run({
    eachRecord: (record, context) =>
      producer.transaction(async tx => {
        await tx.send({ topic: 'payments', value: record.value })
        await tx.sendOffsets(context)
      }),
  })
  await broker.idle()
  expect(payments()).toEqual([0])
  assertNothingLost(broker, 'billing')
})

it('sends no offsets of a consumer that has consumed nothing', async () => {
  const broker = new TestBroker({ topics })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], autoCommit: false })
  expect(await consumer.poll({ timeoutMs: 0 })).toEqual([])
  broker.faults.fail({ operation: 'sendOffsets' }, boom)
  await broker.producer({ transactionalId: 'shop' }).transaction(async tx => {
    await tx.send({ topic: 'payments', value: 1 })
    await tx.sendOffsets(consumer)
  })
  expect(broker.topic('payments').records()).toHaveLength(1)
  expect(broker.timeline.ofKind('fault')).toEqual([])
})

it('leaves a transaction open whose abort fails, until its time is over, and throws what the function threw', async () => {
  const { broker, producer } = await start()
  broker.faults.fail({ operation: 'abortTransaction' }, boom)
  const no = new Error('no')
  const failed = rejectionOf(
    producer.transaction(async tx => {
      await tx.send({ topic: 'payments', value: 'never' })
      throw no
    }),
  )
  expect(await failed).toBe(no)
  const log = broker.topic('payments').partitions[0]!
  expect([log.lastStableOffset, log.highWatermark]).toEqual([0, 1])
  await broker.advance(10_000)
  expect(log.lastStableOffset).toBe(2)
  expect(log.read(0)).toEqual([])
})

it('rejects with what failed in a transaction, or with its failed commit, where its abort fails, too', async () => {
  const { broker, producer } = await start()
  broker.faults.fail({ operation: 'abortTransaction' }, boom, { always: true })
  const nowhere = { topic: 'nowhere', value: 1 } as never
  const refused = await rejectionOf(producer.transaction(tx => tx.send(nowhere)))
  expect(refused.message).toContain("Unknown topic 'nowhere'")
  await broker.advance(10_000)
  const down = new Error('down')
  broker.faults.fail({ operation: 'commitTransaction' }, down)
  expect(await rejectionOf(producer.transaction(tx => tx.send({ topic: 'payments', value: 'never' })))).toBe(
    down,
  )
})

it('closes a producer whose abort fails', async () => {
  const { broker, producer } = await start()
  broker.faults.fail({ operation: 'abortTransaction' }, boom)
  void producer.transaction(() => new Promise(() => {}))
  await broker.advance(0)
  expect(await producer.close({ timeoutMs: 0 })).toBe(undefined)
})

it('holds a commit back, and nobody sees half of it', async () => {
  const { broker, payments, committed } = await start()
  const barrier = broker.faults.pauseNext({ operation: 'commitTransaction' })
  fill(broker, 'orders', 1)
  await barrier.entered
  expect([payments(), committed()]).toEqual([[], null])
  barrier.release()
  await broker.idle()
  expect([payments(), committed()]).toEqual([[0], { offset: 1 }])
})

it('tells of transactions in the timeline', async () => {
  const { broker, producer } = await start()
  fill(broker, 'orders', 1)
  await broker.idle()
  await rejectionOf(
    producer.transaction(() => {
      throw new Error('no')
    }),
  )
  const told = String(broker.timeline)
    .split('\n')
    .filter(line => line.includes('transaction'))
    .map(line => line.slice(line.indexOf('ms') + 4))
  expect(told).toEqual([
    'shop: began a transaction',
    'shop: committed its transaction, with orders-0@1',
    'shop: began a transaction',
    'shop: aborted its transaction',
  ])
})

it('knows every step by its name', () => {
  const steps: readonly Operation[] = [
    'initTransactions',
    'beginTransaction',
    'commitTransaction',
    'abortTransaction',
  ]
  const { faults } = new TestBroker({ topics })
  for (const operation of steps) faults.fail({ operation }, boom)
  expect(faults.unused).toHaveLength(4)
})

it.each(['initTransactions', 'beginTransaction'] as const)(
  'begins nothing whose %s takes longer than the close of its producer',
  async operation => {
    const { broker, producer } = await start()
    broker.faults.delay({ operation, member: 'shop' }, 500)
    let called = false
    const refused = rejectionOf(
      producer.transaction(() => {
        called = true
      }),
    )
    await broker.advance(0)
    const closed = producer.close({ timeoutMs: 100 })
    await broker.advance(100)
    await closed
    await broker.advance(400)
    expect(await refused).toMatchObject({ code: 'CLOSED' })
    expect(called).toBe(false)
    const { length: begun } = broker.timeline.ofKind('transaction begun')
    expect(broker.timeline.ofKind('transaction aborted')).toHaveLength(begun)
    await broker.idle()
  },
)
