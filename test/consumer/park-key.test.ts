import { expect, it } from 'vitest'
import type { Broker, RunOptions } from '../../src/index.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { collectWarnings } from '../helpers/warnings.ts'

const warnings = collectWarnings()

function brokerWith(keys: string) {
  const made = testBroker()
  made.broker.createTopic('orders')
  append(made.broker, keys)
  return made
}

function append(broker: Broker, keys: string): void {
  for (const key of keys) broker.topic('orders').append({ key: key === '-' ? null : key, value: 0 })
}

/** Handlers of which those of one key fail, for as long as the test wants. */
async function run(broker: Broker, options: Partial<RunOptions> = {}) {
  const seen: string[] = []
  const parked: unknown[] = []
  const bad = { key: 'a' as string | null }
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('parked', ({ record, attempts, delayMs }) => parked.push([record.offset, attempts, delayMs]))
  consumer.on('stalled', () => {})
  await consumer.run({
    retry: { attempts: 2, delayMs: 10 },
    onFailure: 'park-key',
    eachRecord: async ({ key, offset }) => {
      if (key === bad.key) throw new Error('boom')
      seen.push(`${key}${offset}`)
    },
    ...options,
  } as RunOptions)
  return { consumer, seen, parked, bad }
}

it('lets a failed record and the later ones of its key wait, and the others go on', async () => {
  const { broker, clock } = brokerWith('abab')
  const { seen, parked } = await run(broker)
  await clock.advance(10)
  append(broker, 'abc')
  await clock.settle()
  expect(seen).toEqual(['b1', 'b3', 'b5', 'c6'])
  expect(parked).toEqual([[0, 2, 60_000]])
  // From the parked record on, for whoever watches it.
  expect(broker.group('g').lag()).toBe(7)
  expect(broker.group('g').committed(orders0)).toBeNull()
})

it('tries a parked record again, and hands its key on in order once it succeeds', async () => {
  const { broker, clock } = brokerWith('aba')
  const { seen, parked, bad } = await run(broker, { parkedDelayMs: 5000 })
  await clock.advance(5010)
  expect(parked).toEqual([
    [0, 2, 5000],
    [0, 3, 5000],
  ])
  bad.key = null
  await clock.advance(5000)
  expect(seen).toEqual(['b1', 'a0', 'a2'])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 3 })
  await broker.idle()
})

it('parks at once what no other attempt can help', async () => {
  const { broker, clock } = brokerWith('ab')
  const { parked } = await run(broker, { retry: { attempts: 5, retryable: () => false } })
  await clock.settle()
  expect(parked).toEqual([[0, 1, 60_000]])
})

it('holds so many records of a partition and no more, and goes on once the key is free', async () => {
  const { broker, clock } = brokerWith('abcdefgh')
  const { seen, bad } = await run(broker, { windowRecords: 4 })
  await clock.advance(10)
  expect(seen).toEqual(['b1', 'c2', 'd3'])
  bad.key = null
  await clock.advance(60_000)
  expect(seen.slice(3)).toEqual(['a0', 'e4', 'f5', 'g6', 'h7'])
})

it('leaves a parked key to the next owner, in order, and repeats nothing', async () => {
  const { broker, clock } = brokerWith('abab')
  const { consumer, seen } = await run(broker)
  await clock.advance(10)
  await consumer.close()
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 0, metadata: 'done:+1,+3' })
  const { seen: after } = await run(broker, {
    eachRecord: ({ key, offset }) => void seen.push(`${key}${offset}`),
  })
  await clock.settle()
  expect(after).toEqual([])
  expect(seen).toEqual(['b1', 'b3', 'a0', 'a2'])
})

it('says that it waits for a parked key when somebody waits for rest', async () => {
  const { broker, clock } = brokerWith('a')
  await run(broker)
  await clock.advance(10)
  const idle = rejectionOf(broker.idle({ timeoutMs: 100 }))
  await clock.advance(100)
  expect((await idle).message).toContain('waits for attempt 3 at orders-0 offset 0')
})

it('warns of a parked key where nobody listens', async () => {
  const { broker, clock } = brokerWith('a')
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
    retry: { attempts: 1 },
    onFailure: 'park-key',
    eachRecord: () => {
      throw new Error('boom')
    },
  })
  await clock.settle()
  expect(warnings).toEqual([
    "Consumer 'consumer' of group 'g' parked the key of offset 0 of orders-0 after 1 attempt: boom",
  ])
})
