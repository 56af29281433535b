import { Kafka, logLevel } from 'kafkajs'
import { afterEach, expect, it } from 'vitest'
import { Broker } from '../../src/index.ts'
import { RequestLog, socketFactory } from '../../src/server/index.ts'
import type { TopicOptions } from '../../src/topic-definition.ts'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

/** One topic, and a KafkaJS consumer of it that notes what it gets. */
function start(options: TopicOptions = {}) {
  const broker = new Broker()
  const requests = new RequestLog()
  const log = broker.createTopic('log', options)
  const kafka = new Kafka({
    clientId: 'client',
    brokers: ['in-process:9092'],
    socketFactory: socketFactory(broker, { requests }),
    logLevel: logLevel.NOTHING,
    retry: { retries: 3, initialRetryTime: 20 },
  })
  open.push(() => broker.close())
  const seen: string[] = []
  const read = async (readUncommitted = false) => {
    // Its own waits are real time, so they are short here.
    const groupId = `g-${readUncommitted}`
    const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 20, heartbeatInterval: 20, readUncommitted })
    open.push(() => consumer.disconnect())
    let fetches = 0
    consumer.on(consumer.events.FETCH, () => void fetches++)
    await consumer.connect()
    await consumer.subscribe({ topics: ['log'], fromBeginning: true })
    await consumer.run({
      autoCommitThreshold: 1,
      eachMessage: async ({ message: { offset, value } }) => void seen.push(`${offset}:${value}`),
    })
    /** Waits until it has been answered so many fetches. */
    return async (count: number) => {
      while (fetches < count) await new Promise(setImmediate)
    }
  }
  const until = async (count: number) => {
    while (seen.length < count) await new Promise(setImmediate)
  }
  return { broker, kafka, log, requests, seen, read, until }
}

it('a client on the wire gets past what was compacted, aborted, or only ends a transaction', async () => {
  const { broker, log, seen, read, until } = start({ cleanupPolicy: 'compact', deleteRetentionMs: 0 })
  const producer = broker.producer({ transactionalId: 'tx' })
  const put = (key: string, value: number | null, fail = false) =>
    producer
      .transaction(async tx => {
        await tx.send({ topic: 'log', key, value })
        if (fail) throw new Error('no')
      })
      .catch(() => {})
  for (let i = 0; i < 5; i++) await put('a', i)
  await put('b', 1)
  log.compact()
  for (let i = 0; i < 3; i++) await put('a', 9, true)
  await read()
  await until(2)
  log.append({ key: 'c', value: 3 })
  await until(3)
  expect(seen).toEqual(['8:4', '10:1', '18:3'])
})

it('a client on the wire waits behind an open transaction, unless it reads what is uncommitted', async () => {
  const { broker, log, seen, read, until } = start()
  const producer = broker.producer({ transactionalId: 'tx' })
  let end = () => {}
  const ended = new Promise<void>(resolve => {
    end = resolve
  })
  let transaction: Promise<void> | undefined
  await new Promise<void>(written => {
    transaction = producer.transaction(async tx => {
      await tx.send({ topic: 'log', value: 1 })
      written()
      await ended
    })
  })
  log.append({ value: 2 })
  await read(true)
  await until(2)
  expect(seen.splice(0)).toEqual(['0:1', '1:2'])
  const fetched = await read()
  await fetched(3)
  expect(seen).toEqual([])
  end()
  await transaction
  await until(2)
  expect(seen).toEqual(['0:1', '1:2'])
})

it('a produce request waits for room, and is refused where the topic says so', async () => {
  const { broker, kafka, log, requests } = start({ retentionRecords: 1, whenFull: 'wait' })
  const group = broker.createGroup('g', { topics: ['log'] })
  const producer = kafka.producer()
  open.push(() => producer.disconnect())
  await producer.connect()
  await producer.send({ topic: 'log', messages: [{ value: '1' }] })
  let sent = false
  const second = producer.send({ topic: 'log', messages: [{ value: '2' }] }).then(() => {
    sent = true
  })
  while (requests.of({ api: 'Produce' }).length < 2) await new Promise(setImmediate)
  await new Promise(setImmediate)
  expect([requests.of({ api: 'Produce' })[1]!.doneAt, sent]).toEqual([undefined, false])
  group.setOffsets([{ topic: 'log', partition: 0, offset: 1 }])
  await second
  expect(log.records().map(({ value }) => value)).toEqual([2])

  const refusing = start({ retentionRecords: 1, whenFull: 'reject' })
  const refused = refusing.kafka.producer({ retry: { retries: 0 } })
  open.push(() => refused.disconnect())
  await refused.connect()
  await refused.send({ topic: 'log', messages: [{ value: '1' }] })
  const error = await refused
    .send({ topic: 'log', messages: [{ value: '2' }] })
    .catch((thrown: Error) => thrown)
  expect(error).toMatchObject({ cause: { type: 'NOT_ENOUGH_REPLICAS', retriable: true } })
})
