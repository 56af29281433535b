/**
 * What `connect` costs beside the client that it is made of, used directly: the same records to the same Apache Kafka in
 * the same process, in turns. Prints records per second, the best of the rounds, and the ratio.
 *
 *   npm run bench:kafka
 */
import './peer.ts'
import Table from 'cli-table3'
import type { connect as Connect, KafkaConnection } from '../../src/kafka/index.ts'
import { startRealKafka } from '../kafka/real-kafka.ts'

interface Side {
  readonly name: string
  produce(topic: string, value: Uint8Array, count: number): Promise<void>
  consume(topic: string, count: number): Promise<void>
}

const records = 100_000
const batch = 500
const rounds = 8
const sizes = [100, 1024]

function throughConnect(cluster: KafkaConnection): Side {
  return {
    name: 'connect',
    produce: async (topic, value, count) => {
      const producer = cluster.producer()
      for (let sent = 0; sent < count; sent += batch) {
        await producer.sendBatch(Array.from({ length: batch }, () => ({ topic, value })))
      }
      await producer.close()
    },
    consume: async (topic, count) => {
      const consumer = cluster.consumer({ topics: [topic], from: 'beginning' })
      await new Promise<void>((resolve, reject) => {
        let seen = 0
        const eachRecord = () => {
          if (++seen === count) resolve()
        }
        consumer.run({ eachRecord }).catch(reject)
      })
      await consumer.close()
    },
  }
}

// Its own types are not there where it is not installed.
interface Direct {
  readonly Producer: new (
    options: object,
  ) => {
    send(options: object): Promise<unknown>
    close(): Promise<void>
  }
  readonly Consumer: new (
    options: object,
  ) => {
    consume(options: object): Promise<AsyncIterable<unknown> & { close(): Promise<void> }>
    close(force?: boolean): Promise<void>
  }
}

function direct({ Producer, Consumer }: Direct, bootstrapBrokers: readonly string[]): Side {
  return {
    name: '@platformatic/kafka',
    produce: async (topic, value, count) => {
      const producer = new Producer({ clientId: 'direct', bootstrapBrokers, idempotent: true })
      for (let sent = 0; sent < count; sent += batch) {
        await producer.send({ messages: Array.from({ length: batch }, () => ({ topic, value })), acks: -1 })
      }
      await producer.close()
    },
    consume: async (topic, count) => {
      const groupId = `direct-${Math.random()}`
      const consumer = new Consumer({ clientId: 'direct', groupId, bootstrapBrokers })
      const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false })
      let seen = 0
      for await (const _ of stream) if (++seen === count) break
      await stream.close()
      await consumer.close(true)
    },
  }
}

async function rate(work: () => Promise<void>): Promise<number> {
  const began = performance.now()
  await work()
  return Math.round(records / ((performance.now() - began) / 1000))
}

// As it is published: what runs a source directly makes it slower.
const built = (name: string) => import(new URL(`../../dist/${name}.js`, import.meta.url).href)
const { connect } = (await built('kafka/index')) as { readonly connect: typeof Connect }

const kafka = await startRealKafka()
// The bytes that are given, as the client takes them: `bytes` would copy them.
const codec = { encode: (value: Uint8Array) => value, decode: (value: Uint8Array) => value }
const cluster = await connect({ bootstrapBrokers: [kafka.address], codec })
const packageName: string = '@platformatic/kafka'
const sides = [throughConnect(cluster), direct((await import(packageName)) as Direct, [kafka.address])]
const head = ['records per second', 'bytes', ...sides.map(({ name }) => name), 'ratio']
const table = new Table({ head, style: { head: [], border: [] } })
for (const size of sizes) {
  const value = Buffer.alloc(size, 'x')
  const best = { produce: [0, 0], consume: [0, 0] }
  for (let round = 0; round < rounds; round++) {
    for (const [i, side] of sides.entries()) {
      const topic = `t-${size}-${round}-${i}`
      await cluster.admin.createTopic(topic)
      const produced = await rate(() => side.produce(topic, value, records))
      const consumed = await rate(() => side.consume(topic, records))
      best.produce[i] = Math.max(best.produce[i]!, produced)
      best.consume[i] = Math.max(best.consume[i]!, consumed)
      await cluster.admin.deleteTopic(topic)
    }
  }
  for (const what of ['produce', 'consume'] as const) {
    const [own, other] = best[what] as [number, number]
    table.push([what, size, own.toLocaleString('en'), other.toLocaleString('en'), (own / other).toFixed(2)])
  }
}
process.stdout.write(`${table.toString()}\n`)
await cluster.close()
await kafka.close()
