// What a user's own modules export without saying its type: their declaration files must be able to.
import { Broker, topic } from 'brokerlet'
import { connect, mirror, portability } from 'brokerlet/kafka'
import { instrument } from 'brokerlet/opentelemetry'
import { RequestLog, serve, socketFactory, WireFaults } from 'brokerlet/server'
import { matchers, TestBroker, type TimelineEntry } from 'brokerlet/testing'

export const topics = {
  orders: topic<{ id: string; total: number }, string>({ partitions: 6 }),
  scans: topic<string, Uint8Array, { tenant: string }>({ keys: 'bytes' }),
}
export const broker = new Broker({ topics })
export const wider = broker.declare({ audit: topic<{ what: string }>() })
export const producer = broker.producer()
export const consumer = broker.consumer({ groupId: 'billing', topics: ['orders', 'scans'] })
export const polled = () => consumer.poll()
export const batches = () => consumer.batches()
export const records = () => broker.topic('scans').records()
export const described = () => ({ ...broker.describe(), lag: broker.group('billing').lagByPartition() })

export const test = new TestBroker({ topics })
export const extended = { ...matchers }
export const joined = () => test.timeline.ofKind('joined')
export const delivered = (entry: TimelineEntry) => (entry.kind === 'delivered' ? entry : undefined)
export const planned = () => test.faults.uses

export const faults = new WireFaults()
export const unmet = () => faults.unused
export const served = (port?: number) => serve(broker, { port, tls: undefined, sasl: undefined })
export const seeded = (seed?: number) => new TestBroker({ topics, seed, maxRecords: undefined })

export const requests = new RequestLog()
export const asked = () => requests.of({ api: 'Produce', topic: 'orders' })
export const server = () => serve(broker, { faults, requests })
export const socket = socketFactory(broker)

export const cluster = () => connect({ bootstrapBrokers: ['127.0.0.1:9092'], topics })
export const moved = async () => mirror(broker, await cluster())
export const notes = () => portability(broker)
export const traced = () => instrument({ brokers: [broker] })
