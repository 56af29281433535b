import { topic } from 'brokerlet'
import { TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'

it('gives its consumers the policy of the broker', async () => {
  const handled: string[] = []
  const broker = new TestBroker({
    topics: { orders: topic<number>(), dlq: topic<number>() },
    consumerDefaults: {
      clientId: 'service',
      run: { retry: { attempts: 1 }, onFailure: { deadLetter: 'dlq' } },
    },
    around: (record, _context, next) => {
      handled.push(`${record.topic}@${record.offset}`)
      return next()
    },
  })
  await broker.producer().send({ topic: 'orders', value: 1 })
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('deadLettered', () => {})
  await consumer.run({
    eachRecord: () => {
      throw new Error('boom')
    },
  })
  await broker.idle()
  expect(handled).toEqual(['orders@0'])
  expect(consumer.memberId).toMatch(/^service/)
  expect(broker.topic('dlq').records()).toHaveLength(1)
  await broker.close()
})
