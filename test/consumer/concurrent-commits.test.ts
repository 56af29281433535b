import { expect, it } from 'vitest'
import { range } from '../helpers/behaviours.ts'
import { append, handlers, run } from '../helpers/concurrency.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'
import { collectWarnings } from '../helpers/warnings.ts'

const warnings = collectWarnings()

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
  // Each time that it stands still.
  expect(stalls.slice(1)).toEqual([{ ...orders0, offset: 4, records: 4 }])
  calls.end('0@4')
  await clock.settle()
  expect(calls.begun.slice(8)).toEqual(['0@8'])
})

it('warns of a full window where nobody listens', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abc')
  const calls = handlers()
  await run(broker, { concurrency: 9, ordering: 'key', windowRecords: 2, eachRecord: calls.eachRecord })
  await clock.settle()
  expect(warnings).toEqual([
    "Consumer 'consumer' of group 'g' is stalled at orders-0: 2 records have been read from offset 0 on, and that one is not finished (windowRecords)",
  ])
  // Once is enough.
  append(broker, 'defg')
  calls.end('0@0', '0@1')
  await clock.settle()
  expect(calls.begun).toEqual(['0@0', '0@1', '0@2', '0@3'])
  expect(warnings).toHaveLength(1)
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

it('passes on what the owner before has finished out of order and it has not come to itself', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abcdefgh')
  await broker.admin.setGroupOffsets('g', [{ ...orders0, offset: 0, metadata: 'done:+1-3,+5-6' }])
  const calls = handlers()
  const stuck = await run(broker, {
    ordering: 'key',
    concurrency: 2,
    windowRecords: 3,
    eachRecord: calls.eachRecord,
  })
  stuck.on('stalled', () => {})
  await clock.settle()
  expect(calls.begun).toEqual(['0@0'])
  expect(stuck.position(orders0)).toBe(3)
  await stuck.close({ timeoutMs: 0 })
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 0, metadata: 'done:+1-2,+3,+5-6' })
  const seen: number[] = []
  await run(broker, { ordering: 'key', eachRecord: ({ offset }) => void seen.push(offset) })
  await clock.settle()
  expect(seen).toEqual([0, 4, 7])
})

it('tells the next owner nothing of what was finished out of order before a seek', async () => {
  const { broker, clock } = brokerWithOrders()
  append(broker, 'abc')
  const calls = handlers()
  const consumer = await run(broker, { concurrency: 3, ordering: 'key', eachRecord: calls.eachRecord })
  await clock.settle()
  calls.end('0@1', '0@2')
  await clock.settle()
  consumer.seek(orders0, 0)
  const closed = consumer.close({ timeoutMs: 0 })
  await clock.settle()
  await closed
  expect(broker.group('g').committed(orders0)?.metadata).toBeUndefined()
  const seen: number[] = []
  await run(broker, { eachRecord: ({ offset }) => void seen.push(offset) })
  await broker.idle()
  expect(seen).toEqual([0, 1, 2])
})

it('tells the next owner as much of what is finished out of order as a commit can hold, the lowest first', async () => {
  const { broker, clock } = brokerWithOrders(2000)
  const stuck = await run(broker, {
    ordering: 'none',
    concurrency: 2000,
    windowRecords: 2000,
    eachRecord: ({ offset }) => (offset % 2 === 0 ? new Promise(() => {}) : undefined),
  })
  await clock.settle()
  await stuck.close({ timeoutMs: 0 })
  const { offset, metadata } = broker.group('g').committed(orders0)!
  const told = metadata!.slice('done:'.length).split(',').map(Number)
  expect([offset, told]).toEqual([0, range(0, told.length).map(i => 2 * i + 1)])
  // The next one would be five bytes more, and a comma.
  expect(metadata!.length).toBeGreaterThan(4096 - 6)
  expect(metadata!.length).toBeLessThanOrEqual(4096)
  const seen: number[] = []
  await run(broker, { ordering: 'none', eachRecord: record => void seen.push(record.offset) })
  await clock.settle()
  expect(seen).toEqual(range(0, 2000).filter(each => !told.includes(each)))
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
