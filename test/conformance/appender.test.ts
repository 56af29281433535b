import { expect, it } from 'vitest'
import { BrokerClock } from '../../src/broker-clock.ts'
import type { ProducerRecord } from '../../src/engine.ts'
import { Appender, type AppenderHost } from '../../src/kafka/appender.ts'
import { RecordSend } from '../../src/kafka/produced-record.ts'
import { noHeaders } from '../../src/record.ts'
import { VirtualClock } from '../../src/testing/index.ts'

it('asks less and less often for the leader of a partition that has none', async () => {
  const virtual = new VirtualClock()
  const clock = new BrokerClock(virtual)
  let leader: object | undefined
  let asked = 0
  const cluster = {
    clock,
    random: () => 0.5,
    library: {},
    leader: () => leader,
    noLeader: () => new Error('no leader'),
    knownTopic: () => ({}),
    refresh: async () => void asked++,
  }
  const written = { index: 0, errorCode: 0, errorMessage: null, baseOffset: 5n, logAppendTimeMs: -1n }
  const appender = new Appender({
    cluster,
    connections: { call: async () => ({ responses: [{ name: 'log', partitionResponses: [written] }] }) },
    limits: { maxInFlight: 5, deliveryTimeoutMs: 120_000, batchBytes: 1000, maxRequestBytes: 10_000 },
    identity: async () => ({ producerId: 1n, producerEpoch: 0 }),
  } as unknown as AppenderHost)
  const record = { topic: { name: 'log' }, partition: 0, key: null, value: null, headers: noHeaders }
  const send = new RecordSend([record as unknown as ProducerRecord], clock.now(), clock.monotonic(), 10_000)
  appender.append(send.records)
  await virtual.advance(10_000)
  expect(asked).toBeLessThan(20)
  leader = { node: 1, epoch: 0, broker: { host: 'leader', port: 1 } }
  await virtual.advance(1000)
  expect(await send.settled).toMatchObject([{ topic: 'log', partition: 0, offset: 5 }])
})
