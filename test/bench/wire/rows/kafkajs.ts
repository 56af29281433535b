import { type Consumer, Partitioners } from 'kafkajs'
import { median } from '../../measure.ts'
import { filledTopic, little, newName, partitions, payload, plenty, scaled } from '../records.ts'
import type { Row } from '../row.ts'
import { kafkaJs, type Server } from '../server.ts'

/** Not slower than kfake. */
const targets = { kfake: 1 }

/** A short wait, so that a consumer disconnects quickly. */
const consumerOptions = { maxWaitTimeInMs: 100 }

function produce(name: string, recordBytes: number, records: number): Row {
  return {
    name: `kafkajs-produce-${name}`,
    what: `KafkaJS produces records of ${recordBytes} bytes, 1,000 a send, one send after the other`,
    unit: 'records/s',
    recordBytes,
    targets,
    async measure(server, scale) {
      const topic = newName('produce')
      await server.createTopic(topic, partitions)
      const producer = kafkaJs(server).producer({ createPartitioner: Partitioners.DefaultPartitioner })
      await producer.connect()
      const messages = Array.from({ length: 1000 }, () => ({ value: payload(recordBytes) }))
      // The first send also reads the topic's metadata.
      await producer.send({ topic, messages: messages.slice(0, 1) })
      const sends = Math.ceil(scaled(records, scale) / messages.length)
      const started = performance.now()
      for (let i = 0; i < sends; i++) await producer.send({ topic, messages })
      const seconds = (performance.now() - started) / 1000
      await producer.disconnect()
      await server.deleteTopic(topic)
      return (sends * messages.length) / seconds
    },
  }
}

function consume(name: string, recordBytes: number, records: number): Row {
  return {
    name: `kafkajs-consume-${name}`,
    what: `KafkaJS consumes records of ${recordBytes} bytes by eachBatch, from when its group is joined`,
    unit: 'records/s',
    recordBytes,
    targets,
    async measure(server, scale) {
      const { topic } = await filledTopic(server, plenty(recordBytes, scale))
      const consumer = kafkaJs(server).consumer({ groupId: newName('group'), ...consumerOptions })
      let started = 0
      consumer.on(consumer.events.GROUP_JOIN, () => {
        started = performance.now()
      })
      const wanted = scaled(records, scale)
      let seen = 0
      await until(consumer, topic, done =>
        consumer.run({
          async eachBatch({ batch }) {
            seen += batch.messages.length
            if (seen >= wanted) done()
          },
        }),
      )
      const seconds = (performance.now() - started) / 1000
      await consumer.disconnect()
      return seen / seconds
    },
  }
}

// A start takes a few milliseconds, so a single one tells little.
const start: Row = {
  name: 'kafkajs-start',
  what: "from a fresh KafkaJS group's start, its connection included, to its first record; the median of ten",
  unit: 'ms',
  targets: { ...targets, mock: 1 },
  async measure(server, scale) {
    const { topic } = await filledTopic(server, little)
    const took: number[] = []
    while (took.length < scaled(10, scale)) took.push(await startOnce(server, topic))
    return median(took)
  },
}

async function startOnce(server: Server, topic: string): Promise<number> {
  const consumer = kafkaJs(server).consumer({ groupId: newName('group'), ...consumerOptions })
  const from = performance.now()
  await until(consumer, topic, done => consumer.run({ eachMessage: async () => done() }))
  const took = performance.now() - from
  await consumer.disconnect()
  return took
}

/** Subscribes, and runs until it is done or has crashed. */
async function until(
  consumer: Consumer,
  topic: string,
  run: (done: () => void) => Promise<void>,
): Promise<void> {
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, event => reject(event.payload.error))
    run(resolve).catch(reject)
  })
}

export const kafkaJsRows: readonly Row[] = [
  produce('100', 100, 100_000),
  produce('1024', 1024, 50_000),
  consume('100', 100, 200_000),
  consume('1024', 1024, 90_000),
  start,
]
