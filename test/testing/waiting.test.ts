import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { topic } from '../../src/index.ts'
import type { TestBroker } from '../../src/testing/index.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { collectWarnings } from '../helpers/warnings.ts'

const topics = { orders: topic<number>({ partitions: 2 }) }
const warnings = collectWarnings()
let broker: TestBroker<typeof topics>
let billing: ReturnType<typeof consumer>

// Real time is fake here, as far as it is a timer; the broker's own time is virtual anyway.
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  // Wrapped, so that the kit does not know the fake one, and finds the real one behind it.
  const { setTimeout: fake } = globalThis
  vi.stubGlobal('setTimeout', (...args: Parameters<typeof setTimeout>) => fake(...args))
  vi.resetModules()
  const testing = await import('../../src/testing/index.ts')
  broker = new testing.TestBroker({ topics })
})
afterEach(async () => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
  await broker.close()
})

function consumer() {
  return broker.consumer({ groupId: 'billing', topics: ['orders'] })
}

async function realSeconds(seconds: number) {
  await vi.advanceTimersByTimeAsync(seconds * 1000)
  await new Promise(resolve => process.nextTick(resolve))
}

it.each(['run', 'ready'] as const)(
  'says why %s does not come back: only time can bring the partitions',
  async how => {
    await consumer().ready()
    broker.crash({ group: 'billing' })
    const second = consumer()
    const started = how === 'run' ? second.run({ eachRecord: () => {} }) : second.ready()
    await realSeconds(1.9)
    expect(warnings).toEqual([])
    await realSeconds(0.2)
    const [dead] = broker.group('billing').members
    expect(warnings).toEqual([
      "Waited 2 s of real time for consumer 'consumer' of group 'billing' to get its partitions, and the broker's time stands still. " +
        `What waits for time: group 'billing': session of ${dead!.memberId} in 45000 ms. Start it, advance the broker's time, then await it`,
    ])
    await broker.advance(45_000)
    await started
    await realSeconds(10)
    expect(warnings).toHaveLength(1)
  },
)

it.each([
  ["group 'billing' to catch up", () => broker.group('billing').caughtUp(), 4000],
  ["consumer 'consumer' of group 'billing' to catch up", () => billing.caughtUp(), undefined],
  [
    "Consumer 'consumer' of group 'billing' to catch up",
    () => billing.caughtUp({ timeoutMs: 10_000 }),
    10_000,
  ],
] as const)('says why the wait for %s does not end: only time can bring that', async (what, caughtUp, ms) => {
  const limit = ms === undefined ? [] : [`waiting for ${what} in ${ms} ms`]
  billing = consumer()
  let failed = false
  await billing.run({
    eachRecord: () => {
      if (failed) return
      failed = true
      throw new Error('down')
    },
  })
  await broker.producer().send({ topic: 'orders', value: 1 })
  const waiting = caughtUp()
  await realSeconds(2.1)
  const timers = ['retry of orders-0 offset 0 in 100 ms', ...limit, 'retention in 604800001 ms'].join(', ')
  expect(warnings).toEqual([
    `Waited 2 s of real time for ${what}, and the broker's time stands still. ` +
      `What waits for time: ${timers}. Start it, advance the broker's time, then await it`,
  ])
  await broker.advance(100)
  await waiting
})

it('says what a group of Kafka clients lacks that never catches up: its time-out is in the time of the broker', async () => {
  const { socketFactory } = await import('../../src/server/index.ts')
  socketFactory(broker)
  const group = broker.createGroup('billing', { topics: ['orders'] })
  await broker.producer().send({ topic: 'orders', value: 1 })
  const waiting = rejectionOf(group.caughtUp({ timeoutMs: 5000 }))
  await realSeconds(3.9)
  expect(warnings).toEqual([])
  await realSeconds(0.2)
  expect(warnings).toEqual([
    "Waited 4 s of real time for group 'billing' to catch up, and the broker's time stands still. " +
      'A Kafka client may need longer, but no time-out of the broker ends this wait. ' +
      'Now: state Empty, 0 members; lag orders-0: 1',
  ])
  await broker.advance(5000)
  expect(await waiting).toMatchObject({ code: 'REQUEST_TIMED_OUT' })
})

it('says nothing of a wait that no time can end, since none is waited for', async () => {
  const { TestBroker: Empty } = await import('../../src/testing/index.ts')
  const empty = new Empty()
  expect(empty.pendingTimers).toEqual([])
  void empty.faults.pauseNext({ operation: 'append' }).entered
  await realSeconds(10)
  expect(warnings).toEqual([])
  await empty.close()
})

it('says why nobody comes to a barrier: only time can bring that', async () => {
  await consumer().ready()
  const barrier = broker.faults.pauseNext({ operation: 'leave', group: 'billing' })
  broker.crash({ group: 'billing' })
  void barrier.entered
  await realSeconds(2.1)
  expect(warnings).toEqual([
    expect.stringMatching(
      /^Waited 2 s of real time for an operation to come to a barrier \(leave of group billing\), and the broker's time stands still\. What waits for time: /,
    ),
  ])
})

it('says of a barrier where Kafka clients are at work that no time-out ends the wait', async () => {
  const { socketFactory } = await import('../../src/server/index.ts')
  socketFactory(broker)
  void broker.faults.pauseNext({ operation: 'leave', group: 'billing' }).entered
  await realSeconds(4.1)
  expect(warnings).toEqual([
    "Waited 4 s of real time for an operation to come to a barrier (leave of group billing), and the broker's time " +
      'stands still. A Kafka client may need longer, but no time-out of the broker ends this wait',
  ])
})

it('says nothing of a barrier to which somebody has come, or that was let go', async () => {
  const slept = broker.clock.sleep(1000)
  await consumer().run({ eachRecord: () => {} })
  const met = broker.faults.pauseNext({ operation: 'handle' })
  // Both may be asked for: before somebody comes, and after.
  const entered = [met.entered, met.entered]
  broker.topic('orders').append({ value: 1 })
  await Promise.all(entered)
  const unseen = broker.faults.pauseNext({ operation: 'append' })
  const sent = broker.producer().send({ topic: 'orders', value: 2 })
  await broker.advance(0)
  await unseen.entered
  void unseen.entered
  const letGo = broker.faults.pauseNext({ operation: 'leave' })
  void letGo.entered
  letGo.release()
  await realSeconds(10)
  expect(warnings).toEqual([])
  met.release()
  unseen.release()
  await broker.advance(1000)
  await Promise.all([slept, sent])
})

it('says nothing of a consumer that crashed while it waited', async () => {
  await consumer().ready()
  broker.crash({ group: 'billing' })
  const second = rejectionOf(consumer().ready())
  await realSeconds(1)
  broker.crash({ group: 'billing' })
  expect(await second).toMatchObject({ code: 'CONSUMER_CRASHED' })
  await realSeconds(10)
  expect(warnings).toEqual([])
})

it('says nothing where the consumer has its partitions, or time was moved, or it failed', async () => {
  await consumer().run({ eachRecord: () => {} })
  broker.crash({ group: 'billing' })
  const second = consumer().ready()
  await broker.advance(1)
  await expect(consumer().run({} as never)).rejects.toThrow('eachRecord')
  await realSeconds(10)
  expect(warnings).toEqual([])
  await broker.advance(45_000)
  await second
})

// Their patience is 5 s, and a test has some work to do before it waits.
it.each(['idle', 'advanceUntilIdle'] as const)(
  '%s says what hangs before a test runner ends the test',
  async wait => {
    let end = () => {}
    await consumer().run({
      eachRecord: () =>
        new Promise<void>(resolve => {
          end = resolve
        }),
    })
    await broker.producer().send({ topic: 'orders', value: 1 })
    const waiting = { ms: 0, over: false }
    const hangs = rejectionOf(broker[wait]()).finally(() => {
      waiting.over = true
    })
    for (; !waiting.over; waiting.ms++) await realSeconds(0.001)
    expect(await hangs).toMatchObject({ message: expect.stringContaining('handles orders-') })
    expect(waiting.ms).toBeGreaterThan(3900)
    expect(waiting.ms).toBeLessThan(4500)
    end()
  },
)
