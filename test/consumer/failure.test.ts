import { afterEach, beforeEach, expect, it } from 'vitest'
import { ConsumerCrashedError } from '../../src/index.ts'
import { fill, names, range } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'
import { collectWarnings } from '../helpers/warnings.ts'

const retry = { attempts: 1 }
const warnings = collectWarnings()

const unhandled: unknown[] = []
const collect = (reason: unknown) => void unhandled.push(reason)
beforeEach(() => void process.on('unhandledRejection', collect))
afterEach(() => {
  process.off('unhandledRejection', collect)
  expect(unhandled.splice(0)).toEqual([])
})

function failAt(offset: number, error: unknown = new Error('boom')) {
  return (record: { readonly offset: number }) => {
    if (record.offset === offset) throw error
  }
}

// --- restart ----------------------------------------------------------------------------------------------------------

it('restarts by default: commits what is finished, leaves, and rejoins after 1 s', async () => {
  const { broker, clock } = brokerWithOrders(4)
  const steps: unknown[] = []
  const error = new Error('boom')
  let failing = true
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('restarting', event =>
    steps.push(['restarting', event.record?.offset, event.error, event.delayMs]),
  )
  consumer.on('revoked', ({ partitions }) => steps.push(['revoked', names(partitions)]))
  broker.on('memberLeft', ({ reason }) => steps.push(['left', reason]))
  broker.on('memberJoined', () => steps.push(['joined', clock.monotonic()]))
  await consumer.run({
    retry,
    eachRecord: ({ offset }) => {
      steps.push(offset)
      if (offset === 2 && failing) throw error
    },
  })
  await clock.settle()
  failing = false
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 2 })
  expect(broker.group('g').state).toBe('Empty')
  await clock.advance(1000)
  expect(steps).toEqual([
    ['joined', 0],
    0,
    1,
    2,
    ['restarting', 2, error, 1000],
    ['revoked', ['orders-0']],
    ['left', 'left'],
    ['joined', 1000],
    2,
    3,
  ])
})

it('waits twice as long before each restart, up to 60 s', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const delays: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('restarting', ({ delayMs }) => delays.push(delayMs))
  await consumer.run({ retry, eachRecord: failAt(0) })
  await clock.advance(300_000)
  expect(delays.slice(0, 8)).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
})

it('begins with 1 s again once a record was finished', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const delays: number[] = []
  let badOffset = 0
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('restarting', ({ delayMs }) => {
    delays.push(delayMs)
    if (delays.length === 3) badOffset = 1
  })
  await consumer.run({ retry, eachRecord: record => failAt(badOffset)(record) })
  await clock.advance(9_999)
  expect(delays).toEqual([1000, 2000, 4000, 1000, 2000])
})

it('lets the others take over while it is away, and loses nothing', async () => {
  const { broker, clock } = brokerWithOrders(0, 4)
  const seen: string[] = []
  const restarts: unknown[] = []
  let failing = true
  const good = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const bad = broker.consumer({ groupId: 'g', topics: ['orders'] })
  bad.on('restarting', event => restarts.push(event))
  await good.run({ eachRecord: ({ partition, offset }) => void seen.push(`${partition}@${offset}`) })
  await bad.run({
    retry,
    eachRecord: ({ partition, offset }) => {
      if (failing) throw new Error('boom')
      seen.push(`${partition}@${offset}`)
    },
  })
  await broker.group('g').stable()
  for (const partition of range(0, 4)) fill(broker, 'orders', 3, partition)
  await clock.settle()
  expect(names(good.assignment)).toHaveLength(4)
  expect(broker.group('g').lag()).toBe(0)
  failing = false
  await clock.advance(1000)
  expect(names(good.assignment)).toHaveLength(2)
  expect(names(bad.assignment)).toHaveLength(2)
  expect(restarts).toHaveLength(1)
  expect(seen.sort()).toEqual(
    range(0, 4).flatMap(partition => range(0, 3).map(offset => `${partition}@${offset}`)),
  )
})

it('warns the process of a restart where nobody listens', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], clientId: 'biller' })
  await consumer.run({ retry, eachRecord: failAt(0) })
  await clock.settle()
  expect(warnings).toEqual([
    "Consumer 'biller' of group 'g' restarts in 1000 ms; its handler failed at offset 0 of orders-0: boom",
  ])
})

it('goes on where it was after a restart of a reader without a group', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const seen: number[] = []
  let failing = true
  const consumer = broker.consumer({ topics: ['orders'], from: 'end' })
  consumer.on('restarting', () => {
    failing = false
  })
  await consumer.run({
    retry,
    eachRecord: ({ offset }) => {
      if (offset === 3 && failing) throw new Error('boom')
      seen.push(offset)
    },
  })
  fill(broker, 'orders', 3)
  await clock.advance(1000)
  expect(seen).toEqual([2, 3, 4])
})

it('reads a bounded topic once, also over a restart', async () => {
  const { broker, clock } = brokerWithOrders(4)
  const seen: number[] = []
  let failing = true
  const consumer = broker.consumer({ topics: ['orders'], until: 'end' })
  consumer.on('restarting', () => {
    failing = false
  })
  await consumer.run({
    retry,
    eachRecord: ({ offset }) => {
      if (offset === 2 && failing) throw new Error('boom')
      seen.push(offset)
    },
  })
  await clock.settle()
  fill(broker, 'orders', 2)
  await clock.advance(1000)
  await consumer.done
  expect(seen).toEqual([0, 1, 2, 3])
})

it('goes on from what it committed after a restart of a consumer with assign and an offset', async () => {
  const { broker, clock } = brokerWithOrders(5)
  const seen: number[] = []
  let failing = true
  const consumer = broker.consumer({ groupId: 'g', assign: [{ ...orders0, offset: 1 }] })
  consumer.on('restarting', () => {
    failing = false
  })
  await consumer.run({
    retry,
    eachRecord: ({ offset }) => {
      if (offset === 3 && failing) throw new Error('boom')
      seen.push(offset)
    },
  })
  await clock.advance(1000)
  expect(seen).toEqual([1, 2, 3, 4])
})

it('ends with the error where it cannot rejoin', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], assignor: 'uniform' })
  consumer.on('restarting', () => {})
  consumer.on('crashed', () => {})
  await consumer.run({ retry, eachRecord: failAt(0) })
  await clock.settle()
  await broker.consumer({ groupId: 'g', topics: ['orders'], assignor: 'range' }).ready()
  await clock.advance(1000)
  expect(await rejectionOf(consumer.done)).toMatchObject({ code: 'INCONSISTENT_GROUP_PROTOCOL' })
})

it('rejoins although its topic was deleted meanwhile, and reads it once it is there again', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const seen: unknown[] = []
  let failing = true
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('restarting', () => {
    failing = false
  })
  await consumer.run({
    retry,
    eachRecord: ({ value }) => {
      if (failing) throw new Error('boom')
      seen.push(value)
    },
  })
  await clock.settle()
  broker.deleteTopic('orders')
  await clock.advance(1000)
  broker.createTopic('orders').append({ value: 'anew' })
  await broker.idle()
  expect(seen).toEqual(['anew'])
})

// --- stop -------------------------------------------------------------------------------------------------------------

it('stops: commits what is finished, leaves, and done rejects with the cause', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const error = new TypeError('no such card')
  const events: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('revoked', ({ partitions }) => events.push(['revoked', names(partitions)]))
  consumer.on('crashed', event => events.push(['crashed', event.record?.offset, event.error.cause]))
  consumer.on('closed', event => events.push(['closed', event.reason]))
  await consumer.run({ retry, onFailure: 'stop', eachRecord: failAt(1, error) })
  await clock.settle()
  const rejected = await rejectionOf(consumer.done)
  expect(rejected).toBeInstanceOf(ConsumerCrashedError)
  expect(rejected).toMatchObject({
    code: 'CONSUMER_CRASHED',
    cause: error,
    groupId: 'g',
    topic: 'orders',
    partition: 0,
    offset: 1,
    message:
      "Consumer 'consumer' of group 'g' stopped: its handler failed at offset 1 of orders-0: no such card",
  })
  expect(events).toEqual([
    ['revoked', ['orders-0']],
    ['crashed', 1, error],
    ['closed', 'crashed'],
  ])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 1 })
  expect(broker.group('g').state).toBe('Empty')
  expect(warnings).toEqual([])
})

it('lets the others take over the record at which it stopped', async () => {
  const { broker, clock } = brokerWithOrders(3, 2)
  const seen: string[] = []
  const stopped: unknown[] = []
  broker.on('groupStopped', event => stopped.push(event))
  const bad = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const good = broker.consumer({ groupId: 'g', topics: ['orders'] })
  bad.on('crashed', () => {})
  await Promise.all([
    bad.run({ retry, onFailure: 'stop', eachRecord: failAt(1) }),
    good.run({ eachRecord: async ({ partition, offset }) => void seen.push(`${partition}@${offset}`) }),
  ])
  await clock.settle()
  await rejectionOf(bad.done)
  expect(names(good.assignment)).toEqual(['orders-0', 'orders-1'])
  expect(broker.group('g').lag()).toBe(0)
  expect([...seen].sort()).toEqual(['0@1', '0@2', '1@0', '1@1', '1@2'])
  expect(stopped).toEqual([])
})

it('tells the broker when the last member of a group has stopped, with the record and the cause', async () => {
  const { broker, clock } = brokerWithOrders(3, 2)
  const error = new Error('boom')
  const stopped: unknown[] = []
  broker.on('groupStopped', ({ groupId, record, cause }) => {
    stopped.push([groupId, record?.topic, record?.offset, cause])
  })
  for (const _ of range(0, 2)) {
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    consumer.on('crashed', () => {})
    await consumer.run({ retry, onFailure: 'stop', eachRecord: failAt(1, error) })
  }
  await clock.settle()
  expect(stopped).toEqual([['g', 'orders', 1, error]])
})

it('warns the process of a crash where nobody listens, and raises no unhandledRejection', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ retry, onFailure: 'stop', eachRecord: () => Promise.reject('just text') })
  await clock.settle()
  expect(warnings).toEqual([
    "Consumer 'consumer' of group 'g' crashed: its handler failed at offset 0 of orders-0: just text",
  ])
})

it('refuses to be used again once it has crashed', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('crashed', () => {})
  await consumer.run({ retry, onFailure: 'stop', eachRecord: failAt(0) })
  await clock.settle()
  expect(await rejectionOf(consumer.run({ eachRecord: () => {} }))).toMatchObject({ code: 'CLOSED' })
  expect(await rejectionOf(consumer.commit())).toMatchObject({ code: 'CLOSED' })
  expect(await consumer.close()).toEqual([{ group: 'g', ...orders0, from: 0, count: 1 }])
})

// --- skip -------------------------------------------------------------------------------------------------------------

it('skips: goes on with the next record, and says so', async () => {
  const { broker, clock } = brokerWithOrders(4)
  const error = new Error('boom')
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('skipped', event => seen.push(['skipped', event.record.offset, event.error, event.attempts]))
  await consumer.run({
    retry: { attempts: 2 },
    onFailure: 'skip',
    eachRecord: ({ offset }) => {
      if (offset % 2 === 1) throw error
      seen.push(offset)
    },
  })
  await clock.advance(1000)
  expect(seen).toEqual([0, ['skipped', 1, error, 2], 2, ['skipped', 3, error, 2]])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 4 })
})

it('skips with handlers that reject, and a whole batch', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const skipped: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('skipped', ({ record }) => skipped.push(record.offset))
  await consumer.run({ retry, onFailure: 'skip', eachBatch: async () => Promise.reject('no') })
  await clock.settle()
  expect(skipped).toEqual([0, 1, 2])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 3 })
})

it('warns the process of a skipped record where nobody listens', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ retry, onFailure: 'skip', eachRecord: failAt(0) })
  await clock.settle()
  expect(warnings).toEqual([
    "Consumer 'consumer' of group 'g' skipped offset 0 of orders-0 after 1 attempt: boom",
  ])
})

// --- a run that nobody awaits -----------------------------------------------------------------------------------------

it('may be closed while it joins, though nobody awaits its run', async () => {
  const { broker } = brokerWithOrders(2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.run({ eachRecord: () => {} })
  await consumer.close()
  await new Promise(setImmediate)
  const another = broker.consumer({ groupId: 'g', topics: ['orders'] })
  another.run({ eachRecord: () => {} })
  await broker.close()
})
