import { CommitFailedError, topic } from 'brokerlet'
import { TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { fill } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'

const topics = { orders: topic({ partitions: 1 }) }

async function start() {
  const broker = new TestBroker({ topics })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], autoCommit: false })
  fill(broker, 'orders', 2)
  await consumer.poll()
  const told = () =>
    broker.timeline.entries
      .filter(({ kind }) => kind === 'committed' || kind === 'commit refused')
      .map(({ kind, at }) => [kind, at - broker.timeline.start])
  return { broker, consumer, told }
}

it('a delayed commit is told of when it is done, and its caller waits as long', async () => {
  const { broker, consumer, told } = await start()
  broker.faults.delay({ operation: 'commit' }, 50)
  let done = false
  const committed = consumer.commit().then(() => {
    done = true
  })
  await broker.advance(49)
  expect([done, told()]).toEqual([false, []])
  await broker.advance(1)
  await committed
  expect(told()).toEqual([['committed', 50]])
})

it('a delayed commit that is refused in the end is told of as refused', async () => {
  const { broker, consumer, told } = await start()
  broker.faults.delay({ operation: 'commit' }, 50)
  const refused = new CommitFailedError('UNKNOWN_MEMBER_ID', 'gone')
  broker.faults.fail({ operation: 'commit' }, refused)
  const failed = rejectionOf(consumer.commit())
  await broker.advance(50)
  expect(await failed).toBe(refused)
  expect(told()).toEqual([['commit refused', 50]])
})

it('after a delayed send nothing waits for it: the broker is idle, and the next send is done at once', async () => {
  const broker = new TestBroker({ topics })
  const producer = broker.producer()
  broker.faults.delay({ operation: 'append' }, 50)
  const sent = producer.send({ topic: 'orders', value: 1 })
  expect((await rejectionOf(broker.idle())).message).toContain('waits to append, because of a fault')
  await broker.advance(50)
  expect(await sent).toMatchObject({ offset: 0 })
  await broker.idle()
  void producer.send({ topic: 'orders', value: 2 })
  expect(broker.topic('orders').records()).toHaveLength(2)
})

it('keeps the order of sends also where one is delayed that has waited for another', async () => {
  const broker = new TestBroker({ topics })
  const producer = broker.producer()
  broker.faults.delay({ operation: 'append' }, 50, { times: 2 })
  void producer.send({ topic: 'orders', value: 1 })
  void producer.send({ topic: 'orders', value: 2 })
  await broker.advance(60)
  void producer.send({ topic: 'orders', value: 3 })
  expect(broker.topic('orders').records()).toMatchObject([{ value: 1 }])
  await broker.advance(40)
  expect(broker.topic('orders').records()).toMatchObject([{ value: 1 }, { value: 2 }, { value: 3 }])
})
