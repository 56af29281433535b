/** A broker that Prometheus can scrape: `/metrics` shows the progress of every group, and counts events. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Broker, topic } from 'brokerlet'
import { countEvents, metricsType, toPrometheus } from './prometheus.ts'

countEvents()
const broker = new Broker({ topics: { orders: topic<number>({ partitions: 2 }) } })
const billing = broker.consumer({ groupId: 'billing', topics: ['orders'] })
billing.on('skipped', () => {})
await billing.run({
  retry: { attempts: 1 },
  onFailure: 'skip',
  eachRecord: ({ value }) => {
    if (value === 3) throw new Error('no such card')
  },
})

const server = createServer((request, response) => {
  if (request.url === '/metrics') {
    response.setHeader('content-type', metricsType).end(toPrometheus(broker.describe()))
  } else response.writeHead(404).end()
})
server.listen(0)
await once(server, 'listening')

const producer = broker.producer()
for (let value = 1; value <= 4; value++) await producer.send({ topic: 'orders', partition: value % 2, value })
await broker.idle()
await billing.close()
await producer.send({ topic: 'orders', partition: 0, value: 5 })

const { port } = server.address() as AddressInfo
const response = await fetch(`http://localhost:${port}/metrics`)
for (const line of (await response.text()).trimEnd().split('\n')) console.log(line)

server.close()
await broker.close()
