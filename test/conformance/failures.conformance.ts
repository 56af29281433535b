import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Broker, type ConsumerRecord, type OpenTopics, type PubSub } from '../../src/index.ts'
import { connect } from '../../src/kafka/index.ts'
import { type KafkaServer, serve } from '../../src/server/index.ts'
import { isKafkaInstalled, type RealKafka, startRealKafka } from '../kafka/real-kafka.ts'
import { readAll, until } from './collect.ts'
import { unique } from './engine-under-test.ts'

/** Something that can be taken away and given back, with what it kept. */
interface Breakable {
  readonly address: string
  breakOff(): Promise<void>
  comeBack(): Promise<void>
}

const records = 100_000
const partitions = 4

function survives(how: string, broken: () => Breakable): void {
  async function open(): Promise<{ place: PubSub<OpenTopics>; source: string; target: string }> {
    const place = await connect({ bootstrapBrokers: [broken().address], autoCommitIntervalMs: 200 })
    const [source, target] = [unique('source'), unique('target')]
    for (const topic of [source, target]) await place.admin.createTopic(topic, { partitions })
    return { place, source, target }
  }

  async function send(place: PubSub<OpenTopics>, topic: string): Promise<void> {
    const producer = place.producer()
    for (let from = 0; from < records; from += 1000) {
      const some = Array.from({ length: 1000 }, (_, n) => from + n)
      await producer.sendBatch(some.map(value => ({ topic, key: `k${value}`, value })))
    }
  }

  const breakAt = async (counted: () => number, at: number) => {
    await until(() => expect(counted()).toBeGreaterThan(at))
    await broken().breakOff()
    await broken().comeBack()
  }

  describe('failures', () => {
    it(`writes each record once and in order, and reads each at least once, ${how}`, {
      timeout: 180_000,
    }, async () => {
      const { place, source } = await open()
      const seen = new Set<unknown>()
      const consumer = place.consumer({ groupId: unique('group'), topics: [source] })
      consumer.on('error', () => {})
      await consumer.run({ eachRecord: ({ value }) => seen.add(value) })
      const sent = send(place, source)
      await breakAt(() => seen.size, records / 4)
      await sent
      await until(() => expect(seen.size).toBe(records))
      await place.close({ timeoutMs: 5000 })

      const after = await connect({ bootstrapBrokers: [broken().address] })
      const written = await readAll(after, source)
      expect(written).toHaveLength(records)
      const last = new Array<number>(partitions).fill(-1)
      for (const { partition, value } of written) {
        expect(Number(value)).toBeGreaterThan(last[partition]!)
        last[partition] = Number(value)
      }
      await after.close()
    })

    it(`copies each record exactly once in transactions, ${how}`, { timeout: 180_000 }, async () => {
      const { place, source, target } = await open()
      await send(place, source)
      let copied = 0
      const producer = place.producer({ transactionalId: unique('copier') })
      const consumer = place.consumer({ groupId: unique('group'), topics: [source], autoCommit: false })
      consumer.on('error', () => {}).on('restarting', () => {})
      await consumer.run({
        batch: { maxRecords: 1000 },
        eachBatch: async (batch, context) => {
          await producer.transaction(async tx => {
            await tx.sendBatch(
              batch.records.map(({ key, value }: ConsumerRecord) => ({ topic: target, key, value })),
            )
            await tx.sendOffsets(context)
          })
          copied += batch.records.length
        },
      })
      await breakAt(() => copied, records / 4)
      await until(() => expect(copied).toBeGreaterThanOrEqual(records))
      await until(() => expect(consumer.lag()).toBe(0))
      await place.close({ timeoutMs: 5000 })

      const after = await connect({ bootstrapBrokers: [broken().address] })
      const read = async () => (await readAll(after, target)).map(({ value }) => Number(value))
      // A cluster answers a commit before everybody can read what it brought.
      await until(async () => expect(await read()).toHaveLength(records))
      const values = await read()
      expect(new Set(values).size).toBe(records)
      await after.close()
    })
  })
}

describe('connect, to serve', () => {
  let broker: Broker
  let server: KafkaServer
  beforeAll(async () => {
    broker = new Broker()
    server = await serve(broker)
  })
  afterAll(() => broker.close())

  survives('while it is stopped and started again', () => ({
    address: server.address,
    breakOff: () => server.close(),
    comeBack: async () => {
      server = await serve(broker, { port: server.port })
    },
  }))
})

describe('connect, to serve', () => {
  let broker: Broker
  let server: KafkaServer
  beforeAll(async () => {
    broker = new Broker()
    server = await serve(broker, { brokers: 3 })
  })
  afterAll(() => broker.close())

  // Each of them leads something, and coordinates something.
  survives('while each of three brokers stops, and others stand in for it', () => ({
    address: server.bootstrapServers.split(',')[0]!,
    breakOff: async () => {
      for (const each of server.brokers) {
        await each.stop()
        await broker.clock.sleep(200)
        await each.start()
      }
    },
    comeBack: async () => {},
  }))
})

describe.skipIf(!isKafkaInstalled)('connect, to Apache Kafka', () => {
  let kafka: RealKafka
  beforeAll(async () => {
    kafka = await startRealKafka()
  })
  afterAll(() => kafka?.close())

  survives('while it is killed and started again', () => ({
    address: kafka.address,
    breakOff: () => kafka.kill(),
    comeBack: () => kafka.start(),
  }))
})
