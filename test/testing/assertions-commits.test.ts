import { topic } from 'brokerlet'
import { assertNoCommitPastProcessed, assertNothingLost, TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { fill } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'
import { billing, failureOf, topics } from './billing-scene.ts'

it('sees a commit that passes a record which was not processed', async () => {
  const { broker, consumer } = await billing(offset => offset === 1 && new Promise(() => {}))
  fill(broker, 'orders', 3)
  await broker.advance(0)
  assertNoCommitPastProcessed(broker, 'billing')
  await consumer.commit([{ ...orders0, offset: 3 }])
  const error = failureOf(() => assertNoCommitPastProcessed(broker, 'billing'))
  expect(error.message).toMatch(/^Group 'billing' has committed 3 before orders-0@1 was processed/)
})

it('sees a commit past the end of the log, once there is a record that it has passed', async () => {
  const { broker, consumer } = await billing(() => {}, { autoCommit: false })
  for (let offset = 0; offset < 3; offset++) {
    fill(broker, 'orders', 1)
    await broker.advance(0)
    if (offset < 2) await consumer.commit([{ ...orders0, offset: offset + 2 }])
    if (offset === 0) assertNoCommitPastProcessed(broker, 'billing')
  }
  assertNothingLost(broker, 'billing')
  expect(failureOf(() => assertNoCommitPastProcessed(broker, 'billing')).message).toMatch(
    /^Group 'billing' has committed 2 before orders-0@1 was processed/,
  )
})

it('does not hold a seek past the end of the log against a commit', async () => {
  const { broker, consumer } = await billing(() => {}, { autoCommit: false })
  consumer.seek(orders0, 2)
  await consumer.commit([{ ...orders0, offset: 2 }])
  fill(broker, 'orders', 2)
  await broker.advance(0)
  assertNoCommitPastProcessed(broker, 'billing')
})

it('says of a record that was committed by hand before its handler had ended that this is why', async () => {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 1 }) } })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], autoCommit: false })
  await consumer.run({
    eachRecord: async (_, context) => {
      await context.consumer.commit([{ ...orders0, offset: 1 }])
      await broker.clock.sleep(10)
    },
  })
  fill(broker, 'orders', 1)
  await broker.advance(0)
  const why = 'It was committed by hand before its handler had ended: assert what it writes instead'
  for (const assertion of [assertNothingLost, assertNoCommitPastProcessed])
    expect(failureOf(() => assertion(broker, 'billing')).message).toContain(`. ${why}. What happened:`)
  await broker.advance(10)
  assertNothingLost(broker, 'billing')
})

it('takes a record for processed that a transaction has committed while its consumer had it in hand', async () => {
  const broker = new TestBroker({ topics })
  fill(broker, 'orders', 3)
  const polling = async () => {
    const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], autoCommit: false })
    const transaction = (async () => {
      await consumer.ready()
      return broker.producer({ transactionalId: 'billing' }).transaction(async tx => {
        await consumer.poll({ maxRecords: 1 })
        await tx.sendOffsets(consumer)
      })
    })()
    await broker.advance(45_000)
    await transaction
    return consumer
  }
  broker.crash(await polling())
  expect(broker.timeline.ofKind('processed')).toEqual([])
  assertNoCommitPastProcessed(broker, 'billing')
  expect(failureOf(() => assertNothingLost(broker, 'billing')).message).toMatch(/orders-0@1\. What happened:/)
  const successor = await polling()
  await successor.poll({ maxRecords: 1 })
  await successor.poll({ timeoutMs: 0 })
  assertNothingLost(broker, 'billing')
  expect(broker.timeline.ofKind('processed').map(({ offset }) => offset)).toEqual([1, 2])
})

it('takes no record for processed that another member had when a transaction committed past it', async () => {
  const broker = new TestBroker({ topics })
  fill(broker, 'orders', 2)
  const options = { groupId: 'billing', topics: ['orders'], autoCommit: false } as const
  const first = broker.consumer(options)
  await first.poll({ maxRecords: 1 })
  broker.crash(first)
  const second = broker.consumer(options)
  const ready = second.ready()
  await broker.advance(45_000)
  await ready
  second.seek(orders0, 1)
  await second.poll()
  await broker.producer({ transactionalId: 'billing' }).transaction(tx => tx.sendOffsets(second))
  expect(failureOf(() => assertNothingLost(broker, 'billing')).message).toMatch(/orders-0@0\. What happened:/)
})

it('takes no record for processed that was committed by hand, where a transaction commits the same offset', async () => {
  const broker = new TestBroker({ topics })
  fill(broker, 'orders', 1)
  const polled = async (groupId: string) => {
    const consumer = broker.consumer({ groupId, topics: ['orders'], autoCommit: false })
    await consumer.poll()
    return consumer
  }
  const hasty = await polled('billing')
  await hasty.commit([{ ...orders0, offset: 1 }])
  broker.crash(hasty)
  const careful = await polled('shipping')
  await broker.producer({ transactionalId: 'shipping' }).transaction(tx => tx.sendOffsets(careful))
  assertNothingLost(broker, 'shipping')
  for (const assertion of [assertNothingLost, assertNoCommitPastProcessed])
    expect(failureOf(() => assertion(broker, 'billing')).message).toContain('orders-0@0')
})

it('gives no such advice where the handler had failed, or nobody has committed', async () => {
  const { broker, consumer } = await billing(() => Promise.reject(new Error('no')))
  fill(broker, 'orders', 1)
  await broker.advance(0)
  expect(failureOf(() => assertNothingLost(broker, 'billing')).message).toMatch(/orders-0@0\. What happened:/)
  await consumer.commit([{ ...orders0, offset: 1 }])
  expect(failureOf(() => assertNothingLost(broker, 'billing')).message).toMatch(/orders-0@0\. What happened:/)
})

it('does not hold a seek, a skip or a reset against a commit', async () => {
  const { broker, consumer } = await billing()
  fill(broker, 'orders', 5)
  consumer.seek(orders0, 3)
  await broker.idle()
  assertNoCommitPastProcessed(broker, 'billing')

  consumer.pause()
  fill(broker, 'orders', 5)
  broker.on('recordsDropped', () => {})
  broker.topic('orders').partitions[0]!.deleteRecords(8)
  consumer.resume()
  await broker.idle()
  expect(broker.timeline.ofKind('reset')).toMatchObject([{ from: 5, to: 8 }])
  assertNoCommitPastProcessed(broker, 'billing')

  const { broker: skipping, consumer: skips } = await billing(
    () => {
      throw new Error('no')
    },
    undefined,
    { retry: { attempts: 1 }, onFailure: 'skip' },
  )
  skips.on('skipped', () => {})
  fill(skipping, 'orders', 1)
  await skipping.idle()
  assertNoCommitPastProcessed(skipping, 'billing')
})

it('takes each topic by itself where several are committed at once', async () => {
  const broker = new TestBroker({ topics: { orders: topic(), payments: topic() } })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders', 'payments'], autoCommit: false })
  fill(broker, 'orders', 2)
  fill(broker, 'payments', 2)
  await consumer.poll({ maxRecords: 3 })
  const read = ['orders', 'payments'].map(name =>
    consumer.position({ topic: name as 'orders', partition: 0 }),
  )
  expect(read.toSorted()).toEqual([1, 2])
  await consumer.commit()
  expect(broker.timeline.ofKind('committed').map(entry => entry.offsets.length)).toEqual([2])
  assertNoCommitPastProcessed(broker, 'billing')
})

it('asks a transaction that was committed, and none that was aborted, for its records', async () => {
  const broker = new TestBroker({ topics })
  const skipping = broker.consumer({ groupId: 'billing', topics: ['orders'] }).on('skipped', () => {})
  await skipping.run({
    eachRecord: ({ value }) => {
      if (value === 'bad') throw new Error('no')
    },
    retry: { attempts: 1 },
    onFailure: 'skip',
  })
  const producer = broker.producer({ transactionalId: 'shop' })
  const send = (values: readonly string[]) =>
    producer.transaction(async tx => {
      for (const value of values) await tx.send({ topic: 'orders', value })
      if (values.length === 2) throw new Error('aborted')
    })
  await rejectionOf(send(['one', 'two']))
  await broker.idle()
  assertNothingLost(broker, 'billing')
  assertNoCommitPastProcessed(broker, 'billing')
  await send(['three', 'bad', 'five'])
  await broker.idle()
  expect(failureOf(() => assertNothingLost(broker, 'billing')).message).toContain(
    'has not processed orders-0@4',
  )
  expect(broker.timeline.ofKind('appended').map(({ offset }) => offset)).toEqual([0, 1, 3, 4, 5])
})
