const assert = require('node:assert/strict')
const { Broker, BrokerletError, isBrokerletError, topic } = require('brokerlet')

async function main() {
  const broker = new Broker({ topics: { orders: topic({ partitions: 3 }) } })
  await broker.producer().send({ topic: 'orders', key: 'o-1', value: { total: 12 } })
  assert.deepEqual(
    broker
      .topic('orders')
      .records()
      .map(record => record.value),
    [{ total: 12 }],
  )
  assert.throws(() => broker.topic('order'), BrokerletError)
  await broker.close()

  // The copy for `import` has classes of its own, and its errors are told all the same.
  const other = await import('brokerlet')
  assert.throws(
    () => new other.Broker({ topics: {} }).topic('order'),
    error => isBrokerletError(error) && !(error instanceof BrokerletError),
  )

  // The optional peer is not installed here.
  const { connect } = require('brokerlet/kafka')
  await assert.rejects(connect({ bootstrapBrokers: ['127.0.0.1:9092'] }), { code: 'PEER_NOT_INSTALLED' })
  console.log('ok')
}

void main()
