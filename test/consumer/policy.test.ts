import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, it } from 'vitest'
import { type Around, Broker, InvalidOptionError, topic } from '../../src/index.ts'
import { fill, gate, range } from '../helpers/behaviours.ts'
import { thrownBy } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

function brokerWith(options: ConstructorParameters<typeof Broker>[0], records = 0) {
  const made = testBroker(options as object)
  made.broker.createTopic('orders')
  made.broker.createTopic('dlq')
  fill(made.broker, 'orders', records)
  return made
}

// --- consumerDefaults -------------------------------------------------------------------------------------------------

it('gives every consumer the defaults of its broker, unless it says otherwise', async () => {
  const { broker, clock } = brokerWith(
    {
      consumerDefaults: {
        autoOffsetReset: 'latest',
        clientId: 'service',
        run: { concurrency: 3, ordering: 'none' },
      },
    },
    2,
  )
  const seen: number[] = []
  const ends = gate()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: ({ offset }) => {
      seen.push(offset)
      return ends.opened
    },
  })
  fill(broker, 'orders', 5)
  await clock.settle()
  expect(seen).toEqual([2, 3, 4])
  expect(consumer.memberId).toMatch(/^service/)
  ends.open()

  const own: number[] = []
  await broker
    .consumer({ groupId: 'own', topics: ['orders'], autoOffsetReset: 'earliest' })
    .run({ concurrency: 1, ordering: 'partition', eachRecord: ({ offset }) => void own.push(offset) })
  await clock.settle()
  expect(own).toEqual(range(0, 7))
})

it('gives them one policy for failures', async () => {
  const { broker, clock } = brokerWith(
    { consumerDefaults: { run: { retry: { attempts: 2, delayMs: 10 }, onFailure: { deadLetter: 'dlq' } } } },
    2,
  )
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('deadLettered', () => {})
  await consumer.run({
    eachRecord: () => {
      throw new Error('boom')
    },
  })
  await clock.advance(20)
  expect(broker.topic('dlq').records()).toHaveLength(2)
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 2 })
})

it('leaves out of a run what does not concern it', async () => {
  const { broker, clock } = brokerWith(
    { consumerDefaults: { run: { ordering: 'key', windowRecords: 5, parkedDelayMs: 9 } } },
    3,
  )
  const batches: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachBatch: ({ records }) => void batches.push(records.length) })
  const seen: number[] = []
  const other = broker.consumer({ groupId: 'h', topics: ['orders'] })
  await other.run({ ordering: 'partition', eachRecord: ({ offset }) => void seen.push(offset) })
  await clock.settle()
  expect([batches, seen]).toEqual([[3], [0, 1, 2]])
})

it.each([{ ordering: 'key' as const }, { onFailure: 'park-key' as const }])(
  'reads ahead no further than their windowRecords says, in a run with %j',
  async options => {
    const consumerDefaults = { run: { windowRecords: 4 } }
    const { broker, clock } = brokerWith({ consumerDefaults }, 9)
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    const stalled: number[] = []
    consumer.on('stalled', ({ records }) => stalled.push(records))
    await consumer.run({ ...options, concurrency: 9, eachRecord: () => new Promise(() => {}) })
    await clock.settle()
    expect(stalled).toEqual([4])
  },
)

it('leaves parking and delayed retries to those that can have them', async () => {
  const { broker, clock } = brokerWith({
    topics: { later: topic() },
    consumerDefaults: {
      run: {
        retry: { attempts: 1, topics: [{ topic: 'later', delayMs: 10 }] },
        onFailure: 'park-key',
        parkedDelayMs: 1000,
      },
    },
  })
  fill(broker, 'orders', 2)
  const tried: string[] = []
  const fails = (name: string) => (handled: { readonly topic: string; readonly offset?: number }) => {
    tried.push(`${name} ${handled.offset ?? 'batch'}`)
    throw new Error('down')
  }
  const member = (groupId: string) => broker.consumer({ groupId, topics: ['orders'] })
  await member('parks').run({ eachRecord: fails('parks') })
  await member('batches').run({ eachBatch: fails('batches') })
  await member('in order').run({ eachRecord: fails('in order'), ordering: 'partition' })
  const tail = { assign: [{ ...orders0, offset: 1 }] }
  await broker.consumer({ groupId: 'assigned', ...tail }).run({ eachRecord: fails('assigned') })
  await broker.consumer(tail).run({ eachRecord: fails('alone') })
  await clock.settle()
  expect(tried.sort()).toEqual([
    'alone 1',
    'assigned 1',
    'batches batch',
    'in order 0',
    'in order 1',
    'parks 0',
    'parks 1',
  ])
  expect(broker.topic('later').records()).toHaveLength(4)
})

it('goes by the order that a failure of its own needs, and not by the default', async () => {
  const { broker, clock } = brokerWith({ consumerDefaults: { run: { ordering: 'none' } } }, 1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('parked', () => {})
  let tried = 0
  await consumer.run({
    onFailure: 'park-key',
    retry: { attempts: 1 },
    eachRecord: () => {
      if (++tried === 1) throw new Error('not yet')
    },
  })
  await clock.advance(60_000)
  expect(tried).toBe(2)
})

it.each([
  [{ consumerDefaults: { maxPollRecords: 0 } }, 'maxPollRecords'],
  [{ consumerDefaults: { groupId: 'g' } }, 'groupId'],
  [{ consumerDefaults: { run: 5 } }, 'run'],
  [{ consumerDefaults: { run: { concurrency: 0 } } }, 'concurrency'],
  [{ consumerDefaults: { run: { eachRecord: () => {} } } }, 'eachRecord'],
  [{ consumerDefaults: { run: { windowRecords: 0 } } }, 'windowRecords'],
  [{ consumerDefaults: { run: { parkedDelayMs: -1 } } }, 'parkedDelayMs'],
  [{ consumerDefaults: 5 }, 'consumerDefaults'],
  [{ around: 5 }, 'around'],
  [{ aroundBatch: [() => {}, 'log'] }, 'aroundBatch'],
])('refuses %j where the broker is made', (options, option) => {
  const error = thrownBy(() => new Broker(options as never))
  expect(error).toBeInstanceOf(InvalidOptionError)
  expect(error).toMatchObject({ option })
})

it('fills in only what is left out: null is refused as ever', async () => {
  const { broker } = brokerWith({ consumerDefaults: { autoCommit: false, run: { ordering: 'key' } } })
  const refused = thrownBy(() =>
    broker.consumer({ groupId: 'g', topics: ['orders'], autoCommit: null as never }),
  )
  expect(refused).toMatchObject({ code: 'INVALID_CONFIG', option: 'autoCommit', received: null })
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await expect(consumer.run({ eachRecord: () => {}, ordering: null as never })).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
    option: 'ordering',
  })
})

it('still refuses options that are no object', () => {
  const { broker } = brokerWith({ consumerDefaults: { clientId: 'service' } })
  for (const options of [null, 'orders', [], 5]) {
    expect(thrownBy(() => broker.consumer(options as never))).toBeInstanceOf(InvalidOptionError)
  }
})

// --- around -----------------------------------------------------------------------------------------------------------

it('goes around every handler, the first one outermost', async () => {
  const steps: unknown[] = []
  const named =
    (name: string): Around =>
    async (record, { attempt }, next) => {
      steps.push(`${name} before ${record.offset} #${attempt}`)
      try {
        return await next()
      } catch (error) {
        steps.push(`${name} saw ${(error as Error).message}`)
        throw error
      } finally {
        steps.push(`${name} after`)
      }
    }
  const { broker, clock } = brokerWith({ around: [named('outer'), named('inner')] }, 1)
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
    eachRecord: async (_record, { attempt }) => {
      if (attempt === 1) throw new Error('boom')
      steps.push('handled')
    },
  })
  await clock.advance(100)
  expect(steps).toEqual([
    'outer before 0 #1',
    'inner before 0 #1',
    'inner saw boom',
    'inner after',
    'outer saw boom',
    'outer after',
    'outer before 0 #2',
    'inner before 0 #2',
    'handled',
    'inner after',
    'outer after',
  ])
})

it('runs handlers in a context of its own, by tenant say, with several at once', async () => {
  const tenant = new AsyncLocalStorage<string>()
  const { broker, clock } = brokerWith({
    around: (record, _context, next) => tenant.run(String(record.headers.tenant), next),
  })
  for (const name of ['acme', 'umbrella']) {
    broker.topic('orders').append({ key: name, value: 1, headers: { tenant: name } })
  }
  const seen: unknown[] = []
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
    concurrency: 2,
    ordering: 'key',
    eachRecord: async ({ key }) => {
      await broker.clock.sleep(1)
      seen.push([key, tenant.getStore()])
    },
  })
  await clock.advance(1)
  expect(seen).toEqual([
    ['acme', 'acme'],
    ['umbrella', 'umbrella'],
  ])
})

it('counts a record as done where next is not called: once per message id, say', async () => {
  const handled = new Set<unknown>()
  const once: Around = async ({ headers: { id } }, _context, next) => {
    if (handled.has(id)) return
    await next()
    handled.add(id)
  }
  const { broker, clock } = brokerWith({ around: once })
  for (const id of ['a', 'b', 'a']) broker.topic('orders').append({ value: id, headers: { id } })
  const seen: unknown[] = []
  await broker
    .consumer({ groupId: 'g', topics: ['orders'] })
    .run({ eachRecord: ({ value }) => void seen.push(value) })
  await clock.settle()
  expect(seen).toEqual(['a', 'b'])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 3 })
})

it('keeps a handler that answers at once synchronous, and takes what it throws for a failure', async () => {
  const { broker, clock } = brokerWith(
    {
      around: (record, _context, next) => {
        if (record.offset === 1) throw new Error('refused')
        return next()
      },
    },
    3,
  )
  const seen: number[] = []
  const skipped: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('skipped', ({ record, error }) => skipped.push([record.offset, (error as Error).message]))
  await consumer.run({
    retry: { attempts: 1 },
    onFailure: 'skip',
    eachRecord: ({ offset }) => void seen.push(offset),
  })
  await clock.settle()
  expect(seen).toEqual([0, 2])
  expect(skipped).toEqual([[1, 'refused']])
})

it('refuses a second call of next', async () => {
  const { broker, clock } = brokerWith(
    {
      around: (_record, _context, next) => {
        next()
        return next()
      },
    },
    1,
  )
  const errors: unknown[] = []
  let handled = 0
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('skipped', ({ error }) => errors.push((error as Error).message))
  await consumer.run({ retry: { attempts: 1 }, onFailure: 'skip', eachRecord: () => void handled++ })
  await clock.settle()
  expect(errors).toEqual(['around: next() was called twice; the handler is called once'])
  expect(handled).toBe(1)
})

it('goes around handlers of batches by a function of its own', async () => {
  const steps: unknown[] = []
  const { broker, clock } = brokerWith(
    {
      around: () => steps.push('record'),
      aroundBatch: (batch, _context, next) => {
        steps.push(batch.records.length)
        return next()
      },
    },
    3,
  )
  await broker
    .consumer({ groupId: 'g', topics: ['orders'] })
    .run({ eachBatch: ({ records }) => void steps.push(records.map(({ offset }) => offset)) })
  await clock.settle()
  expect(steps).toEqual([3, [0, 1, 2]])
})

it('sees a record from a retry topic as it was', async () => {
  const seen: unknown[] = []
  const { broker, clock } = brokerWith(
    {
      around: (record, { attempt }, next) => {
        seen.push([record.topic, record.offset, attempt])
        return next()
      },
    },
    1,
  )
  broker.createTopic('later')
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
    retry: { attempts: 1, topics: [{ topic: 'later', delayMs: 10 }] },
    eachRecord: (_record, { attempt }) => {
      if (attempt === 1) throw new Error('boom')
    },
  })
  await clock.advance(10)
  expect(seen).toEqual([
    ['orders', 0, 1],
    ['orders', 0, 2],
  ])
})
