/** What the guide says that there is for each call of KafkaJS. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { BatchError, Broker, json, topic } from 'brokerlet'
import { expect, it, onTestFinished } from 'vitest'
import { root } from './page.ts'
import { mistakesIn } from './snippet-types.ts'

const guide = readFileSync(path.join(root, 'docs/guide.md'), 'utf8')
const rows = guide
  .slice(guide.indexOf('| with KafkaJS |'))
  .split('\n')
  .slice(2)
  .filter(line => line.startsWith('| '))
  .map(line => line.split(' | ') as [kafkaJs: string, brokerlet: string])

// What has no parentheses is the name of an option or of a field.
function callsIn(cell: string): string[] {
  return Array.from(cell.matchAll(/`([^`]+)`/g), ([, code]) => code!).filter(code => code.includes('('))
}

const forKafkaJs = [
  `import { Kafka, type Message, type Transaction } from 'kafkajs'`,
  `const kafka = new Kafka({ brokers: [] })`,
  `const [consumer, producer, admin] = [kafka.consumer({ groupId: 'billing' }), kafka.producer(), kafka.admin()]`,
  `declare const [tx, message]: [Transaction, Message & { offset: string }]`,
  `const eachMessage = async () => {}`,
  `const resolveOffset = (offset: string) => {}`,
].join(';')

const forBrokerlet = `import { BatchError, Broker } from 'brokerlet'`

const callsOfKafkaJs = rows.flatMap(([kafkaJs]) => callsIn(kafkaJs))
const calls = rows.flatMap(([, brokerlet]) => callsIn(brokerlet))

it('each call of the table is one that there is', () => {
  const programs = [
    ...callsOfKafkaJs.map((call, index) => [`kafkajs-${index}.ts`, `${forKafkaJs};{ ${call} }`] as const),
    ...calls.map((call, index) => [`brokerlet-${index}.ts`, `${forBrokerlet};{ ${call} }`] as const),
  ]
  expect(programs.length).toBeGreaterThan(50)
  expect(mistakesIn(new Map(programs), new Map())).toEqual([])
})

const order = { id: 'o-1', total: 30 }
const topics = { orders: topic({ partitions: 2 }) }

/** A broker on which a group has read one of two orders, and a consumer that reads the other. */
async function makeShop(autoCommit: boolean) {
  const broker = new Broker({ topics, codec: json })
  onTestFinished(async () => void (await broker.close()))
  const producer = broker.producer()
  const send = () => producer.send({ topic: 'orders', partition: 0, value: order })
  await send()
  const earlier = broker.consumer({ groupId: 'billing', topics: ['orders'] })
  await earlier.run({ eachRecord: () => {} })
  await broker.idle()
  await earlier.close()
  await send()
  const transactional = broker.producer({ transactionalId: 'transactional' })
  const consumer = broker.consumer({ groupId: 'billing', topics: ['orders'], autoCommit })
  return { broker, producer, transactional, consumer }
}

// A position is one of a consumer that has its partitions; `run` gets them by itself.
const ofAssigned = /consumer\.(?:seek|pause|commit)\(|sendOffsets\(consumer\)/

it.each(calls)('%s', async call => {
  const shop = await makeShop(!call.includes('sendOffsets'))
  const { broker, consumer } = shop
  if (ofAssigned.test(call)) await consumer.poll()
  const handlers = { eachRecord: () => {}, save: () => {}, alert: () => {} }
  const known = { Broker, BatchError, topics, order, ...shop, ...handlers }
  const thrown = { cause: new Error('down'), record: broker.topic('orders').records()[0] }
  const names = { ...known, ...thrown }
  const run = new Function(...Object.keys(names), `return (async () => { ${call} })()`)

  const result: unknown = await run(...Object.values(names)).catch((error: unknown) => error)

  if (call.startsWith('throw ')) expect(result).toBeInstanceOf(BatchError)
  else expect(result).toBeUndefined()
})
