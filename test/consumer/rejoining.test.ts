import { describe, expect, it } from 'vitest'
import { GroupIdNotFoundError, type SleepClock, TimeoutError, topic } from '../../src/index.ts'
import { TestBroker } from '../../src/testing/index.ts'

// On a cluster nobody may answer for longer than a call is tried (`apiTimeoutMs`): a join then fails with an error that may pass.
const unreachable = new TimeoutError('Nobody answers')

function start(handle: (clock: SleepClock) => unknown) {
  const broker = new TestBroker({ topics: { orders: topic() } })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], maxPollIntervalMs: 5000 })
  const told: unknown[] = []
  const done: unknown[] = []
  consumer.on('error', error => told.push(error))
  consumer.on('crashed', ({ error }) => told.push(['crashed', error]))
  consumer.on('restarting', () => {})
  const run = () =>
    consumer.run({
      eachRecord: async ({ value }) => {
        await handle(broker.clock)
        done.push(value)
      },
      retry: { attempts: 1 },
    })
  const send = (value: number) => broker.producer().send({ topic: 'orders', value })
  return { broker, consumer, told, done, run, send }
}

describe('a consumer that had joined, and cannot come back', () => {
  it('tries again every second after its restart, for as long as it may pass', async () => {
    let failures = 1
    const { broker, told, done, run, send } = start(() => {
      if (failures-- > 0) throw new Error('boom')
    })
    await run()
    broker.faults.fail({ operation: 'join' }, unreachable, { times: 3 })
    await send(1)
    await broker.advance(3999)
    expect([told, done]).toEqual([[unreachable, unreachable, unreachable], []])
    await broker.advance(1)
    expect(done).toEqual([1])
    expect(broker.faults.unused).toEqual([])
  })

  it('tries again after it has lost its partitions', async () => {
    let stuckMs = 6000
    const { broker, told, done, run, send } = start(async clock => {
      const ms = stuckMs
      stuckMs = 0
      await clock.sleep(ms)
    })
    await run()
    broker.faults.fail({ operation: 'join' }, unreachable, { times: 2 })
    await send(1)
    await broker.advance(6000)
    expect(told).toContain(unreachable)
    await broker.advance(2000)
    expect(told.filter(error => error === unreachable)).toHaveLength(2)
    expect(done).toEqual([1, 1])
  })

  it('polls nothing meanwhile, and goes on then', async () => {
    const { broker, consumer, told, send } = start(() => {})
    await send(1)
    expect(await consumer.poll()).toHaveLength(1)
    broker.faults.fail({ operation: 'join' }, unreachable, { times: 2 })
    await broker.advance(6000)
    const polled = consumer.poll({ timeoutMs: 60_000 })
    await broker.advance(2000)
    expect((await polled).map(({ value }) => value)).toEqual([1])
    expect(told.filter(error => error === unreachable)).toHaveLength(2)
  })

  it('ends at once when it is closed meanwhile', async () => {
    const { broker, consumer, told, run, send } = start(() => {
      throw new Error('boom')
    })
    await run()
    broker.faults.fail({ operation: 'join' }, unreachable, { always: true })
    await send(1)
    await broker.advance(5000)
    const before = broker.now
    await consumer.close()
    expect(broker.now).toBe(before)
    const tries = told.length
    await broker.advance(60_000)
    expect(told).toHaveLength(tries)
  })

  it('pauses before each attempt, also where it left while a hook was at work', async () => {
    const broker = new TestBroker()
    for (const name of ['orders', 'refunds']) broker.createTopic(name)
    let hookMs = 0
    const told: [at: number, error: unknown][] = []
    const consumer = broker.consumer({
      groupId: 'billing',
      topics: ['orders'] as string[],
      onAssigned: async () => {
        if (hookMs > 0) await broker.clock.sleep(hookMs)
      },
    })
    consumer.on('error', error => told.push([broker.now, error]))
    consumer.on('restarting', () => {})
    await consumer.run({
      eachRecord: async () => {
        await broker.clock.sleep(50)
        throw new Error('boom')
      },
      retry: { attempts: 1 },
    })
    const began = broker.now
    hookMs = 100
    broker.faults.fail({ operation: 'join' }, unreachable, { times: 2 })
    await broker.producer().send({ topic: 'orders', value: 1 })
    await broker.advance(10)
    await consumer.subscribe(['orders', 'refunds'])
    await broker.advance(5000)
    // The hook is waited for, and then the pause of a restart.
    const firstMs = 10 + 100 + 1000
    expect(told.map(([at, error]) => [at - began, error])).toEqual([
      [firstMs, unreachable],
      [firstMs + 1000, unreachable],
    ])
  })

  it('crashes where trying again cannot help', async () => {
    const { broker, consumer, told, run, send } = start(() => {
      throw new Error('boom')
    })
    await run()
    const gone = new GroupIdNotFoundError('There is no such group')
    broker.faults.fail({ operation: 'join' }, gone)
    await send(1)
    await broker.advance(999)
    const ready = expect(consumer.ready()).rejects.toBe(gone)
    await broker.advance(1)
    expect(told).toEqual([['crashed', gone]])
    await expect(consumer.done).rejects.toBe(gone)
    await ready
  })
})
