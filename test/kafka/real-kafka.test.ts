import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isKafkaInstalled, type RealKafka, startRealKafka } from './real-kafka.ts'

describe.skipIf(!isKafkaInstalled)('a real Apache Kafka', () => {
  let kafka: RealKafka
  beforeAll(async () => {
    kafka = await startRealKafka({ sasl: { users: { ada: 'secret' } } })
  })
  afterAll(() => kafka?.close())

  async function endOffset(): Promise<string> {
    const admin = client().admin()
    await admin.connect()
    const [partition] = await admin.fetchTopicOffsets('orders')
    await admin.disconnect()
    return partition!.high
  }

  async function produce(value: string): Promise<void> {
    const producer = client().producer()
    await producer.connect()
    await producer.send({ topic: 'orders', messages: [{ value }] })
    await producer.disconnect()
  }

  const client = () =>
    new Kafka({ brokers: [kafka.address], retry: { retries: 3 }, logLevel: logLevel.NOTHING })

  it('takes records, and keeps them over a stop and over a kill, at the same address', async () => {
    const admin = client().admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 1 }] })
    await admin.disconnect()
    await produce('a')
    await kafka.stop()
    await kafka.start()
    await produce('b')
    await kafka.kill()
    await kafka.start()
    expect(await endOffset()).toBe('2')
  })

  it.each([
    ['lets in', 'secret', true],
    ['turns away', 'guess', false],
  ])('%s a client with the password %s, at its other port', async (_, password, isLetIn) => {
    const secured = new Kafka({
      brokers: [`127.0.0.1:${kafka.saslPort}`],
      sasl: { mechanism: 'plain', username: 'ada', password },
      retry: { retries: 0 },
      logLevel: logLevel.NOTHING,
    }).admin()
    const connected = secured.connect().then(
      () => true,
      () => false,
    )
    expect(await connected).toBe(isLetIn)
    await secured.disconnect()
  })

  it('is not started twice, and ends with its data', async () => {
    await expect(kafka.start()).rejects.toThrow('running already')
    await kafka.close()
    await expect(produce('c')).rejects.toThrow()
    await kafka.close()
  })

  it('tells why it does not start', async () => {
    await expect(startRealKafka({ properties: { 'num.io.threads': 0 } })).rejects.toThrow('num.io.threads')
  })
})
