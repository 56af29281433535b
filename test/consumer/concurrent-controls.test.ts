import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, it } from 'vitest'
import { append, handlers, run } from '../helpers/concurrency.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'

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
      await consumer.commit()
      expect(broker.group('g').committed(orders0)).toEqual({ offset: 0 })
    }
    expect(calls.begun).toEqual([...begun, ...begun])
    expect(calls.most).toBe(begun.length)
  },
)

it('hands out every record from where it is sought to, also in the midst of what it reads', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abcdefgh')
  const seen: number[] = []
  await run(broker, {
    ordering: 'key',
    eachRecord: ({ offset }, { consumer }) => {
      seen.push(offset)
      if (offset === 1) consumer.seek(orders0, 4)
    },
  })
  await clock.settle()
  expect(seen).toEqual([0, 1, 4, 5, 6, 7])
})

it('has its position after the lowest records that have begun, whatever is finished above', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abcddef')
  await broker.admin.setGroupOffsets('g', [{ ...orders0, offset: 0, metadata: 'done:+1-2' }])
  const calls = handlers()
  const consumer = await run(broker, { concurrency: 2, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.settle()
  // The two between them are finished.
  expect(calls.begun).toEqual(['0@0', '0@3'])
  expect(consumer.position(orders0)).toBe(4)
  calls.end('0@0')
  await clock.settle()
  // The one between them waits for its key.
  expect(calls.begun).toEqual(['0@0', '0@3', '0@5'])
  expect(consumer.position(orders0)).toBe(4)
  calls.end('0@3', '0@5')
  await clock.settle()
  expect(calls.begun.slice(3)).toEqual(['0@4', '0@6'])
  expect(consumer.position(orders0)).toBe(7)
})

// Those with the key x are given up, the others never end.
it.each([
  ['xaab', 2, 2],
  ['xxaab', 3, 2],
  ['axcab', 3, 2],
])('has its position after those that were given up, too: %s', async (keys, position, count) => {
  const { broker, clock } = brokerWithOrders()
  const dropped: unknown[] = []
  broker.on('recordsDropped', ({ groups }) => dropped.push(...groups))
  append(broker, keys)
  const eachRecord = async ({ key }: { key: unknown }) => {
    if (key === 'x') throw new Error('down')
    await new Promise(() => {})
  }
  const options = { concurrency: 8, ordering: 'key', retry: { attempts: 1 }, onFailure: 'skip' } as const
  const consumer = await run(broker, { ...options, eachRecord })
  await clock.settle()
  expect(consumer.position(orders0)).toBe(position)
  broker.topic('orders').partitions[0]!.deleteRecords(keys.length)
  expect(dropped).toEqual([{ groupId: 'g', count }])
})

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
