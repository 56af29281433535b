import { Broker, topic } from 'brokerlet'
import { type Invoice, Invoicing, type Order } from './invoicing.ts'

const broker = new Broker({ topics: { orders: topic<Order>(), invoices: topic<Invoice>() } })

const orders = broker.producer()
const send = async (from: number, to: number) => {
  for (let i = from; i < to; i++)
    await orders.send({ topic: 'orders', value: { id: `o-${i}`, cents: 100 * i } })
}

await send(0, 50)
const first = await new Invoicing(broker).start()
await broker.idle()
await first.stop()

// Another instance continues after the last committed transaction of the first one.
const second = await new Invoicing(broker).start()
await send(50, 100)
await broker.idle()
await second.stop()

const attempts = first.attempts + second.attempts
console.log(
  `100 orders took ${attempts} attempts, of which ${attempts - 100} were aborted after they had written`,
)

const written: Invoice[] = []
const read: Invoice[] = []
const all = broker.consumer({ topics: ['invoices'], until: 'end', isolationLevel: 'read_uncommitted' })
for await (const { value } of all) written.push(value)
for await (const { value } of broker.consumer({ topics: ['invoices'], until: 'end' })) read.push(value)
const different = new Set(read.map(({ orderId }) => orderId)).size
console.log(
  `${written.length} invoices were written, ${read.length} count: one for each of ${different} orders`,
)
await broker.close()
