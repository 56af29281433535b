import { expect, it } from 'vitest'
import { Broker, NeverIdleError, TimeoutError, topic } from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { fill, gate, range } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'
import { schemaOf } from '../helpers/schema.ts'
import { testBroker } from '../helpers/test-broker.ts'

/** Whether a promise has settled, each time it is asked. */
function watch(promise: Promise<unknown>): { readonly settled: boolean } {
  const state = { settled: false }
  const settle = () => {
    state.settled = true
  }
  promise.then(settle, settle)
  return state
}

it('resolves at once where nothing is under way, also with records that nobody reads', async () => {
  const { broker } = testBroker()
  await broker.idle()
  broker.createTopic('orders').append({ value: 1 })
  await broker.idle()
})

it('costs nothing any more once it has resolved or has been given up', async () => {
  const { broker, clock } = testBroker({ topics: { orders: topic() } })
  let turns = 0
  clock.turn = () => {
    turns++
    return VirtualClock.prototype.turn.call(clock)
  }
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.ready()
  await broker.idle()
  fill(broker, 'orders', 1)
  const waits = new AbortController()
  const idle = broker.idle({ signal: waits.signal })
  waits.abort()
  await rejectionOf(idle)
  await consumer.poll()
  await clock.settle()
  turns = 0
  consumer.seek(orders0, 0)
  await consumer.commit()
  await clock.settle()
  expect(turns).toBe(0)
})

it('waits until every group has no lag, also for what handlers send on', async () => {
  const { broker } = brokerWithOrders(3)
  broker.createTopic('invoices')
  const producer = broker.producer()
  const seen: unknown[] = []
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
    eachRecord: async ({ offset }) => {
      await broker.clock.turn()
      await producer.send({ topic: 'invoices', value: offset })
    },
  })
  await broker.consumer({ groupId: 'mail', topics: ['invoices'] }).run({
    eachRecord: async ({ value }) => {
      await broker.clock.turn()
      seen.push(value)
    },
  })
  await broker.idle()
  expect(seen).toEqual([0, 1, 2])
})

it('waits for a handler that runs, although nothing is left to read', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const { opened, open } = gate()
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({ eachRecord: () => opened })
  const idle = broker.idle()
  const state = watch(idle)
  await clock.settle()
  expect([broker.group('g').lag(), state.settled]).toEqual([0, false])
  open()
  await idle
})

it('waits for a consumer from the call that starts it', async () => {
  const { broker } = brokerWithOrders(2)
  const seen: number[] = []
  void broker
    .consumer({ groupId: 'g', topics: ['orders'] })
    .run({ eachRecord: ({ offset }) => void seen.push(offset) })
  await broker.idle()
  expect(seen).toEqual([0, 1])
})

it.each([
  ['a reader without a group', {}],
  ['a consumer with given partitions', { assign: [orders0], topics: undefined }],
  ['a consumer with given partitions and a group', { assign: [orders0], topics: undefined, groupId: 'g' }],
])('waits for %s, too', async (_, options) => {
  const { broker } = brokerWithOrders(2)
  const seen: number[] = []
  const consumer = broker.consumer({ topics: ['orders'], ...(options as object) })
  void consumer.run({ eachRecord: async ({ offset }) => void seen.push(offset) })
  await broker.idle()
  expect(seen).toEqual([0, 1])
})

it('waits for a retry that is due, and for a restart', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('restarting', () => {})
  let failures = 2
  await consumer.run({
    retry: { attempts: 2 },
    eachRecord: () => {
      if (failures-- > 0) throw new Error('boom')
    },
  })
  const idle = broker.idle()
  const named = broker.idle({ groups: ['g'] })
  const states = [watch(idle), watch(named)]
  await clock.advance(1099)
  expect(states.map(({ settled }) => settled)).toEqual([false, false])
  await clock.advance(1)
  await Promise.all([idle, named])
})

it('waits for a rebalance that is under way', async () => {
  const { broker, clock } = brokerWithOrders(0, 2)
  const { opened, open } = gate()
  await broker.consumer({ groupId: 'g', topics: ['orders'], onRevoked: () => opened }).ready()
  void broker.consumer({ groupId: 'g', topics: ['orders'] }).ready()
  await clock.settle()
  const idle = broker.idle()
  const state = watch(idle)
  await clock.settle()
  expect(state.settled).toBe(false)
  open()
  await idle
  expect(broker.group('g').state).toBe('Stable')
})

it('waits for sends that wait for an asynchronous schema', async () => {
  const { broker, clock } = testBroker({
    topics: {
      orders: topic({
        schema: schemaOf(async (value: unknown) => {
          await broker.clock.sleep(100)
          return { value }
        }),
      }),
    },
  })
  const producer = broker.producer({ clientId: 'shop' })
  const sent = range(0, 2).map(value => producer.send({ topic: 'orders', value }))
  const early = rejectionOf(broker.idle({ timeoutMs: 50 }))
  const idle = broker.idle()
  await clock.advance(50)
  expect((await early).message).toContain("Producer 'shop' has 2 sends waiting")
  await clock.advance(150)
  await idle
  expect((await Promise.all(sent)).map(({ offset }) => offset)).toEqual([0, 1])
})

it('waits for those who poll: what a poll returned is read', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.poll({ maxRecords: 1 })
  const idle = broker.idle()
  const state = watch(idle)
  await clock.settle()
  expect(state.settled).toBe(false)
  await consumer.poll()
  await idle
})

it('what a poll returned is read for a reader without a group, too', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const reader = broker.consumer({ topics: ['orders'] })
  await reader.poll({ maxRecords: 1 })
  const idle = broker.idle()
  const state = watch(idle)
  await clock.settle()
  expect(state.settled).toBe(false)
  await reader.poll()
  await clock.settle()
  expect(state.settled).toBe(true)
})

it('waits for the record that a loop has in hand', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const { opened, open } = gate()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const loop = (async () => {
    for await (const _ of consumer) await opened
  })()
  const error = rejectionOf(broker.idle({ timeoutMs: 10 }))
  await clock.advance(10)
  expect((await error).message).toContain("Consumer 'consumer' of group 'g' has orders-0 offset 0 in hand")
  open()
  await broker.idle()
  await consumer.close()
  await loop
})

it('waits for the given groups only', async () => {
  const { broker, clock } = brokerWithOrders(1)
  await broker.consumer({ groupId: 'quick', topics: ['orders'] }).run({ eachRecord: () => {} })
  await broker
    .consumer({ groupId: 'slow', topics: ['orders'] })
    .run({ eachRecord: () => broker.clock.sleep(1000) })
  await broker.idle({ groups: ['quick'] })
  const error = rejectionOf(broker.idle({ groups: ['slow'], timeoutMs: 10 }))
  await clock.advance(10)
  expect((await error).message).toContain("not waited for: 'quick' (not named)")
  expect(await rejectionOf(broker.idle({ groups: ['slo'] }))).toMatchObject({
    code: 'GROUP_ID_NOT_FOUND',
    suggestions: ['slow'],
  })
})

it('does not wait for a group that was left on purpose, or is paused', async () => {
  const { broker } = brokerWithOrders(3)
  const left = broker.consumer({ groupId: 'left', topics: ['orders'] })
  await left.poll({ maxRecords: 1 })
  await left.close()
  const paused = broker.consumer({ groupId: 'paused', topics: ['orders'] })
  await paused.ready()
  paused.pause()
  await paused.run({ eachRecord: () => {} })
  await broker.idle()
  expect([broker.group('left').lag(), broker.group('paused').lag()]).toEqual([2, 3])
})

it('says which groups it does not wait for, and why', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const read = (groupId: string) => broker.consumer({ groupId, topics: ['orders'] })
  await read('slow').run({ eachRecord: () => broker.clock.sleep(1000) })
  const left = read('left')
  await left.ready()
  await left.close()
  const paused = read('paused')
  await paused.ready()
  paused.pause()
  const error = rejectionOf(broker.idle({ timeoutMs: 10 }))
  await clock.advance(10)
  expect((await error).message).toContain("not waited for: 'left' (empty), 'paused' (paused)")
})

it('does not say that it does not wait for a group whose only consumer restarts', async () => {
  const { broker, clock } = brokerWithOrders(1)
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
    eachRecord: () => {
      throw new Error('no stock')
    },
    retry: { attempts: 1 },
  })
  const error = rejectionOf(broker.idle({ timeoutMs: 10 }))
  await clock.advance(10)
  expect((await error).message).toBe(
    "Waited 10 ms for the broker to be idle: Consumer 'consumer' of group 'g' restarts, since its handler failed: no stock",
  )
  await broker.close()
})

it('does not wait for what a group has committed of a topic that it reads no longer', async () => {
  const { broker } = brokerWithOrders(1)
  broker.createTopic('payments')
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: () => {} })
  await broker.idle()
  await consumer.subscribe(['payments' as 'orders'])
  fill(broker, 'orders', 1)
  await broker.idle()
  expect(broker.group('g').lag()).toBe(1)
})

it('rejects at once where the last member has crashed, with the crash as the cause', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const boom = new Error('no such card')
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  consumer.on('crashed', () => {})
  await consumer.run({
    retry: { attempts: 1 },
    onFailure: 'stop',
    eachRecord: ({ offset }) => {
      if (offset === 1) throw boom
    },
  })
  const error = await rejectionOf(broker.idle())
  expect(error).toBeInstanceOf(NeverIdleError)
  expect(error).toMatchObject({ code: 'NEVER_IDLE', groupId: 'billing', cause: boom })
  expect(error.message).toBe(
    "The broker cannot become idle: group 'billing' has lag (orders-0: 2) and its last member crashed: no such card",
  )
  expect(clock.monotonic()).toBe(0)

  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({ eachRecord: () => {} })
  await broker.idle()
})

it('rejects while it waits, as soon as the crash comes', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('crashed', () => {})
  await consumer.run({
    retry: { attempts: 2, delayMs: 100 },
    onFailure: 'stop',
    eachRecord: () => Promise.reject('boom'),
  })
  const idle = rejectionOf(broker.idle())
  await clock.advance(100)
  expect(await idle).toMatchObject({ code: 'NEVER_IDLE', cause: 'boom' })
})

it('rejects at once where all that is left is paused', async () => {
  const { broker } = brokerWithOrders(1, 2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.ready()
  consumer.pause([orders0])
  await consumer.run({ eachRecord: () => {} })
  expect((await rejectionOf(broker.idle())).message).toBe(
    "The broker cannot become idle: group 'g' has lag (orders-0: 1) and the partitions are paused",
  )
  consumer.resume()
  await broker.idle()
})

it('does not reject for a pause that the handler which runs may end', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: async () => {
      consumer.pause()
      await broker.clock.sleep(100)
      consumer.resume()
    },
  })
  await clock.settle()
  const idle = broker.idle({ groups: ['g'] })
  await clock.advance(300)
  await idle
})

it('rejects at once where a named group is empty and has lag', async () => {
  const { broker } = brokerWithOrders(3)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.poll({ maxRecords: 1 })
  await consumer.close()
  expect((await rejectionOf(broker.idle({ groups: ['g'] }))).message).toBe(
    "The broker cannot become idle: group 'g' has lag (orders-0: 2) and it has no live member",
  )
})

it('says when its time is up who holds what', async () => {
  const { broker, clock } = brokerWithOrders(3, 2)
  const billing = broker.consumer({ groupId: 'billing', topics: ['orders'], clientId: 'biller' })
  await billing.run({ eachRecord: () => broker.clock.sleep(60_000) })
  const gone = broker.consumer({ groupId: 'gone', topics: ['orders'] })
  await gone.poll({ maxRecords: 1 })
  await gone.close()
  const failing = broker.consumer({ topics: ['orders'], clientId: 'table' })
  await failing.run({
    eachRecord: ({ partition, offset }) => {
      if (partition === 1 && offset === 2) throw new Error('not yet')
    },
    retry: { delayMs: 9000 },
  })
  await clock.advance(100)
  const error = rejectionOf(broker.idle())
  await clock.advance(3999)
  await clock.advance(1)
  expect(await error).toBeInstanceOf(TimeoutError)
  const memberId = billing.memberId!
  expect((await error).message).toBe(
    'Waited 4000 ms for the broker to be idle: ' +
      "Consumer 'biller' of group 'billing' handling orders-0 offset 0, for 4100 ms; " +
      "Consumer 'table' waits for attempt 2 at orders-1 offset 2, since its handler failed: not yet; " +
      'a reader outside of a group has 1 record to read; ' +
      `group 'billing' has lag orders-0: 2 (${memberId}), orders-1: 3 (${memberId}); ` +
      "not waited for: 'gone' (empty)",
  )
})

it('says which consumer has joined and is asked for nothing', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const idle = broker.consumer({ groupId: 'g', topics: ['orders'], clientId: 'idle' })
  await idle.ready()
  const waiting = rejectionOf(broker.idle())
  await clock.advance(4000)
  expect((await waiting).message).toBe(
    `Waited 4000 ms for the broker to be idle: group 'g' has lag orders-0: 1 (${idle.memberId}); ` +
      "Consumer 'idle' of group 'g' was never asked for records: call run or poll, or iterate over it",
  )
})

it('says who keeps a rebalance from its end', async () => {
  const { broker, clock } = brokerWithOrders(0, 2)
  const stuck = broker.consumer({ groupId: 'g', topics: ['orders'], onRevoked: () => new Promise(() => {}) })
  await stuck.ready()
  const other = broker.consumer({ groupId: 'g', topics: ['orders'], clientId: 'other' })
  other.ready().catch(() => {})
  const error = rejectionOf(broker.idle({ timeoutMs: 100 }))
  await clock.advance(100)
  expect((await error).message).toContain("group 'g' is rebalancing")
  expect((await error).message).toContain("Consumer 'other' of group 'g' joins or rebalances")
  expect((await error).message).toContain("Consumer 'consumer' of group 'g' waits for its onRevoked")
})

it('names the hook that keeps a consumer from its first record', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const { opened, open } = gate()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], onAssigned: () => opened })
  void consumer.run({ eachRecord: () => {} })
  const error = rejectionOf(broker.idle({ timeoutMs: 100 }))
  await clock.advance(100)
  expect((await error).message).toContain("Consumer 'consumer' of group 'g' waits for its onAssigned")
  open()
  await broker.idle()
})

it('rejects with the reason of its signal', async () => {
  const { broker } = brokerWithOrders(1)
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({ eachRecord: () => new Promise(() => {}) })
  const stop = new AbortController()
  const error = rejectionOf(broker.idle({ signal: stop.signal }))
  const reason = new Error('enough')
  stop.abort(reason)
  expect(await error).toBe(reason)
  expect(await rejectionOf(broker.idle({ signal: stop.signal }))).toBe(reason)
})

it('looks once, and does not wait, with timeoutMs 0', async () => {
  await using broker = new Broker()
  broker.createTopic('orders')
  await broker.idle({ timeoutMs: 0 })
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({ eachRecord: () => new Promise(() => {}) })
  await broker.idle({ timeoutMs: 0 })
  broker.topic('orders').append({ value: 1 })
  const error = await rejectionOf(broker.idle({ timeoutMs: 0 }))
  expect(error).toBeInstanceOf(TimeoutError)
  expect(error.message).toContain('handling orders-0 offset 0')
  await broker.close({ timeoutMs: 0 })
})

it('refuses wrong options, and a closed broker', async () => {
  const { broker } = testBroker()
  expect(await rejectionOf(broker.idle({ timeoutMs: -1 }))).toMatchObject({ option: 'timeoutMs' })
  expect(await rejectionOf(broker.idle({ group: ['g'] } as never))).toMatchObject({ suggestions: ['groups'] })
  await broker.close()
  expect(await rejectionOf(broker.idle())).toMatchObject({ code: 'CLOSED', message: 'The broker is closed' })
})

it('rejects rather than waits for ever when the broker is closed meanwhile', async () => {
  const { broker, clock } = brokerWithOrders(1)
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({ eachRecord: () => new Promise(() => {}) })
  const idle = broker.idle()
  const state = watch(idle)
  await clock.settle()
  const closed = broker.close({ timeoutMs: 0 })
  await clock.advance(0)
  await closed
  await clock.settle()
  expect(state.settled).toBe(true)
})

it('does not wait for a hook that its consumer has given up waiting for', async () => {
  const { broker, clock } = brokerWithOrders(1)
  let fails = true
  const consumer = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    onRevoked: () => new Promise(() => {}),
  })
  consumer.on('restarting', () => {})
  await consumer.run({
    retry: { attempts: 1 },
    eachRecord: () => {
      if (!fails) return
      fails = false
      throw new Error('down')
    },
  })
  await clock.advance(31_000)
  expect(broker.group('g').lag()).toBe(0)
  await broker.idle()
})
