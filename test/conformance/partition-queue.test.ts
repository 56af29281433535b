import { describe, expect, it } from 'vitest'
import type { EngineTopic } from '../../src/engine.ts'
import { PartitionQueue } from '../../src/kafka/partition-queue.ts'
import { RecordSend } from '../../src/kafka/produced-record.ts'
import { noHeaders } from '../../src/record.ts'

/** A queue of records that were sent one after the other, a millisecond apart, and how their values are told apart. */
function queueOf(...values: readonly string[]) {
  const queue = new PartitionQueue('orders', 0)
  for (const [since, value] of values.entries()) {
    const topic = { name: 'orders' } as EngineTopic
    const sent = {
      topic,
      partition: 0,
      key: null,
      value: Buffer.from(value),
      headers: noHeaders,
      timestamp: undefined,
    }
    for (const record of new RecordSend([sent], 0, since, 10_000).records) queue.add(record)
  }
  const take = () => sinceOf(queue.take(1))
  return { queue, take }
}

const sinceOf = (records: readonly { readonly since: number }[]) => records.map(({ since }) => since)
const failure = new Error('not now')

describe('the records that wait for one partition', () => {
  it('are told why nothing could be written, until something is', () => {
    const { queue, take } = queueOf('a', 'b')
    take()
    expect([queue.putBack(failure), queue.failure]).toEqual([true, failure])
    take()
    queue.done()
    expect([queue.failure, queue.sequence]).toEqual([undefined, 1])
  })

  it('are sent again unchanged, before those that came after them', () => {
    const { queue, take } = queueOf('a', 'b')
    expect(take()).toEqual([0])
    expect(queue.ready).toBe(false)
    queue.putBack(failure)
    expect([queue.ready, queue.failures, take()]).toEqual([true, 1, [0]])
    expect([sinceOf(queue.done()), queue.failures, take()]).toEqual([[0], 0, [1]])
  })

  it('are given up in flight, and while they wait to be sent again', () => {
    const { queue, take } = queueOf('a', 'b')
    take()
    expect(sinceOf(queue.giveUp())).toEqual([0])
    expect(queue.ready).toBe(true)
    take()
    queue.putBack(failure)
    expect(sinceOf(queue.giveUp())).toEqual([1])
    expect([queue.ready, queue.failures, sinceOf(queue.giveUp())]).toEqual([false, 0, []])
  })

  it('are let go of once: what is answered then settles nothing again, and the next ones are sent', () => {
    const { queue, take } = queueOf('a', 'b')
    take()
    expect(sinceOf(queue.letGo())).toEqual([0])
    expect(sinceOf(queue.letGo())).toEqual([])
    expect([queue.putBack(failure), queue.split(), queue.failure]).toEqual([false, false, undefined])
    expect([queue.ready, queue.batchSince, queue.waitingSince]).toEqual([false, Number.POSITIVE_INFINITY, 1])
    expect(sinceOf(queue.done())).toEqual([])
    expect(take()).toEqual([1])
    expect(sinceOf(queue.done())).toEqual([1])
  })

  it('know since when the oldest of them has waited, in flight or not', () => {
    const { queue, take } = queueOf('a', 'b')
    expect([queue.batchSince, queue.waitingSince]).toEqual([Number.POSITIVE_INFINITY, 0])
    take()
    expect([queue.batchSince, queue.waitingSince]).toEqual([0, 0])
    queue.putBack(failure)
    expect([queue.batchSince, queue.waitingSince]).toEqual([0, 0])
    queue.giveUp()
    expect([queue.batchSince, queue.waitingSince]).toEqual([Number.POSITIVE_INFINITY, 1])
  })

  it('know the least room that they need: one record, or all of a batch that is sent again', () => {
    const { queue } = queueOf('a', 'bcd')
    expect(queue.leastBytes).toBe(17)
    queue.take(10_000)
    expect(queue.leastBytes).toBe(0)
    queue.putBack(failure)
    expect(queue.leastBytes).toBe(17 + 19)
  })

  it('are halved where they were too large, in order, until the first half is written', () => {
    const { queue } = queueOf('a', 'b', 'c', 'd', 'e')
    const take = () => sinceOf(queue.take(10_000))
    expect(take()).toEqual([0, 1, 2, 3, 4])
    expect([queue.split(), take()]).toEqual([true, [0, 1, 2]])
    queue.done()
    expect(take()).toEqual([3, 4])
    expect([queue.split(), take(), queue.split()]).toEqual([true, [3], false])
  })
})
