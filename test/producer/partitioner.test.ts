import { Partitioners } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { partitionForKey, StickyRoundRobin } from '../../src/producer/partitioner.ts'
import { fc } from '../helpers/fast-check.ts'

function kafkaJsPartition(key: string | Buffer, partitionCount: number): number {
  const partitionMetadata = Array.from({ length: partitionCount }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: 0,
    replicas: [],
    isr: [],
  }))
  return Partitioners.DefaultPartitioner()({
    topic: 'orders',
    partitionMetadata,
    message: { key, value: null },
  })
}

/** What `count` records of one batch get. */
function batch(sticky: StickyRoundRobin, topic: string, partitionCount: number, count: number): number[] {
  const partitions = Array.from({ length: count }, () => sticky.next(topic, partitionCount))
  sticky.advance(topic)
  return partitions
}

/** What one `send` gets. */
function send(sticky: StickyRoundRobin, topic: string, partitionCount: number): number {
  return batch(sticky, topic, partitionCount, 1)[0]!
}

describe('the partition of a key', () => {
  it('[81] is the positive murmur2 of the key modulo the number of partitions', () => {
    expect(partitionForKey('foobar', 10)).toBe(1_357_151_166 % 10)
    expect(partitionForKey('21', 12)).toBe(1_173_551_340 % 12)
    expect(partitionForKey('', 7)).toBe(275_646_681 % 7)
  })

  it('[82] is the same as in KafkaJS for strings and bytes', () => {
    const counts = fc.integer({ min: 1, max: 200 })
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.uint8Array(), counts, (text, bytes, count) => {
        expect(partitionForKey(text, count)).toBe(kafkaJsPartition(text, count))
        expect(partitionForKey(bytes, count)).toBe(kafkaJsPartition(Buffer.from(bytes), count))
      }),
    )
  })

  it('[83] changes for some keys when the topic grows', () => {
    const keys = Array.from({ length: 100 }, (_, index) => `o-${index}`)
    const stayed = keys.filter(key => partitionForKey(key, 6) === partitionForKey(key, 7))
    expect(stayed.length).toBeLessThan(keys.length / 2)
  })

  it('spreads keys over all partitions', () => {
    const used = new Set(Array.from({ length: 1000 }, (_, index) => partitionForKey(`o-${index}`, 12)))
    expect(used.size).toBe(12)
  })
})

describe('a sticky round robin', () => {
  it('[81] gives each send the next partition in turn', () => {
    const sticky = new StickyRoundRobin()
    expect(Array.from({ length: 7 }, () => send(sticky, 'orders', 3))).toEqual([0, 1, 2, 0, 1, 2, 0])
  })

  it('[81] keeps the records of a batch together and gives the next batch the next partition', () => {
    const sticky = new StickyRoundRobin()
    expect(batch(sticky, 'orders', 3, 4)).toEqual([0, 0, 0, 0])
    expect(batch(sticky, 'orders', 3, 2)).toEqual([1, 1])
    expect(send(sticky, 'orders', 3)).toBe(2)
  })

  it('moves on inside a batch after 500 records', () => {
    const sticky = new StickyRoundRobin()
    const partitions = batch(sticky, 'orders', 2, 1001)
    expect([499, 500, 999, 1000].map(index => partitions[index])).toEqual([0, 1, 1, 0])
    expect(send(sticky, 'orders', 2)).toBe(1)
  })

  it('moves on once when a batch ends with a full run', () => {
    const sticky = new StickyRoundRobin()
    expect(new Set(batch(sticky, 'orders', 3, 500))).toEqual(new Set([0]))
    expect(send(sticky, 'orders', 3)).toBe(1)
  })

  it('keeps the turn of each topic apart', () => {
    const sticky = new StickyRoundRobin()
    expect([send(sticky, 'a', 3), send(sticky, 'b', 3), send(sticky, 'a', 3)]).toEqual([0, 0, 1])
  })

  it('does not skip a partition for a batch without unkeyed records', () => {
    const sticky = new StickyRoundRobin()
    sticky.advance('orders')
    expect(send(sticky, 'orders', 3)).toBe(0)
    sticky.advance('orders')
    expect(send(sticky, 'orders', 3)).toBe(1)
  })

  it('takes partitions that were added into the round at once', () => {
    const sticky = new StickyRoundRobin()
    expect([send(sticky, 'orders', 2), send(sticky, 'orders', 2), send(sticky, 'orders', 3)]).toEqual([
      0, 1, 2,
    ])
  })

  it('starts again for a topic that was deleted and made anew', () => {
    const sticky = new StickyRoundRobin()
    expect([send(sticky, 'orders', 6), send(sticky, 'orders', 6)]).toEqual([0, 1])
    sticky.forget('orders')
    expect(send(sticky, 'orders', 2)).toBe(0)
  })

  it('answers within the number of partitions, even when there are fewer than before', () => {
    const sticky = new StickyRoundRobin()
    for (let index = 0; index < 5; index++) send(sticky, 'orders', 6)
    expect(send(sticky, 'orders', 2)).toBe(0)
  })
})
