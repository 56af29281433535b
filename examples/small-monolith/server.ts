/**
 * A small monolith: requests over HTTP, three services that do not know each other, and one policy for all.
 * `PORT=3000 npx tsx examples/small-monolith/server.ts`. On SIGTERM it takes no more requests, finishes its work,
 * reports what is left, and ends.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Broker } from 'brokerlet'
import { countEvents } from '../metrics/prometheus.ts'
import { Billing } from './billing.ts'
import { createHttpServer } from './http.ts'
import { Mailing } from './mailing.ts'
import { around, consumerDefaults } from './policy.ts'
import { Shipping } from './shipping.ts'
import { topics } from './topics.ts'

// First, so that no event is missed.
countEvents()
const broker = new Broker({ topics, maxRecords: 200_000, consumerDefaults, around })
broker.on('recordsDropped', ({ topic, groups }) =>
  console.error(`dropped unread records of ${topic}`, groups),
)
broker.on('groupStopped', ({ groupId, cause }) => console.error(`nobody is left in ${groupId}`, cause))

const billing = new Billing()
const shipping = new Shipping()
const mailing = new Mailing()
if (process.env.UNREACHABLE) billing.unreachable.add(process.env.UNREACHABLE)
// Once these resolve, no later order can be missed.
await Promise.all([billing, shipping, mailing].map(service => service.start(broker)))

const server = createHttpServer(broker)
server.listen(Number(process.env.PORT ?? 0))
await once(server, 'listening')
console.log(`listening on http://localhost:${(server.address() as AddressInfo).port}`)

// A process manager leaves some seconds between SIGTERM and SIGKILL (Kubernetes: 30); together these must be less.
const requestsMs = 2000
const graceMs = 20_000

async function shutDown(signal: string): Promise<void> {
  console.log(`${signal}: closing`)
  // Closing a server ends idle connections only: on the others a client would go on asking.
  server.prependListener('request', (_request, response) => response.setHeader('connection', 'close'))
  // A request that hangs is cut off: it must not cost the services their time.
  const late = setTimeout(() => server.closeAllConnections(), requestsMs)
  await new Promise(resolve => server.close(resolve))
  clearTimeout(late)
  // Drains until all services are idle, since the output of one is the input of the next.
  const left = await broker.close({ drain: true, timeoutMs: graceMs })
  for (const { group, topic, partition, from, count } of left) {
    console.error(`${group} left ${count} records of ${topic}-${partition} from offset ${from}`)
  }
  console.log(`closed: ${shipping.shipped.size} shipped, ${mailing.mails.length} mails`)
  process.exitCode = left.length === 0 ? 0 : 1
}

for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, shutDown)
// For the example: the bank answers again.
process.once('SIGUSR2', () => billing.unreachable.clear())
