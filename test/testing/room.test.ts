import { NeverIdleError, topic } from 'brokerlet'
import { TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { fill } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'

/** A service that answers each order in a topic with room for two, which the group 'audit' has to read first. */
function shop() {
  const answers = topic({ partitions: 1, retentionRecords: 2, whenFull: 'wait' })
  const broker = new TestBroker({ topics: { orders: topic({ partitions: 1 }), answers } })
  broker.createGroup('audit', { topics: ['answers'] })
  const audit = (eachRecord: () => unknown) =>
    broker.consumer({ groupId: 'audit', topics: ['answers'], clientId: 'audit' }).run({ eachRecord })
  return { broker, audit }
}

it.each(['send', 'sendBatch'] as const)(
  'moves time for a handler that awaits its %s into a full topic',
  async how => {
    const { broker } = shop()
    const producer = broker.producer()
    const answer = (value: unknown) => {
      const record = { topic: 'answers', value } as const
      return how === 'send' ? producer.send(record) : producer.sendBatch([record])
    }
    await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
      eachRecord: ({ value }) => answer(value),
      retry: { attempts: 1 },
      onFailure: 'skip',
    })
    fill(broker, 'orders', 3)
    await broker.advanceUntilIdle()
    expect(broker.now - Date.UTC(2020, 0, 1)).toBe(60_000)
    const waited = expect.stringMatching(/^Waited 60000 ms for room: answers-0 keeps 2 records/)
    expect(broker.timeline.ofKind('failed')).toMatchObject([{ offset: 2, error: { message: waited } }])
    expect(broker.timeline.ofKind('outside')).toEqual([])
    await broker.close()
  },
)

it('says at once that a handler that waits for room needs time to move', async () => {
  const { broker } = shop()
  const producer = broker.producer()
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
    eachRecord: ({ value }) => producer.send({ topic: 'answers', value }),
  })
  fill(broker, 'orders', 3)
  const error = await rejectionOf(broker.idle())
  expect(error).toBeInstanceOf(NeverIdleError)
  expect(error.message).toContain("group 'audit' has not committed 2 of them")
  expect(error.message).toContain('pending timers: a send that waits for room in 60000 ms')
  await broker.close()
})

it('waits in real time where the handler that would make room awaits something else', async () => {
  const { broker, audit } = shop()
  const producer = broker.producer()
  await broker.consumer({ groupId: 'g', topics: ['orders'], clientId: 'shop' }).run({
    eachRecord: ({ value }) => producer.send({ topic: 'answers', value }),
  })
  await audit(() => new Promise(resolve => setTimeout(resolve, 1)))
  fill(broker, 'orders', 6)
  await broker.advanceUntilIdle()
  expect(broker.now).toBe(Date.UTC(2020, 0, 1))
  expect(broker.timeline.ofKind('failed')).toEqual([])
  expect(new Set(broker.timeline.ofKind('outside').map(({ group }) => group))).toEqual(new Set(['audit']))
  await broker.close()
})

it('tells a sender that is no handler where its record went, once there was room', async () => {
  const { broker, audit } = shop()
  fill(broker, 'answers', 2)
  const sent = broker.producer().send({ topic: 'answers', value: 2 })
  await audit(() => {})
  await broker.advanceUntilIdle()
  expect(await sent).toMatchObject({ topic: 'answers', partition: 0, offset: 2 })
  await broker.close()
})
