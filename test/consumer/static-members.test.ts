import { expect, it } from 'vitest'
import { UnreleasedInstanceIdError } from '../../src/index.ts'
import { names, owners, range } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { brokerWithOrders } from '../helpers/orders.ts'

it('keeps the partitions of a closed static member for its session time', async () => {
  const { broker, clock } = brokerWithOrders(0, 4)
  const make = (groupInstanceId: string) =>
    broker.consumer({ groupId: 'g', topics: ['orders'], groupInstanceId, clientId: groupInstanceId })
  const a = make('a')
  await a.ready()
  await make('b').ready()
  await broker.group('g').stable()
  const before = owners(broker, 'g')
  const { epoch } = broker.group('g')
  await a.close()
  await clock.advance(44_999)
  expect(owners(broker, 'g')).toEqual(before)
  expect(broker.group('g').members.map(({ connected }) => connected)).toEqual([false, true])
  expect(broker.group('g').epoch).toBe(epoch)
  await clock.advance(1)
  expect(Object.values(owners(broker, 'g'))).toEqual([
    names(range(0, 4).map(partition => ({ topic: 'orders', partition }))),
  ])
})

it('keeps them so long, too, where it was closed while it had to give some up', async () => {
  const { broker, clock } = brokerWithOrders(1, 2)
  const make = (groupInstanceId: string) =>
    broker.consumer({
      groupId: 'g',
      topics: ['orders'],
      groupInstanceId,
      clientId: groupInstanceId,
      rebalanceTimeoutMs: 1000,
      sessionTimeoutMs: 5000,
    })
  const a = make('a')
  await a.run({ eachRecord: () => new Promise(() => {}), concurrency: 2 })
  await clock.settle()
  const b = make('b')
  const running = b.run({ eachRecord: () => {} })
  await clock.settle()
  expect(broker.group('g').state).toBe('Reconciling')
  const closed = a.close({ timeoutMs: 100 })
  await clock.advance(100)
  await closed
  await clock.advance(4999)
  expect(broker.group('g').members.map(({ connected }) => connected)).toEqual([false, true])
  expect(names(b.assignment)).toEqual([])
  await clock.advance(1)
  await running
  expect(names(b.assignment)).toEqual(['orders-0', 'orders-1'])
})

it('gives a static member that comes back what it had, and nobody else notices', async () => {
  const { broker } = brokerWithOrders(0, 4)
  const moves: unknown[] = []
  const make = (groupInstanceId: string) =>
    broker.consumer({ groupId: 'g', topics: ['orders'], groupInstanceId, clientId: groupInstanceId })
  const a = make('a')
  const b = make('b')
  await Promise.all([a.ready(), b.ready()])
  await broker.group('g').stable()
  const before = owners(broker, 'g')
  b.on('assigned', event => moves.push(event))
  b.on('revoked', event => moves.push(event))
  await a.close()
  await make('a').ready()
  expect(owners(broker, 'g')).toEqual(before)
  expect(moves).toEqual([])
})

it('frees the partitions of a static member at once with close({ leave: true })', async () => {
  const { broker } = brokerWithOrders(0, 2)
  const a = broker.consumer({ groupId: 'g', topics: ['orders'], groupInstanceId: 'a' })
  await a.ready()
  await a.close({ leave: true })
  expect(broker.group('g').state).toBe('Empty')
})

it('refuses a second live member of the same instance id', async () => {
  const { broker } = brokerWithOrders(0, 2)
  const make = () => broker.consumer({ groupId: 'g', topics: ['orders'], groupInstanceId: 'a' })
  const first = make()
  await first.ready()
  const error = await rejectionOf(make().ready())
  expect(error).toBeInstanceOf(UnreleasedInstanceIdError)
  expect(error).toMatchObject({ code: 'UNRELEASED_INSTANCE_ID', groupId: 'g', groupInstanceId: 'a' })
  expect(names(first.assignment)).toEqual(['orders-0', 'orders-1'])
})

it('comes back when a static member was stuck for longer than its session, too', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const events: string[] = []
  const consumer = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    groupInstanceId: 'a',
    maxPollIntervalMs: 1000,
    sessionTimeoutMs: 2000,
  })
  for (const name of ['assigned', 'lost', 'crashed', 'revoked'] as const)
    consumer.on(name, () => events.push(name))
  let times = 0
  await consumer.run({ eachRecord: () => (times++ === 0 ? broker.clock.sleep(10_000) : undefined) })
  await clock.advance(10_000)
  expect(events).toEqual(['assigned', 'lost', 'assigned'])
  expect(times).toBe(3)
  expect(broker.group('g').members).toHaveLength(1)
  expect(broker.group('g').lag()).toBe(0)
})
