import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { collectWarnings } from '../helpers/warnings.ts'
import { wireScenes } from '../helpers/wire-scene.ts'

const { describeTopicPartitions, findCoordinator, metadata } = apis as unknown as Readonly<
  Record<string, Api>
>

const scene = wireScenes()
const warnings = collectWarnings()

function start() {
  const { broker, client } = scene()
  const ask = async (named: { readonly topicId?: string; readonly name: string | null }) =>
    (await client.call(metadata!, 13, { topics: [named] })).topics[0]
  return { client, ask, id: broker.topic('orders').id }
}

// So Kafka's own client asks, for `describeTopics` by id and for what a group gives a member that reads by a pattern.
it.each([null, ''])('tells of a topic by its id beside the name %j', async name => {
  const { ask, id } = start()
  expect(await ask({ topicId: id, name })).toMatchObject({ errorCode: 0, name: 'orders', topicId: id })
  const nowhere = '00000000-0000-0001-0000-000000000002'
  expect(await ask({ topicId: nowhere, name })).toMatchObject({ errorCode: 100, topicId: nowhere })
})

it.each([10, 11])(
  'refuses ids in version %i, which could name them before brokers knew them',
  async version => {
    const { client, id } = start()
    const topics = [{ topicId: id, name: null }, { name: 'orders' }]
    const answer = await client.call(metadata!, version, { topics })
    expect(answer.topics).toMatchObject([
      { errorCode: 42, name: '', topicId: id, partitions: [] },
      { errorCode: 42, name: 'orders', partitions: [] },
    ])
  },
)

it.each([
  [0, ['orders']],
  [1, []],
])('takes no names in version %i for %j', async (version, told) => {
  const { client } = start()
  const { topics } = await client.call(metadata!, version, { topics: [] })
  expect(topics.map(({ name }: { name: string }) => name)).toEqual(told)
})

it('tells what a client may do with a topic that is not there, too', async () => {
  const { client } = start()
  const topics = [{ name: 'orders' }, { name: 'later' }]
  const answers = [
    await client.call(metadata!, 12, { topics, includeTopicAuthorizedOperations: true }),
    await client.call(describeTopicPartitions!, 0, { topics }),
  ]
  for (const answer of answers) {
    const [one, other] = answer.topics.map((each: any) => each.topicAuthorizedOperations)
    expect(other).toBe(one)
    expect(one).toBeGreaterThan(0)
  }
})

it('tells once of a topic that is asked for twice', async () => {
  const { client, id } = start()
  const topics = [{ name: 'orders' }, { name: 'orders' }]
  expect((await client.call(metadata!, 12, { topics })).topics).toMatchObject([{ name: 'orders' }])
  const byId = [null, 'orders'].map(name => ({ name, topicId: id }))
  expect((await client.call(metadata!, 12, { topics: byId })).topics).toMatchObject([{ name: 'orders' }])
})

it('tells a name that no topic can have from one that is not there yet', async () => {
  const { client, ask } = start()
  expect(await ask({ name: 'later' })).toMatchObject({ errorCode: 3, name: 'later' })
  expect(await ask({ name: 'no name!' })).toMatchObject({ errorCode: 17, name: 'no name!' })
  const topics = [{ name: 'later' }, { name: 'no name!' }, { name: 'orders' }]
  const described = await client.call(describeTopicPartitions!, 0, { topics, responsePartitionLimit: 9 })
  expect(described.topics.map(({ errorCode }: { errorCode: number }) => errorCode)).toEqual([3, 17, 0])
})

it('says why it finds no coordinator', async () => {
  const { client } = start()
  const refused = {
    errorCode: 42,
    errorMessage: 'keyType expected 0 or 1, received 3',
    nodeId: -1,
  }
  const named = { key: 'a', keyType: 3, coordinatorKeys: ['a'] }
  expect(await client.call(findCoordinator!, 3, named)).toMatchObject(refused)
  expect((await client.call(findCoordinator!, 4, named)).coordinators).toMatchObject([refused])
})

// KafkaJS asks so, and says of the answer neither which topic it was nor what may be done.
it('warns once of a topic that is missing where its client would have it made', async () => {
  const { client } = start()
  const ask = (names: readonly string[], allowAutoTopicCreation: boolean) =>
    client.call(metadata!, 9, { topics: names.map(name => ({ name })), allowAutoTopicCreation })
  await ask(['order', 'payments'], false)
  await ask(['orders', 'no topic can have this name'], true)
  expect(warnings).toEqual([])
  await ask(['order', 'payments'], true)
  await ask(['order', 'payments'], true)
  expect(warnings).toEqual([
    "A client asked for topic 'order', which does not exist. Did you mean 'orders'?",
    "A client asked for topic 'payments', which does not exist; create it, or set 'autoCreateTopics' (--auto-create)",
  ])
})

it('warns of 20 missing topics at most', async () => {
  const { client } = start()
  const topics = Array.from({ length: 30 }, (_, n) => ({ name: `missing-${n}` }))
  await client.call(metadata!, 9, { topics, allowAutoTopicCreation: true })
  expect(warnings).toHaveLength(20)
})
