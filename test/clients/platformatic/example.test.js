/** A service that uses @platformatic/kafka, tested without Kafka. See docs/kafka-clients.md. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Broker, topic } from 'brokerlet'
import { serve } from 'brokerlet/server'
import { startBilling } from './billing.js'

test('turns each order into one payment', async t => {
  const broker = new Broker({
    topics: { orders: topic({ partitions: 3 }), payments: topic({ partitions: 3 }) },
  })
  const server = await serve(broker)
  const billing = await startBilling([server.address])
  t.after(async () => {
    await billing.stop()
    await broker.close()
  })

  for (const id of ['o-1', 'o-2', 'o-3']) {
    await broker.producer().send({ topic: 'orders', key: id, value: { id, total: 30 } })
  }
  await broker.idle()

  const payments = broker.topic('payments').records()
  assert.deepEqual(payments.map(({ value }) => value.orderId).toSorted(), ['o-1', 'o-2', 'o-3'])
})
