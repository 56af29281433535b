/**
 * The same monolith as a service that stays up, with orders coming in all the time. On SIGTERM (or Ctrl-C) it takes no
 * more orders, finishes those that it has, and ends.
 */
import { Broker } from 'brokerlet'
import { createApp } from './app.ts'
import { OrdersService } from './orders.module.ts'
import { topics } from './topics.ts'

const broker = new Broker({ topics })
const app = await createApp(broker)
const orders = app.get(OrdersService)

let count = 0
async function placeNext(): Promise<void> {
  const orderId = `order-${++count}`
  await orders.place({ orderId, customer: 'ada', total: 10 })
  if (count % 50 === 0) console.log(`${count} orders placed, ${orders.open} not shipped yet`)
}

const customers = setInterval(() => placeNext().catch(error => console.error(error.message)), 10)

async function shutDown(signal: string): Promise<void> {
  clearInterval(customers)
  console.log(`${signal}: ${orders.parcels.size} orders placed, ${orders.open} not shipped yet`)
  // An order passes from module to module, so it is finished only when all modules are idle.
  await broker.idle({ timeoutMs: 10_000 }).catch(error => console.error(error.message))
  await app.close()
  console.log(`closed: ${orders.parcels.size} orders placed, ${orders.open} not shipped`)
}

for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, shutDown)
console.log('taking orders; SIGTERM or Ctrl-C ends it')
