import { topic } from 'brokerlet'
import { TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { rejectionOf } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'

const topics = { orders: topic({ partitions: 1 }), audit: topic({ partitions: 1 }) }
const boom = new Error('boom')

it('delays a leave: the member keeps its partitions so much longer', async () => {
  const broker = new TestBroker({ topics })
  const first = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await first.ready()
  const second = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await second.ready()
  broker.faults.delay({ operation: 'leave', member: first.memberId! }, 1000)
  const closed = first.close()
  await broker.advance(999)
  expect(broker.group('billing').members).toHaveLength(2)
  await broker.advance(1)
  await closed
  expect(broker.group('billing').members).toMatchObject([{ memberId: second.memberId }])
  expect(second.assignment).toEqual([orders0])
})

it('loses a leave that was delayed: the group waits for the session', async () => {
  const broker = new TestBroker({ topics })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  const errors: unknown[] = []
  consumer.on('error', error => errors.push(error))
  await consumer.ready()
  broker.faults.delay({ operation: 'leave' }, 1000)
  broker.faults.fail({ operation: 'leave' }, boom)
  const closed = consumer.close()
  await broker.advance(1000)
  await closed
  expect(errors).toEqual([boom])
  expect(broker.group('billing').members).toMatchObject([{ connected: false }])
  await broker.advance(45_000)
  expect(broker.timeline.ofKind('left')).toMatchObject([{ reason: 'session expired' }])
})

it('a crash is no leave: it meets no fault', async () => {
  const broker = new TestBroker({ topics })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.ready()
  broker.faults.fail({ operation: 'leave' }, boom)
  broker.faults.delay({ operation: 'release' }, 1000)
  broker.crash(consumer)
  await broker.advance(45_000)
  expect(broker.faults.unused).toHaveLength(2)
  expect(broker.timeline.ofKind('left')).toMatchObject([{ reason: 'session expired' }])
})

it('fails the join of whoever names the partition or topic that is meant, and of nobody else', async () => {
  const broker = new TestBroker({ topics })
  const reader = (partition: 0, of: 'orders' | 'audit') =>
    broker.consumer({ assign: [{ topic: of, partition }] })
  broker.faults.fail({ operation: 'join', topic: 'orders', partition: 0 }, boom)
  await reader(0, 'audit').ready()
  expect(await rejectionOf(reader(0, 'orders').ready())).toBe(boom)
  broker.faults.fail({ operation: 'join', topic: 'orders' }, boom)
  await broker.consumer({ groupId: 'audit', topics: ['audit'] }).ready()
  await broker.consumer({ groupId: 'patterns', topics: [/^orders/] }).ready()
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  expect(await rejectionOf(consumer.ready())).toBe(boom)
  await consumer.ready()
})
