import { topic } from 'brokerlet'
import { socketFactory } from 'brokerlet/server'
import { assertNoCommitPastProcessed, assertNothingLost, TestBroker } from 'brokerlet/testing'
import { Kafka, logLevel } from 'kafkajs'
import { expect, it } from 'vitest'

function kafkaOf(broker: TestBroker): Kafka {
  return new Kafka({
    clientId: 'billing-1',
    brokers: ['broker:9092'],
    socketFactory: socketFactory(broker),
    logLevel: logLevel.NOTHING,
  })
}

async function start() {
  const broker = new TestBroker({ topics: { orders: topic<unknown, string>() } })
  const consumer = kafkaOf(broker).consumer({ groupId: 'billing', maxWaitTimeInMs: 50 })
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  await consumer.run({ eachMessage: async () => {} })
  await broker.producer().send({ topic: 'orders', key: 'o-1', value: 1 })
  await broker.idle()
  return { broker, consumer }
}

it('the timeline has what a Kafka client tells its group: that it joins, what it commits, that it leaves', async () => {
  const { broker, consumer } = await start()
  await consumer.disconnect()
  const ofGroup = broker.timeline.forGroup('billing')
  const [joined] = ofGroup.ofKind('joined')
  expect(joined!.member).toMatch(/^billing-1-/)
  const { member } = joined!
  expect([...ofGroup]).toMatchObject([
    { kind: 'joined', group: 'billing', member },
    {
      kind: 'committed',
      group: 'billing',
      member,
      offsets: [{ topic: 'orders', partition: 0, offset: 1 }],
      byClient: true,
    },
    { kind: 'left', group: 'billing', member, reason: expect.any(String) },
  ])
  expect(String(ofGroup)).toContain('billing/billing-1-000001 committed orders-0@1')
  await broker.close()
})

it('a commit of a Kafka client says nothing of what the consumers of this process have processed', async () => {
  const { broker, consumer } = await start()
  await consumer.disconnect()
  const own = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await own.run({ eachRecord: () => {} })
  await broker.producer().send({ topic: 'orders', key: 'o-2', value: 2 })
  await broker.idle()
  assertNoCommitPastProcessed(broker, 'billing')
  await broker.close()
})

it('the timeline has each record of a batch that is larger than its topic: it left the log at once, and is lost', async () => {
  const broker = new TestBroker({ topics: { orders: topic({ retentionRecords: 2 }) } })
  broker.on('recordsDropped', () => {})
  await broker.consumer({ groupId: 'billing', topics: ['orders'] }).run({ eachRecord: () => {} })
  const producer = kafkaOf(broker).producer()
  await producer.connect()
  await producer.send({ topic: 'orders', messages: ['a', 'b', 'c'].map(value => ({ value })) })
  await broker.idle()
  expect(broker.timeline.ofKind('delivered').map(({ offset }) => offset)).toEqual([1, 2])
  expect(broker.timeline.ofKind('appended').map(({ offset }) => offset)).toEqual([0, 1, 2])
  expect(() => assertNothingLost(broker, 'billing')).toThrow("Group 'billing' has not processed orders-0@0")
  await producer.disconnect()
  await broker.close()
})
