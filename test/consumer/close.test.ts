import { expect, it } from 'vitest'
import { ClosedError } from '../../src/index.ts'
import { fill, gate, names } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

const retry = { attempts: 1 }
it('finishes what is in flight, commits, leaves, and reports what it left', async () => {
  const { broker, clock } = brokerWithOrders(3, 2)
  const steps: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('closed', ({ reason }) => steps.push(reason))
  consumer.done.then(() => steps.push('done'))
  await consumer.run({
    eachRecord: async ({ partition, offset }) => {
      await broker.clock.sleep(100)
      steps.push(`${partition}@${offset}`)
    },
  })
  await clock.advance(150)
  const closed = consumer.close()
  await clock.advance(50)
  expect(await closed).toEqual([
    { group: 'g', ...orders0, from: 2, count: 1 },
    { group: 'g', topic: 'orders', partition: 1, from: 0, count: 3 },
  ])
  expect(steps).toEqual(['0@0', '0@1', 'closed', 'done'])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 2 })
  expect(broker.group('g').state).toBe('Empty')
  expect(clock.waiting).toEqual(['retention', "group 'g': offset expiry"])
})

it('reports nothing where nothing is left, and undefined as the group of a reader by itself', async () => {
  const { broker } = brokerWithOrders(1)
  const done = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await done.run({ eachRecord: () => {} })
  await broker.idle()
  expect(await done.close()).toEqual([])
  const reader = broker.consumer({ topics: ['orders'] })
  await reader.ready()
  expect(await reader.close()).toEqual([{ group: undefined, ...orders0, from: 0, count: 1 }])
})

it('reports what it has not read since onAssigned was still at work, also when its time is up', async () => {
  const { broker, clock } = brokerWithOrders(3)
  broker.admin.setGroupOffsets('g', [{ ...orders0, offset: 1 }])
  const left = [{ group: 'g', ...orders0, from: 1, count: 2 }]
  const hook = gate()
  const start = () => {
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], onAssigned: () => hook.opened })
    consumer.run({ eachRecord: () => {} }).catch(() => {})
    return consumer
  }
  const late = start()
  await clock.settle()
  const closed = late.close({ timeoutMs: 1000 })
  await clock.advance(1000)
  expect(await closed).toEqual(left)
  const last = start()
  await clock.settle()
  const closing = last.close()
  await clock.settle()
  hook.open()
  expect(await closing).toEqual(left)
})

it('reports what it was assigned while onAssigned was at work, and has not taken on', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const hook = gate()
  const consumer = broker.consumer({ groupId: 'g', topics: /^o/, onAssigned: () => hook.opened })
  consumer.run({ eachRecord: () => {} }).catch(() => {})
  await clock.settle()
  for (const name of ['others', 'offers']) {
    broker.createTopic(name)
    fill(broker, name, 2)
  }
  await clock.settle()
  const closing = broker.close()
  broker.deleteTopic('offers')
  await clock.settle()
  hook.open()
  expect(await closing).toEqual([
    { group: 'g', ...orders0, from: 0, count: 1 },
    { group: 'g', topic: 'others', partition: 0, from: 0, count: 2 },
  ])
})

it('reports what a static member was assigned and has not taken on, also where a stuck handler has cost it its place', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const hook = gate()
  const consumer = broker.consumer({
    groupId: 'g',
    topics: /^o/,
    groupInstanceId: 'a',
    maxPollIntervalMs: 1000,
    onAssigned: ([tp]) => (tp?.topic === 'orders' ? undefined : hook.opened),
  })
  consumer.on('lost', () => {})
  await consumer.run({ eachRecord: () => new Promise(() => {}) })
  await clock.settle()
  for (const name of ['others', 'offers']) {
    broker.createTopic(name)
    fill(broker, name, 2)
    await clock.settle()
  }
  await clock.advance(1000)
  const closing = broker.close({ timeoutMs: 100 })
  await clock.advance(100)
  expect(await closing).toEqual([
    { group: 'g', ...orders0, from: 0, count: 1 },
    { group: 'g', topic: 'others', partition: 0, from: 0, count: 2 },
    { group: 'g', topic: 'offers', partition: 0, from: 0, count: 2 },
  ])
})

it('ends, too, where it was removed while onAssigned was at work, and its topic was made anew with fewer partitions', async () => {
  const { broker, clock } = testBroker()
  broker.createTopic('orders', { partitions: 2 })
  const options = { groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 }
  const stuck = broker.consumer({ ...options, onAssigned: () => gate().opened })
  stuck.run({ eachRecord: () => {} }).catch(() => {})
  await clock.settle()
  const other = broker.consumer(options)
  void other.run({ eachRecord: () => {} })
  await clock.advance(1000)
  await other.close()
  broker.deleteTopic('orders')
  broker.createTopic('orders')
  const closing = broker.close({ timeoutMs: 100 })
  await clock.advance(100)
  expect(await closing).toEqual([])
  expect(broker.describe().closed).toBe(true)
})

it('waits 30 s for a stuck handler, then leaves without it', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: ({ offset }) => (offset === 1 ? new Promise(() => {}) : undefined) })
  await clock.settle()
  let left: unknown
  const closed = (async () => {
    left = await consumer.close()
  })()
  await clock.advance(29_999)
  expect(left).toBe(undefined)
  expect(broker.group('g').state).toBe('Stable')
  await clock.advance(1)
  await closed
  expect(left).toEqual([{ group: 'g', ...orders0, from: 1, count: 2 }])
  expect(broker.group('g').state).toBe('Empty')
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 1 })
  await consumer.done
})

it('does not count what a handler finishes after close stopped waiting for it', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const { opened, open } = gate()
  const seen: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: async ({ offset }) => {
      seen.push(offset)
      await opened
    },
  })
  await clock.settle()
  await consumer.close({ timeoutMs: 0 })
  open()
  await clock.settle()
  expect(seen).toEqual([0])
  expect(broker.group('g').committed(orders0)?.offset ?? 0).toBe(0)
})

it.each(['onAssigned', 'onRevoked'] as const)('ends although %s never does', async hook => {
  const { broker, clock } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], [hook]: () => new Promise(() => {}) })
  const ready = consumer.ready().catch((error: unknown) => error)
  await clock.settle()
  const closed = consumer.close({ timeoutMs: 100 })
  await clock.advance(100)
  await closed
  await consumer.done
  if (hook === 'onAssigned') expect(await ready).toBeInstanceOf(ClosedError)
  expect(broker.group('g').state).toBe('Empty')
})

it('ends in a handler that does not await it, after that handler', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const steps: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: async ({ offset }, context) => {
      if (offset === 1) void context.consumer.close().then(left => steps.push(left))
      await broker.clock.turn()
      steps.push(offset)
    },
  })
  await consumer.done
  await clock.settle()
  expect(steps).toEqual([0, 1, [{ group: 'g', ...orders0, from: 2, count: 1 }]])
})

it('ends in a handler that answers at once, too', async () => {
  const { broker } = brokerWithOrders(3)
  const seen: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: ({ offset }) => {
      seen.push(offset)
      if (offset === 1) void consumer.close()
    },
  })
  await consumer.done
  expect(seen).toEqual([0, 1])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 2 })
})

it('ends in a handler that awaits it, when its time is up', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const steps: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: async ({ offset }, { signal }) => {
      if (offset !== 1) return
      steps.push(await consumer.close({ timeoutMs: 1000 }))
      steps.push(signal.aborted)
    },
  })
  await clock.advance(1000)
  await consumer.done
  await clock.settle()
  expect(steps).toEqual([[{ group: 'g', ...orders0, from: 1, count: 2 }], true])
})

it('closes once when it is called twice at once, and both hear what was left', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const events: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('closed', event => events.push(event))
  consumer.on('revoked', event => events.push(event))
  await consumer.run({ eachRecord: () => broker.clock.sleep(100) })
  const closing = [consumer.close(), consumer.close({ drain: true })]
  await clock.advance(100)
  const [first, second] = await Promise.all(closing)
  expect(first).toEqual([{ group: 'g', ...orders0, from: 1, count: 1 }])
  expect(second).toBe(first)
  expect(await consumer.close()).toBe(first)
  expect(events).toHaveLength(2)
})

it('is answered once it has ended where a listener of its last commit closes it, too', async () => {
  const { broker } = brokerWithOrders(3)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.poll({ maxRecords: 1 })
  const order: unknown[] = []
  const close = async () => void order.push(await consumer.close())
  consumer.on('committed', () => void close())
  consumer.on('closed', () => order.push('closed'))
  const left = await consumer.close()
  expect(left).toEqual([{ group: 'g', ...orders0, from: 1, count: 2 }])
  expect(await consumer.close()).toBe(left)
  expect(order).toEqual(['closed', left])
})

it('leaves no timer behind when it is closed once more', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const consumer = broker.consumer({ topics: ['orders'] })
  await consumer.run({ eachRecord: () => {} })
  await consumer.close()
  await consumer.close({ timeoutMs: 5000 })
  await broker.close()
  expect(clock.waiting).toEqual([])
})

it('ends before it has begun', async () => {
  const { broker } = brokerWithOrders(2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  expect(await consumer.close()).toEqual([])
  await consumer.done
  for (const call of [consumer.run({ eachRecord: () => {} }), consumer.ready(), consumer.poll()]) {
    expect(await rejectionOf(call)).toMatchObject({
      code: 'CLOSED',
      message: "Consumer 'consumer' of group 'g' is closed",
    })
  }
  expect(broker.groups.size).toBe(0)
})

it.each([
  ['run', (consumer: { run(options: object): Promise<unknown> }) => consumer.run({ eachRecord: () => {} })],
  ['ready', (consumer: { ready(): Promise<unknown> }) => consumer.ready()],
])('ends during %s, which rejects', async (_, start) => {
  const { broker } = brokerWithOrders(2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const starting = rejectionOf(start(consumer as never))
  await consumer.close()
  expect(await starting).toBeInstanceOf(ClosedError)
  expect(broker.group('g').members).toEqual([])
})

it('is done with its broker, though it was never started, or could not be', async () => {
  const { broker } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const misspelt = broker.consumer({ groupId: 'g', topics: ['order'] })
  const events: unknown[] = []
  for (const each of [consumer, misspelt]) {
    each.done.then(() => events.push('done'))
    each.on('closed', event => events.push(event))
  }
  expect(await rejectionOf(misspelt.run({ eachRecord: () => {} }))).toBeInstanceOf(Error)
  await broker.idle()
  expect(await broker.close()).toEqual([])
  const closed = { reason: 'closed' }
  expect(events).toEqual([closed, closed, 'done', 'done'])
  const late = testBroker()
  const unasked = late.broker.consumer({ groupId: 'g', topics: ['orders'] })
  await late.broker.close()
  await unasked.done
})

it('ends during a poll that starts it, which returns nothing', async () => {
  const { broker } = brokerWithOrders(0)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const polled = consumer.poll()
  await consumer.close()
  expect(await polled).toEqual([])
})

it('ends while it waits to restart, and does not come back', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const events: string[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('restarting', () => events.push('restarting'))
  consumer.on('closed', () => events.push('closed'))
  broker.on('memberJoined', () => events.push('joined'))
  await consumer.run({
    retry,
    eachRecord: () => {
      throw new Error('boom')
    },
  })
  await clock.advance(500)
  const restarts = () => clock.waiting.filter(name => name.startsWith('restart of'))
  expect(restarts()).toHaveLength(1)
  expect(await consumer.close()).toEqual([{ group: 'g', topic: 'orders', partition: 0, from: 0, count: 2 }])
  expect(restarts()).toEqual([])
  await clock.advance(10_000)
  expect(events).toEqual(['joined', 'restarting', 'closed'])
  await consumer.done
})

it.each([false, true])(
  'tells what is left while its consumer waits to restart, with drain: %s',
  async drain => {
    const { broker, clock } = brokerWithOrders(3)
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    consumer.on('restarting', () => {})
    await consumer.run({
      retry,
      eachRecord: ({ offset }) => (offset === 1 ? Promise.reject('no') : undefined),
    })
    await clock.settle()
    fill(broker, 'orders', 1)
    const closing = broker.close({ drain, timeoutMs: 10 })
    await clock.advance(10)
    expect(await closing).toEqual([{ group: 'g', topic: 'orders', partition: 0, from: 1, count: 3 }])
  },
)

it('tells what is left once where others have what a consumer had that waits to restart', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const first = broker.consumer({ groupId: 'g', topics: ['orders'] })
  first.on('restarting', () => {})
  await first.run({ retry, eachRecord: () => Promise.reject('no') })
  await clock.settle()
  const second = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollRecords: 1 })
  await second.poll()
  expect(await broker.close()).toEqual([{ group: 'g', topic: 'orders', partition: 0, from: 1, count: 2 }])
})

it('leaves nothing that others have finished while it waits to restart', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const first = broker.consumer({ groupId: 'g', topics: ['orders'] })
  first.on('restarting', () => {})
  await first.run({ retry, eachRecord: () => Promise.reject('no') })
  await clock.settle()
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({ eachRecord: () => {} })
  await clock.settle()
  expect(await first.close()).toEqual([])
})

it('leaves only what is still there', async () => {
  const { broker } = brokerWithOrders(5)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.poll({ maxRecords: 1 })
  broker.topic('orders').partitions[0]!.deleteRecords(3)
  expect(await consumer.close()).toEqual([{ group: 'g', ...orders0, from: 3, count: 2 }])
})

it('leaves nothing of a topic that was deleted while it waits to restart', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('restarting', () => {})
  await consumer.run({ retry, eachRecord: () => Promise.reject('no') })
  await clock.settle()
  broker.deleteTopic('orders')
  expect(await consumer.close()).toEqual([])
})

it('tells what a group has left whose last consumer crashed, until another one joins', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const run = async () => {
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    consumer.on('crashed', () => {})
    await consumer.run({
      retry,
      onFailure: 'stop',
      eachRecord: ({ offset }) => (offset === 1 ? Promise.reject('no') : undefined),
    })
    await clock.settle()
  }
  await run()
  await run()
  fill(broker, 'orders', 1)
  expect(await broker.close({ drain: true })).toEqual([
    { group: 'g', topic: 'orders', partition: 0, from: 1, count: 3 },
  ])
})

it('tells what is left of what it lost to a stuck handler, and nobody has', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 100 })
  await consumer.run({ eachRecord: () => new Promise(() => {}) })
  await clock.advance(200)
  expect(await broker.close({ timeoutMs: 0 })).toEqual([
    { group: 'g', topic: 'orders', partition: 0, from: 0, count: 3 },
  ])
})

it('ends while it leaves to restart', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const { opened, open } = gate()
  const hooks: unknown[] = []
  const consumer = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    onRevoked: partitions => {
      hooks.push(names(partitions))
      return opened
    },
  })
  consumer.on('restarting', () => {})
  await consumer.run({ retry, eachRecord: () => Promise.reject('no') })
  await clock.settle()
  const closed = consumer.close()
  await clock.advance(1000)
  open()
  await closed
  await clock.advance(10_000)
  expect(hooks).toEqual([['orders-0']])
  expect(broker.group('g').state).toBe('Empty')
})

it('does not wait at all with timeoutMs 0', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: () => new Promise(() => {}) })
  await clock.settle()
  const closed = consumer.close({ timeoutMs: 0 })
  await clock.advance(0)
  expect(await closed).toEqual([{ group: 'g', ...orders0, from: 0, count: 2 }])
})

it('is closed by await using, as are producers and the broker', async () => {
  const { broker } = brokerWithOrders(2)
  let disposed: Promise<void>
  const closed = broker.producer()
  {
    await using consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    await using producer = closed
    await producer.send({ topic: 'orders', value: 2 })
    await consumer.run({ eachRecord: () => {} })
    disposed = consumer.done
  }
  await disposed
  expect(broker.group('g').state).toBe('Empty')
  expect(await rejectionOf(closed.send({ topic: 'orders', value: 3 }))).toMatchObject({ name: 'ClosedError' })
})

it('refuses to wait in a wrong way', async () => {
  const { broker } = brokerWithOrders(0)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const error = await rejectionOf(consumer.close({ timeout: 1 } as never))
  expect(error).toMatchObject({ code: 'INVALID_CONFIG', option: 'timeout', suggestions: ['timeoutMs'] })
  await consumer.run({ eachRecord: () => {} })
  expect(await consumer.close()).toEqual([])
})

it('commits where it stands in every partition, also when its time is up and one handler is stuck', async () => {
  const { broker, clock } = brokerWithOrders(2, 2)
  const options = { groupId: 'g', topics: ['orders'], autoOffsetReset: 'latest' } as const
  const consumer = broker.consumer(options)
  await consumer.run({ eachRecord: () => new Promise(() => {}) })
  fill(broker, 'orders', 1, 1)
  await clock.settle()
  await consumer.close({ timeoutMs: 0 })
  // Nothing was read of the first one: whoever comes next loses nothing that arrives until then.
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 2 })
  expect(broker.group('g').committed({ topic: 'orders', partition: 1 })).toEqual({ offset: 2 })
})
