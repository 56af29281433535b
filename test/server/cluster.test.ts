import { afterEach, describe, expect, it } from 'vitest'
import { Broker, type BrokerOptions, topic } from '../../src/index.ts'
import { connect, serve } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { WireClient } from '../helpers/wire-client.ts'

const { apiVersions, describeCluster, describeTopicPartitions, offsetForLeaderEpoch, metadata } =
  apis as unknown as Readonly<Record<string, Api>>

const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1.0' }

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

function start() {
  const topics = { b: topic({ partitions: 3 }), a: topic({ partitions: 2 }), c: topic({ partitions: 1 }) }
  const broker = new TestBroker({ topics })
  open.push(() => broker.close())
  const client = new WireClient(connect(broker))
  const page = async (limit: number, cursor: object | null = null, names: readonly string[] = []) => {
    const asked = { topics: names.map(name => ({ name })), responsePartitionLimit: limit, cursor }
    const answer = await client.call(describeTopicPartitions!, 0, asked)
    const told = answer.topics.map(({ name, errorCode, partitions }: Record<string, any>) =>
      errorCode === 0
        ? `${name} ${partitions.map(({ partitionIndex }: Record<string, number>) => partitionIndex).join('')}`
        : `${name} error ${errorCode}`,
    )
    return [told, answer.nextCursor]
  }
  return { broker, client, page }
}

describe('ApiVersions', () => {
  it('tells the features that clients go by', async () => {
    const { client } = start()
    const level = (name: string, max: number) => ({ name, minVersionLevel: max, maxVersionLevel: max })
    const finalized = {
      finalizedFeaturesEpoch: 0,
      finalizedFeatures: [
        level('eligible.leader.replicas.version', 1),
        level('group.version', 1),
        level('kraft.version', 1),
        level('metadata.version', 33),
        level('share.version', 2),
        level('streams.version', 1),
        level('transaction.version', 2),
      ],
    }
    const metadataVersion = { name: 'metadata.version', minVersion: 7, maxVersion: 33 }
    expect(await client.call(apiVersions!, 4, software)).toMatchObject({
      ...finalized,
      supportedFeatures: [
        { name: 'eligible.leader.replicas.version', minVersion: 0, maxVersion: 1 },
        { name: 'group.version', minVersion: 0, maxVersion: 1 },
        { name: 'kraft.version', minVersion: 0, maxVersion: 1 },
        metadataVersion,
        { name: 'share.version', minVersion: 0, maxVersion: 2 },
        { name: 'streams.version', minVersion: 0, maxVersion: 1 },
        { name: 'transaction.version', minVersion: 0, maxVersion: 2 },
      ],
    })
    // What a client of before version 4 cannot read is left out.
    expect(await client.call(apiVersions!, 3, software)).toMatchObject({
      ...finalized,
      supportedFeatures: [metadataVersion],
    })
  })
})

it.each([
  ['', '1.0'],
  ['a client', '1.0'],
  ['-client', '1.0'],
  ['client', ''],
  ['client', '1.'],
])('refuses a client that says it is %j, %j', async (clientSoftwareName, clientSoftwareVersion) => {
  const { client } = start()
  const says = { clientSoftwareName, clientSoftwareVersion }
  expect(await client.call(apiVersions!, 3, says)).toMatchObject({ errorCode: 42, apiKeys: [] })
  // Before it could say what it is.
  expect(await client.call(apiVersions!, 2, says)).toMatchObject({ errorCode: 0 })
})

it('tells a client that expects another broker behind an address to begin anew with those that it was given', async () => {
  const { client } = start()
  const says = { clientSoftwareName: 'client', clientSoftwareVersion: '1' }
  const expects = async (more: object) => (await client.call(apiVersions!, 5, { ...says, ...more })).errorCode
  const rebootstrap = 129
  const { clusterId } = await client.call(describeCluster!, 2, { endpointType: 1 })
  expect(await expects({ clusterId, nodeId: 1 })).toBe(0)
  expect(await expects({ clusterId, nodeId: 2 })).toBe(rebootstrap)
  expect(await expects({ clusterId: 'another', nodeId: 1 })).toBe(rebootstrap)
  // One that knows neither yet, and a number without its cluster.
  expect([await expects({}), await expects({ nodeId: 2 })]).toEqual([0, 0])
})

describe('the id of the cluster', () => {
  async function clusterId(broker: Broker): Promise<string> {
    const { clusterId: told } = await new WireClient(connect(broker)).call(describeCluster!, 2, {
      endpointType: 1,
    })
    return told
  }

  function another(options: BrokerOptions = {}): Broker {
    const broker = new Broker(options)
    open.push(() => broker.close())
    return broker
  }

  it("is of a broker's own, in Kafka's form", async () => {
    const ids = [await clusterId(another()), await clusterId(another())]
    expect(ids[0]).not.toBe(ids[1])
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/)
  })

  it('is the same for all its servers, and when it is served again', async () => {
    const broker = another()
    const first = await serve(broker)
    const id = await clusterId(broker)
    const client = new WireClient(connect(broker))
    expect((await client.call(metadata!, 12, { topics: null })).clusterId).toBe(id)
    await first.close()
    expect(await clusterId(broker)).toBe(id)
  })

  it("comes of the broker's random numbers, so that a seed tells the same one each time", async () => {
    const ofSeed = async (seed: number) => await clusterId(new TestBroker({ seed }))
    expect(await ofSeed(7)).toBe(await ofSeed(7))
    expect(await ofSeed(7)).not.toBe(await ofSeed(8))
  })

  it('never begins with a dash, which a command line takes for an option', async () => {
    expect(await clusterId(another({ random: () => 0.97 }))).toMatch(/^A/)
  })
})

describe('DescribeTopicPartitions', () => {
  it('tells all topics by name, and of each partition who has it', async () => {
    const { client, page } = start()
    expect(await page(2000)).toEqual([['a 01', 'b 012', 'c 0'], null])
    const { topics } = await client.call(describeTopicPartitions!, 0, { topics: [{ name: 'c' }] })
    const [told] = (await client.call(metadata!, 12, { topics: [{ name: 'c' }] })).topics
    expect(topics).toMatchObject([
      {
        topicId: told.topicId,
        isInternal: false,
        partitions: [
          {
            errorCode: 0,
            leaderId: 1,
            leaderEpoch: 0,
            replicaNodes: [1],
            isrNodes: [1],
            eligibleLeaderReplicas: [],
            lastKnownElr: [],
          },
        ],
      },
    ])
  })

  it('tells as many as are asked for, and where to go on', async () => {
    const { page } = start()
    expect(await page(1)).toEqual([['a 0'], { topicName: 'a', partitionIndex: 1 }])
    expect(await page(2)).toEqual([['a 01'], { topicName: 'b', partitionIndex: 0 }])
    expect(await page(3, { topicName: 'a', partitionIndex: 1 })).toEqual([
      ['a 1', 'b 01'],
      { topicName: 'b', partitionIndex: 2 },
    ])
    expect(await page(2, { topicName: 'b', partitionIndex: 2 })).toEqual([['b 2', 'c 0'], null])
    expect(await page(0)).toEqual([['a 0'], { topicName: 'a', partitionIndex: 1 }])
  })

  it('goes on behind a topic that is gone, and refuses a place that cannot be', async () => {
    const { broker, page } = start()
    broker.deleteTopic('b')
    expect(await page(2, { topicName: 'b', partitionIndex: 2 })).toEqual([['c 0'], null])
    expect(await page(2, { topicName: 'a', partitionIndex: 9 })).toEqual([['a ', 'c 0'], null])
    expect(await page(2, { topicName: 'a', partitionIndex: -1 })).toEqual([[], null])
    // As they are named.
    const refused = [['c error 42', 'a error 42', 'c error 42'], null]
    expect(await page(2, { topicName: 'a', partitionIndex: -1 }, ['c', 'a', 'c'])).toEqual(refused)
    expect(await page(2, { topicName: 'b', partitionIndex: 0 }, ['c', 'a', 'c'])).toEqual(refused)
  })

  it('tells of those that are named, each once, and which of them there is not', async () => {
    const { page } = start()
    expect(await page(2, null, ['c', 'nowhere', 'a', 'c'])).toEqual([
      ['a 01'],
      { topicName: 'c', partitionIndex: 0 },
    ])
    expect(await page(5, null, ['c', 'nowhere'])).toEqual([['c 0', 'nowhere error 3'], null])
    expect(await page(2, null, ['b1', 'a'])).toEqual([['a 01'], { topicName: 'b1', partitionIndex: 0 }])
  })

  it('tells no more than 2,000 at once', async () => {
    const { broker, page } = start()
    broker.createTopic('0', { partitions: 2500 })
    const [, cursor] = await page(1_000_000)
    expect(cursor).toEqual({ topicName: '0', partitionIndex: 2000 })
  })
})

describe('DescribeCluster', () => {
  it('tells whoever looks for controllers that these are brokers', async () => {
    const { client } = start()
    const ask = (endpointType: number) => client.call(describeCluster!, 2, { endpointType })
    expect(await ask(1)).toMatchObject({ errorCode: 0, brokers: [{ brokerId: 1 }] })
    const errorMessage = 'This is a broker, not a controller'
    expect(await ask(2)).toMatchObject({ errorCode: 114, errorMessage, controllerId: -1, brokers: [] })
    expect(await ask(3)).toMatchObject({ errorCode: 115, brokers: [] })
  })
})

describe('OffsetForLeaderEpoch', () => {
  it('tells where the only epoch ends, and nothing of others', async () => {
    const { broker, client } = start()
    broker.topic('a').append({ value: 1, partition: 1 })
    const ask = async (partition: number, currentLeaderEpoch: number, leaderEpoch: number) => {
      const topics = [{ topic: 'a', partitions: [{ partition, currentLeaderEpoch, leaderEpoch }] }]
      const [told] = (await client.call(offsetForLeaderEpoch!, 4, { topics })).topics[0].partitions
      return [told.errorCode, told.leaderEpoch, told.endOffset]
    }
    expect(await ask(1, -1, 0)).toEqual([0, 0, 1])
    expect(await ask(1, 0, 0)).toEqual([0, 0, 1])
    expect(await ask(0, 0, 0)).toEqual([0, 0, 0])
    expect(await ask(1, 0, 1)).toEqual([0, -1, -1])
    expect(await ask(1, 0, -1)).toEqual([0, -1, -1])
    expect(await ask(1, 1, 0)).toEqual([75, -1, -1])
    expect(await ask(2, 0, 0)).toEqual([3, -1, -1])
  })

  it('ends what was before the first epoch where the log begins', async () => {
    const { broker, client } = start()
    for (const value of [1, 2]) broker.topic('a').append({ value, partition: 1 })
    broker.topic('a').partitions[1]!.deleteRecords(1)
    const topics = [{ topic: 'a', partitions: [{ partition: 1, currentLeaderEpoch: -1, leaderEpoch: -2 }] }]
    const answer = await client.call(offsetForLeaderEpoch!, 4, { topics })
    expect(answer.topics[0].partitions[0]).toMatchObject({ errorCode: 0, leaderEpoch: -2, endOffset: 1 })
  })
})
