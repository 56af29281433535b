import { afterEach, expect, it, vi } from 'vitest'
import { BrokerClock } from '../../../src/broker-clock.ts'
import type { Clock } from '../../../src/clock.ts'
import type { Partition } from '../../../src/log/partition.ts'
import type { ResolvedGroupConfig } from '../../../src/server/group-configs.ts'
import { SharePartitions } from '../../../src/server/share/share-partitions.ts'
import { TestBroker } from '../../../src/testing/index.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { accept, release } from './share-scene.ts'

const brokers: TestBroker[] = []
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close()
})

const config = {
  shareAutoOffsetReset: 'earliest',
  shareDeliveryCountLimit: 5,
  shareIsolationLevel: 'read_uncommitted',
  sharePartitionMaxRecordLocks: 2000,
  shareRecordLockDurationMs: 100,
  shareRenewAcknowledgeEnable: true,
} as ResolvedGroupConfig

/** How far a group has read a topic of two partitions with ten records each. */
function start(clock: Clock = new VirtualClock(), more: Partial<ResolvedGroupConfig> = {}) {
  const broker = new TestBroker()
  brokers.push(broker)
  const orders = broker.createTopic('orders', { partitions: 2 })
  for (let i = 0; i < 20; i++) orders.append({ value: i, partition: i % 2 })
  const [log, other] = orders.partitions as readonly [Partition, Partition]
  const host = {
    clock: new BrokerClock(clock),
    config: { ...config, ...more },
    touch() {},
    giveUp() {},
  }
  const partitions = new SharePartitions('g', host)
  const setConfig = (changes: Partial<ResolvedGroupConfig>) => {
    host.config = { ...host.config, ...changes }
  }
  const wish = { maxRecords: 10, batchSize: 10, exact: true }
  const acquire = (of: Partition, memberId: string, maxRecords = 10) =>
    partitions.acquire(of, [{ first: 0, last: 9 }], { ...wish, memberId, maxRecords })
  return { partitions, log, other, acquire, setConfig }
}

it('ends a lock that was taken at the very time at which one was given back', async () => {
  const clock = new VirtualClock()
  const { partitions, log, acquire } = start(clock)
  acquire(log, 'a')
  partitions.acknowledge(log, 'a', [release(0, 9)])
  acquire(log, 'b')
  await clock.advance(100)
  expect(acquire(log, 'c')).toEqual([{ first: 0, last: 9, deliveryCount: 3 }])
})

it('lets those who wait look again at an acknowledgement after its config has allowed more locks', () => {
  const clock = new VirtualClock()
  const { partitions, log, acquire, setConfig } = start(clock, { sharePartitionMaxRecordLocks: 10 })
  acquire(log, 'a')
  let looks = 0
  partitions.listeners.add(() => looks++)
  expect(partitions.nextFetchOffset(log)).toBeUndefined()
  setConfig({ sharePartitionMaxRecordLocks: 20 })
  partitions.acknowledge(log, 'a', [accept(0, 0)])
  expect(partitions.nextFetchOffset(log)).toBe(10)
  expect(looks).toBe(1)
  partitions.acknowledge(log, 'a', [accept(1, 1)])
  expect(looks).toBe(1)
})

it('waits for no lock once everything is acknowledged', () => {
  const clock = new VirtualClock()
  const { partitions, log, acquire } = start(clock)
  acquire(log, 'a')
  expect(clock.waiting).toHaveLength(1)
  partitions.acknowledge(log, 'a', [accept(0, 9)])
  expect(clock.waiting).toEqual([])
})

it('waits for the locks of each partition', async () => {
  const clock = new VirtualClock()
  const { partitions, log, other, acquire } = start(clock)
  acquire(log, 'a')
  await clock.advance(50)
  acquire(other, 'a')
  const states = () => [log, other].map(each => partitions.placeOf(each).inFlight[0]!.state)
  await clock.advance(50)
  expect(states()).toEqual(['available', 'acquired'])
  await clock.advance(50)
  expect(states()).toEqual(['available', 'available'])
})

it('waits for no lock of any partition once it is closed', () => {
  const clock = new VirtualClock()
  const { partitions, log, other, acquire } = start(clock)
  for (const each of [log, other]) acquire(each, 'a')
  partitions.close()
  expect(clock.waiting).toEqual([])
})

it('ends a lock in time though its timer came too early', () => {
  const timers: (() => void)[] = []
  const time = { now: 0 }
  const clock = Object.assign(new VirtualClock(), {
    monotonic: () => time.now,
    setTimer(callback: () => void) {
      timers.push(callback)
      return { cancel() {} }
    },
  })
  const { partitions, log, acquire } = start(clock)
  acquire(log, 'a')
  for (time.now = 99; time.now <= 100; time.now++) timers.pop()!()
  expect(partitions.placeOf(log).inFlight).toMatchObject([{ first: 0, last: 9, state: 'available' }])
})

it('tells who waits when records are released, of one member or of all', () => {
  const { partitions, log, acquire } = start()
  let told = 0
  partitions.listeners.add(() => told++)
  acquire(log, 'a', 5)
  acquire(log, 'b', 5)
  expect(told).toBe(0)
  partitions.release('a')
  expect(told).toBe(1)
  partitions.releaseAll(log)
  expect(told).toBe(2)
  partitions.releaseAll(log)
  expect(told).toBe(2)
})

it('counts what is not finished between two offsets, acquired or not', () => {
  const { partitions, log, acquire } = start()
  acquire(log, 'a', 6)
  partitions.acknowledge(log, 'a', [accept(3, 3)])
  expect(partitions.countUnfinished(log, 1, 5)).toBe(3)
  expect(partitions.countUnfinished(log, 4, 8)).toBe(4)
})

it('tells nobody of what is accepted, as it makes nothing available', () => {
  const { partitions, log, acquire } = start()
  let told = 0
  partitions.listeners.add(() => told++)
  acquire(log, 'a')
  partitions.acknowledge(log, 'a', [accept(1, 3)])
  expect(told).toBe(0)
  partitions.acknowledge(log, 'a', [release(5, 6)])
  expect(told).toBe(1)
  // What is available already is read from its beginning.
  partitions.acknowledge(log, 'a', [release(8, 9)])
  expect(told).toBe(1)
  partitions.acknowledge(log, 'a', [release(4, 4)])
  expect(told).toBe(2)
})

it('tells who waits when there is room for more records', () => {
  const { partitions, log, acquire } = start(new VirtualClock(), { sharePartitionMaxRecordLocks: 10 })
  let told = 0
  partitions.listeners.add(() => told++)
  acquire(log, 'a')
  partitions.acknowledge(log, 'a', [accept(1, 9)])
  expect(told).toBe(0)
  partitions.acknowledge(log, 'a', [accept(0, 0)])
  expect(told).toBe(1)
})

it('counts those between two offsets without a look at all others', () => {
  const { partitions, log, acquire } = start()
  for (let i = 0; i < 10; i++) acquire(log, `m${i}`, 1)
  const counted = vi.spyOn(log, 'countFrom')
  expect(partitions.countUnfinished(log, 3, 5)).toBe(2)
  expect(counted).toHaveBeenCalledTimes(2)
  expect(partitions.countUnfinished(log, 8, 10)).toBe(2)
  expect(counted).toHaveBeenCalledTimes(4)
})
