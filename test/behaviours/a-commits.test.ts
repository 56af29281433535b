// Kafka's behaviours, section A: when what is committed. The numbers are the lines of the list of behaviours.
import { expect, it } from 'vitest'
import { CommitFailedError } from '../../src/index.ts'
import { at, fill, names, offsets, range } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

const orders1 = { topic: 'orders', partition: 1 } as const

function tenOrders(partitions = 1) {
  const { broker, clock } = testBroker()
  broker.createTopic('orders', { partitions })
  fill(broker, 'orders', 10)
  return { broker, clock }
}

it('[22] commits that are not awaited happen, and settle, in call order', async () => {
  const { broker } = tenOrders(2)
  const settled: string[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
  await consumer.ready()
  const commit = (name: string, offset: number, partition = 0) =>
    consumer.commit([{ topic: 'orders', partition, offset }]).then(
      () => void settled.push(name),
      error => void settled.push(`${name}: ${error.code}`),
    )
  const first = commit('first', 5)
  commit('second', 3)
  commit('refused', 1, 7)
  await commit('last', 2)
  expect(settled).toEqual(['first', 'second', 'refused: STALE_MEMBER_EPOCH', 'last'])
  await first
  expect(await consumer.committed(orders0)).toEqual({ offset: 2 })
})

it('[23] auto-commit commits what is processed before it waits for anything, and never by a timer', async () => {
  const { broker, clock } = tenOrders()
  const committed: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollRecords: 4 })
  consumer.on('committed', event => committed.push(...offsets(event.offsets)))
  let handle = (): unknown => undefined
  await consumer.run({ eachRecord: () => handle() })
  await clock.settle()
  expect(committed).toEqual([4, 8, 10])

  handle = () => broker.clock.sleep(10)
  fill(broker, 'orders', 3)
  await clock.advance(20)
  expect(committed).toEqual([4, 8, 10, 11, 12])
  await clock.advance(60_000)
  expect(committed).toEqual([4, 8, 10, 11, 12, 13])
})

it('[23] auto-commit commits what is processed at close', async () => {
  const { broker, clock } = tenOrders()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: record => record.offset > 3 && broker.clock.sleep(10) })
  await clock.settle()
  const closed = consumer.close()
  await clock.advance(10)
  expect(await closed).toEqual([{ group: 'g', ...orders0, from: 5, count: 5 }])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 5 })
})

it('[23] at close the position is committed even where nothing was read: latest loses nothing by a restart', async () => {
  const { broker } = tenOrders()
  const options = { groupId: 'g', topics: ['orders'], autoOffsetReset: 'latest' } as const
  const first = broker.consumer(options)
  await first.ready()
  await first.close()
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 10 })
  fill(broker, 'orders', 2)
  expect(offsets(await broker.consumer(options).poll())).toEqual([10, 11])
})

it('[24] a poll commits what the one before it returned, not what it returns', async () => {
  const { broker, clock } = tenOrders()
  const options = { groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 }
  const consumer = broker.consumer(options)
  const committed = () => broker.group('g').committed(orders0)
  await consumer.poll({ maxRecords: 3 })
  expect(committed()).toBe(null)
  await consumer.poll({ maxRecords: 3 })
  expect(committed()).toEqual({ offset: 3 })

  // It dies with 3 to 5 in hand: they come again.
  await clock.advance(1000)
  const other = broker.consumer(options)
  expect(offsets(await other.poll())).toEqual(range(3, 10))
  expect(await rejectionOf(consumer.commit())).toBeInstanceOf(CommitFailedError)
})

it('[24] close counts what the last poll returned as processed', async () => {
  const { broker } = tenOrders()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.poll({ maxRecords: 3 })
  await consumer.poll({ maxRecords: 3 })
  await consumer.close()
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 6 })
})

it('[25] assign() commits what was read of the old partitions before it replaces them', async () => {
  const { broker } = tenOrders(2)
  fill(broker, 'orders', 4, 1)
  const consumer = broker.consumer({ groupId: 'g', assign: [orders0] })
  expect(offsets(await consumer.poll({ maxRecords: 6 }))).toEqual(range(0, 6))
  await consumer.assign([orders1])
  expect(offsets(await consumer.poll())).toEqual(range(0, 4))
  expect(names(consumer.assignment)).toEqual(['orders-1'])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 6 })
})

it('[25] assign() goes on where it was in a partition that stays, unless an offset is given', async () => {
  const { broker, clock } = tenOrders(3)
  for (const partition of [1, 2]) fill(broker, 'orders', 2, partition)
  const seen: string[] = []
  const revoked: string[][] = []
  const onRevoked = (partitions: Parameters<typeof names>[0]) => void revoked.push(names(partitions))
  const consumer = broker.consumer({ assign: [{ ...orders0, offset: 8 }, orders1], onRevoked })
  await consumer.run({ eachRecord: record => void seen.push(at(record)) })
  await clock.settle()
  await consumer.assign([orders0, { topic: 'orders', partition: 2 }])
  await clock.settle()
  await consumer.assign([{ ...orders0, offset: 9 }])
  await clock.settle()
  expect(seen).toEqual([
    ...['orders-0@8', 'orders-0@9', 'orders-1@0', 'orders-1@1'],
    ...['orders-2@0', 'orders-2@1'],
    'orders-0@9',
  ])
  expect(revoked).toEqual([['orders-1'], ['orders-2']])
})
