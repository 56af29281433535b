import { readFile } from 'node:fs/promises'
import { NeverIdleError, TimeoutError, topic } from 'brokerlet'
import { TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { fill } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'

const topics = { orders: topic({ partitions: 1 }) }

it('begins at 2020-01-01T00:00Z and stands still', async () => {
  const broker = new TestBroker()
  await new Promise(resolve => setTimeout(resolve, 2))
  expect(new Date(broker.now).toISOString()).toBe('2020-01-01T00:00:00.000Z')
})

it('fires every timer on the way in order, each at its own time, and ends where it was asked to', async () => {
  const broker = new TestBroker()
  const start = broker.now
  const fired: [string, number][] = []
  const set = (name: string, ms: number, then = () => {}) =>
    broker.clock.setTimer(() => {
      fired.push([name, broker.now - start])
      then()
    }, ms)
  set('late', 30)
  set('early', 10, () => set('from early', 15))
  set('at the end', 40)
  set('after', 41)
  await broker.advance(40)
  expect(fired).toEqual([
    ['early', 10],
    ['from early', 25],
    ['late', 30],
    ['at the end', 40],
  ])
  expect(broker.now - start).toBe(40)
  expect(broker.pendingTimers).toEqual(['timer'])
})

it('drains the promises between two timers, however long the chain', async () => {
  const broker = new TestBroker()
  const seen: string[] = []
  const chain = async () => {
    for (let i = 0; i < 200; i++) await Promise.resolve()
    for (let i = 0; i < 5; i++) await broker.clock.turn()
    seen.push('chain')
  }
  broker.clock.setTimer(() => void chain(), 10)
  broker.clock.setTimer(() => seen.push('next timer'), 10)
  await broker.advance(10)
  expect(seen).toEqual(['chain', 'next timer'])
})

it('has the same ids for the same seed, and others for another', async () => {
  const memberOf = async (seed?: number) => {
    const broker = new TestBroker({ topics, ...(seed === undefined ? {} : { seed }) })
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    await consumer.ready()
    return consumer.memberId
  }
  expect(await memberOf()).toBe(await memberOf(1))
  expect(await memberOf(2)).not.toBe(await memberOf(1))
})

it('has a day go by while a handler sleeps, in no time', async () => {
  const broker = new TestBroker({ topics })
  const seen: number[] = []
  const consumer = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    maxPollIntervalMs: Number.POSITIVE_INFINITY,
  })
  await consumer.run({
    eachRecord: async ({ offset }) => {
      await broker.clock.sleep(6 * 60 * 60 * 1000)
      seen.push(offset)
    },
  })
  fill(broker, 'orders', 3)
  await broker.advanceUntilIdle()
  expect(seen).toEqual([0, 1, 2])
  expect(new Date(broker.now).toISOString()).toBe('2020-01-01T18:00:00.000Z')
})

it('waits for idle while somebody else moves time', async () => {
  const broker = new TestBroker({ topics })
  await broker
    .consumer({ groupId: 'g', topics: ['orders'] })
    .run({ eachRecord: () => broker.clock.sleep(10) })
  fill(broker, 'orders', 3)
  const idle = broker.idle()
  await broker.advance(30)
  await idle
})

it('waits in real time for a handler that awaits something else, and names it as not to be replayed', async () => {
  const broker = new TestBroker({ topics })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.run({ eachRecord: () => new Promise(resolve => setTimeout(resolve, 5)) })
  fill(broker, 'orders', 1)
  await broker.advanceUntilIdle()
  expect(broker.timeline.ofKind('outside')).toMatchObject([
    { group: 'billing', topic: 'orders', partition: 0, offset: 0 },
  ])
  expect(broker.now).toBe(Date.UTC(2020, 0, 1))
  fill(broker, 'orders', 1)
  await broker.idle()
  expect(broker.timeline.ofKind('outside').map(({ offset }) => offset)).toEqual([0, 1])
})

it('gives up on a handler that never ends, and says which one it is', async () => {
  const broker = new TestBroker({ topics })
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({ eachRecord: () => new Promise(() => {}) })
  fill(broker, 'orders', 1)
  const error = await rejectionOf(broker.advanceUntilIdle({ realTimeoutMs: 3 }))
  expect(error).toBeInstanceOf(TimeoutError)
  expect(error.message).toMatch(
    /^Waited 3 ms of real time for the broker to be idle; it awaits something other than the broker's time: consumer-000001-\S+ handles orders-0 offset 0\. Now: Consumer 'consumer' of group 'g' handling orders-0 offset 0/,
  )
  expect(await rejectionOf(broker.idle({ timeoutMs: 3 }))).toBeInstanceOf(TimeoutError)
})

it('moves no further than it may', async () => {
  const broker = new TestBroker({ topics })
  await broker
    .consumer({ groupId: 'g', topics: ['orders'] })
    .run({ eachRecord: () => broker.clock.sleep(1000) })
  fill(broker, 'orders', 5)
  const error = await rejectionOf(broker.advanceUntilIdle({ limitMs: 2500 }))
  expect(error).toBeInstanceOf(TimeoutError)
  expect(error.message).toMatch(/^Moved 2500 ms, waiting for the broker to be idle: /)
  expect(broker.now - Date.UTC(2020, 0, 1)).toBe(2000)
})

it('rejects where nothing can ever make it idle', async () => {
  const broker = new TestBroker({ topics })
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('crashed', () => {})
  await consumer.run({
    eachRecord: () => {
      throw new Error('no')
    },
    retry: { attempts: 1 },
    onFailure: 'stop',
  })
  fill(broker, 'orders', 1)
  const error = await rejectionOf(broker.advanceUntilIdle())
  expect(error).toBeInstanceOf(NeverIdleError)
  expect(error.message).toContain('its last member crashed: no')
})

it.each([false, true])(
  'waits for a service that is about to begin again, after the last one crashed (with its error: %s)',
  async failed => {
    const broker = new TestBroker({ topics })
    const first = broker.consumer({ groupId: 'g', topics: ['orders'] })
    first.on('crashed', () => {})
    await first.run({
      eachRecord: () => {
        throw new Error('down')
      },
      retry: { attempts: 1 },
      onFailure: 'stop',
    })
    if (!failed) broker.crash(first)
    fill(broker, 'orders', 2)
    await broker.advance(0)
    const seen: number[] = []
    const begin = async () => {
      for (let i = 0; i < 100; i++) await Promise.resolve()
      const next = broker.consumer({ groupId: 'g', topics: ['orders'] })
      await next.run({ eachRecord: ({ offset }) => void seen.push(offset) })
    }
    const begun = begin()
    await broker.advanceUntilIdle()
    expect(seen).toEqual([0, 1])
    await begun
  },
)

it('moves time until a topic has so many records, and gives them', async () => {
  const broker = new TestBroker({ topics: { ...topics, receipts: topic({ partitions: 1 }) } })
  const producer = broker.producer()
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
    eachRecord: async ({ value }) => {
      await broker.clock.sleep(1000)
      await producer.send({ topic: 'receipts', value })
    },
  })
  fill(broker, 'orders', 3)
  expect(await broker.collect('receipts', 2)).toMatchObject([{ value: 0 }, { value: 1 }])
  expect(broker.now - Date.UTC(2020, 0, 1)).toBe(2000)
  const error = await rejectionOf(broker.collect('receipts', 4))
  expect(error.message).toContain("4 records of topic 'receipts'")
  expect(error.message).toContain('it has 3')
})

it('closes though a handler sleeps, by moving time', async () => {
  const broker = new TestBroker({ topics })
  let ended = false
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
    eachRecord: async () => {
      await broker.clock.sleep(20_000)
      ended = true
    },
  })
  fill(broker, 'orders', 2)
  await broker.advance(0)
  expect(await broker.close()).toEqual([{ group: 'g', topic: 'orders', partition: 0, from: 1, count: 1 }])
  expect(ended).toBe(true)
})

it('closes once handlers have ended that wait for something else than its time', async () => {
  const broker = new TestBroker({ topics })
  let ended = 0
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
    eachRecord: async () => {
      await readFile(import.meta.filename)
      ended++
    },
  })
  fill(broker, 'orders', 3)
  expect(await broker.close({ drain: true })).toEqual([])
  expect(ended).toBe(3)
  expect(broker.now).toBe(Date.UTC(2020, 0, 1))
})

it('tells whole milliseconds, as records have them, also after a delay that is none', async () => {
  const broker = new TestBroker({ topics })
  await broker.advance(1.7)
  const { timestamp } = broker.topic('orders').append({ value: 1 })
  expect([timestamp, broker.now]).toEqual(new Array(2).fill(Date.UTC(2020, 0, 1) + 1))
  broker.topic('orders').append({ value: 2, timestamp })
  await broker.advance(0.3)
  expect(broker.now).toBe(Date.UTC(2020, 0, 1) + 2)
})

it('does not go back where two move it at once', async () => {
  const broker = new TestBroker()
  await Promise.all([broker.advance(100), broker.advance(50)])
  expect(broker.now - Date.UTC(2020, 0, 1)).toBe(100)
})

it('refuses to sleep for no number, which would take all time with it', async () => {
  const broker = new TestBroker()
  const error = await rejectionOf(broker.clock.sleep(Number.NaN))
  expect(error).toMatchObject({ message: 'sleep: expected a number of milliseconds, received NaN' })
})

it('closes though a handler never ends', async () => {
  const broker = new TestBroker({ topics })
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({ eachRecord: () => new Promise(() => {}) })
  fill(broker, 'orders', 1)
  await broker.advance(0)
  expect(await broker.close()).toMatchObject([{ from: 0, count: 1 }])
  expect(broker.now - Date.UTC(2020, 0, 1)).toBe(30_000)
})

it('evicts a member whose session is over without a wait', async () => {
  const broker = new TestBroker({ topics })
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.ready()
  broker.crash(consumer)
  await broker.advance(44_999)
  expect(broker.group('g').members).toHaveLength(1)
  await broker.advance(1)
  expect(broker.group('g').members).toEqual([])
})

it('refuses what cannot be meant', async () => {
  const wrong = (options: object) => () => new TestBroker(options)
  expect(wrong({ clock: {} })).toThrow(
    "TestBroker: option 'clock' expected nothing: a test broker has its own",
  )
  expect(wrong({ random: Math.random })).toThrow("option 'random'")
  expect(wrong({ seed: 1.5 })).toThrow(
    "TestBroker: option 'seed' expected a whole number of at least 0, received 1.5",
  )
  expect(wrong({ timelineEntries: 0 })).toThrow("option 'timelineEntries'")
  expect(wrong({ timers: {} })).toThrow(
    "option 'timers' expected an object with advanceTimersByTime(), advanceTimersToNextTimer(), getTimerCount(), as " +
      "vi and jest have them; with node:test leave it out and use the broker's own time, received an object",
  )
  expect(wrong({ topic: {} })).toThrow("TestBroker: unknown option 'topic'. Did you mean 'topics'?")
  expect(wrong({ partitions: 3 })).toThrow("'partitions'; that is an option of topic()")
  expect(wrong({ sed: 1 })).toThrow("TestBroker: unknown option 'sed'. Did you mean 'seed'?")
  expect(wrong(null as never)).toThrow('TestBroker: expected an object of options, received null')
  expect(wrong('seed' as never)).toThrow("expected an object of options, received 'seed'")
  const broker = new TestBroker({ topics })
  await expect(broker.advance(-1)).rejects.toThrow('advance: expected a finite number of milliseconds')
  await expect(broker.advance(Number.POSITIVE_INFINITY)).rejects.toThrow('a finite number of milliseconds')
  await expect(broker.advanceUntilIdle({ limit: 1 } as never)).rejects.toThrow("unknown option 'limit'")
  await expect(broker.collect('orders', -1)).rejects.toThrow('collect: expected a whole number of at least 0')
  await expect(broker.collect('orders', 1, { limit: 1 } as never)).rejects.toThrow("unknown option 'limit'")
  await expect(broker.idle({ timeout: 1 } as never)).rejects.toThrow("unknown option 'timeout'")
  await expect(broker.idle({ groups: ['g'] })).rejects.toThrow("There is no group 'g'")
})
