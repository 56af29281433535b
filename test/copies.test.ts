import type * as Brokerlet from 'brokerlet'
import { BatchError, Broker, headersOf, isBrokerletError, topic } from 'brokerlet'
import { TestBroker } from 'brokerlet/testing'
import { expect, it, vi } from 'vitest'

// A process that uses both `import` and `require` has two copies of this package.
async function otherCopy(): Promise<typeof Brokerlet> {
  vi.resetModules()
  const other = await import('brokerlet')
  expect(other.Broker).not.toBe(Broker)
  return other
}

it("knows the other copy's errors", async () => {
  const other = await otherCopy()
  expect(isBrokerletError(new other.ClosedError('closed'))).toBe(true)
})

it("knows how far a handler of batches came by the other copy's BatchError", async () => {
  const other = await otherCopy()
  for (const Made of [BatchError, other.BatchError]) {
    const broker = new TestBroker({ topics: { orders: topic<number>() } })
    for (const value of [0, 1, 2]) broker.topic('orders').append({ value })
    const skipped: unknown[] = []
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    consumer.on('skipped', ({ record, error }) => skipped.push([record.offset, error]))
    const cause = new Error('no stock')
    let failed = false
    await consumer.run({
      eachBatch: ({ records }) => {
        if (failed) return
        failed = true
        throw new Made(cause, { failedAt: records[1]! })
      },
      retry: { attempts: 1 },
      onFailure: 'skip',
    })
    await broker.idle()
    expect(skipped).toEqual([[1, cause]])
    const done = broker.timeline.ofKind('processed').map(({ offset }) => offset)
    expect(done).toEqual([0, 2])
    await broker.close()
  }
})

it("has all headers of a record of the other copy's broker", async () => {
  const other = await otherCopy()
  const broker = new Broker({ topics: { orders: topic<number>() } })
  const headers = [
    ['tag', 'a'],
    ['tag', 'b'],
  ] as const
  broker.topic('orders').append({ value: 1, headers })
  const [record] = broker.topic('orders').records()
  expect(headersOf(record!)).toEqual(headers)
  expect(other.headersOf(record!)).toEqual(headers)
})
