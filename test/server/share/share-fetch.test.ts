import { expect, it } from 'vitest'
import {
  accept,
  acquiredIn,
  configure,
  offsetsIn,
  reject,
  release,
  renew,
  shareScenes,
} from './share-scene.ts'

const scene = shareScenes()

it('delivers each record to one member of the group, whoever asks first', async () => {
  const { append, joined } = scene()
  append(6)
  const a = await joined('a')
  const b = await joined('b')
  expect(await a.fetch({ maxRecords: 2, shareAcquireMode: 1 })).toEqual([[0, 1, 1]])
  expect(await b.fetch({ maxRecords: 3, shareAcquireMode: 1 })).toEqual([[2, 4, 1]])
  expect(await a.fetch()).toEqual([[5, 5, 1]])
  expect(await b.fetch()).toEqual([])
})

it('brings the batches that have what was acquired', async () => {
  const { append, joined } = scene()
  append(3)
  const answer = await (await joined('a')).fetchAll()
  expect(answer).toMatchObject({ errorCode: 0, acquisitionLockTimeoutMs: 30_000 })
  expect(acquiredIn(answer)).toEqual([[0, 2, 1]])
  expect(offsetsIn(answer)).toEqual([0, 1, 2])
})

it('delivers what was released once more, what was accepted or rejected never', async () => {
  const { append, joined } = scene()
  append(4)
  const a = await joined('a')
  await a.fetch()
  expect(await a.acknowledge(accept(0, 0), release(1, 2), reject(3, 3))).toBe(0)
  expect(await a.fetch()).toEqual([[1, 2, 2]])
  expect(await a.fetch({}, [accept(1, 2)])).toEqual([])
})

it('gives records back when their lock has lasted for 30 seconds, and not before', async () => {
  const { broker, append, joined } = scene()
  append(2)
  const a = await joined('a')
  const b = await joined('b')
  await a.fetch()
  await broker.advance(29_999)
  expect(await b.fetch()).toEqual([])
  await broker.advance(1)
  expect(await b.fetch()).toEqual([[0, 1, 2]])
  expect(await a.acknowledge(accept(0, 1))).toBe(121)
})

it('answers a client after its own wait where the time of a test broker stands still', async () => {
  const { joined } = scene()
  const a = await joined('a')
  expect(await a.fetch({ maxWaitMs: 5 })).toEqual([])
})

it('prolongs the lock of what is renewed', async () => {
  const { broker, append, joined } = scene()
  append(2)
  const a = await joined('a')
  await a.fetch()
  await broker.advance(20_000)
  expect(await a.acknowledge(renew(0, 0))).toBe(0)
  await broker.advance(10_000)
  const b = await joined('b')
  expect(await b.fetch()).toEqual([[1, 1, 2]])
  await broker.advance(20_000)
  expect(await b.fetch()).toEqual([[0, 0, 2]])
})

it('waits for records, and for what others give back', async () => {
  const { broker, append, joined } = scene()
  const a = await joined('a')
  const b = await joined('b')
  const waiting = a.fetch({ maxWaitMs: 60_000 })
  await broker.advance(100)
  append(1)
  expect(await waiting).toEqual([[0, 0, 1]])
  const next = b.fetch({ maxWaitMs: 60_000 })
  await broker.advance(100)
  await a.acknowledge(release(0, 0))
  expect(await next).toEqual([[0, 0, 2]])
})

it('acquires nothing of what there is once a client is gone that waits for more', async () => {
  const { broker, append, joined } = scene()
  append(1)
  const a = await joined('a')
  const b = await joined('b')
  void a.fetch({ maxWaitMs: 60_000, minBytes: 1_000_000 }).catch(() => {})
  await broker.advance(100)
  a.client.socket.destroy()
  await broker.advance(100)
  expect(await b.fetch()).toEqual([[0, 0, 1]])
})

it('waits for records no longer than its server lets it', async () => {
  const { broker, joined } = scene({ fetchMaxWaitMs: 5000 })
  const a = await joined('a')
  const waiting = a.fetch({ maxWaitMs: 60_000 })
  await broker.advance(5000)
  expect(await waiting).toEqual([])
})

it('waits for what is locked until that lock ends', async () => {
  const { broker, append, joined } = scene()
  append(2)
  const a = await joined('a')
  const b = await joined('b')
  await a.fetch()
  const waiting = b.fetch({ maxWaitMs: 60_000 })
  await broker.advance(30_000)
  expect(await waiting).toEqual([[0, 1, 2]])
})

it('gives back in each group what is locked there', async () => {
  const { broker, append, joined, consumer } = scene()
  configure(broker, 'other', { shareAutoOffsetReset: 'earliest' })
  append(2)
  const a = await joined('a')
  await a.fetch()
  await broker.advance(10_000)
  const b = consumer('b', 'other')
  await b.join()
  expect(await b.fetch()).toEqual([[0, 1, 1]])
  await broker.advance(20_000)
  expect(await a.fetch()).toEqual([[0, 1, 2]])
  await broker.advance(10_000)
  expect(await b.fetch()).toEqual([[0, 1, 2]])
})

it('gives records back when a lock ends that was prolonged beyond all others', async () => {
  const { broker, append, joined } = scene()
  append(2)
  const a = await joined('a')
  const b = await joined('b')
  await a.fetch()
  await broker.advance(20_000)
  expect(await a.acknowledge(renew(0, 1))).toBe(0)
  for (const each of [a, b]) await each.beat()
  const waiting = b.fetch({ maxWaitMs: 60_000 })
  await broker.advance(29_999)
  let answered = false
  void waiting.then(() => {
    answered = true
  })
  await broker.advance(0)
  expect(answered).toBe(false)
  await broker.advance(1)
  expect(await waiting).toEqual([[0, 1, 2]])
})

it('answers with nothing when it has waited long enough', async () => {
  const { broker, joined } = scene()
  const a = await joined('a')
  const waiting = a.fetch({ maxWaitMs: 500 })
  await broker.advance(500)
  expect(await waiting).toEqual([])
})

it('takes what a member says of each record of a range by itself', async () => {
  const { append, joined } = scene()
  append(4)
  const a = await joined('a')
  await a.fetch()
  const each = { firstOffset: 0, lastOffset: 3, acknowledgeTypes: [1, 2, 2, 3] }
  expect(await a.acknowledge(each)).toBe(0)
  expect(await a.fetch()).toEqual([[1, 2, 2]])
  expect(await a.acknowledge({ firstOffset: 1, lastOffset: 2, acknowledgeTypes: [1, 2] })).toBe(0)
  expect(await a.fetch()).toEqual([[2, 2, 3]])
})

// (KIP-1222)
it('renews by a fetch that asks for nothing else, and by no other', async () => {
  const { append, joined } = scene()
  append(1)
  const a = await joined('a')
  await a.fetch()
  const nothing = { isRenewAck: true, maxWaitMs: 0, minBytes: 0, maxBytes: 0, maxRecords: 0 }
  for (const field of ['maxWaitMs', 'minBytes', 'maxBytes', 'maxRecords'])
    expect(await a.fetchAll({ ...nothing, [field]: 1 }, [renew(0, 0)])).toMatchObject({ errorCode: 42 })
  expect(await a.fetchAll(nothing, [renew(0, 0)])).toMatchObject({ errorCode: 0 })
})

it('waits for nothing where there is no room for any bytes', async () => {
  const { joined } = scene()
  const a = await joined('a')
  // On a broker whose time stands still, one that waits would be answered after a minute.
  expect(await a.fetchAll({ maxWaitMs: 60_000, maxBytes: 0 })).toMatchObject({ errorCode: 0 })
})

it('fetches only for a member of a group', async () => {
  const { joined } = scene()
  const a = await joined('a')
  expect(await a.fetchAll({ groupId: '' })).toMatchObject({ errorCode: 42 })
  expect(await a.fetchAll({ groupId: null })).toMatchObject({ errorCode: 42 })
})
