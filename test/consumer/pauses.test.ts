import { describe, expect, it } from 'vitest'
import { InvalidArgumentError, type RecordContext, type RunOptions } from '../../src/index.ts'
import { fill, names } from '../helpers/behaviours.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'

/** A consumer whose handler pauses its partition at each record. */
async function pausing(records: number, each: (pause: RecordContext['pause']) => void) {
  const made = brokerWithOrders(records)
  const seen: number[] = []
  const consumer = made.broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    eachRecord: ({ offset }, { pause }) => {
      seen.push(offset)
      each(pause)
    },
  })
  return { ...made, seen, consumer }
}

describe.each<[string, Partial<RunOptions>]>([
  ['one handler', {}],
  ['several, in the order of keys', { concurrency: 4, ordering: 'key' }],
  ['several, in the order of partitions', { concurrency: 4 }],
])('a pause of a handler, with %s', (_, options) => {
  it('keeps its partition waiting for so long, and no other', async () => {
    const { broker, clock } = brokerWithOrders(0, 2)
    const start = clock.monotonic()
    const seen: string[] = []
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    await consumer.run({
      ...options,
      eachRecord: async ({ partition, offset }, { pause }) => {
        seen.push(`${clock.monotonic() - start}: ${partition}@${offset}`)
        if (partition === 0 && offset === 0) pause(1000)
      },
    } as RunOptions)
    fill(broker, 'orders', 1, 0)
    await clock.settle()
    fill(broker, 'orders', 1, 0)
    fill(broker, 'orders', 2, 1)
    await clock.advance(999)
    expect(seen).toEqual(['0: 0@0', '0: 1@0', '0: 1@1'])
    expect(names(consumer.paused)).toEqual(['orders-0'])
    await clock.advance(1)
    expect(seen.slice(3)).toEqual(['1000: 0@1'])
    expect(consumer.paused).toEqual([])
    await broker.idle()
  })

  it('puts off the next attempt at a record that fails', async () => {
    const { broker, clock } = brokerWithOrders(1)
    const start = clock.monotonic()
    const seen: string[] = []
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    consumer.on('retrying', ({ delayMs }) => seen.push(`again in ${delayMs}`))
    await consumer.run({
      ...options,
      eachRecord: async (_record, { attempt, pause }) => {
        seen.push(`${clock.monotonic() - start}: #${attempt}`)
        if (attempt > 1) return
        pause(5000)
        throw new Error('too many requests')
      },
    } as RunOptions)
    await clock.advance(10_000)
    expect(seen).toEqual(['0: #1', 'again in 5000', '5000: #2'])
  })

  it('does not make a failed record’s attempts count anew where it outlasts the delay between them', async () => {
    const { broker, clock } = brokerWithOrders(2)
    const seen: string[] = []
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    consumer.on('skipped', ({ record, attempts }) => seen.push(`skipped ${record.offset} after ${attempts}`))
    await consumer.run({
      ...options,
      retry: { attempts: 3, delayMs: 100 },
      onFailure: 'skip',
      eachRecord: async ({ offset }, { attempt }) => {
        seen.push(`${offset}#${attempt}`)
        if (offset > 0) return
        consumer.pause([orders0])
        throw new Error('too many requests')
      },
    } as RunOptions)
    await clock.advance(5000)
    expect(seen).toEqual(['0#1'])
    for (let i = 0; i < 3; i++) {
      consumer.resume([orders0])
      await clock.advance(5000)
    }
    expect(seen).toEqual(['0#1', '0#2', '0#3', 'skipped 0 after 3', '1#1'])
    expect(broker.group('g').committed(orders0)).toEqual({ offset: 2 })
  })

  it('leaves a failed record to the next owner where the partition is given up meanwhile', async () => {
    const { broker, clock } = brokerWithOrders(1)
    const seen: string[] = []
    const first = broker.consumer({ groupId: 'g', topics: ['orders'] })
    await first.run({
      ...options,
      eachRecord: async (_record, { attempt }) => {
        seen.push(`first #${attempt}`)
        first.pause([orders0])
        throw new Error('too many requests')
      },
    } as RunOptions)
    await clock.advance(1000)
    await first.close()
    const second = broker.consumer({ groupId: 'g', topics: ['orders'] })
    await second.run({
      ...options,
      eachRecord: (_record, { attempt }) => void seen.push(`second #${attempt}`),
    } as RunOptions)
    await broker.idle()
    expect(seen).toEqual(['first #1', 'second #1'])
  })

  it('forgets the attempts of a failed record where somebody seeks meanwhile', async () => {
    const { broker, clock } = brokerWithOrders(3)
    const seen: string[] = []
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    await consumer.run({
      ...options,
      eachRecord: async ({ offset }, { attempt }) => {
        seen.push(`${offset}#${attempt}`)
        if (offset > 0) return
        consumer.pause([orders0])
        throw new Error('too many requests')
      },
    } as RunOptions)
    await clock.advance(1000)
    consumer.seek(orders0, 2)
    consumer.resume([orders0])
    await broker.idle()
    expect(seen).toEqual(['0#1', '2#1'])
  })
})

it('takes the longest of several pauses', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const start = clock.monotonic()
  const seen: number[] = []
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
    eachRecord: ({ offset }, { pause }) => {
      seen.push(clock.monotonic() - start)
      if (offset > 0) return
      pause(300)
      pause(100)
      pause(700)
    },
  })
  await clock.advance(1000)
  expect(seen).toEqual([0, 700])
})

it('is ended by resume, and made endless by pause', async () => {
  const { clock, seen, consumer } = await pausing(3, pause => pause(1000))
  await clock.settle()
  consumer.resume()
  await clock.settle()
  expect(seen).toEqual([0, 1])
  consumer.pause()
  await clock.advance(60_000)
  expect(seen).toEqual([0, 1])
  consumer.resume([orders0])
  await clock.settle()
  expect(seen).toEqual([0, 1, 2])
})

it('of Infinity lasts until resume, and is not waited for, like one by pause', async () => {
  const { broker, clock, seen, consumer } = await pausing(2, pause => {
    pause(1000)
    pause(Number.POSITIVE_INFINITY)
  })
  await clock.advance(60_000)
  expect(names(consumer.paused)).toEqual(['orders-0'])
  await broker.idle()
  expect(seen).toEqual([0])
  consumer.resume()
  await clock.settle()
  expect(seen).toEqual([0, 1])
})

it('is waited for by idle and by a close that drains', async () => {
  const { broker, clock, seen, consumer } = await pausing(2, pause => pause(1000))
  await clock.settle()
  let idle = false
  void broker.idle().then(() => {
    idle = true
  })
  await clock.advance(999)
  expect(idle).toBe(false)
  const closing = consumer.close({ drain: true })
  await clock.advance(1)
  expect(await closing).toEqual([])
  expect(seen).toEqual([0, 1])
})

it('ends with the assignment: the next owner reads on at once', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const seen: number[] = []
  const first = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await first.run({ eachRecord: (_record, { pause }) => pause(60_000) })
  await clock.settle()
  await first.close()
  expect(clock.waiting.filter(name => name.startsWith('pause'))).toEqual([])
  await broker
    .consumer({ groupId: 'g', topics: ['orders'] })
    .run({ eachRecord: ({ offset }) => void seen.push(offset) })
  await clock.settle()
  expect(seen).toEqual([1])
})

it('refuses what is no number of milliseconds', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const errors: unknown[] = []
  consumer.on('skipped', ({ error }) => errors.push(error))
  await consumer.run({
    retry: { attempts: 1 },
    onFailure: 'skip',
    eachRecord: (_record, { pause }) => pause('1s' as never),
  })
  await clock.settle()
  expect(errors).toMatchObject([expect.any(InvalidArgumentError)])
})

it('hands a record over again at its time where the handler seeks back to it, without an attempt being counted', async () => {
  const { broker, clock } = brokerWithOrders(0)
  const start = clock.monotonic()
  const steps: string[] = []
  const reader = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  for (const event of ['retrying', 'lost', 'skipped'] as const) reader.on(event, () => steps.push(event))
  await reader.run({
    eachRecord: (record, { attempt, pause, consumer }) => {
      const early = record.timestamp + 60_000 - broker.clock.now()
      if (early > 0) {
        pause(early)
        consumer.seek(record, record.offset)
        return
      }
      steps.push(`${clock.monotonic() - start}: ${record.offset}#${attempt}`)
    },
  })
  fill(broker, 'orders', 2)
  await clock.advance(500)
  fill(broker, 'orders', 1)
  expect(broker.group('g').lag()).toBe(3)
  await clock.advance(60_000)
  expect(steps).toEqual(['60000: 0#1', '60000: 1#1', '60500: 2#1'])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 3 })
})
