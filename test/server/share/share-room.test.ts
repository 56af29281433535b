import { expect, it } from 'vitest'
import { apis } from '../../../src/server/protocol/apis.ts'
import { accept, release, shareScenes } from './share-scene.ts'

const scene = shareScenes()
type Scene = ReturnType<typeof scene>

/** What `recordsDropped` tells from now on. */
function droppedFrom(broker: Scene['broker']): unknown[] {
  const dropped: unknown[] = []
  broker.on('recordsDropped', ({ from, to, groups }) => dropped.push([from, to, groups]))
  return dropped
}

const committed = { shareIsolationLevel: 'read_committed' } as const

/** Writes a record and aborts its transaction: that takes two offsets. */
async function abort(broker: Scene['broker']): Promise<void> {
  const aborted = broker.producer({ transactionalId: 'tx' }).transaction(async tx => {
    await tx.send({ topic: 'orders', value: 1 })
    throw new Error('no')
  })
  await aborted.catch(() => {})
}

/** Appends five records, of which a group of the process has committed past the first four; the last drops the first. */
function othersReadAll(broker: Scene['broker'], append: Scene['append']): void {
  broker.createGroup('own', { topics: ['orders'], from: 'end' })
  append(4)
  broker.group('own').setOffsets('latest')
  append(1)
}

it('lets records go that it has finished, of a topic that keeps what is unread', async () => {
  const { log, append, joined } = scene({}, {}, { cleanupPolicy: 'consumed' })
  append(4)
  const a = await joined('a')
  await a.fetch()
  await a.acknowledge(accept(2, 3))
  expect(log.logStartOffset).toBe(0)
  await a.acknowledge(accept(0, 0))
  expect(log.logStartOffset).toBe(1)
  await a.acknowledge(accept(1, 1))
  expect(log.logStartOffset).toBe(4)
})

it('keeps records that it has not finished, whatever other groups have read', async () => {
  const { broker, client, log, append, joined } = scene({}, {}, { cleanupPolicy: 'consumed' })
  append(4)
  const a = await joined('a')
  await a.fetch()
  const seen: unknown[] = []
  const consumer = broker.consumer({ groupId: 'own', topics: ['orders'] })
  void consumer.run({ eachRecord: ({ value }) => void seen.push(value) })
  await broker.advance(10)
  expect(seen).toEqual([0, 1, 2, 3])
  expect(log.logStartOffset).toBe(0)
  await a.acknowledge(accept(0, 2))
  expect(log.logStartOffset).toBe(3)
  await a.leave()
  client.socket.destroy()
  await consumer.close()
})

it('keeps records that it has not finished while nobody is in it, or has not begun to read them', async () => {
  const { broker, log, append, joined } = scene({}, {}, { cleanupPolicy: 'consumed' })
  broker.createGroup('own', { topics: ['orders'], from: 'end' })
  const a = await joined('a')
  append(4)
  broker.group('own').setOffsets('latest')
  expect(log.logStartOffset).toBe(0)
  await a.fetch({ maxRecords: 1, shareAcquireMode: 1 }, [])
  await a.leave()
  broker.group('own').setOffsets('latest')
  expect(log.logStartOffset).toBe(0)
})

it('lets records go that it has not finished once it is deleted', async () => {
  const { broker, client, log, append, joined } = scene({}, {}, { cleanupPolicy: 'consumed' })
  append(4)
  broker.createGroup('own', { topics: ['orders'], from: 'end' })
  const a = await joined('a')
  await a.fetch()
  await a.leave()
  expect(log.logStartOffset).toBe(0)
  await client.call(apis.deleteGroups, 2, { groupsNames: ['g'] })
  expect(log.logStartOffset).toBe(4)
})

it('lets records go of which it has none to deliver, of a topic that keeps what is unread', async () => {
  const { broker, log, append, joined } = scene({}, committed, { cleanupPolicy: 'consumed' })
  const a = await joined('a')
  const waiting = a.fetch({ maxWaitMs: 60_000 })
  await broker.advance(10)
  await abort(broker)
  await broker.advance(10)
  expect(log.logStartOffset).toBe(2)
  append(1)
  expect(await waiting).toEqual([[2, 2, 1]])
  await a.acknowledge(accept(2, 2))
  await abort(broker)
  append(1)
  expect(await a.fetch()).toEqual([[5, 5, 1]])
  expect(log.logStartOffset).toBe(5)
})

it('lets records go that come before where it is let begin', async () => {
  const { client, log, append, joined } = scene({}, {}, { cleanupPolicy: 'consumed' })
  append(4)
  const a = await joined('a')
  await a.fetch()
  await a.leave()
  const topics = [{ topicName: 'orders', partitions: [{ partitionIndex: 0, startOffset: 3 }] }]
  await client.call(apis.alterShareGroupOffsets, 0, { groupId: 'g', topics })
  expect(log.logStartOffset).toBe(3)
})

it('keeps nothing of a topic that none of its members reads', async () => {
  const { broker, log, append, consumer } = scene({}, {}, { cleanupPolicy: 'consumed' })
  broker.createTopic('others')
  await consumer('a').join('others')
  broker.createGroup('own', { topics: ['orders'], from: 'end' })
  append(4)
  broker.group('own').setOffsets('latest')
  expect(log.logStartOffset).toBe(4)
})

it('makes room for writers that wait until it has finished with what is there', async () => {
  const { broker, append, joined } = scene({}, {}, { retentionRecords: 2, whenFull: 'wait' })
  append(2)
  const a = await joined('a')
  await a.fetch()
  let written = false
  const sent = broker
    .producer()
    .send({ topic: 'orders', value: 2 })
    .then(() => {
      written = true
    })
  await broker.advance(10)
  expect(written).toBe(false)
  await a.acknowledge(accept(0, 1))
  await sent
  expect(written).toBe(true)
})

it('is told of by ‘recordsDropped’ where the log drops what it has not finished', async () => {
  const { broker, append, joined } = scene({}, {}, { retentionRecords: 4 })
  const dropped = droppedFrom(broker)
  append(4)
  const a = await joined('a')
  await a.fetch({ maxRecords: 3, shareAcquireMode: 1 })
  await a.acknowledge(accept(1, 1), release(2, 2))
  append(1)
  append(1)
  append(1)
  append(1)
  expect(dropped).toEqual([
    [0, 1, [{ groupId: 'g', count: 1 }]],
    [2, 3, [{ groupId: 'g', count: 1 }]],
    [3, 4, [{ groupId: 'g', count: 1 }]],
  ])
})

it('is told of what was undecided when it was dropped, and not of what was aborted, where it reads what is committed', async () => {
  const { broker, append, joined } = scene({}, committed, { retentionRecords: 4 })
  const dropped = droppedFrom(broker)
  const a = await joined('a')
  const waiting = a.fetch({ maxWaitMs: 60_000 })
  await broker.advance(10)
  await abort(broker)
  append(1)
  expect(await waiting).toEqual([[2, 2, 1]])
  await a.acknowledge(accept(2, 2))
  await abort(broker)
  append(1)
  expect(dropped).toEqual([])
  await broker.producer({ transactionalId: 'open' }).transaction(async tx => {
    await tx.send({ topic: 'orders', value: 6 })
    append(5)
    expect(dropped).toEqual([
      [5, 6, [{ groupId: 'g', count: 1 }]],
      [6, 7, [{ groupId: 'g', count: 1 }]],
      [7, 8, [{ groupId: 'g', count: 1 }]],
    ])
  })
})

it('is told of what was aborted when it was dropped, where it reads what is uncommitted', async () => {
  const { broker, append, joined } = scene({}, {}, { retentionRecords: 3 })
  const dropped = droppedFrom(broker)
  append(1)
  const a = await joined('a')
  await a.fetch()
  await a.acknowledge(accept(0, 0))
  await abort(broker)
  append(3)
  expect(dropped).toEqual([[1, 2, [{ groupId: 'g', count: 1 }]]])
})

it('is told of what is dropped from where it began, though other groups had read that', async () => {
  const { broker, append, joined } = scene({}, {}, { retentionRecords: 4 })
  const dropped = droppedFrom(broker)
  othersReadAll(broker, append)
  expect(dropped).toEqual([])
  await (await joined('a')).fetch()
  append(1)
  expect(dropped).toEqual([[1, 2, [{ groupId: 'g', count: 1 }]]])
})

it('is told of what is dropped from where it was let begin, though other groups had read that', async () => {
  const { broker, client, append } = scene({}, {}, { retentionRecords: 4 })
  const dropped = droppedFrom(broker)
  othersReadAll(broker, append)
  const topics = [{ topicName: 'orders', partitions: [{ partitionIndex: 0, startOffset: 2 }] }]
  await client.call(apis.alterShareGroupOffsets, 0, { groupId: 'g', topics })
  append(2)
  expect(dropped).toEqual([[2, 3, [{ groupId: 'g', count: 1 }]]])
})

it('is not told of what is dropped before it has begun to read', async () => {
  const { broker, append, joined } = scene({}, {}, { retentionRecords: 4 })
  const dropped = droppedFrom(broker)
  await joined('a')
  append(5)
  expect(dropped).toEqual([])
})
