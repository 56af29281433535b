import { expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { WireClient } from '../helpers/wire-client.ts'

const { createPartitions, describeConfigs, metadata, offsetCommit, offsetDelete } =
  apis as unknown as Readonly<Record<string, Api>>

// Long names that are all alike: to look among 100 topics for one like each of 1,000 takes a minute, longer than a test may.
const nameOf = (start: string, i: number) => `${start}-${'x'.repeat(200)}-${i}`
const asked = Array.from({ length: 1000 }, (_, i) => nameOf('asked', i))

async function withTopics(use: (client: WireClient) => Promise<void>): Promise<void> {
  const topics = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [nameOf('there', i), topic()]))
  await using broker = new TestBroker({ topics, autoCreateTopics: false })
  await use(new WireClient(connect(broker)))
}

for (const allowAutoTopicCreation of [false, true]) {
  it(`answers Metadata of unknown topics without a look at those there are, creation ${allowAutoTopicCreation}`, () =>
    withTopics(async client => {
      const topics = asked.map(name => ({ name }))
      const answer = await client.call(metadata!, 9, { topics, allowAutoTopicCreation })
      expect(answer.topics.map(({ errorCode }: { errorCode: number }) => errorCode)).toEqual(
        asked.map(() => 3),
      )
    }))
}

it('answers DescribeConfigs of unknown topics without a look at those there are', () =>
  withTopics(async client => {
    const resources = asked.map(resourceName => ({ resourceType: 2, resourceName, configurationKeys: null }))
    const { results } = await client.call(describeConfigs!, 4, { resources })
    expect(results).toHaveLength(asked.length)
    expect(results[0]).toMatchObject({ errorCode: 3, errorMessage: `Unknown topic '${asked[0]}'` })
  }))

it('answers CreatePartitions of unknown topics without a look at those there are', () =>
  withTopics(async client => {
    const topics = asked.map(name => ({ name, count: 2, assignments: null }))
    const { results } = await client.call(createPartitions!, 3, { topics })
    expect(results).toHaveLength(asked.length)
    expect(results[0]).toMatchObject({ errorCode: 3, errorMessage: `Unknown topic '${asked[0]}'` })
  }))

it('answers OffsetDelete of unknown topics without a look at those there are', () =>
  withTopics(async client => {
    const committed = [{ name: nameOf('there', 0), partitions: [{ partitionIndex: 0, committedOffset: 0 }] }]
    await client.call(offsetCommit!, 8, { groupId: 'g', generationIdOrMemberEpoch: -1, topics: committed })
    const topics = asked.map(name => ({ name, partitions: [{ partitionIndex: 0 }] }))
    const answer = await client.call(offsetDelete!, 0, { groupId: 'g', topics })
    expect(answer.topics.map(({ partitions }: any) => partitions[0].errorCode)).toEqual(asked.map(() => 3))
  }))
