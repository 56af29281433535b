/**
 * One topic, three readers. Banking, logging and stock each consume every payment in a group of their own. Stock is
 * slow and logging fails; banking does not notice, the sender does not notice, and nothing is lost.
 */
import { Broker, type PubSub } from 'brokerlet'
import { Banking } from './banking.ts'
import { Logging } from './logging.ts'
import { type PaymentTopics, topics } from './payments.ts'
import { Stock } from './stock.ts'

const count = 120
const items = ['apples', 'bread', 'cheese', 'dates']

const started = performance.now()

function tell(who: string, what: string): void {
  console.log(`${`${Math.round(performance.now() - started)} ms`.padStart(7)}  ${who.padEnd(8)} ${what}`)
}

async function shop(pubsub: PubSub<PaymentTopics>): Promise<void> {
  const producer = pubsub.producer()
  const sending = performance.now()
  for (let id = 1; id <= count; id++) {
    const account = `account-${id % 10}`
    const value = { id, account, item: items[id % items.length]!, amount: id }
    await producer.send({ topic: 'payments', key: account, value })
  }
  tell(
    'shop',
    `sent ${count} payments in ${Math.round(performance.now() - sending)} ms, and waited for nobody`,
  )
}

const broker = new Broker({ topics })
const banking = new Banking()
const stock = new Stock()
const logging = new Logging(50)

await banking.start(broker)
await stock.start(broker)
const logger = await logging.start(broker)
await shop(broker)

await broker.idle({ groups: ['banking'] })
tell(
  'banking',
  `booked ${banking.payments} payments, ${banking.total} in all; stock has done ${stock.payments} so far`,
)

await Promise.allSettled([logger.done])
tell('logging', `stopped after ${logging.lines.length} payments: ${logging.failure}`)
tell('logging', `is behind by ${broker.group('logging').lag()} payments; the topic keeps them`)

logging.capacity = Number.POSITIVE_INFINITY
await logging.start(broker)
await broker.idle({ groups: ['logging'] })
const lines = new Set(logging.lines)
tell(
  'logging',
  `got a new disk and went on where it had stopped: ${logging.lines.length} lines, ${lines.size} different`,
)

await broker.idle()
const taken = [...stock.taken]
  .sort()
  .map(([item, amount]) => `${amount} ${item}`)
  .join(', ')
tell('stock', `is through as well: ${stock.payments} payments, ${taken}`)

await broker.close()
