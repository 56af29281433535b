import { AsyncLocalStorage, createHook } from 'node:async_hooks'
import { expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { Broker, type Consumer } from '../../src/index.ts'
import { fill, names, range } from '../helpers/behaviours.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { collectWarnings } from '../helpers/warnings.ts'

const storage = new AsyncLocalStorage<string>()
const warnings = collectWarnings()

// --- handlers ---------------------------------------------------------------------------------------------------------

it('runs no handler inside of send or append', async () => {
  const { broker } = brokerWithOrders(0)
  const steps: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: ({ offset }) => void steps.push(offset) })
  const producer = broker.producer()
  const sent = [producer.send({ topic: 'orders', value: 0 })]
  steps.push('sent')
  broker.topic('orders').append({ value: 1 })
  steps.push('appended')
  sent.push(producer.send({ topic: 'orders', value: 2 }))
  steps.push('sent')
  await Promise.all(sent)
  await broker.idle()
  expect(steps).toEqual(['sent', 'appended', 'sent', 0, 1, 2])
})

it.each(['run', 'for await', 'poll'] as const)('consumes in the context of its own %s', async way => {
  const { broker, clock } = brokerWithOrders(1)
  const seen: unknown[] = []
  const note = (what: string) => void seen.push(`${what} in ${storage.getStore()}`)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const loop = storage.run('consumer', async () => {
    if (way === 'run') await consumer.run({ eachRecord: () => note('handled') })
    if (way === 'for await') for await (const _ of consumer) note('handled')
    if (way === 'poll') while ((await consumer.poll()).length > 0) note('handled')
  })
  await clock.settle()
  await storage.run('sender', async () => {
    await broker.producer().send({ topic: 'orders', value: 1 })
    broker.topic('orders').append({ value: 2 })
    await clock.settle()
    await consumer.close()
  })
  await loop
  expect(seen.length).toBeGreaterThan(1)
  expect([...new Set(seen)]).toEqual(['handled in consumer'])
})

it('keeps to the context of run over awaits, retries, pauses, seeks and restarts', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('restarting', () => {})
  let failures = 3
  await storage.run('run', () =>
    consumer.run({
      retry: { attempts: 2 },
      eachRecord: async ({ offset }) => {
        seen.push(`${offset} in ${storage.getStore()}`)
        if (failures-- > 0) return storage.run('inside', () => Promise.reject(new Error('boom')))
      },
    }),
  )
  await storage.run('outside', async () => {
    await clock.advance(100)
    await clock.advance(1100)
    consumer.pause()
    fill(broker, 'orders', 1)
    consumer.resume()
    await clock.settle()
    consumer.seek(orders0, 0)
    await clock.settle()
  })
  expect(seen).toEqual([0, 0, 0, 0, 1, 0, 1].map(offset => `${offset} in run`))
})

it('calls hooks in the context of run, whoever caused the rebalance', async () => {
  const { broker, clock } = brokerWithOrders(0, 2)
  const seen: string[] = []
  const hook = (name: string) => (partitions: readonly { topic: string; partition: number }[]) => {
    seen.push(`${name} ${names(partitions)} in ${storage.getStore()}`)
  }
  const consumer = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    onAssigned: hook('assigned'),
    onRevoked: hook('revoked'),
    onLost: hook('lost'),
  })
  await storage.run('run', () => consumer.run({ eachRecord: () => {} }))
  const other = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await storage.run('joining', () => other.ready())
  await storage.run('closing', () => other.close())
  await storage.run('administering', async () => {
    broker.topic('orders').addPartitions(3)
    await clock.settle()
    broker.deleteTopic('orders')
    await clock.settle()
  })
  expect(seen).toEqual([
    'assigned orders-0,orders-1 in run',
    'revoked orders-1 in run',
    'assigned orders-1 in run',
    'assigned orders-2 in run',
    'lost orders-0,orders-1,orders-2 in run',
  ])
})

it('lets a handler send to the topic it reads, without recursion', async () => {
  const { broker } = brokerWithOrders(1)
  const producer = broker.producer()
  let depth = 0
  let deepest = 0
  const seen: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: ({ offset }) => {
      deepest = Math.max(deepest, ++depth)
      seen.push(offset)
      if (offset < 50) void producer.send({ topic: 'orders', value: offset + 1 })
      depth--
    },
  })
  await broker.idle()
  expect(seen).toEqual(range(0, 51))
  expect(deepest).toBe(1)
})

// --- events -----------------------------------------------------------------------------------------------------------

it('emits events after the outermost call, so a listener sees a complete state', () => {
  const { broker } = testBroker()
  const seen: unknown[] = []
  broker.on('topicCreated', ({ topic, partitions }) => {
    seen.push(topic, broker.topic(topic).partitions.length === partitions, [...broker.topics.keys()])
  })
  broker.declare({ orders: { options: { partitions: 3 } } })
  expect(seen).toEqual(['orders', true, ['orders']])
})

it('lets a listener call back into the broker; what that tells comes after', async () => {
  const { broker } = testBroker()
  const seen: string[] = []
  broker.on('topicCreated', ({ topic }) => {
    seen.push(`begin ${topic}`)
    if (topic === 'a') broker.createTopic('b').append({ value: 1 })
    if (topic === 'b') broker.deleteTopic('a')
    seen.push(`end ${topic}`)
  })
  broker.on('topicDeleted', ({ topic }) => seen.push(`deleted ${topic}`))
  broker.createTopic('a')
  expect(seen).toEqual(['begin a', 'end a', 'begin b', 'end b', 'deleted a'])
  expect([...broker.topics.keys()]).toEqual(['b'])
})

it('shows a rebalanced group at rest to a listener', async () => {
  const { broker } = brokerWithOrders(0, 4)
  const seen: unknown[] = []
  broker.on('rebalanced', ({ groupId, epoch, members }) => {
    const group = broker.group(groupId)
    const dealt = group.members.flatMap(({ assignment }) => names(assignment)).length
    seen.push([group.state, group.epoch === epoch, members, dealt])
  })
  const consumers = range(0, 2).map(() => broker.consumer({ groupId: 'g', topics: ['orders'] }))
  for (const consumer of consumers) await consumer.ready()
  await consumers[0]!.close()
  expect(seen).toEqual([
    ['Stable', true, 1, 4],
    ['Stable', true, 2, 4],
    ['Stable', true, 1, 4],
  ])
})

it('turns a listener that throws into an error event, and the others still hear', () => {
  const { broker } = testBroker()
  const boom = new Error('boom')
  const seen: unknown[] = []
  broker.on('topicCreated', () => {
    throw boom
  })
  broker.on('topicCreated', ({ topic }) => seen.push(topic))
  broker.on('error', error => seen.push(error))
  broker.createTopic('orders').append({ value: 1 })
  expect(seen).toEqual([boom, 'orders'])
})

it('turns an error that nobody listens to into a process warning', async () => {
  const { broker, clock } = testBroker()
  broker.on('topicCreated', () => {
    throw new Error('boom')
  })
  broker.createTopic('orders')
  await clock.settle()
  expect(warnings).toEqual(["Broker: an error that no 'error' listener handled: boom"])
})

it('calls a listener once with once, and no longer after off', () => {
  const { broker } = testBroker()
  const seen: string[] = []
  const listener = ({ topic }: { topic: string }) => seen.push(`on ${topic}`)
  broker.on('topicCreated', listener)
  broker.once('topicCreated', ({ topic }) => seen.push(`once ${topic}`))
  broker.createTopic('a')
  broker.off('topicCreated', listener)
  broker.createTopic('b')
  expect(seen).toEqual(['on a', 'once a'])
})

// --- fairness ---------------------------------------------------------------------------------------------------------

/** How often timers and immediates had their turn until `done`. */
async function turnsUntil(done: Promise<unknown>): Promise<{ timeouts: number; immediates: number }> {
  const turns = { timeouts: 0, immediates: 0 }
  let over = false
  const tick = () => {
    turns.timeouts++
    if (!over) setTimeout(tick, 0)
  }
  const spin = () => {
    turns.immediates++
    if (!over) setImmediate(spin)
  }
  setTimeout(tick, 0)
  setImmediate(spin)
  await done
  over = true
  return turns
}

function busy(): void {
  const until = performance.now() + 0.05
  while (performance.now() < until);
}

it.each([
  ['handlers that answer at once', () => busy(), 1],
  ['handlers that resolve at once', async () => busy(), 1],
  ['ten groups together', async () => busy(), 10],
] as const)(
  'lets timers and immediates have their turn during a long drain: %s',
  async (_, eachRecord, groups) => {
    await using broker = new Broker()
    const orders = broker.createTopic('orders', { partitions: 3 })
    for (const i of range(0, 3000 / groups)) orders.append({ value: i, partition: i % 3 })
    for (const i of range(0, groups))
      await broker.consumer({ groupId: `g${i}`, topics: ['orders'] }).run({ eachRecord })
    // 3,000 records of 0.05 ms are 150 ms of work: 30 turns at a turn every 5 ms. A starved loop would have had none.
    const { timeouts, immediates } = await turnsUntil(broker.idle({ timeoutMs: 60_000 }))
    expect(timeouts).toBeGreaterThan(5)
    expect(immediates).toBeGreaterThan(5)
  },
)

it.each(['for await', 'poll'] as const)(
  'lets them have their turn in a loop that never waits, too: %s',
  async how => {
    await using broker = new Broker()
    const orders = broker.createTopic('orders')
    for (const i of range(0, 3000)) orders.append({ value: i })
    const consumer = broker.consumer({
      groupId: 'g',
      topics: ['orders'],
      maxPollRecords: how === 'poll' ? 10 : 3000,
    })
    const reading = (async () => {
      for (let read = 0; read < 3000; ) {
        if (how === 'poll') {
          for (const _ of await consumer.poll()) busy()
          read += 10
          continue
        }
        for await (const { offset } of consumer) {
          busy()
          read++
          if (offset === 2999) break
        }
      }
    })()
    const { timeouts, immediates } = await turnsUntil(reading)
    expect(timeouts).toBeGreaterThan(5)
    expect(immediates).toBeGreaterThan(5)
  },
)

it('gives the event loop its turn also under a producer that never waits for anything else', async () => {
  await using broker = new Broker()
  broker.createTopic('orders')
  let handled = 0
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: () => void handled++ })
  const producer = broker.producer()
  const sending = (async () => {
    for (const i of range(0, 3000)) {
      await producer.send({ topic: 'orders', value: i })
      busy()
    }
  })()
  const { immediates } = await turnsUntil(sending)
  await broker.idle()
  expect(immediates).toBeGreaterThan(5)
  expect(handled).toBe(3000)
})

// A clock by which each record takes longer than the whole budget of a turn.
const slowClock = () => {
  let time = 0
  const work = () => {
    time += 2 * systemClock.workBudget.ms
  }
  return { clock: { ...systemClock, monotonic: () => time }, work }
}

/** Consumes in one of the ways; `handle` gets each record. */
const ways = {
  run: (consumer, handle) => consumer.run({ eachRecord: handle }),
  'run with order by key': (consumer, handle) => consumer.run({ eachRecord: handle, ordering: 'key' }),
  'run by batch': (consumer, handle) => consumer.run({ eachBatch: handle, batch: { maxRecords: 1 } }),
  async 'for await'(consumer, handle) {
    for await (const _ of consumer) handle()
  },
  async poll(consumer, handle) {
    while ((await consumer.poll({ maxRecords: 1 })).length > 0) handle()
  },
} satisfies Record<string, (consumer: Consumer, handle: () => void) => Promise<void>>

it.each(Object.keys(ways) as (keyof typeof ways)[])(
  'shares the time between groups whose handlers keep the event loop busy: %s',
  async way => {
    const { clock, work } = slowClock()
    await using broker = new Broker({ clock })
    broker.createTopic('orders')
    fill(broker, 'orders', 10)
    const handled: string[] = []
    for (const groupId of ['a', 'b', 'c']) {
      const handle = () => {
        work()
        handled.push(groupId)
      }
      void ways[way](broker.consumer({ groupId, topics: ['orders'] }), handle)
    }
    await broker.idle()
    // Once all three have begun, and before the first one ends.
    const some = handled.slice(5, 20)
    expect(['a', 'b', 'c'].map(groupId => some.filter(each => each === groupId).length)).toEqual([5, 5, 5])
  },
)

it('shares the time between groups: none waits until another one has finished', async () => {
  const { broker } = brokerWithOrders(5000)
  const progress = [0, 0, 0]
  let atFirstEnd: number[] | undefined
  for (const i of range(0, 3)) {
    await broker.consumer({ groupId: `g${i}`, topics: ['orders'] }).run({
      eachRecord: async () => {
        if (++progress[i]! === 5000) atFirstEnd ??= [...progress]
      },
    })
  }
  await broker.idle()
  expect(Math.min(...atFirstEnd!)).toBeGreaterThan(1000)
})

/** The async resources of consumers that are open, until the hook is disabled. */
function watchResources() {
  const open = new Set<number>()
  const hook = createHook({
    init: (id, type) => void (type.startsWith('brokerlet') && open.add(id)),
    destroy: id => void open.delete(id),
  }).enable()
  return { open, hook }
}

// What `jest --detectOpenHandles` reports is what async hooks know of, and a test keeps its broker in a variable.
it.each(['close', 'stop'] as const)(
  'leaves nothing behind that a test runner takes for open, once its consumers have ended (%s)',
  async how => {
    const { open, hook } = watchResources()
    const { broker } = brokerWithOrders(1)
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    consumer.on('crashed', () => {})
    await consumer.run({
      eachRecord: () => {
        if (how === 'stop') throw new Error('no')
      },
      retry: { attempts: 1 },
      onFailure: 'stop',
    })
    expect(open.size).toBe(1)
    if (how === 'close') await consumer.close()
    else await consumer.done.catch(() => {})
    await new Promise(resolve => setImmediate(resolve))
    expect(open.size).toBe(0)
    hook.disable()
    await broker.close()
  },
)

it('leaves nothing behind that a test runner takes for open where it cannot join', async () => {
  const { open, hook } = watchResources()
  const { broker } = brokerWithOrders()
  const consumer = broker.consumer({ groupId: 'g', topics: ['missing'] })
  await expect(consumer.run({ eachRecord: () => {} })).rejects.toThrow("'missing'")
  await new Promise(resolve => setImmediate(resolve))
  expect(open.size).toBe(0)
  hook.disable()
})
