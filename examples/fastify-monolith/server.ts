/**
 * The same monolith as a server: `PORT=3000 npx tsx examples/fastify-monolith/server.ts`. On SIGTERM (or Ctrl-C) it
 * takes no more requests, finishes its orders, and ends.
 */
import { Broker } from 'brokerlet'
import { createApp, topics } from './app.ts'

const broker = new Broker({ topics })
const app = createApp(broker)

// An order passes from module to module, so it is finished only when all modules are idle.
app.addHook('preClose', async () => {
  await broker.idle({ timeoutMs: 10_000 }).catch(error => console.error(error.message))
})

const sent = (topic: keyof typeof topics) => broker.topic(topic).records().length

async function shutDown(signal: string): Promise<void> {
  console.log(`${signal}: ${sent('orders')} orders, ${sent('shipments')} shipments`)
  await app.close()
  console.log(`closed: ${sent('orders')} orders, ${sent('shipments')} shipments`)
  await broker.close()
}

for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, shutDown)
console.log(`listening on ${await app.listen({ port: Number(process.env.PORT ?? 0) })}`)
