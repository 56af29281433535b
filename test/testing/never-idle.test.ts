import { NeverIdleError, TimeoutError, topic } from 'brokerlet'
import { TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { fill } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { collectWarnings } from '../helpers/warnings.ts'

const warnings = collectWarnings()
const topics = { orders: topic({ partitions: 1 }) }

it('says which timers would have to fire where only time can make it idle, at once', async () => {
  const broker = new TestBroker({ topics })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await consumer.run({ eachRecord: () => broker.clock.sleep(10) })
  fill(broker, 'orders', 2)
  const error = await rejectionOf(broker.idle())
  expect(error).toBeInstanceOf(NeverIdleError)
  expect(error.message).toBe(
    `Waited for the broker to be idle, which needs time to move: call advance() or advanceUntilIdle(). ` +
      `Now: Consumer 'consumer' of group 'billing' handling orders-0 offset 0, for 0 ms; ` +
      `group 'billing' has lag orders-0: 1 (${consumer.memberId}); ` +
      `pending timers: sleep in 10 ms, maxPollIntervalMs of a consumer in 300000 ms, retention in 604800001 ms`,
  )
  await broker.advance(4)
  expect((await rejectionOf(broker.idle())).message).toContain('pending timers: sleep in 6 ms, ')
  await broker.advance(16)
  await broker.idle()
})

it('says why a handler is tried again, or its consumer restarts', async () => {
  const broker = new TestBroker({ topics })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  consumer.on('restarting', () => {})
  await consumer.run({
    eachRecord: () => {
      throw new Error('expected 1 to be 2')
    },
    retry: { attempts: 2 },
  })
  fill(broker, 'orders', 1)
  expect((await rejectionOf(broker.idle())).message).toContain(
    'waits for attempt 2 at orders-0 offset 0, since its handler failed: expected 1 to be 2; ',
  )
  await broker.advance(100)
  expect((await rejectionOf(broker.idle())).message).toContain(
    "Consumer 'consumer' of group 'billing' restarts, since its handler failed: expected 1 to be 2; ",
  )
  const error = await rejectionOf(broker.advanceUntilIdle({ limitMs: 30_000 }))
  expect(error.message).toMatch(/ restarts, since its handler failed: expected 1 to be 2$/)
})

it.each([
  [
    'the broker to be idle',
    "Name with 'groups' which groups to wait for, or say",
    broker => broker.advanceUntilIdle(),
  ],
  ["1 record of topic 'payments'", 'Say', broker => broker.collect('payments', 1)],
] as [string, string, (broker: TestBroker) => Promise<unknown>][])(
  'gives up waiting for %s once a consumer does nothing but restart',
  async (what, advice, wait) => {
    const broker = new TestBroker({ topics: { ...topics, payments: topic() } })
    let bug: Error | undefined = new Error('expected 1 to be 2')
    const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
    const restarts: number[] = []
    consumer.on('restarting', () => restarts.push(broker.now))
    const producer = broker.producer()
    await consumer.run({
      eachRecord: async ({ value }) => {
        if (bug !== undefined) throw bug
        await producer.send({ topic: 'payments', value })
      },
      retry: { attempts: 1 },
    })
    fill(broker, 'orders', 1)
    const error = await rejectionOf(wait(broker as unknown as TestBroker))
    expect(error).toBeInstanceOf(NeverIdleError)
    expect((error as Error).message).toBe(
      `Waited for ${what}, but consumer 'consumer' of group 'billing' has restarted 60 times and handled nothing in ` +
        `between; at offset 0 of orders-0: expected 1 to be 2. ${advice} with 'limitMs' how far time may move nevertheless`,
    )
    expect((error as Error).cause).toBe(bug)
    expect(restarts).toHaveLength(60)
    await rejectionOf(broker.advanceUntilIdle({ limitMs: 7_200_000 }))
    expect(restarts).toHaveLength(60 + 120)
    bug = undefined
    await wait(broker as unknown as TestBroker)
    expect(broker.topic('payments').records()).toHaveLength(1)
  },
)

it.each([
  ['tries it again, later and later', { retry: { attempts: Number.POSITIVE_INFINITY } }, 0],
  ['tries it again every 10 ms', { retry: { attempts: Number.POSITIVE_INFINITY, backoff: () => 10 } }, 100],
  ['parks its key', { retry: { attempts: 1 }, onFailure: 'park-key', parkedDelayMs: 10 }, 100],
] as const)(
  'gives up waiting for a consumer that fails at a record and %s',
  async (_what, options, inASecond) => {
    const broker = new TestBroker({ topics })
    let bug: Error | undefined = new Error('expected 1 to be 2')
    let calls = 0
    const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
    consumer.on('parked', () => {})
    await consumer.run({
      eachRecord: ({ offset }) => {
        if (offset === 0) return
        calls++
        if (bug !== undefined) throw bug
      },
      ...options,
    })
    fill(broker, 'orders', 2)
    const error = await rejectionOf(broker.advanceUntilIdle())
    expect(error).toBeInstanceOf(NeverIdleError)
    expect(error.message).toBe(
      "Waited for the broker to be idle, but consumer 'consumer' of group 'billing' has failed 8000 times at offset 1 " +
        "of orders-0: expected 1 to be 2. Name with 'groups' which groups to wait for, or say with 'limitMs' how far " +
        'time may move nevertheless',
    )
    expect(error.cause).toBe(bug)
    expect(calls).toBe(8000)
    expect(await rejectionOf(broker.advanceUntilIdle({ limitMs: 1000 }))).toBeInstanceOf(TimeoutError)
    expect(calls).toBe(8000 + inASecond)
    bug = undefined
    await broker.advanceUntilIdle()
  },
)

it('gives up waiting for a consumer that loses a record to a slow handler again and again, and warns of that once', async () => {
  const broker = new TestBroker({ topics })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], maxPollIntervalMs: 60_000 })
  let calls = 0
  let takesMs = 100_000
  await consumer.run({
    eachRecord: async ({ offset }) => {
      if (offset === 0) return
      calls++
      await broker.clock.sleep(takesMs)
    },
  })
  fill(broker, 'orders', 2)
  const error = await rejectionOf(broker.advanceUntilIdle())
  expect(error).toBeInstanceOf(NeverIdleError)
  expect(error.message).toMatch(
    /consumer 'consumer' of group 'billing' has lost its partitions 60 times and committed nothing in between: Member '.*' of group 'billing' left: handling orders-0 offset 1 took longer than maxPollIntervalMs \(60000\)\. Name with 'groups'/,
  )
  expect(calls).toBe(60)
  expect(warnings).toHaveLength(1)
  await rejectionOf(broker.advanceUntilIdle({ limitMs: 8_640_000 }))
  expect(calls).toBeGreaterThan(120)
  takesMs = 10
  await broker.advanceUntilIdle()
  warnings.length = 0
  takesMs = 100_000
  fill(broker, 'orders', 1)
  await broker.advance(1_000_000)
  // It has committed in between, so that is news.
  expect(warnings).toHaveLength(1)
})

it.each([
  ['advance', 'time to move by 1000 ms', broker => broker.advance(1000)],
  ['advanceUntilIdle', 'the broker to be idle', broker => broker.advanceUntilIdle({ limitMs: 1000 })],
] as [string, string, (broker: TestBroker) => Promise<unknown>][])(
  '%s gives up where a handler fails for ever and time does not pass',
  async (_, what, wait) => {
    const broker = new TestBroker({ topics })
    const bug = new Error('expected 1 to be 2')
    let fails = true
    const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
    await consumer.run({
      eachRecord: () => {
        if (fails) throw bug
      },
      retry: { attempts: Number.POSITIVE_INFINITY, delayMs: 0 },
    })
    fill(broker, 'orders', 1)
    const error = await rejectionOf(wait(broker as unknown as TestBroker))
    expect(error).toBeInstanceOf(NeverIdleError)
    expect(error.message).toBe(
      `Waited for ${what}, but consumer 'consumer' of group 'billing' has failed 8000 times at offset 0 of orders-0, ` +
        "and the broker's time has not moved: expected 1 to be 2",
    )
    expect(error.cause).toBe(bug)
    fails = false
    await wait(broker as unknown as TestBroker)
    await broker.idle()
  },
)

it('counts the failures of each moment by itself while time is moved by hand', async () => {
  const broker = new TestBroker({ topics })
  let calls = 0
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
    eachRecord: () => {
      calls++
      throw new Error('expected 1 to be 2')
    },
    retry: { attempts: Number.POSITIVE_INFINITY, backoff: () => 1 },
  })
  fill(broker, 'orders', 1)
  await broker.advance(9000)
  expect(calls).toBe(9001)
})

it('gives up where timers without a delay follow one another for ever', async () => {
  const broker = new TestBroker()
  let goesOn = true
  const again = () => {
    if (goesOn) broker.clock.setTimer(again, 0, { name: 'again' })
  }
  again()
  const error = await rejectionOf(broker.advance(1000))
  expect(error).toBeInstanceOf(NeverIdleError)
  expect(error.message).toContain(
    "Waited for time to move by 1000 ms, but what happens at this one moment of the broker's time has no end; " +
      'timers that are due now: again. ',
  )
  goesOn = false
  const before = broker.now
  await broker.advance(1000)
  expect(broker.now - before).toBe(1000)
}, 30_000)

it('gives up waiting for a handler that sends to its own topic for ever, and shows what it did', async () => {
  const broker = new TestBroker({ topics })
  const orders = broker.topic('orders')
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
    eachRecord: () => void orders.append({ value: 1 }),
  })
  orders.append({ value: 1 })
  const error = await rejectionOf(broker.idle())
  expect(error).toBeInstanceOf(NeverIdleError)
  expect(error.message).toContain(
    "Waited for the broker to be idle, but what happens at this one moment of the broker's time has no end. The last of it:",
  )
  expect(error.message).toMatch(/billing\/consumer-000001 got orders-0@\d+\n.* orders-0@\d+ appended\n/)
}, 30_000)

it('warns once of a consumer that restarts again and again, and once more after it has handled something', async () => {
  const broker = new TestBroker({ topics })
  let down = true
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({
    eachRecord: async ({ offset }) => {
      if (down) throw new Error(`no stock for ${offset}`)
    },
    retry: { attempts: 1 },
  })
  const texts = () => warnings.map(text => text.slice(text.indexOf('restarts')))
  const first = 'restarts in 1000 ms; its handler failed at offset 0 of orders-0: no stock for 0'
  fill(broker, 'orders', 1)
  await broker.advance(600_000)
  expect(texts()).toEqual([first])
  down = false
  await broker.advanceUntilIdle()
  down = true
  fill(broker, 'orders', 1)
  await broker.advance(600_000)
  expect(texts()).toEqual([
    first,
    'restarts in 1000 ms; its handler failed at offset 1 of orders-0: no stock for 1',
  ])
})

it('does not give up where the restarts are of another group, or records are handled in between', async () => {
  const broker = new TestBroker({ topics })
  const start = async (groupId: string, eachRecord: () => unknown) => {
    const consumer = broker.consumer({ groupId, topics: ['orders'] })
    consumer.on('restarting', () => {})
    await consumer.run({ eachRecord, retry: { attempts: 1 } })
  }
  let calls = 0
  await start('audit', () => Promise.reject(new Error('down')))
  await start('billing', async () => {
    if (++calls % 40 > 0) throw new Error('now and then')
  })
  fill(broker, 'orders', 3)
  await broker.advanceUntilIdle({ groups: ['billing'] })
  expect(calls).toBe(120)
})

it('says of what was delivered, and nobody has committed, that it is only not committed', async () => {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 1 }), dead: topic() } })
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
  consumer.on('deadLettered', () => {})
  await consumer.run({
    onFailure: { deadLetter: 'dead' },
    retry: { attempts: 1 },
    eachRecord: () => {
      throw new Error('no')
    },
  })
  await broker.producer().send({ topic: 'orders', value: 1 })
  await expect(broker.advanceUntilIdle({ limitMs: 1000 })).rejects.toThrow(
    `group 'g' has lag orders-0: 1 (${consumer.memberId}, delivered, not committed)`,
  )
  await consumer.commit()
  await broker.idle()
})
