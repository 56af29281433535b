import { expect, it } from 'vitest'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { request, WireClient } from '../helpers/wire-client.ts'
import { wireScenes } from '../helpers/wire-scene.ts'

const {
  alterClientQuotas,
  alterConfigs,
  createPartitions,
  createTopics,
  deleteRecords,
  deleteTopics,
  describeConfigs,
  describeUserScramCredentials,
  incrementalAlterConfigs,
  metadata,
} = apis as unknown as Readonly<Record<string, Api>>

const scene = wireScenes()
const topicType = 2
const names = Array.from({ length: 1500 }, (_, i) => `t${i}`)
const wanted = names.map(name => ({ name, numPartitions: 1, replicationFactor: 1 }))
const configured = names.map(name => ({
  name,
  numPartitions: -1,
  replicationFactor: 1,
  configs: sixConfigs(),
}))
const topics = names.map(resourceName => ({ resourceType: topicType, resourceName }))

// With these, 1,500 topics are too much to be made at once, which is known when each of them was looked at.
function sixConfigs() {
  return [1, 2, 3, 4, 5, 6].map(value => ({ name: 'retention.ms', value: `${value}` }))
}

// A test broker's clock stands still: the event loop has its turn after 1,000 records or items.
it.each([
  ['CreateTopics', createTopics!, 7, { topics: wanted }],
  ['CreateTopics of too many', createTopics!, 7, { topics: configured }],
  ['CreatePartitions', createPartitions!, 3, { topics: names.map(name => ({ name, count: 2 })) }],
  ['DeleteTopics', deleteTopics!, 5, { topicNames: names }],
  ['DeleteRecords', deleteRecords!, 2, { topics: names.map(name => ({ name, partitions: [{}] })) }],
  ['DescribeConfigs', describeConfigs!, 4, { resources: topics }],
  ['AlterConfigs', alterConfigs!, 2, { resources: topics }],
  ['IncrementalAlterConfigs', incrementalAlterConfigs!, 1, { resources: topics }],
  [
    'AlterClientQuotas',
    alterClientQuotas!,
    1,
    { entries: names.map(entityName => ({ entity: [{ entityType: 'user', entityName }], ops: [] })) },
  ],
])('answers others while it is at a request of 1,500 items: %s', async (_, api, version, body) => {
  const { broker, client } = scene()
  const other = new WireClient(connect(broker))
  const answered: string[] = []
  const large = client.call(api, version, body).then(() => answered.push('large'))
  await other.call(metadata!, 12, { topics: [] })
  answered.push('other')
  await large
  expect(answered).toEqual(['other', 'large'])
})

it('makes all of 1,500 topics that one request names, and deletes them by another', async () => {
  const { broker, client } = scene()
  const made = await client.call(createTopics!, 7, { topics: wanted })
  expect(made.topics.map(({ name }: any) => name)).toEqual(names)
  expect(broker.describe().topics).toHaveLength(1501)
  const { responses } = await client.call(deleteTopics!, 5, { topicNames: names })
  expect(responses.map(({ name }: any) => name)).toEqual(names)
  expect(broker.describe().topics).toHaveLength(1)
})

it('leaves the event loop its turn between the requests that a client in memory sends at once', async () => {
  const { broker, client } = scene()
  for (let id = 0; id < 1500; id++) client.send(request(metadata!, 12, { topics: [] }, id))
  let turns = 0
  const turn = broker.clock.turn().then(() => turns++)
  for (let id = 0; id < 1500; id++) expect((await client.answer()).readInt32BE(0)).toBe(id)
  expect(turns).toBe(1)
  await turn
})

it('answers all that a client in memory has sent before it ended its side', async () => {
  const { client } = scene()
  for (let id = 0; id < 2500; id++) client.send(request(metadata!, 12, { topics: [] }, id))
  client.socket.end()
  for (let id = 0; id < 2500; id++) expect((await client.answer()).readInt32BE(0)).toBe(id)
  await client.closed
})

// Where each user was looked for among all others, this took 10 s.
it('describes the credentials of 50,000 users', async () => {
  const { client } = scene()
  const users = Array.from({ length: 50_000 }, (_, i) => ({ name: `u${i}` }))
  const { results } = await client.call(describeUserScramCredentials!, 0, { users })
  expect(results).toHaveLength(50_000)
})
