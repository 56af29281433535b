import { describe, expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import type { KafkaConnection } from '../../src/kafka/index.ts'
import { RequestLog } from '../../src/server/index.ts'
import { until } from './collect.ts'
import { start } from './served-broker.ts'

const names = Array.from({ length: 20 }, (_, n) => `topic-${n}`)
const messages = names.map(name => ({ topic: name, value: 1 }))

/** A connection to a cluster that has 20 topics, and how often metadata was read since. */
async function whereManyAre() {
  const requests = new RequestLog()
  const { broker, join } = await start({ brokers: 3, requests })
  for (const name of names) await broker.admin.createTopic(name)
  const cluster = await join()
  requests.clear()
  return { cluster, join, reads: () => requests.of({ api: 'Metadata' }).length, requests }
}

describe('topics are looked up together', () => {
  it.each([
    ['by a batch', async (cluster: KafkaConnection) => cluster.producer().sendBatch(messages)],
    [
      'by the sends of one turn',
      async (cluster: KafkaConnection) => {
        const producer = cluster.producer()
        await Promise.all(messages.map(message => producer.send(message)))
      },
    ],
    [
      'by the sends of a transaction',
      (cluster: KafkaConnection) =>
        cluster.producer({ transactionalId: 't' }).transaction(async tx => {
          for (const message of messages) void tx.send(message)
        }),
    ],
    [
      'by a member of a group',
      async (cluster: KafkaConnection) => {
        const consumer = cluster.consumer({ groupId: 'readers', topics: names })
        void consumer.run({ eachRecord: () => {} })
        await until(() => expect(consumer.assignment).toHaveLength(names.length))
      },
    ],
  ] as const)('%s', async (_, look) => {
    const { cluster, reads } = await whereManyAre()
    await look(cluster)
    expect(reads()).toBeLessThan(5)
  })

  it('as they are declared', async () => {
    const { join, reads } = await whereManyAre()
    await join({ topics: Object.fromEntries(names.map(name => [name, topic()])) })
    expect(reads()).toBeLessThan(5)
  })

  it('also where one of them does not exist', async () => {
    const { cluster, reads } = await whereManyAre()
    const producer = cluster.producer()
    const sent = [{ topic: 'nowhere', value: 1 }, ...messages].map(message => producer.send(message))
    await expect(sent[0]).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    await Promise.all(sent.slice(1))
    expect(reads()).toBeLessThan(10)
  })
})

// Kafka ends a connection on which a name has more than 32,767 bytes, and with it the look-up of the others.
it('what no topic can be called is looked up alone', async () => {
  const { cluster, requests } = await whereManyAre()
  const producer = cluster.producer()
  const refused = 'no topic!'
  const sent = [...messages, { topic: refused, value: 1 }].map(message => producer.send(message))
  await expect(sent.pop()).rejects.toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  await Promise.all(sent)
  const [together, ...alone] = requests.of({ api: 'Metadata' })
  expect(requests.of({ api: 'Metadata', topic: names[0]! })).toEqual([together])
  expect(requests.of({ api: 'Metadata', topic: refused })).not.toContain(together)
  expect(alone.length).toBeGreaterThan(0)
})

it('a topic is looked up alone, however many are known', async () => {
  const { cluster, requests } = await whereManyAre()
  const producer = cluster.producer()
  for (const message of messages) await producer.send(message)
  expect(requests.of({ api: 'Metadata', topic: names[0]! })).toHaveLength(1)
})
