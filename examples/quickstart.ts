import { Broker, topic } from 'brokerlet'

interface Order {
  id: string
  total: number
}

const broker = new Broker({ topics: { orders: topic<Order>({ partitions: 6 }) } })

const billing = broker.consumer({ groupId: 'billing', topics: ['orders'] })
await billing.run({
  eachRecord: async ({ key, value, partition, offset }) => {
    console.log(`${key}: charge ${value.total} (partition ${partition}, offset ${offset})`)
  },
})

const producer = broker.producer()
await producer.send({ topic: 'orders', key: 'o-1', value: { id: 'o-1', total: 12 } })
await producer.send({ topic: 'orders', key: 'o-2', value: { id: 'o-2', total: 30 } })
