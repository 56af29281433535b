/** A service that uses KafkaJS, tested without Kafka and without a port. See docs/kafka-clients.md. */
import { Broker, topic } from 'brokerlet'
import { RequestLog, socketFactory, WireFaults } from 'brokerlet/server'
import { Kafka, logLevel } from 'kafkajs'
import { expect, it } from 'vitest'
import { type Order, startBilling } from './billing.ts'

const topics = {
  orders: topic<Order, string>({ partitions: 3 }),
  payments: topic<{ orderId: string; amount: number }, string>({ partitions: 3 }),
}

it('turns each order into one payment', async () => {
  const broker = new Broker({ topics })
  const kafka = new Kafka({
    brokers: ['in-process:9092'],
    socketFactory: socketFactory(broker),
    logLevel: logLevel.ERROR,
  })
  const billing = await startBilling(kafka)

  const producer = broker.producer()
  for (const id of ['o-1', 'o-2', 'o-3']) {
    await producer.send({ topic: 'orders', key: id, value: { id, total: 30 } })
  }
  await broker.idle()

  const payments = broker.topic('payments').records()
  expect(payments.map(({ value }) => value.orderId).sort()).toEqual(['o-1', 'o-2', 'o-3'])
  expect(broker.group('billing').lag()).toBe(0)
  await billing.stop()
  await broker.close()
})

it('still does where the leader moves and an answer is lost on its way', async () => {
  const broker = new Broker({ topics })
  const faults = new WireFaults()
  const requests = new RequestLog()
  const kafka = new Kafka({
    brokers: ['in-process:9092'],
    socketFactory: socketFactory(broker, { faults, requests }),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 10 },
  })
  const billing = await startBilling(kafka)
  faults.fail({ api: 'Produce', topic: 'payments' }, 'NOT_LEADER_OR_FOLLOWER')
  faults.disconnect({ api: 'OffsetCommit', group: 'billing' }, { when: 'after' })

  await broker.producer().send({ topic: 'orders', key: 'o-1', value: { id: 'o-1', total: 30 } })
  await broker.idle()
  await billing.stop()

  expect(broker.topic('payments').records()).toHaveLength(1)
  expect(faults.unused).toEqual([])
  expect(requests.of({ api: 'Produce', topic: 'payments' }).map(({ errors }) => errors)).toEqual([
    ['NOT_LEADER_OR_FOLLOWER'],
    [],
  ])
  await broker.close()
})
