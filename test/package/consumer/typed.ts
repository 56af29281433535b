import assert from 'node:assert/strict'
import { Broker, BrokerletError, topic } from 'brokerlet'

interface Order {
  id: string
  total: number
}

// Exported, so that the declarations of a user's own modules must be able to name the types.
export const orders = topic<Order>({ partitions: 6 })
export const broker = new Broker({ topics: { orders } })

/** A service hands on what it was given, or was not given. */
async function placed(id: string, key?: string, signal?: AbortSignal, timeoutMs?: number): Promise<number[]> {
  const producer = broker.producer()
  const message = {
    topic: 'orders',
    key,
    headers: undefined,
    partition: undefined,
    timestamp: undefined,
  } as const
  await producer.send({ ...message, value: { id, total: 12 } }, { signal, timeoutMs })
  await producer.close({ timeoutMs })
  const consumer = broker.consumer({ groupId: 'placed', topics: ['orders'], signal })
  const records = await consumer.poll({ timeoutMs, signal })
  await broker.idle({ timeoutMs, signal })
  await consumer.close({ timeoutMs, drain: undefined })
  return records.map(record => record.value.total)
}

/** The same for how it consumes. */
async function counted(maxPollRecords?: number, concurrency?: number, attempts?: number): Promise<number> {
  let count = 0
  const consumer = broker.consumer({ topics: ['orders'], from: undefined, maxPollRecords })
  const retry = { attempts, delayMs: undefined, topics: undefined }
  await consumer.run({ eachRecord: () => void count++, concurrency, retry, onFailure: undefined })
  await broker.idle()
  await consumer.close()
  return count
}

async function main(): Promise<void> {
  const { topic: name } = await broker
    .producer()
    .send({ topic: 'orders', key: 'o-1', value: { id: 'o-1', total: 12 } })
  const totals: number[] = broker
    .topic('orders')
    .records()
    .map(record => record.value.total)
  assert.equal(name satisfies string, 'orders')
  assert.deepEqual(totals, [12])
  assert.deepEqual(await placed('o-2'), [12, 12])

  assert.equal(await counted(), 2)

  // @ts-expect-error: the broker declares no such topic
  assert.throws(() => broker.topic('order'), BrokerletError)
  // @ts-expect-error: a total is a number
  const wrong: Order = { id: 'o-2', total: '12' }
  assert.equal(wrong.id, 'o-2')

  await broker.close()
  console.log('ok')
}

void main()
