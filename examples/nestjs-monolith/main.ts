/** A NestJS monolith of three modules that know only each other's records. Places some orders, and ends. */
import { Broker } from 'brokerlet'
import { createApp } from './app.ts'
import { BillingService } from './billing.module.ts'
import { OrdersService } from './orders.module.ts'
import { topics } from './topics.ts'

const broker = new Broker({ topics })
const app = await createApp(broker)
const orders = app.get(OrdersService)
const billing = app.get(BillingService)

for (const [index, customer] of ['ada', 'bob', 'eve', 'ada', 'bob'].entries()) {
  await orders.place({ orderId: `order-${index + 1}`, customer, total: (index + 1) * 10 })
}
console.log(`${orders.parcels.size} orders placed, ${orders.open} not shipped yet`)

await broker.idle()
console.log(`${billing.invoices} invoices, ${billing.revenue} in all`)
for (const [orderId, parcel] of orders.parcels) console.log(`${orderId}: ${parcel}`)

await app.close()
console.log('closed')
