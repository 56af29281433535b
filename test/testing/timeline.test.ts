import { inspect } from 'node:util'
import { topic } from 'brokerlet'
import { TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { fill } from '../helpers/behaviours.ts'
import { orders0 } from '../helpers/orders.ts'

const topics = { orders: topic({ partitions: 2 }) }

/** A little of everything: two members, a failure and its retry, a crash, a takeover, a redelivery, a refused commit. */
async function story(seed = 7): Promise<TestBroker<typeof topics>> {
  const broker = new TestBroker({ topics, seed })
  const billing = (clientId: string) => broker.consumer({ groupId: 'billing', topics: ['orders'], clientId })
  const first = billing('first')
  const second = billing('second')
  await first.run({ eachRecord: () => broker.clock.sleep(10) })
  await second.run({ eachRecord: () => {} })
  const producer = broker.producer()
  broker.faults.fail(
    { operation: 'handle', group: 'billing', topic: 'orders', partition: 0 },
    new Error('no stock'),
  )
  for (let i = 0; i < 4; i++) await producer.send({ topic: 'orders', key: `customer-${i}`, value: i })
  await broker.advanceUntilIdle()
  fill(broker, 'orders', 2, 0)
  await broker.advance(15)
  broker.crash(first)
  broker.redeliver({ group: 'billing', topic: 'orders', partition: 1, offset: 0 })
  await broker.advance(45_000)
  await second.close()
  broker.timeline.toString()
  return broker
}

it('is its transcript in a snapshot, and as JSON', async () => {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 1 }) } })
  expect(broker.timeline).toMatchInlineSnapshot(`"0 ms  topic orders made with 1 partition"`)
  expect(JSON.stringify(broker.timeline)).toBe(JSON.stringify(String(broker.timeline)))
})

it('is its transcript in console.log, and in one line within something else', async () => {
  const { timeline } = await story()
  expect(inspect(timeline)).toBe(String(timeline))
  expect(inspect({ timeline })).toBe(`{ timeline: Timeline(${timeline.entries.length}) }`)
})

it('prints as a readable transcript', async () => {
  const broker = await story()
  await expect(String(broker.timeline)).toMatchFileSnapshot('timeline.transcript.txt')
})

it('is the same to the byte for the same seed', async () => {
  expect(String((await story()).timeline)).toBe(String((await story()).timeline))
  expect(JSON.stringify((await story(9)).timeline.entries)).toBe(
    JSON.stringify((await story(9)).timeline.entries),
  )
  expect(JSON.stringify((await story(9)).timeline.entries)).not.toBe(
    JSON.stringify((await story(10)).timeline.entries),
  )
})

it('has one line for a run of records, and one for each that is tried again', async () => {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 1 }) } })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  let failures = 1
  await consumer.run({
    eachBatch: () => {
      if (failures-- > 0) throw new Error('no stock')
    },
    retry: { attempts: 3, delayMs: 10 },
  })
  fill(broker, 'orders', 3)
  await broker.advance(100)
  const lines = String(broker.timeline)
    .replaceAll(/-\d{6}/g, '')
    .split('\n')
  expect(lines.filter(line => /appended|got|finished/.test(line))).toEqual([
    ' 0 ms  orders-0@0..2 appended',
    ' 0 ms  billing/consumer got orders-0@0..2',
    '10 ms  billing/consumer got orders-0@0, attempt 2',
    '10 ms  billing/consumer got orders-0@1, attempt 2',
    '10 ms  billing/consumer got orders-0@2, attempt 2',
    '10 ms  billing/consumer finished orders-0@0..2',
  ])
})

it('has one line for the partitions that a member begins to read at one offset', async () => {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 3 }), mails: topic() } })
  await broker.producer().send({ topic: 'orders', partition: 2, value: 1 })
  broker.createGroup('late', { topics: ['orders', 'mails'], from: 'end' })
  await broker
    .consumer({ groupId: 'late', topics: ['orders', 'mails'], clientId: 'a' })
    .run({ eachRecord() {} })
  await broker.consumer({ topics: ['mails'], clientId: 'b' }).run({ eachRecord() {} })
  expect(broker.timeline.ofKind('started')).toHaveLength(5)
  expect(String(broker.timeline).match(/\S+ reads .*/g)).toEqual([
    'late/a-000001 reads mails-0, orders-0, orders-1 from 0',
    'late/a-000001 reads orders-2 from 1',
    'b-000002: reads mails-0 from 0',
  ])
})

it('tells what a reader without a group is given', async () => {
  const broker = new TestBroker({ topics: { orders: topic() } })
  await broker.consumer({ topics: ['orders'], clientId: 'audit' }).ready()
  expect(broker.timeline.ofKind('assigned')).toMatchObject([{ group: undefined, partitions: [orders0] }])
  expect(String(broker.timeline)).toMatch(/audit.*: was given orders-0$/m)
})

it('says of a member for which there is no partition that it has none', async () => {
  const broker = new TestBroker({ topics: { orders: topic() } })
  for (const clientId of ['first', 'second'])
    await broker.consumer({ groupId: 'billing', topics: ['orders'], clientId }).ready()
  expect(String(broker.timeline)).toMatch(/billing\/second-\d+ has no partitions$/m)
})

it('has a line for each member, though one got what comes after what another one got', async () => {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 1 }) } })
  fill(broker, 'orders', 2)
  const member = (clientId: string) => broker.consumer({ topics: ['orders'], from: 'beginning', clientId })
  const [first, second] = [member('first'), member('second')]
  await Promise.all([first.ready(), second.ready()])
  second.seek({ topic: 'orders', partition: 0 }, 1)
  await first.poll({ maxRecords: 1 })
  await second.poll({ maxRecords: 1 })
  expect(String(broker.timeline)).toMatch(
    /0 ms {2}first-\d+: got orders-0@0\n0 ms {2}second-\d+: got orders-0@1$/,
  )
})

it('says of a record that comes again that it does: to the group, or to a reader by itself', async () => {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 1 }) } })
  fill(broker, 'orders', 1)
  const reader = (clientId: string) => broker.consumer({ topics: ['orders'], from: 'beginning', clientId })
  const member = (clientId: string) => broker.consumer({ groupId: 'g', topics: ['orders'], clientId })
  const [first, second, third] = [reader('first'), reader('second'), member('third')]
  for (const consumer of [first, second, third]) expect(await consumer.poll()).toHaveLength(1)
  first.seek({ topic: 'orders', partition: 0 }, 0)
  expect(await first.poll()).toHaveLength(1)
  broker.crash(third)
  const fourth = member('fourth')
  const polled = fourth.poll({ timeoutMs: 60_000 })
  await broker.advance(45_000)
  expect(await polled).toHaveLength(1)
  const lines = String(broker.timeline)
    .replaceAll(/-\d{6}/g, '')
    .split('\n')
  expect(lines.filter(line => line.includes(' got ')).map(line => line.replace(/^.* ms {2}/, ''))).toEqual([
    'first: got orders-0@0',
    'second: got orders-0@0',
    'g/third got orders-0@0',
    'first: got orders-0@0, again',
    'g/fourth got orders-0@0, again',
  ])
})

it('tells of one partition', async () => {
  const { timeline } = await story()
  const part = timeline.forPartition({ topic: 'orders', partition: 1 })
  const text = String(part)
  expect(text).toContain('orders-1')
  expect(text).not.toContain('finished orders-0')
  expect(text).toContain('fault: ')
  expect(text).toContain('committed orders-1@1')
  expect(text).not.toContain('committed orders-0@')
  expect(part.entries.length).toBeLessThan(timeline.entries.length)
})

it('tells of one partition nothing of one with its number in another topic', async () => {
  const broker = new TestBroker({ topics: { orders: topic(), payments: topic() } })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders', 'payments'] })
  await consumer.run({ eachRecord: () => {} })
  fill(broker, 'payments', 1)
  await broker.idle()
  const entries = [...broker.timeline.forPartition({ topic: 'orders', partition: 0 })]
  expect(entries.map(({ kind }) => kind)).toEqual(['topic created', 'assigned', 'started'])
})

it.each([undefined, null, 'orders-0'])('tells nothing of %j, which is no partition', wrong => {
  const { timeline } = new TestBroker({ topics: { orders: topic() } })
  expect(() => timeline.forPartition(wrong as never)).toThrow('forPartition: expected { topic, partition }')
})

it('refuses a kind of entries that there is not', () => {
  const { timeline } = new TestBroker({ topics: { orders: topic() } })
  expect(timeline.ofKind('redelivering')).toEqual([])
  for (const wrong of ['nope', 'Appended', undefined]) {
    expect(() => timeline.ofKind(wrong as never)).toThrow(
      "ofKind: expected one of 'topic created', 'topic deleted', ",
    )
  }
})

it('tells of one group', async () => {
  const broker = await story()
  await broker.consumer({ groupId: 'audit', topics: ['orders'] }).run({ eachRecord: () => {} })
  await broker.idle()
  const text = String(broker.timeline.forGroup('audit'))
  expect(text).toContain('audit/consumer-')
  expect(text).toContain('fault: ')
  expect(text).not.toContain('billing/')
})

it('tells of no group by a misspelt name', async () => {
  const { timeline } = await story()
  const wrong = "There is no group 'biling'. Did you mean 'billing'?"
  expect(() => timeline.forGroup('biling')).toThrow(wrong)
  expect(() => timeline.between(0, Number.POSITIVE_INFINITY).forGroup('biling')).toThrow(wrong)
  expect(timeline.forGroup('later').ofKind('joined')).toEqual([])
  // Groups that are numbered have nearly the same names.
  expect(timeline.forGroup('billing2').ofKind('joined')).toEqual([])
})

it('tells of a group that is deleted, or that nothing has happened to yet', async () => {
  const broker = await story()
  broker.createGroup('billing-2', { topics: ['orders'] })
  expect(broker.timeline.forGroup('billing-2').ofKind('joined')).toEqual([])
  await broker.close()
  expect(broker.timeline.forGroup('billing').ofKind('joined')).not.toEqual([])
})

it('tells of a stretch of time, and its transcript still counts from the beginning', async () => {
  const { timeline } = await story()
  const { start } = timeline
  const part = timeline.between(start + 110, start + 111)
  expect(part.entries.every(({ at }) => at === start + 110)).toBe(true)
  expect(part.entries.length).toBeGreaterThan(0)
  expect(String(part)).toMatch(/^110 ms {2}/)
  expect([...timeline.between(start, start + 110), ...part].length).toBe(
    timeline.between(start, start + 111).entries.length,
  )
})

it('sees what is appended by whatever way', async () => {
  const broker = new TestBroker({ topics, autoCreateTopics: true })
  broker.topic('orders').append({ value: 1, partition: 0 })
  await broker.producer().sendBatch([{ topic: 'orders', key: 'a', value: 2 }])
  broker.createTopic('late').append({ value: 3 })
  broker.topic('orders').addPartitions(3)
  broker.topic('orders').append({ value: 4, partition: 2 })
  expect(
    broker.timeline.ofKind('appended').map(entry => `${entry.topic}-${entry.partition}@${entry.offset}`),
  ).toEqual(['orders-0@0', expect.stringMatching(/^orders-[01]@[01]$/), 'late-0@0', 'orders-2@0'])
})

it('tells of topics, resets, drops, skips, restarts and ends', async () => {
  const broker = new TestBroker({ topics: { few: topic({ partitions: 1, retentionRecords: 2 }) } })
  const consumer = broker.consumer({ groupId: 'g', topics: ['few'] })
  for (const name of ['restarting', 'skipped'] as const) consumer.on(name, () => {})
  broker.on('recordsDropped', () => {})
  await consumer.run({
    eachRecord: () => {
      throw new Error('no')
    },
    retry: { attempts: 2, delayMs: 10 },
    onFailure: 'skip',
  })
  const other = broker.consumer({ groupId: 'other', topics: ['few'] })
  await other.ready()
  other.pause()
  fill(broker, 'few', 4)
  await broker.advanceUntilIdle()
  other.resume()
  expect((await other.poll()).map(({ offset }) => offset)).toEqual([2, 3])
  other.seek({ topic: 'few', partition: 0 }, 'beginning')
  await other.close()
  const restarted = broker.consumer({ groupId: 'restarts', topics: ['few'] })
  restarted.on('restarting', () => {})
  await restarted.run({
    eachRecord: () => {
      throw new Error('no')
    },
    retry: { attempts: 1 },
  })
  await broker.advance(10)
  broker.deleteTopic('few')
  const kinds = new Set(broker.timeline.entries.map(({ kind }) => kind))
  for (const kind of [
    'topic created',
    'dropped',
    'reset',
    'retrying',
    'skipped',
    'sought',
    'closed',
    'restarting',
    'topic deleted',
  ]) {
    expect(kinds).toContain(kind)
  }
  const text = String(broker.timeline)
  for (const line of [
    'topic few made with 1 partition\n',
    'few-0@0 dropped (retention) before g, other had read all of it',
    'tries few-0@2 again in 10 ms',
    'gave few-0@2 up: no',
    'moved on few-0 to 2',
    'restarts in 1000 ms: no',
    'topic few deleted',
  ]) {
    expect(text).toContain(line)
  }
})

it('tells of each record once, though a listener deleted its topic and made it anew', async () => {
  const broker = new TestBroker()
  broker.on('groupCreated', () => {
    broker.deleteTopic('late')
    if (!broker.topics.has('gone')) broker.createTopic('gone', { partitions: 1 })
    broker.deleteTopic('gone')
    broker.createTopic('late', { partitions: 1 })
  })
  broker.createTopic('late', { partitions: 1 })
  const consumer = broker.consumer({ groupId: 'g', topics: ['late'] })
  await consumer.run({ eachRecord: () => {} })
  await broker.producer().send({ topic: 'late', value: 1 })
  const told = broker.timeline.entries.map(({ kind }) => kind)
  expect(told.filter(kind => kind === 'topic created')).toHaveLength(3)
  expect(told.filter(kind => kind === 'appended')).toHaveLength(1)
})

it('tells of a commit that was refused, and of a fenced member', async () => {
  const broker = new TestBroker({ topics })
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], rebalanceTimeoutMs: 100 })
  consumer.on('error', () => {})
  let handled = 0
  await consumer.run({
    eachRecord: async (record, { consumer: own }) => {
      await broker.clock.sleep(1000)
      handled++
      await own
        .commit([{ topic: record.topic, partition: record.partition, offset: record.offset + 1 }])
        .catch(() => {})
    },
  })
  fill(broker, 'orders', 1, 1)
  await broker.advance(0)
  const other = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const ready = other.ready()
  await broker.advance(100)
  await ready
  await broker.advance(1000)
  expect(handled).toBe(1)
  expect(broker.timeline.ofKind('fenced')).toHaveLength(1)
  expect(String(broker.timeline)).toContain('was fenced: Member')
})

it('keeps at least as many entries as it is told to, and says how many are gone', async () => {
  const broker = new TestBroker({ topics, timelineEntries: 10 })
  fill(broker, 'orders', 100)
  const { timeline } = broker
  expect(timeline.entries.length).toBeGreaterThanOrEqual(10)
  expect(timeline.entries.length).toBeLessThanOrEqual(20)
  expect(timeline.entries.at(-1)).toMatchObject({ kind: 'appended', offset: 99 })
  expect(timeline.dropped).toBe(101 - timeline.entries.length)
  expect(String(timeline)).toMatch(/^\(\d+ entries before these are kept no longer\)\n/)
})

it('tells that a topic was altered', async () => {
  const broker = new TestBroker({ topics })
  broker.topic('orders').alter({ retentionRecords: 5 })
  await broker.close()
  const options = ['retentionRecords', 'segmentRecords']
  expect(broker.timeline.ofKind('topic altered')).toMatchObject([{ topic: 'orders', options }])
  expect(String(broker.timeline)).toContain('topic orders altered: retentionRecords, segmentRecords')
})

it('says which records were dropped, wherever they begin', () => {
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 1, retentionRecords: 2 }) } })
  broker.createGroup('billing', { topics: ['orders'] })
  fill(broker, 'orders', 4)
  fill(broker, 'orders', 1)
  expect(String(broker.timeline)).toContain(
    'orders-0@2 dropped (retention) before billing had read all of it',
  )
})
