/**
 * A small monolith: HTTP in, three services that do not know each other, one policy for all. `PORT=3000 npx tsx
 * examples/small-monolith/server.ts`. On SIGTERM it takes no more requests, finishes what it has, says what it left, and
 * ends.
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

// Before anything happens.
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
// When these resolve, no order that is taken from now on can be missed.
await Promise.all([billing, shipping, mailing].map(service => service.start(broker)))

const server = createHttpServer(broker)
server.listen(Number(process.env.PORT ?? 0))
await once(server, 'listening')
console.log(`listening on http://localhost:${(server.address() as AddressInfo).port}`)

// A process manager gives some seconds between SIGTERM and SIGKILL (Kubernetes: 30): stay below.
const graceMs = 20_000

async function shutDown(signal: string): Promise<void> {
  console.log(`${signal}: closing`)
  server.closeIdleConnections()
  await new Promise(resolve => server.close(resolve))
  // Until everybody rests, since one service's work is the next one's input.
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
