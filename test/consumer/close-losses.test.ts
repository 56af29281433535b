import { expect, it } from 'vitest'
import type { Broker, ConsumerOptions } from '../../src/index.ts'
import { fill, gate, names } from '../helpers/behaviours.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

/** A consumer that handles its first record until `stuck` opens, and what it says from then on. */
async function stuckConsumer(broker: Broker, options: ConsumerOptions = {}) {
  const said: string[] = []
  const stuck = gate()
  const consumer = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    onLost: async partitions => void said.push(`onLost ${names(partitions)}`),
    ...options,
  })
  consumer.on('lost', ({ partitions }) => said.push(`lost ${names(partitions)}`))
  consumer.on('revoked', ({ partitions }) => said.push(`revoked ${names(partitions)}`))
  consumer.on('closed', () => said.push('closed'))
  await consumer.run({
    eachRecord: (_, { signal }) => {
      signal.addEventListener('abort', () => said.push('aborted'))
      return stuck.opened
    },
  })
  return { consumer, said, stuck }
}

/** A consumer that says which hooks it calls and what it tells by events; the hook of that name waits for `hook`. */
function hookedConsumer(broker: Broker, waiting: 'onAssigned' | 'onRevoked' | 'onLost') {
  const said: string[] = []
  const hook = gate()
  const call = (name: string) => () => {
    said.push(name)
    return name === waiting ? hook.opened : undefined
  }
  const consumer = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    onAssigned: call('onAssigned'),
    onRevoked: call('onRevoked'),
    onLost: call('onLost'),
  })
  for (const name of ['assigned', 'revoked', 'lost', 'closed'] as const)
    consumer.on(name, () => said.push(name))
  return { consumer, said, hook }
}

it('tells of partitions that are lost while it closes', async () => {
  const { broker, clock } = testBroker()
  broker.createTopic('orders')
  fill(broker, 'orders', 2)
  const events: string[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  consumer.on('lost', ({ partitions }) => events.push(`lost ${names(partitions)}`))
  consumer.on('closed', () => events.push('closed'))
  const stuck = gate()
  await consumer.run({ eachRecord: () => stuck.opened })
  await clock.settle()
  const closing = consumer.close()
  await clock.advance(1000)
  await closing
  expect(events).toEqual(['lost orders-0', 'closed'])
  stuck.open()
})

it('tells of partitions that were lost just before it was closed, because their topic was deleted', async () => {
  const { broker, clock } = testBroker()
  broker.createTopic('orders')
  fill(broker, 'orders', 1)
  const { consumer, said } = await stuckConsumer(broker)
  await clock.settle()
  broker.deleteTopic('orders')
  await consumer.close()
  expect(said).toEqual(['aborted', 'onLost orders-0', 'lost orders-0', 'closed'])
})

it('tells of partitions that are lost while it closes, because their topic is deleted', async () => {
  const { broker, clock } = testBroker()
  for (const name of ['orders', 'others']) broker.createTopic(name)
  fill(broker, 'orders', 1)
  const { consumer, said, stuck } = await stuckConsumer(broker, { topics: ['orders', 'others'] })
  await clock.settle()
  const closing = consumer.close()
  broker.deleteTopic('others')
  await clock.settle()
  stuck.open()
  await closing
  expect(said).toEqual(['onLost others-0', 'lost others-0', 'revoked orders-0', 'closed'])
})

it('tells of partitions that were lost just before it was closed, because its group removed it', async () => {
  const { broker, clock } = testBroker()
  broker.createTopic('orders', { partitions: 2 })
  fill(broker, 'orders', 1, 1)
  const { consumer, said } = await stuckConsumer(broker, { rebalanceTimeoutMs: 1000 })
  await clock.settle()
  broker.on('memberLeft', () => void consumer.close())
  const other = broker.consumer({ groupId: 'g', topics: ['orders'] })
  void other.run({ eachRecord: () => {} })
  await clock.advance(1000)
  expect(said).toEqual(['aborted', 'onLost orders-0,orders-1', 'lost orders-0,orders-1', 'closed'])
})

it('tells of partitions that are lost while they are being taken on after that, also where it closes', async () => {
  const { broker, clock } = brokerWithOrders(0)
  const { consumer, said, hook } = hookedConsumer(broker, 'onAssigned')
  consumer.run({ eachRecord: () => {} }).catch(() => {})
  await clock.settle()
  const closed = consumer.close()
  broker.deleteTopic('orders')
  await clock.settle()
  hook.open()
  await closed
  expect(said).toEqual(['onAssigned', 'assigned', 'onLost', 'lost', 'closed'])
})

it('tells of partitions whose topic is deleted and made anew while it closes', async () => {
  const { broker, clock } = testBroker()
  for (const name of ['orders', 'others']) broker.createTopic(name)
  fill(broker, 'others', 1)
  const { consumer, said, stuck } = await stuckConsumer(broker, { topics: /^o/ })
  await clock.settle()
  const closing = consumer.close()
  broker.deleteTopic('orders')
  broker.createTopic('orders')
  await clock.settle()
  stuck.open()
  await closing
  expect(said).toEqual(['onLost orders-0', 'lost orders-0', 'revoked others-0', 'closed'])
})

it('says with onLost, once, that it waits no longer for a handler, and what it holds for the partition can be freed', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const { consumer, said } = await stuckConsumer(broker)
  await clock.settle()
  const closing = consumer.close({ timeoutMs: 1000 })
  await clock.advance(1000)
  expect(await closing).toEqual([{ group: 'g', ...orders0, from: 0, count: 1 }])
  expect(said).toEqual(['aborted', 'onLost orders-0', 'lost orders-0', 'closed'])
  await consumer.close()
  await clock.settle()
  expect(said.length).toBe(4)
})

it('does not wait for onLost once its time is up', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const { consumer, said } = await stuckConsumer(broker, { onLost: () => new Promise(() => {}) })
  await clock.settle()
  const closing = consumer.close({ timeoutMs: 1000 })
  await clock.advance(1000)
  await closing
  expect(said).toEqual(['aborted', 'lost orders-0', 'closed'])
})

it('says of each partition only once that it is gone, also where it is lost during onRevoked', async () => {
  const { broker, clock } = brokerWithOrders(0)
  const { consumer, said, hook } = hookedConsumer(broker, 'onRevoked')
  await consumer.ready()
  const closing = consumer.close({ timeoutMs: 1000 })
  await clock.advance(1000)
  await closing
  hook.open()
  await clock.settle()
  expect(said).toEqual(['onAssigned', 'assigned', 'onRevoked', 'lost', 'closed'])
})

it('says nothing more of partitions that were being taken on when its time was up', async () => {
  const { broker, clock } = brokerWithOrders(0)
  const { consumer, said, hook } = hookedConsumer(broker, 'onAssigned')
  consumer.ready().catch(() => {})
  await clock.settle()
  const closing = consumer.close({ timeoutMs: 1000 })
  await clock.advance(1000)
  await closing
  hook.open()
  await clock.settle()
  expect(said).toEqual(['onAssigned', 'onLost', 'closed'])
})

it('tells by an event of what was lost before it closes, though onLost is still at work then', async () => {
  const { broker, clock } = brokerWithOrders(0)
  const { consumer, said } = hookedConsumer(broker, 'onLost')
  await consumer.run({ eachRecord: () => {} })
  broker.deleteTopic('orders')
  await clock.settle()
  const closing = consumer.close({ timeoutMs: 1000 })
  await clock.advance(1000)
  await closing
  expect(said).toEqual(['onAssigned', 'assigned', 'onLost', 'lost', 'closed'])
})

it('says to a handler that awaited the close of its own consumer that it must not', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const reasons: unknown[] = []
  consumer.on('lost', ({ reason }) => reasons.push(reason))
  await consumer.run({ eachRecord: () => consumer.close({ timeoutMs: 1000 }) })
  await clock.advance(1000)
  await consumer.done
  expect(reasons).toMatchObject([
    {
      name: 'CommitFailedError',
      message: expect.stringMatching(/closes its own consumer must not await that/),
    },
  ])
})
