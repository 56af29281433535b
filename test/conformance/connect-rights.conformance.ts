import { expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import type { Acl, AclOperation } from '../../src/server/index.ts'
import { start } from './served-broker.ts'

const sasl = { mechanism: 'PLAIN', username: 'ada', password: 'secret' } as const

/** Ada may do these things with a topic; she may read in any group. */
function startFor(resourceName: string, ...operations: AclOperation[]) {
  const ada = { principal: 'User:ada' }
  const acls: Acl[] = [
    { ...ada, resourceType: 'GROUP', resourceName: '*', operation: 'READ' },
    ...operations.map((operation): Acl => ({ ...ada, resourceType: 'TOPIC', resourceName, operation })),
  ]
  return start({ sasl: { users: { ada: 'secret' } }, authorizer: { acls } }, { sasl })
}

const refused = { code: 'TOPIC_AUTHORIZATION_FAILED', topic: 'orders', retriable: false }

it('is told of a topic that it may not describe that it has no right to, and not that there is none', async () => {
  const { join } = await startFor('others', 'DESCRIBE')
  const bus = await join()
  const consumer = bus.consumer({ groupId: 'g', topics: ['orders'] })
  await expect(bus.producer().send({ topic: 'orders', value: 1 })).rejects.toMatchObject(refused)
  await expect(consumer.run({ eachRecord() {} })).rejects.toMatchObject(refused)
  await expect(bus.admin.describeTopic('orders')).rejects.toMatchObject(refused)
  const missing = { code: 'UNKNOWN_TOPIC_OR_PARTITION', topic: 'others' }
  await expect(bus.admin.describeTopic('others')).rejects.toMatchObject(missing)
})

it('is told so when it connects, too', async () => {
  const { join } = await startFor('others', 'DESCRIBE')
  const topics = { orders: topic({ partitions: 2 }) }
  await expect(join({ topics })).rejects.toMatchObject(refused)
  await expect(join({ topics, createTopics: true })).rejects.toMatchObject(refused)
})

it('is told so when it connects and may not create what is missing', async () => {
  const { join } = await startFor('others', 'DESCRIBE')
  const topics = { others: topic() }
  await expect(join({ topics, createTopics: true })).rejects.toMatchObject({ ...refused, topic: 'others' })
})

it('creates a topic that it may create, and not describe', async () => {
  const { broker, join } = await startFor('made', 'CREATE')
  const { admin } = await join()
  await admin.createTopic('made', { partitions: 3 })
  expect(broker.topics.get('made')!.partitions).toHaveLength(3)
  await expect(admin.createTopic('made')).rejects.toMatchObject({ code: 'TOPIC_ALREADY_EXISTS' })
})
