import { readFile } from 'node:fs/promises'
import { Broker, IllegalStateError, topic } from 'brokerlet'
import { TestBroker } from 'brokerlet/testing'
import { afterEach, expect, it, vi } from 'vitest'
import { fill } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'

const topics = { orders: topic({ partitions: 1 }) }

afterEach(() => {
  vi.useRealTimers()
})

it("moves its own time while the runner's timers are fake", async () => {
  vi.useFakeTimers()
  const broker = new TestBroker({ topics })
  const seen: number[] = []
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
    eachRecord: async ({ offset }) => {
      await broker.clock.sleep(10)
      seen.push(offset)
    },
  })
  fill(broker, 'orders', 2)
  await broker.advance(10)
  expect(seen).toEqual([0])
  await broker.advanceUntilIdle()
  expect(seen).toEqual([0, 1])
  await broker.close()
})

it('says that fake timers hold a handler back, where the broker does not have them', async () => {
  vi.useFakeTimers()
  const broker = new TestBroker({ topics })
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
    eachRecord: () => new Promise(resolve => setTimeout(resolve, 5)),
  })
  fill(broker, 'orders', 1)
  const error = await rejectionOf(broker.advanceUntilIdle({ realTimeoutMs: 3 }))
  expect(String(error)).toMatch(
    /Fake timers hold setTimeout back: give them to the broker as its option 'timers', and it moves them, too$/,
  )
  vi.useRealTimers()
  const without = await rejectionOf(broker.advanceUntilIdle({ realTimeoutMs: 3 }))
  expect(String(without)).not.toContain('Fake timers')
  await broker.close()
})

it('waits in real time also where the timers were fake before it was loaded', async () => {
  vi.useFakeTimers()
  vi.resetModules()
  const kit = await import('../../src/testing/index.ts')
  const broker = new kit.TestBroker({ topics })
  let handled = 0
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
    eachRecord: async () => {
      await readFile(import.meta.filename)
      handled++
    },
  })
  fill(broker, 'orders', 1)
  await broker.idle()
  expect(handled).toBe(1)
  const hanging = broker.consumer({ groupId: 'hanging', topics: ['orders'] })
  await hanging.run({ eachRecord: () => new Promise(resolve => setTimeout(resolve, 5)) })
  const error = await rejectionOf(broker.idle({ timeoutMs: 3 }))
  expect(String(error)).toContain('Fake timers hold setTimeout back')
  await broker.close()
})

it("steps the runner's timers and the broker's together, in one order", async () => {
  vi.useFakeTimers({ now: Date.UTC(2024, 0, 1) })
  const broker = new TestBroker({ topics, timers: vi })
  const order: [string, number][] = []
  const note = (what: string) => order.push([what, Date.now() - Date.UTC(2024, 0, 1)])
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
    eachRecord: async ({ offset }) => {
      note(`got ${offset}`)
      await new Promise(resolve => setTimeout(resolve, 7))
      await broker.clock.sleep(3)
      note(`done ${offset}`)
    },
  })
  setInterval(() => note('tick'), 8)
  fill(broker, 'orders', 2)
  expect(broker.now).toBe(Date.now())
  await broker.advance(16)
  await broker.advance(4)
  expect(order).toEqual([
    ['got 0', 0],
    ['tick', 8],
    ['done 0', 10],
    ['got 1', 10],
    ['tick', 16],
    ['done 1', 20],
  ])
  await broker.close()
})

it("moves the runner's clock until it is idle, also where only the runner's timers are waited for", async () => {
  vi.useFakeTimers()
  const broker = new TestBroker({ topics, timers: vi })
  const start = broker.now
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
    eachRecord: () => new Promise(resolve => setTimeout(resolve, 500)),
  })
  fill(broker, 'orders', 3)
  await broker.advanceUntilIdle()
  expect(broker.now - start).toBe(1500)
  expect(broker.timeline.ofKind('outside')).toEqual([])
  expect(broker.pendingTimers).toContain('retention')
  await broker.close()
})

it('evicts on the fake clock, too, and takes back what is cancelled', async () => {
  vi.useFakeTimers()
  const broker = new TestBroker({ topics, timers: vi })
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.ready()
  broker.crash(consumer)
  await broker.advance(45_000)
  expect(broker.group('g').members).toEqual([])
  broker.clock.setTimer(() => expect.unreachable(), 10).cancel()
  await broker.advance(20)
  await broker.close()
})

it("wants fake timers for the runner's clock, made before it", () => {
  expect(() => new TestBroker({ timers: vi })).toThrow(
    "option 'timers' expects fake timers with Date and performance, made before the broker",
  )
})

it("lets a month pass on the runner's clock, whose timers take no longer delay than 24 days", async () => {
  vi.useFakeTimers()
  const day = 24 * 60 * 60 * 1000
  const broker = new TestBroker({ topics: { audit: topic({ retentionMs: 40 * day }) }, timers: vi })
  const start = broker.now
  fill(broker, 'audit', 1)
  await broker.advance(30 * day)
  expect(broker.now - start).toBe(30 * day)
  expect(broker.topic('audit').records()).toHaveLength(1)
  await broker.advance(11 * day)
  expect(broker.topic('audit').records()).toHaveLength(0)
  await broker.close()
})

it.each(['a sleep of the broker', 'a timer of the test'])(
  'closes though the runner took its timers back before, and a handler waits for %s',
  async what => {
    vi.useFakeTimers()
    const broker = new TestBroker({ topics, timers: vi })
    await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
      eachRecord: () =>
        what === 'a timer of the test'
          ? new Promise(resolve => setTimeout(resolve, 60_000))
          : broker.clock.sleep(60_000),
    })
    fill(broker, 'orders', 2)
    await broker.advance(0)
    vi.spyOn(globalThis, 'setTimeout')
    await broker.advance(1)
    vi.restoreAllMocks()
    vi.useRealTimers()
    for (const move of [broker.advance(1), broker.advanceUntilIdle()]) {
      expect(await rejectionOf(move)).toMatchObject({
        name: 'IllegalStateError',
        message: expect.stringMatching(
          /^The fake timers that the broker runs on are gone: move its time, .*before/,
        ),
      })
    }
    await broker.close()
    expect(broker.group('g').members).toEqual([])
  },
)

// Between two fake timers the event loop has no turn, in which a wait would hear that its state is reached.
it('is idle, on a plain broker, where all was handled by the time that idle would give up', async () => {
  vi.useFakeTimers()
  const broker = new Broker({ topics })
  const seen: number[] = []
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
    eachRecord: (_record, { attempt }) => {
      seen.push(attempt)
      if (attempt < 3) throw new Error('the bank is down')
    },
    retry: { delayMs: 1000 },
  })
  fill(broker, 'orders', 1)
  const idle = broker.idle()
  await vi.advanceTimersByTimeAsync(5000)
  await idle
  expect(seen).toEqual([1, 2, 3])
  vi.useRealTimers()
  await broker.close()
})

// The last ones: what the runner itself puts off while they run may come late to what follows.
it.each([
  ['nextTick', ["jest.useFakeTimers({ doNotFake: ['nextTick'] })"]],
  ['queueMicrotask', ["jest.useFakeTimers({ doNotFake: ['queueMicrotask'] })"]],
] as const)(
  'says that a fake %s would hold promises back, and what leaves it alone',
  async (faked, [advice]) => {
    const broker = new TestBroker({ topics })
    vi.useFakeTimers({ toFake: [faked] })
    const errors = await Promise.all([
      rejectionOf(broker.advance(1)),
      rejectionOf(broker.advanceUntilIdle()),
      rejectionOf(broker.idle()),
    ])
    for (const error of errors) {
      expect(error).toBeInstanceOf(IllegalStateError)
      expect(error).toMatchObject({ option: 'doNotFake', message: expect.stringContaining(advice) })
    }
  },
)
