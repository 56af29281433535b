import { expect, it } from 'vitest'
import { bytes, ClosedError, QueueFullError, RecordTooLargeError, string } from '../../src/index.ts'
import { offsets } from '../helpers/behaviours.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

it('a compacted topic never gives up its newest values: others go, and then its writer is refused', () => {
  const { broker } = testBroker({ maxRecords: 6 })
  const table = broker.createTopic('table', { cleanupPolicy: 'compact', segmentRecords: 2 })
  const log = broker.createTopic('log', { segmentRecords: 2 })
  for (let i = 0; i < 4; i++) table.append({ key: `k${i}`, value: i })
  for (let i = 0; i < 10; i++) log.append({ value: i })
  expect([offsets(table.records()), offsets(log.records())]).toEqual([
    [0, 1, 2, 3],
    [8, 9],
  ])
  for (const key of ['k4', 'k5']) table.append({ key, value: 1 })
  expect([table.records().length, log.records().length]).toEqual([6, 0])
  const refused = [() => table.append({ key: 'k6', value: 1 }), () => log.append({ value: 1 })].map(thrownBy)
  for (const error of refused) expect(error).toBeInstanceOf(QueueFullError)
  expect(refused[0]!.message).toBe(
    'No room: the broker keeps 6 records of maxRecords 6, and none of the remaining ones may go yet',
  )
  expect(broker.describe().records).toBe(6)
})

it('nor does a compacted topic give them up once every group has read them: a service that comes later gets the whole table', async () => {
  const { broker } = testBroker({ maxRecords: 6 })
  const table = broker.createTopic('table', { cleanupPolicy: 'compact', segmentRecords: 2 })
  const log = broker.createTopic('log', { segmentRecords: 2 })
  for (let i = 0; i < 4; i++) table.append({ key: `k${i}`, value: i })
  await broker.admin.setGroupOffsets('g', [{ topic: 'table', partition: 0, offset: 4 }])
  for (let i = 0; i < 10; i++) log.append({ value: i })
  expect([offsets(table.records()), offsets(log.records())]).toEqual([
    [0, 1, 2, 3],
    [8, 9],
  ])
})

it('maxBytes bounds the topics that keep bytes', () => {
  const { broker } = testBroker({ maxBytes: 10, codec: string })
  const [a, b] = ['a', 'b'].map(name => broker.createTopic(name, { segmentRecords: 1 }))
  for (let i = 0; i < 6; i++) (i % 2 === 0 ? a : b)!.append({ value: 'xxx' })
  expect([broker.describe().bytes, broker.describe().maxBytes]).toEqual([9, 10])
  expect([offsets(a!.records()), offsets(b!.records())]).toEqual([[2], [1, 2]])
  expect(thrownBy(() => a!.append({ value: 'x'.repeat(11) }))).toBeInstanceOf(RecordTooLargeError)
  expect(broker.describe().bytes).toBe(9)
  // To the byte.
  a!.append({ value: 'x' })
  expect(broker.describe().bytes).toBe(10)
  b!.append({ value: 'xxx' })
  expect([broker.describe().bytes, offsets(a!.records()), offsets(b!.records())]).toEqual([
    10,
    [2, 3],
    [2, 3],
  ])
})

it('a batch fits that has just as many bytes as the broker may keep, and one that has more never will', async () => {
  const { broker } = testBroker({ maxBytes: 6, codec: string })
  broker.createTopic('log')
  const batch = (values: readonly string[]) =>
    broker.producer().sendBatch(values.map(value => ({ topic: 'log', value })))
  await batch(['aaa', 'bbb'])
  await batch(['ccc', 'ddd'])
  expect(await rejectionOf(batch(['aaa', 'bbbb']))).toMatchObject({
    name: 'RecordListTooLargeError',
    message: "A batch of 2 records, 7 bytes, can never fit: the broker's maxBytes is 6",
  })
  expect(broker.describe().bytes).toBe(6)
})

it('a batch of more records than the broker may keep is refused in these words', async () => {
  const { broker } = testBroker({ maxRecords: 3 })
  broker.createTopic('log')
  const batch = [1, 2, 3, 4].map(value => ({ topic: 'log', value }))
  expect(await rejectionOf(broker.producer().sendBatch(batch))).toMatchObject({
    name: 'RecordListTooLargeError',
    message: "A batch of 4 records can never fit: the broker's maxRecords is 3",
    expected: 'at most 3 records',
    received: 4,
  })
})

it('whoever is refused because the bytes are used up hears of no limit of records that there is not', () => {
  const { broker } = testBroker({ maxRecords: -1, maxBytes: 4, codec: string })
  const table = broker.createTopic('table', { cleanupPolicy: 'compact' })
  for (const key of ['a', 'b']) table.append({ key, value: 'x' })
  expect(thrownBy(() => table.append({ key: 'c', value: 'x' })).message).toBe(
    'No room: the broker keeps 2 records, 4 bytes of maxBytes 4, and none of the remaining ones may go yet',
  )
})

it('a broker without limits keeps whatever it gets: more than a billion bytes, too', () => {
  const { broker } = testBroker({ maxRecords: -1, maxBytes: -1 })
  const topic = broker.createTopic('big', {
    codec: bytes,
    retentionMs: -1,
    retentionBytes: 2 ** 40,
    segmentRecords: 8,
  })
  const value = new Uint8Array(2 ** 20)
  for (let i = 0; i < 1100; i++) topic.append({ value })
  expect(broker.describe()).toMatchObject({ records: 1100, bytes: 1100 * 2 ** 20 })
  expect(topic.partitions[0]!.logStartOffset).toBe(0)
})

it('what everybody has read and is not enough goes first, and then the oldest of all', async () => {
  const { broker } = testBroker({ maxRecords: 6 })
  const [read, unread] = ['read', 'unread'].map(name => broker.createTopic(name, { segmentRecords: 2 }))
  for (const log of [read, unread, read]) for (let i = 0; i < 2; i++) log!.append({ value: i })
  await broker.admin.setGroupOffsets('g', [{ topic: 'read', partition: 0, offset: 2 }])
  await broker.producer().sendBatch([0, 1, 2, 3].map(value => ({ topic: 'unread', value })))
  expect([offsets(read!.records()), offsets(unread!.records())]).toEqual([
    [2, 3],
    [2, 3, 4, 5],
  ])
})

it('no more of what everybody has read goes than is needed', async () => {
  const { broker } = testBroker({ maxRecords: 6 })
  const log = broker.createTopic('log', { segmentRecords: 2 })
  for (let i = 0; i < 6; i++) log.append({ value: i })
  await broker.admin.setGroupOffsets('g', [{ topic: 'log', partition: 0, offset: 6 }])
  log.append({ value: 6 })
  expect(offsets(log.records())).toEqual([2, 3, 4, 5, 6])
})

it('what everybody has read goes first also where nothing of the kind was there a moment before', async () => {
  const { broker } = testBroker({ maxRecords: 256 })
  const [read, unread] = ['read', 'unread'].map(name => broker.createTopic(name, { segmentRecords: 1 }))
  broker.createGroup('g', { topics: ['read', 'unread'] })
  const dropped: object[] = []
  broker.on('recordsDropped', event => dropped.push(event))
  for (let i = 0; i < 256; i++) unread!.append({ value: i })
  read!.append({ value: 0 })
  expect(dropped).toMatchObject([{ topic: 'unread', from: 0, to: 1 }])
  await broker.admin.setGroupOffsets('g', [{ topic: 'read', partition: 0, offset: 1 }])
  unread!.append({ value: 256 })
  expect([offsets(read!.records()), dropped.length]).toEqual([[], 1])
})

it('where many partitions have nothing that everybody has read, a few records are written before they are asked again', async () => {
  const { broker } = testBroker({ maxRecords: 8 })
  const unread = broker.createTopic('unread', { partitions: 8, segmentRecords: 1 })
  const read = broker.createTopic('read', { segmentRecords: 1 })
  broker.createGroup('g', { topics: ['read', 'unread'] })
  for (let partition = 0; partition < 8; partition++) unread.append({ partition, value: 0 })
  read.append({ value: 0 })
  await broker.admin.setGroupOffsets('g', [{ topic: 'read', partition: 0, offset: 1 }])
  const kept = [1, 2].map(value => {
    unread.append({ partition: 7, value })
    return [read.records().length, unread.records().length]
  })
  expect(kept).toEqual([
    [1, 7],
    [0, 8],
  ])
})

it('whoever waits for the broker is overtaken by nobody who waits', async () => {
  const { broker, clock } = testBroker({ maxRecords: 4 })
  for (const name of ['a', 'b']) broker.createTopic(name, { whenFull: 'wait', segmentRecords: 1 })
  const group = broker.createGroup('g', { topics: ['a', 'b'] })
  const producer = broker.producer()
  for (let i = 0; i < 4; i++) await producer.send({ topic: 'a', value: i })
  const told: string[] = []
  const batch = [1, 2, 3].map(value => ({ topic: 'a', value }))
  void producer.sendBatch(batch).then(() => told.push('batch'))
  void producer.send({ topic: 'b', value: 1 }).then(() => told.push('single'))
  group.setOffsets([{ topic: 'a', partition: 0, offset: 2 }])
  await clock.settle()
  expect(told).toEqual([])
  broker.createTopic('c', { whenFull: 'wait' })
  void broker
    .producer()
    .send({ topic: 'c', value: 1 })
    .then(() => told.push('later'))
  await clock.settle()
  expect(told).toEqual([])
  group.setOffsets([{ topic: 'a', partition: 0, offset: 3 }])
  await clock.settle()
  expect(told).toEqual(['batch'])
  group.setOffsets([{ topic: 'a', partition: 0, offset: 7 }])
  await clock.settle()
  expect(told).toEqual(['batch', 'single', 'later'])
  // Nobody waits for the broker any more: who waits for a partition is in nobody's way elsewhere.
  const small = broker.createTopic('small', { whenFull: 'wait', retentionRecords: 1 })
  broker.createGroup('reads small', { topics: ['small'] })
  small.append({ value: 1 })
  const waits = rejectionOf(broker.producer().send({ topic: 'small', value: 2 }))
  await broker.producer().send({ topic: 'c', value: 2 })
  await broker.close({ timeoutMs: 0 })
  expect(await waits).toBeInstanceOf(ClosedError)
})

it('whoever has waited for a partition, and then finds the broker full, is not overtaken either', async () => {
  const { broker, clock } = testBroker({ maxRecords: 4 })
  const log = broker.createTopic('log', { whenFull: 'wait', retentionRecords: 2 })
  const other = broker.createTopic('other', { whenFull: 'wait', segmentRecords: 1 })
  const group = broker.createGroup('g', { topics: ['log', 'other'] })
  const commit = (name: string, offset: number) => group.setOffsets([{ topic: name, partition: 0, offset }])
  for (const each of [log, log, other, other]) each.append({ value: 0 })
  const told: string[] = []
  const batch = [1, 2].map(value => ({ topic: 'log', value }))
  const sent = broker.producer().sendBatch(batch, { timeoutMs: 1000 })
  const follow = (name: string, done: Promise<unknown>) => void done.then(() => told.push(name))
  follow('batch', sent)
  commit('log', 1)
  await broker.producer().send({ topic: 'other', value: 1 })
  commit('log', 2)
  await clock.settle()
  follow('single', broker.producer().send({ topic: 'other', value: 2 }))
  await clock.settle()
  expect(told).toEqual([])
  commit('other', 1)
  await clock.settle()
  expect(told).toEqual(['batch'])
  commit('other', 2)
  await clock.settle()
  expect(told).toEqual(['batch', 'single'])
})

it('whoever waits for the broker goes on with the commit that makes room, however many partitions there are', async () => {
  const { broker, clock } = testBroker({ maxRecords: 256 })
  const log = broker.createTopic('log', { whenFull: 'wait', partitions: 256 })
  const group = broker.createGroup('g', { topics: ['log'] })
  for (let partition = 0; partition < 256; partition++) log.append({ partition, value: 0 })
  const sent = broker.producer().send({ topic: 'log', value: 256 }, { timeoutMs: 1000 })
  const told: string[] = []
  void sent.then(() => told.push('sent'))
  group.setOffsets('latest')
  await clock.settle()
  expect(told).toEqual(['sent'])
})

it('whoever waits for the broker goes on once a topic is compacted', async () => {
  const { broker, clock } = testBroker({ maxRecords: 4 })
  const table = broker.createTopic('table', {
    cleanupPolicy: 'compact',
    whenFull: 'wait',
    segmentRecords: 4,
  })
  for (let value = 0; value < 4; value++) table.append({ key: 'a', value })
  const told: string[] = []
  const sent = broker.producer().send({ topic: 'table', key: 'b', value: 1 }, { timeoutMs: 1000 })
  void sent.then(() => told.push('sent'))
  await clock.settle()
  expect(told).toEqual([])
  expect(table.compact()).toBe(3)
  await clock.settle()
  expect(told).toEqual(['sent'])
})

it('those who wait for the broker go on in the order in which they came, wherever they write', async () => {
  const { broker, clock } = testBroker({ maxRecords: 3 })
  for (const name of ['a', 'b', 'full']) broker.createTopic(name, { whenFull: 'wait', segmentRecords: 1 })
  const group = broker.createGroup('g', { topics: ['full'] })
  for (let i = 0; i < 3; i++) broker.topic('full').append({ value: i })
  const told: string[] = []
  for (const [i, name] of ['a', 'b', 'a'].entries()) {
    void broker
      .producer()
      .send({ topic: name, value: i })
      .then(() => told.push(`${name}${i}`))
  }
  for (const offset of [1, 2, 3]) {
    group.setOffsets([{ topic: 'full', partition: 0, offset }])
    await clock.settle()
    expect(told).toEqual(['a0', 'b1', 'a2'].slice(0, offset))
  }
})

it('a transaction makes room, for a record and for a batch', async () => {
  const { broker } = testBroker({ maxRecords: 4 })
  const log = broker.createTopic('log', { segmentRecords: 1 })
  const producer = broker.producer({ transactionalId: 'tx' })
  for (let value = 0; value < 4; value++) log.append({ value })
  await producer.transaction(tx => tx.send({ topic: 'log', value: 'a' }))
  expect(offsets(log.records())).toEqual([1, 2, 3, 4])
  await producer.transaction(tx => tx.sendBatch(['b', 'c'].map(value => ({ topic: 'log', value }))))
  expect(offsets(log.records())).toEqual([4, 6, 7])
})
