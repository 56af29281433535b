import { expect, it } from 'vitest'
import { SharePartition } from '../../../src/server/share/share-partition.ts'
import { acquire, generous, say } from './share-partition-scene.ts'
import { accept, release } from './share-scene.ts'

it('gives what was released to whoever comes next, and counts how often', () => {
  const partition = new SharePartition(0)
  acquire(partition)
  say(partition, 'a', accept(0, 3), release(4, 5), accept(6, 9))
  expect(partition.nextFetchOffset(generous)).toBe(4)
  expect(acquire(partition, { memberId: 'b' })).toBe('4-5 x2')
})

it('delivers again exactly as many as are asked for, of several batches', () => {
  const partition = new SharePartition(0)
  const batches = [0, 4, 8].map(first => ({ first, last: first + 3 }))
  acquire(partition, { batches, batchSize: 1 })
  partition.release('a', generous)
  expect(acquire(partition, { batches, exact: true, maxRecords: 7 })).toBe('0-3 x2, 4-6 x2')
  expect(acquire(partition, { batches, exact: true, maxRecords: 7 })).toBe('7-7 x2, 8-11 x2')
})

it('archives what was delivered as often as it may be', () => {
  const partition = new SharePartition(0)
  const limits = { ...generous, deliveryCountLimit: 2 }
  acquire(partition, {}, limits)
  partition.acknowledge('a', [release(0, 9)], limits, 0)
  expect(acquire(partition, {}, limits)).toBe('0-9 x2')
  partition.acknowledge('a', [release(0, 9)], limits, 0)
  expect(partition.startOffset).toBe(10)
  expect(partition.inFlight).toEqual([])
})

it('delivers what came often in smaller pieces, and alone for the last time', () => {
  const partition = new SharePartition(0)
  const deliveries: string[] = []
  for (let i = 0; i < 10; i++) {
    const acquired = acquire(partition, { batches: [{ first: 0, last: 3 }] })
    deliveries.push(acquired)
    partition.release('a', generous)
  }
  expect(deliveries).toEqual([
    '0-3 x1',
    '0-3 x2',
    '0-3 x3',
    '0-1 x4',
    '0-0 x5',
    '1-1 x5',
    '2-3 x4',
    '2-2 x5',
    '3-3 x5',
    '',
  ])
  expect(partition.startOffset).toBe(4)
})

it('delivers a record alone for the last time where that is the third', () => {
  const partition = new SharePartition(0)
  const limits = { ...generous, deliveryCountLimit: 3 }
  for (const deliveries of ['0-9 x1', '0-9 x2', '0-0 x3', '1-1 x3']) {
    expect(acquire(partition, {}, limits)).toBe(deliveries)
    partition.release('a', limits)
  }
})

it('delivers half as many with each time', () => {
  const partition = new SharePartition(0)
  const limits = { ...generous, deliveryCountLimit: 10 }
  const batches = [{ first: 0, last: 15 }]
  const deliveries: string[] = []
  for (let i = 0; i < 11; i++) {
    deliveries.push(acquire(partition, { batches }, limits))
    partition.release('a', limits)
  }
  expect(deliveries.slice(4)).toEqual([
    '0-15 x5',
    '0-7 x6',
    '0-3 x7',
    '0-1 x8',
    '0-0 x9',
    '0-0 x10',
    '1-1 x9',
  ])
})

it('delivers as few as what came most often allows, with what came less often after it', () => {
  const partition = new SharePartition(0)
  const limits = { ...generous, deliveryCountLimit: 10 }
  const batches = [{ first: 0, last: 15 }]
  for (let times = 1; times <= 5; times++) {
    partition.release('b', limits)
    acquire(partition, { batches, memberId: 'b' }, limits)
  }
  partition.acknowledge('b', [release(0, 0)], limits, 0)
  for (const times of [6, 7]) {
    expect(acquire(partition, { batches }, limits)).toBe(`0-0 x${times}`)
    partition.release('a', limits)
  }
  partition.release('b', limits)
  expect(acquire(partition, { batches }, limits)).toBe('0-0 x8, 1-1 x6')
})

it('delivers as many as the first of what came often allows, with what came more often after it', () => {
  const partition = new SharePartition(0)
  const limits = { ...generous, deliveryCountLimit: 6 }
  const batches = [{ first: 0, last: 7 }]
  for (let times = 1; times <= 3; times++) {
    partition.release('b', limits)
    acquire(partition, { batches, memberId: 'b' }, limits)
  }
  partition.acknowledge('b', [release(1, 7)], limits, 0)
  expect(acquire(partition, { batches }, limits)).toBe('1-4 x4')
  partition.release('a', limits)
  partition.release('b', limits)
  expect(acquire(partition, { batches }, limits)).toBe('0-0 x4, 1-3 x5')
})

it('delivers a record alone for the last time, however large its batch was', () => {
  const partition = new SharePartition(0)
  const batches = [{ first: 0, last: 99 }]
  for (let i = 0; i < 4; i++) {
    acquire(partition, { batches })
    partition.release('a', generous)
  }
  expect(acquire(partition, { batches })).toBe('0-0 x5')
})

it('delivers what came less often before what comes for the last time, of one batch', () => {
  const partition = new SharePartition(0)
  const batches = [{ first: 0, last: 15 }]
  acquire(partition, { batches })
  partition.release('a', generous)
  expect(acquire(partition, { batches, exact: true, maxRecords: 8, memberId: 'b' })).toBe('0-7 x2')
  for (const times of [2, 3, 4]) {
    expect(acquire(partition, { batches })).toBe(`8-15 x${times}`)
    partition.release('a', generous)
  }
  partition.release('b', generous)
  expect(acquire(partition, { batches })).toBe('0-7 x3')
  expect(acquire(partition, { batches })).toBe('8-8 x5')
})

it('delivers all that came less often with a part of what came often, of one batch', () => {
  const partition = new SharePartition(0)
  const batches = [{ first: 0, last: 15 }]
  acquire(partition, { batches, memberId: 'b' })
  say(partition, 'b', release(4, 15))
  for (const times of [2, 3]) {
    expect(acquire(partition, { batches })).toBe(`4-15 x${times}`)
    partition.release('a', generous)
  }
  partition.release('b', generous)
  // Half of the batch, of which four came less often.
  expect(acquire(partition, { batches })).toBe('0-3 x2, 4-7 x4')
})

it('delivers one record at least of what came often, however small its batch is', () => {
  const limits = { ...generous, deliveryCountLimit: 10 }
  const partition = new SharePartition(0)
  const batches = [{ first: 0, last: 1 }]
  for (let times = 1; times <= 5; times++) {
    expect(acquire(partition, { batches }, limits)).toBe(`0-1 x${times}`)
    partition.release('a', limits)
  }
  for (let times = 6; times <= 8; times++) {
    expect(acquire(partition, { batches }, limits)).toBe(`0-0 x${times}`)
    expect(acquire(partition, { batches }, limits)).toBe(`1-1 x${times}`)
    partition.release('a', limits)
  }
})

it('delivers nothing else together with what came often', () => {
  const partition = new SharePartition(0)
  const batches = [
    { first: 0, last: 1 },
    { first: 2, last: 3 },
  ]
  for (let i = 0; i < 3; i++) {
    acquire(partition, { batches: batches.slice(0, 1) })
    partition.release('a', generous)
  }
  expect(acquire(partition, { batches })).toBe('0-0 x4')
  expect(acquire(partition, { batches })).toBe('1-1 x4')
  expect(acquire(partition, { batches })).toBe('2-3 x1')
})

it('delivers what came often after what comes before it, and not with it', () => {
  const partition = new SharePartition(0)
  const batches = [
    { first: 0, last: 1 },
    { first: 2, last: 3 },
  ]
  acquire(partition, { batches, batchSize: 1, memberId: 'b' })
  for (let i = 0; i < 3; i++) {
    say(partition, 'b', release(2, 3))
    if (i < 2) acquire(partition, { batches, memberId: 'b' })
  }
  partition.release('b', generous)
  expect(acquire(partition, { batches })).toBe('0-1 x2')
  expect(acquire(partition, { batches })).toBe('2-2 x4')
})

it('delivers nothing new while what came often is still to come', () => {
  const partition = new SharePartition(0)
  const batches = [0, 2, 4].map(first => ({ first, last: first + 1 }))
  const delivered = batches.slice(0, 2)
  acquire(partition, { batches: delivered, batchSize: 1, memberId: 'b' })
  for (const times of [2, 3]) {
    say(partition, 'b', release(2, 3))
    expect(acquire(partition, { batches: delivered, memberId: 'b' })).toBe(`2-3 x${times}`)
  }
  partition.release('b', generous)
  expect(acquire(partition, { batches })).toBe('0-1 x2')
  expect(acquire(partition, { batches })).toBe('2-2 x4')
  expect(acquire(partition, { batches })).toBe('3-3 x4')
  expect(acquire(partition, { batches })).toBe('4-5 x1')
})
