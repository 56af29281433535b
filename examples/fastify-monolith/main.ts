/** A Fastify monolith of three modules that know only each other's records. Places orders, and ends. */
import { Broker } from 'brokerlet'
import { createApp, topics } from './app.ts'

const broker = new Broker({ topics })
const app = createApp(broker)

const locations: string[] = []
for (const [index, customer] of ['ada', 'bob', 'ada'].entries()) {
  const payload = { customer, total: (index + 1) * 10 }
  const response = await app.inject({ method: 'POST', url: '/orders', payload })
  locations.push(response.headers.location!)
  console.log(`POST /orders ${JSON.stringify(payload)}: ${response.statusCode}`)
}

const show = async (url: string, name = url) => console.log(`GET ${name}: ${(await app.inject(url)).body}`)

await broker.idle()
for (const location of locations) {
  const { status } = (await app.inject(location)).json()
  console.log(`GET /orders/...: ${status}`)
}
await show('/revenue')
await show('/parcels')

await app.close()
await broker.close()
console.log('closed')
