import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, it } from 'vitest'
import type { Broker, RunOptions } from '../../src/index.ts'
import { json, topic } from '../../src/index.ts'
import { fill, gate, owners, range } from '../helpers/behaviours.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { collectWarnings } from '../helpers/warnings.ts'

const orders0 = { topic: 'orders', partition: 0 } as const
const warnings = collectWarnings()

function brokerWithOrders(records = 0, partitions = 1) {
  const made = testBroker()
  made.broker.createTopic('orders', { partitions })
  for (const partition of range(0, partitions)) fill(made.broker, 'orders', records, partition)
  return made
}

/** Appends records with these keys; '-' is none. */
function append(broker: Broker, keys: string, partition = 0): void {
  for (const key of keys)
    broker.topic('orders').append({ key: key === '-' ? null : key, value: 0, partition })
}

/** Handlers that end when the test says so. */
function handlers() {
  const begun: string[] = []
  const gates = new Map<string, ReturnType<typeof gate>>()
  let running = 0
  let most = 0
  return {
    begun,
    get running() {
      return running
    },
    get most() {
      return most
    },
    eachRecord: async ({ partition, offset }: { partition: number; offset: number }) => {
      const id = `${partition}@${offset}`
      const waits = gate()
      gates.set(id, waits)
      begun.push(id)
      most = Math.max(most, ++running)
      await waits.opened
      running--
    },
    end(...ids: string[]) {
      for (const id of ids) gates.get(id)!.open()
    },
  }
}

async function run(broker: Broker, options: RunOptions, consumer = {}) {
  const made = broker.consumer({ groupId: 'g', topics: ['orders'], ...consumer })
  await made.run(options)
  return made
}

// --- ordering: 'partition' --------------------------------------------------------------------------------------------

it('handles as many partitions at once as it is told, each one record after the other', async () => {
  const { broker, clock } = brokerWithOrders(3, 4)
  const calls = handlers()
  await run(broker, { concurrency: 3, eachRecord: calls.eachRecord })
  await clock.settle()
  expect(calls.begun).toEqual(['0@0', '1@0', '2@0'])
  calls.end('1@0')
  await clock.settle()
  expect(calls.begun.slice(3)).toEqual(['1@1'])
  expect(broker.group('g').committed({ topic: 'orders', partition: 1 })).toEqual({ offset: 1 })
  calls.end('1@1')
  await clock.settle()
  calls.end('1@2')
  await clock.settle()
  expect(calls.begun.slice(3)).toEqual(['1@1', '1@2', '3@0'])
  expect(calls.most).toBe(3)
})

it('keeps the order of a partition while one of its records waits for a retry; the others go on', async () => {
  const { broker, clock } = brokerWithOrders(3, 2)
  const seen: string[] = []
  await run(broker, {
    concurrency: 2,
    eachRecord: async ({ partition, offset }, { attempt }) => {
      seen.push(`${partition}@${offset}#${attempt}`)
      if (partition === 0 && offset === 0 && attempt === 1) throw new Error('boom')
    },
  })
  await clock.settle()
  expect(seen).toEqual(['0@0#1', '1@0#1', '1@1#1', '1@2#1'])
  await clock.advance(100)
  expect(seen.slice(4)).toEqual(['0@0#2', '0@1#1', '0@2#1'])
})

it('hands out batches of several partitions at once, those of one partition in order', async () => {
  const { broker, clock } = brokerWithOrders(4, 2)
  const seen: string[] = []
  const first = gate()
  await run(broker, {
    concurrency: 2,
    batch: { maxRecords: 2 },
    eachBatch: async ({ partition, records }) => {
      seen.push(`${partition}: ${records.map(({ offset }) => offset)}`)
      if (partition === 0 && records[0]!.offset === 0) await first.opened
    },
  })
  await clock.settle()
  expect(seen).toEqual(['0: 0,1', '1: 0,1', '1: 2,3'])
  first.open()
  await clock.settle()
  expect(seen.slice(3)).toEqual(['0: 2,3'])
})

it('fills batches of several partitions beside each other', async () => {
  const { broker, clock } = brokerWithOrders(0, 2)
  const seen: string[] = []
  await run(broker, {
    concurrency: 2,
    batch: { maxRecords: 3, lingerMs: 50 },
    eachBatch: ({ partition, records }) => void seen.push(`${partition}: ${records.length}`),
  })
  fill(broker, 'orders', 2, 0)
  fill(broker, 'orders', 3, 1)
  await clock.settle()
  expect(seen).toEqual(['1: 3'])
  await clock.advance(50)
  expect(seen).toEqual(['1: 3', '0: 2'])
})

// --- ordering: 'key' --------------------------------------------------------------------------------------------------

it('handles records of one key one after the other, and other keys of the partition beside them', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'aabac')
  const calls = handlers()
  await run(broker, { concurrency: 10, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.settle()
  expect(calls.begun).toEqual(['0@0', '0@2', '0@4'])
  calls.end('0@0')
  await clock.settle()
  expect(calls.begun.slice(3)).toEqual(['0@1'])
  calls.end('0@1')
  await clock.settle()
  expect(calls.begun.slice(3)).toEqual(['0@1', '0@3'])
})

it('has no order among records without a key', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, '---')
  const calls = handlers()
  await run(broker, { concurrency: 10, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.settle()
  expect(calls.begun).toEqual(['0@0', '0@1', '0@2'])
})

it('knows the same key in bytes', async () => {
  const { broker, clock } = testBroker({ topics: { orders: topic<number, Uint8Array>({ keys: 'bytes' }) } })
  for (const key of [[1], [1], [2]]) broker.topic('orders').append({ key: Uint8Array.from(key), value: 0 })
  const calls = handlers()
  await broker
    .consumer({ groupId: 'g', topics: ['orders'] })
    .run({ concurrency: 10, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.settle()
  expect(calls.begun).toEqual(['0@0', '0@2'])
})

it('handles all beside each other with ordering none', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'aaaa')
  const calls = handlers()
  await run(broker, { concurrency: 3, ordering: 'none', eachRecord: calls.eachRecord })
  await clock.settle()
  expect(calls.begun).toEqual(['0@0', '0@1', '0@2'])
})

it('holds back only the key of a record that waits for its retry', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abab')
  const seen: string[] = []
  await run(broker, {
    ordering: 'key',
    eachRecord: async ({ key, offset }, { attempt }) => {
      seen.push(`${key}${offset}#${attempt}`)
      if (offset === 0 && attempt === 1) throw new Error('boom')
    },
  })
  await clock.settle()
  expect(seen).toEqual(['a0#1', 'b1#1', 'b3#1'])
  expect(broker.group('g').committed(orders0)).toBeNull()
  await clock.advance(100)
  expect(seen.slice(3)).toEqual(['a0#2', 'a2#1'])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 4 })
})

it('gives every partition its turn', async () => {
  const { broker, clock } = brokerWithOrders(0, 3)
  for (const partition of range(0, 3)) append(broker, 'abcdef', partition)
  const calls = handlers()
  await run(broker, { concurrency: 6, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.settle()
  expect(calls.begun).toEqual(['0@0', '1@0', '2@0', '0@1', '1@1', '2@1'])
})

it('reads no more than its handlers can begin', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abcdefghij')
  const calls = handlers()
  const consumer = await run(broker, { concurrency: 2, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.settle()
  expect(calls.begun).toEqual(['0@0', '0@1'])
  expect(consumer.position(orders0)).toBe(2)
  expect(consumer.lag()).toBe(10)
})

it('decodes, and takes what cannot be decoded for a failure of that record', async () => {
  const broken = { encode: json.encode, decode: (bytes: Uint8Array) => decodeOdd(bytes) }
  const { broker, clock } = testBroker({ topics: { orders: topic<number>({ codec: broken }) } })
  for (const value of range(0, 4)) broker.topic('orders').append({ key: `${value}`, value })
  const seen: unknown[] = []
  const skipped: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('skipped', ({ record }) => skipped.push(record.offset))
  await consumer.run({
    concurrency: 4,
    ordering: 'key',
    retry: { attempts: 1 },
    onFailure: 'skip',
    eachRecord: ({ value }) => void seen.push(value),
  })
  await clock.settle()
  expect(seen).toEqual([1, 3])
  expect(skipped).toEqual([0, 2])
})

function decodeOdd(bytes: Uint8Array): number {
  const value: number = json.decode(bytes)
  if (value % 2 === 0) throw new Error('even')
  return value
}

// --- the commit -------------------------------------------------------------------------------------------------------

it('never commits past the lowest record that is not finished', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abcd')
  const calls = handlers()
  await run(broker, { concurrency: 4, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.settle()
  calls.end('0@1', '0@3')
  await clock.settle()
  expect(broker.group('g').committed(orders0)).toBeNull()
  calls.end('0@0')
  await clock.settle()
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 2 })
  calls.end('0@2')
  await clock.settle()
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 4 })
  await broker.idle()
})

it('commits by hand what is finished, and no more', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abc')
  const calls = handlers()
  const consumer = await run(
    broker,
    { concurrency: 3, ordering: 'key', eachRecord: calls.eachRecord },
    { autoCommit: false },
  )
  await clock.settle()
  calls.end('0@0', '0@2')
  await clock.settle()
  expect(broker.group('g').committed(orders0)).toBeNull()
  await consumer.commit()
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 1, metadata: 'done:+1' })
})

it('reads a partition no further than windowRecords past an unfinished record, and tells of it', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abcdefghij')
  const calls = handlers()
  const stalls: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('stalled', event => stalls.push(event))
  await consumer.run({ concurrency: 9, ordering: 'key', windowRecords: 4, eachRecord: calls.eachRecord })
  await clock.settle()
  calls.end('0@1', '0@2', '0@3')
  await clock.settle()
  expect(calls.begun).toEqual(['0@0', '0@1', '0@2', '0@3'])
  expect(stalls).toEqual([{ ...orders0, offset: 0, records: 4 }])
  calls.end('0@0')
  await clock.settle()
  expect(calls.begun.slice(4)).toEqual(['0@4', '0@5', '0@6', '0@7'])
})

it('warns of a full window where nobody listens', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abc')
  const calls = handlers()
  await run(broker, { concurrency: 9, ordering: 'key', windowRecords: 2, eachRecord: calls.eachRecord })
  await clock.settle()
  expect(warnings).toEqual([
    'orders-0 is not read on: 2 records have been read from offset 0 on, which is not finished (windowRecords)',
  ])
})

it('tells the next owner what is finished out of order, so that it is not handled again', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abcdefg')
  const calls = handlers()
  const seen: number[] = []
  const first = await run(broker, {
    concurrency: 9,
    ordering: 'key',
    eachRecord: record => {
      if (record.offset === 2) throw new Error('boom')
      return calls.eachRecord(record)
    },
  })
  await clock.settle()
  calls.end('0@0', '0@3', '0@4', '0@6')
  await clock.settle()
  const closing = first.close()
  await clock.settle()
  calls.end('0@1', '0@5')
  await closing
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 2, metadata: 'done:+1-4' })
  await run(broker, { ordering: 'key', eachRecord: ({ offset }) => void seen.push(offset) })
  await clock.settle()
  append(broker, 'h')
  await clock.settle()
  expect(seen).toEqual([2, 7])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 8 })
})

it('keeps what the owner before has finished out of order where the next one commits before it has read', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abc')
  await broker.admin.setGroupOffsets('g', [{ ...orders0, offset: 0, metadata: 'done:+1' }])
  const seen: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
  await consumer.ready()
  await consumer.commit()
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 0, metadata: 'done:+1' })
  await consumer.run({ ordering: 'key', eachRecord: ({ offset }) => void seen.push(offset) })
  await clock.settle()
  await consumer.commit()
  expect(seen).toEqual([0, 2])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 3 })
})

it('takes metadata of other making for what it is', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abc')
  await broker.admin.setGroupOffsets('g', [{ ...orders0, offset: 0, metadata: 'done: nothing' }])
  const seen: number[] = []
  await run(broker, { ordering: 'key', eachRecord: ({ offset }) => void seen.push(offset) })
  await clock.settle()
  expect(seen).toEqual([0, 1, 2])
})

// --- giving up --------------------------------------------------------------------------------------------------------

it('waits for the handlers of a revoked partition only', async () => {
  const { broker, clock } = brokerWithOrders(0, 2)
  for (const partition of [0, 1]) append(broker, 'abcd', partition)
  const calls = handlers()
  const order: string[] = []
  const first = broker.consumer({ groupId: 'g', topics: ['orders'], clientId: 'first' })
  first.on('revoked', ({ partitions }) => order.push(`revoked ${partitions.map(tp => tp.partition)}`))
  await first.run({ concurrency: 8, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.settle()
  expect(calls.running).toBe(8)
  const second = broker.consumer({ groupId: 'g', topics: ['orders'], clientId: 'second' })
  const seen: string[] = []
  const running = second.run({
    ordering: 'key',
    eachRecord: ({ partition, offset }) => void seen.push(`${partition}@${offset}`),
  })
  await clock.settle()
  const moved = first.assignment[0]!.partition === 0 ? 1 : 0
  calls.end(`${moved}@0`, `${moved}@1`, `${moved}@3`)
  await clock.settle()
  expect(order).toEqual([])
  calls.end(`${moved}@2`)
  await running
  await clock.settle()
  expect(order).toEqual([`revoked ${moved}`])
  expect(owners(broker, 'g')).toEqual({ first: [`orders-${1 - moved}`], second: [`orders-${moved}`] })
  expect(seen).toEqual([])
  expect(broker.group('g').committed({ topic: 'orders', partition: moved })).toEqual({ offset: 4 })
  expect(calls.running).toBe(4)
})

it('begins nothing more once it is closed, and reports what it left', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'aab')
  const calls = handlers()
  const consumer = await run(broker, { concurrency: 9, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.settle()
  const closing = consumer.close()
  calls.end('0@0')
  await clock.settle()
  calls.end('0@2')
  expect(await closing).toEqual([{ group: 'g', ...orders0, from: 1, count: 2 }])
  expect(calls.begun).toEqual(['0@0', '0@2'])
})

it('loses its partitions when one handler takes too long, and comes back when all have ended', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abc')
  const calls = handlers()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  const events: string[] = []
  consumer.on('lost', () => events.push('lost'))
  consumer.on('assigned', () => events.push('assigned'))
  await consumer.run({ concurrency: 3, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.advance(500)
  calls.end('0@1')
  await clock.advance(500)
  expect(events).toEqual(['assigned', 'lost'])
  calls.end('0@0')
  await clock.settle()
  expect(events).toEqual(['assigned', 'lost'])
  calls.end('0@2')
  await clock.settle()
  expect(events).toEqual(['assigned', 'lost', 'assigned'])
  // What it had finished it could still commit, out of order, too.
  expect(calls.begun.slice(3)).toEqual(['0@0', '0@2'])
})

it('buys time for the handler that asks for it', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'ab')
  const beats: (() => void)[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  let lost = 0
  consumer.on('lost', () => lost++)
  const waits = gate()
  await consumer.run({
    concurrency: 2,
    ordering: 'key',
    eachRecord: async (_record, { heartbeat }) => {
      beats.push(heartbeat)
      await waits.opened
    },
  })
  await clock.advance(900)
  for (const beat of beats) beat()
  await clock.advance(900)
  expect(lost).toBe(0)
  // One of them alone does not answer for the other.
  beats[0]!()
  await clock.advance(200)
  expect(lost).toBe(1)
  waits.open()
  await clock.settle()
})

it('restarts on a failure, and handles nothing twice that was finished', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abcd')
  const seen: number[] = []
  let failing = true
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('restarting', () => {
    failing = false
  })
  await consumer.run({
    concurrency: 4,
    ordering: 'key',
    retry: { attempts: 1 },
    eachRecord: async ({ offset }) => {
      await Promise.resolve()
      if (offset === 1 && failing) throw new Error('boom')
      seen.push(offset)
    },
  })
  await clock.advance(1000)
  expect(seen).toEqual([0, 2, 3, 1])
})

// --- controls ---------------------------------------------------------------------------------------------------------

it('begins nothing of a paused partition, and goes on with what it had read', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'aabb')
  const calls = handlers()
  const consumer = await run(broker, { concurrency: 9, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.settle()
  consumer.pause()
  calls.end('0@0', '0@2')
  await clock.settle()
  expect(calls.begun).toEqual(['0@0', '0@2'])
  consumer.resume()
  await clock.settle()
  expect(calls.begun.slice(2)).toEqual(['0@1', '0@3'])
  calls.end('0@1', '0@3')
  await broker.idle()
})

it('goes on from where it is sought to, and forgets what it had read', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'aaaaaa')
  const seen: number[] = []
  await run(broker, {
    concurrency: 4,
    ordering: 'key',
    eachRecord: async ({ offset }, { consumer }) => {
      seen.push(offset)
      await Promise.resolve()
      if (offset === 1 && seen.length < 4) consumer.seek(orders0, 4)
    },
  })
  await clock.settle()
  expect(seen).toEqual([0, 1, 4, 5])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 6 })
})

it.each(['key', 'none', 'partition'] as const)(
  'goes on from there once the handlers have ended that a seek found at work, with ordering %s',
  async ordering => {
    const { broker, clock } = brokerWithOrders()
    append(broker, 'aba')
    const calls = handlers()
    const consumer = await run(broker, { concurrency: 4, ordering, eachRecord: calls.eachRecord })
    await clock.settle()
    const begun = [...calls.begun]
    consumer.seek(orders0, 0)
    await clock.settle()
    expect(calls.begun).toEqual(begun)
    for (const id of begun) {
      expect(calls.begun).toEqual(begun)
      calls.end(id)
      await clock.settle()
    }
    expect(calls.begun).toEqual([...begun, ...begun])
    expect(calls.most).toBe(begun.length)
  },
)

it('finishes what is in flight before it moves on in a trimmed log', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abc')
  const calls = handlers()
  const resets: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('offsetReset', ({ from, to }) => resets.push([from, to]))
  await consumer.run({ concurrency: 2, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.settle()
  append(broker, 'defg')
  broker.topic('orders').partitions[0]!.deleteRecords(5)
  calls.end('0@1')
  await clock.settle()
  expect(resets).toEqual([])
  expect(calls.begun).toEqual(['0@0', '0@1'])
  calls.end('0@0')
  await clock.settle()
  expect(resets).toEqual([[2, 5]])
  expect(calls.begun.slice(2)).toEqual(['0@5', '0@6'])
})

it('reads a bounded topic to its end, and not beyond', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'aabc')
  const calls = handlers()
  const consumer = broker.consumer({ topics: ['orders'], until: 'end' })
  await consumer.run({ concurrency: 9, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.settle()
  append(broker, 'd')
  calls.end('0@3')
  await clock.settle()
  calls.end('0@0', '0@2')
  await clock.settle()
  calls.end('0@1')
  await consumer.done
  expect(calls.begun).toEqual(['0@0', '0@2', '0@3', '0@1'])
})

it('drains before it closes', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'aabbcc')
  const seen: number[] = []
  const consumer = await run(broker, {
    concurrency: 2,
    ordering: 'key',
    eachRecord: async ({ offset }) => {
      await broker.clock.sleep(10)
      seen.push(offset)
    },
  })
  const closing = consumer.close({ drain: true })
  await clock.advance(1000)
  expect(await closing).toEqual([])
  expect(seen.sort()).toEqual([0, 1, 2, 3, 4, 5])
})

it('calls handlers in the async context of run', async () => {
  const { broker, clock } = brokerWithOrders()
  const context = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  await context.run('runner', () =>
    run(broker, {
      concurrency: 2,
      ordering: 'key',
      eachRecord: async () => {
        seen.push(context.getStore())
        await broker.clock.sleep(1)
      },
    }),
  )
  context.run('sender', () => append(broker, 'abcdef'))
  await clock.advance(10)
  expect(seen).toEqual(Array.from({ length: 6 }, () => 'runner'))
})

it('says who is handling what when idle takes too long', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'ab')
  const calls = handlers()
  await run(broker, { concurrency: 2, ordering: 'key', eachRecord: calls.eachRecord }, { clientId: 'c' })
  const idle = broker.idle({ timeoutMs: 50 })
  await Promise.all([
    expect(idle).rejects.toThrow(/handling orders-0 offset 1, for 50 ms/),
    clock.advance(50),
  ])
  calls.end('0@0', '0@1')
})

// --- throughput -------------------------------------------------------------------------------------------------------

it('reaches 0.8 of 256 times the rate of one handler, with 100,000 keys in 12 partitions and a poison one', async () => {
  const { broker, clock } = testBroker()
  broker.createTopic('orders', { partitions: 12 })
  const count = 100_000
  const producer = broker.producer()
  await producer.sendBatch(range(0, count).map(id => ({ topic: 'orders', key: `key-${id}`, value: id })))
  let handled = 0
  await run(broker, {
    concurrency: 256,
    ordering: 'key',
    retry: { attempts: Number.POSITIVE_INFINITY, delayMs: 60_000 },
    eachRecord: async ({ value }) => {
      await broker.clock.sleep(5)
      if (value === 50) throw new Error('poison')
      handled++
    },
  })
  // One handler would need 5 ms a record.
  await clock.advance((5 * count) / 256 / 0.8)
  expect(handled).toBe(count - 1)
}, 60_000)

it('ends a close whose handlers do not, aborts their signals, and reports what they leave', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abcd')
  const calls = handlers()
  const aborted: number[] = []
  const consumer = await run(broker, {
    concurrency: 3,
    ordering: 'key',
    eachRecord: (record, { signal }) => {
      signal.addEventListener('abort', () => aborted.push(record.offset))
      return calls.eachRecord(record)
    },
  })
  await clock.settle()
  calls.end('0@1')
  await clock.settle()
  const closing = consumer.close({ timeoutMs: 1000 })
  await clock.advance(1000)
  expect(await closing).toEqual([{ group: 'g', ...orders0, from: 0, count: 4 }])
  expect(aborted).toEqual([0, 2, 3].filter(offset => calls.begun.includes(`0@${offset}`)))
  // What was finished out of order is not handled again.
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 0, metadata: 'done:+1' })
  calls.end('0@0', '0@2', '0@3')
  await clock.settle()
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 0, metadata: 'done:+1' })
})

it('comes back from a restart only when the handlers beside the failed one have ended', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'ab')
  const long = gate()
  const steps: string[] = []
  let failing = true
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1_000_000 })
  consumer.on('restarting', () => {
    failing = false
  })
  await consumer.run({
    concurrency: 2,
    ordering: 'key',
    retry: { attempts: 1 },
    eachRecord: async ({ offset }) => {
      steps.push(`begins ${offset}`)
      if (offset === 1 && failing) throw new Error('boom')
      if (offset === 0) await long.opened
      steps.push(`ends ${offset}`)
    },
  })
  // Longer than a restart waits for what is in flight, and than its delay.
  await clock.advance(60_000)
  expect(steps).toEqual(['begins 0', 'begins 1'])
  long.open()
  await clock.settle()
  expect(steps.slice(2)).toEqual(['ends 0', 'begins 0', 'begins 1', 'ends 1', 'ends 0'])
})
