import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { wireScenes } from '../helpers/wire-scene.ts'

const {
  consumerGroupDescribe,
  createAcls,
  deleteAcls,
  describeAcls,
  describeCluster,
  describeGroups,
  describeTopicPartitions,
  metadata,
} = apis as unknown as Readonly<Record<string, Api>>

const start = wireScenes()

// As a Kafka 4.4 without an authorizer answers.
const ofTopic = 0b1101_1111_1000
const ofGroup = 0b1101_0100_1000
const ofCluster = 0b1_1111_1010_0000
const notAsked = -2147483648

it('tells those who ask that everybody may do everything with a topic and the cluster', async () => {
  const { client } = start()
  const ask = (included: boolean) =>
    client.call(metadata!, 10, {
      topics: [{ name: 'orders' }, { name: 'nowhere' }],
      includeClusterAuthorizedOperations: included,
      includeTopicAuthorizedOperations: included,
    })
  expect(await ask(true)).toMatchObject({
    clusterAuthorizedOperations: ofCluster,
    topics: [{ topicAuthorizedOperations: ofTopic }, { topicAuthorizedOperations: ofTopic }],
  })
  expect(await ask(false)).toMatchObject({
    clusterAuthorizedOperations: notAsked,
    topics: [{ topicAuthorizedOperations: notAsked }, {}],
  })
  const described = await client.call(describeTopicPartitions!, 0, {
    topics: [{ name: 'orders' }],
    responsePartitionLimit: 9,
  })
  expect(described.topics[0].topicAuthorizedOperations).toBe(ofTopic)
  expect(await client.call(describeCluster!, 1, { includeClusterAuthorizedOperations: true })).toMatchObject({
    clusterAuthorizedOperations: ofCluster,
  })
})

it('tells as much of a group', async () => {
  const { broker, client } = start()
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).ready()
  await broker.admin.setGroupOffsets('classic', [{ topic: 'orders', partition: 0, offset: 0 }])
  for (const [included, told] of [
    [true, ofGroup],
    [false, notAsked],
  ] as const) {
    const classic = { groups: ['classic'], includeAuthorizedOperations: included }
    expect((await client.call(describeGroups!, 5, classic)).groups[0].authorizedOperations).toBe(told)
    const asked = { groupIds: ['g'], includeAuthorizedOperations: included }
    expect((await client.call(consumerGroupDescribe!, 1, asked)).groups[0].authorizedOperations).toBe(told)
  }
})

it('tells as much of a group that does not exist where that is no error', async () => {
  const { client } = start()
  for (const [version, told] of [
    [5, ofGroup],
    [6, notAsked],
  ] as const) {
    const { groups } = await client.call(describeGroups!, version, {
      groups: ['nowhere'],
      includeAuthorizedOperations: true,
    })
    expect(groups).toMatchObject([{ groupState: 'Dead', authorizedOperations: told }])
  }
})

// MirrorMaker asks for the access lists of its topics, and reports any other answer as a failure, again and again.
it('tells whoever asks for access lists that there are none, as a Kafka without an authorizer does', async () => {
  const { client } = start()
  const securityDisabled = 54
  const list = { resourceType: 2, resourceName: 'orders', principal: 'User:ada', host: '*', operation: 3 }
  for (const version of [1, 2, 3]) {
    expect(await client.call(describeAcls!, version, { resourceTypeFilter: 1, operation: 1 })).toMatchObject({
      errorCode: securityDisabled,
      resources: [],
    })
    expect(await client.call(createAcls!, version, { creations: [list, list] })).toMatchObject({
      results: [{ errorCode: securityDisabled }, { errorCode: securityDisabled }],
    })
    expect(await client.call(deleteAcls!, version, { filters: [{ resourceTypeFilter: 2 }] })).toMatchObject({
      filterResults: [{ errorCode: securityDisabled, matchingAcls: [] }],
    })
  }
})
