import { describe, expect, it } from 'vitest'
import { RequestLog, WireFaults } from '../../../src/server/index.ts'
import { request, sequencedBatch } from '../../helpers/wire-client.ts'
import { allow, apiNamed, authorizerScenes, bits, errorsOf } from './authorizer-scene.ts'

const start = authorizerScenes()
const [unknownTopic, topicDenied] = [3, 29]
const noUuid = '00000000-0000-0000-0000-000000000000'
const [write, create, describing, describeConfigs] = [4, 5, 8, 10]

describe('topics', () => {
  it('are served and refused one by one', async () => {
    const { ask } = start([allow('READ', 'TOPIC', 'orders')])
    const names = ['orders', 'payments', 'nowhere']
    const { topics } = await ask('ListOffsets', {
      topics: names.map(name => ({ name, partitions: [{ partitionIndex: 0, timestamp: -1 }] })),
    })
    expect(
      topics.map(({ name, partitions: [{ errorCode, offset }] }: any) => [name, errorCode, offset]),
    ).toEqual([
      ['orders', 0, 0],
      ['payments', topicDenied, -1],
      // Nobody hears whether there is a topic that they may not describe.
      ['nowhere', topicDenied, -1],
    ])
  })

  it('that may not be described are left out of all, and their names are told no id', async () => {
    const { ask, broker } = start([allow('READ', 'TOPIC', 'orders')])
    const { id } = broker.topic('payments')
    for (const [version, all] of [
      [13, null],
      [1, null],
      [0, []],
    ] as const) {
      const { topics } = await ask('Metadata', { topics: all }, version)
      expect(topics.map(({ name }: any) => name)).toEqual(['orders'])
    }
    const named = await ask('Metadata', { topics: [{ name: 'payments' }] })
    expect(named).toMatchObject({
      errorCode: 0,
      topics: [{ name: 'payments', topicId: noUuid, errorCode: topicDenied, partitions: [] }],
    })
    const byId = await ask('Metadata', { topics: [{ name: null, topicId: id }] })
    expect(byId).toMatchObject({ topics: [{ name: null, topicId: id, errorCode: topicDenied }] })
    const unknown = await ask('Metadata', {
      topics: [{ name: null, topicId: '00000000-0000-0000-0000-000000000007' }],
    })
    expect(errorsOf(unknown)).toEqual([100])
  })

  it('are unknown by an id that no topic has, whoever asks', async () => {
    const { ask } = start([allow('WRITE', 'TRANSACTIONAL_ID', 't'), allow('READ', 'GROUP', 'g')])
    const topicId = '00000000-0000-0000-0000-000000000007'
    const topics = [{ topicId, partitions: [{ partitionIndex: 0, committedOffset: 1 }] }]
    for (const [api, version] of [
      ['OffsetCommit', 10],
      ['TxnOffsetCommit', 6],
    ] as const) {
      const answer = await ask(api, { transactionalId: 't', groupId: 'g', topics }, version)
      expect(answer.topics[0].partitions[0].errorCode, api).toBe(100)
    }
  })

  it('are described page by page, without those that may not be', async () => {
    const { ask } = start([{ ...allow('DESCRIBE', 'TOPIC', 'orders'), patternType: 'PREFIXED' }])
    const page = (asked: object) => ask('DescribeTopicPartitions', { responsePartitionLimit: 1, ...asked })
    const all = await page({ topics: [], cursor: null })
    expect(all).toMatchObject({ topics: [{ name: 'orders', errorCode: 0 }], nextCursor: null })
    const begun = await page({ topics: [], cursor: { topicName: 'orders', partitionIndex: 0 } })
    expect(begun).toMatchObject({ topics: [{ name: 'orders', errorCode: 0 }] })
    const cursor = { topicName: 'payments', partitionIndex: 0 }
    expect(await page({ topics: [], cursor })).toMatchObject({ topics: [], nextCursor: null })
    for (const topicName of ['', 'orders']) {
      const nowhere = { topicName, partitionIndex: -1 }
      expect(await page({ topics: [], cursor: nowhere })).toMatchObject({ topics: [], nextCursor: null })
    }
    const named = await page({ topics: [{ name: 'payments' }], cursor: null })
    expect(named).toMatchObject({ topics: [{ name: 'payments', errorCode: topicDenied }] })
    const { ask: askWithout } = start()
    const nothing = await askWithout('DescribeTopicPartitions', { topics: [], responsePartitionLimit: 9 })
    expect(nothing).toMatchObject({ topics: [], nextCursor: null })
  })

  it('are told what may be done with them', async () => {
    const { ask } = start([
      allow('WRITE', 'TOPIC', 'orders'),
      allow('DESCRIBE_CONFIGS', 'TOPIC', 'orders'),
      allow('CREATE', 'CLUSTER'),
    ])
    const asked = { includeTopicAuthorizedOperations: true, includeClusterAuthorizedOperations: true }
    const { topics, clusterAuthorizedOperations } = await ask('Metadata', { topics: null, ...asked }, 10)
    expect(topics[0].topicAuthorizedOperations).toBe(bits(write, describing, describeConfigs))
    // Who may not describe the cluster does not hear what else they may do with it.
    expect(clusterAuthorizedOperations).toBe(0)
    const described = await ask('DescribeTopicPartitions', { topics: [], responsePartitionLimit: 9 })
    expect(described.topics[0].topicAuthorizedOperations).toBe(bits(write, describing, describeConfigs))
  })

  it('that are not there are told what may be done with them, too', async () => {
    const { ask } = start([allow('WRITE', 'TOPIC', 'nowhere')])
    const asked = { topics: [{ name: 'nowhere' }], responsePartitionLimit: 9 }
    const topics = [{ errorCode: unknownTopic, topicAuthorizedOperations: bits(write, describing) }]
    expect(await ask('DescribeTopicPartitions', asked)).toMatchObject({ topics })
    expect(await ask('Metadata', { ...asked, includeTopicAuthorizedOperations: true })).toMatchObject({
      topics,
    })
  })

  it('are told nothing of what may be done with them by a description that is refused', async () => {
    const { ask } = start([allow('WRITE', 'TOPIC', 'orders')])
    const cursor = { topicName: 'elsewhere', partitionIndex: 0 }
    const asked = { topics: [{ name: 'orders' }], responsePartitionLimit: 9, cursor }
    expect(await ask('DescribeTopicPartitions', asked)).toMatchObject({
      topics: [{ errorCode: 42, topicAuthorizedOperations: -(2 ** 31) }],
    })
  })

  it('that are all denied hide what may be done with the cluster, too', async () => {
    const { ask } = start()
    const asked = { topics: [{ name: 'payments' }], includeClusterAuthorizedOperations: true }
    expect(await ask('Metadata', asked, 10)).toMatchObject({
      topics: [{ errorCode: topicDenied }],
      clusterAuthorizedOperations: 0,
    })
  })

  it('are created when first named only by those who may', async () => {
    const acls = [allow('DESCRIBE', 'TOPIC', '*'), allow('CREATE', 'TOPIC', 'mine')]
    const { ask, broker } = start(acls, {}, {}, { autoCreateTopics: true })
    const named = async (name: string) => errorsOf(await ask('Metadata', { topics: [{ name }] }))
    expect(await named('mine')).toEqual([])
    expect(await named('others')).toEqual([topicDenied])
    expect(broker.describe().topics.map(({ name }) => name)).toEqual(['orders', 'payments', 'mine'])
  })

  it('are created when first named by those who may create any', async () => {
    const acls = [allow('DESCRIBE', 'TOPIC', '*'), allow('CREATE', 'CLUSTER')]
    const { ask, broker } = start(acls, {}, {}, { autoCreateTopics: true })
    expect(errorsOf(await ask('Metadata', { topics: [{ name: 'new' }] }))).toEqual([])
    expect(broker.describe().topics.map(({ name }) => name)).toContain('new')
  })

  it('that are created tell their configs to those who may see them', async () => {
    const { ask } = start([allow('CREATE', 'CLUSTER'), allow('DESCRIBE_CONFIGS', 'TOPIC', 'seen')])
    const topics = ['seen', 'unseen'].map(name => ({ name, numPartitions: 2, replicationFactor: 1 }))
    const answer = await ask('CreateTopics', { topics })
    expect(answer.topics).toMatchObject([
      { name: 'seen', errorCode: 0, topicConfigErrorCode: 0, numPartitions: 2 },
      { name: 'unseen', errorCode: 0, topicConfigErrorCode: topicDenied, numPartitions: -1, configs: [] },
    ])
    expect(answer.topics[0].configs.length).toBeGreaterThan(0)
  })

  it('are missing to who may describe but not delete them, and denied to everybody else', async () => {
    const { ask, broker: described } = start([allow('DESCRIBE', 'TOPIC', '*')])
    const deleted = async (topic: object) => (await ask('DeleteTopics', { topics: [topic] })).responses[0]
    expect(await deleted({ name: 'nowhere' })).toMatchObject({ errorCode: unknownTopic })
    expect(await deleted({ name: 'orders' })).toMatchObject({ errorCode: topicDenied })
    const topicId = described.topic('orders').id
    expect(await deleted({ name: null, topicId })).toMatchObject({ name: 'orders', errorCode: topicDenied })
    const { ask: askBlindly, broker } = start()
    const { id } = broker.topic('orders')
    const byId = await askBlindly('DeleteTopics', { topics: [{ name: null, topicId: id }] })
    expect(byId.responses).toMatchObject([{ name: null, topicId: id, errorCode: topicDenied }])
    const byName = await askBlindly('DeleteTopics', { topics: [{ name: 'nowhere' }] })
    expect(byName.responses).toMatchObject([{ name: 'nowhere', errorCode: topicDenied }])
  })

  it('that are named as nobody can are refused as such, whoever asks', async () => {
    const { ask, broker } = start()
    const { id: topicId } = broker.topic('orders')
    const deleted = await ask('DeleteTopics', { topics: [{ name: 'orders', topicId }] })
    expect(errorsOf(deleted)).toEqual([42])
    // In this version there are no ids yet.
    const described = await ask('Metadata', { topics: [{ name: null, topicId }] }, 11)
    expect(errorsOf(described)).toEqual([42])
    const configs = await ask('DescribeConfigs', {
      resources: [{ resourceType: 99, resourceName: 'orders' }],
    })
    expect(errorsOf(configs)).toEqual([42])
  })

  it('are added to a transaction all or none', async () => {
    const { ask } = start([allow('WRITE', 'TOPIC', 'orders'), allow('WRITE', 'TRANSACTIONAL_ID', 't')])
    const { resultsByTopicV3AndBelow: results } = await ask(
      'AddPartitionsToTxn',
      {
        v3AndBelowTransactionalId: 't',
        v3AndBelowTopics: [
          { name: 'orders', partitions: [0, 7] },
          { name: 'payments', partitions: [0] },
        ],
      },
      3,
    )
    const told = results.flatMap(({ name, resultsByPartition }: any) =>
      resultsByPartition.map((each: any) => [name, each.partitionIndex, each.partitionErrorCode]),
    )
    expect(told.sort()).toEqual([
      ['orders', 0, 55],
      ['orders', 7, unknownTopic],
      ['payments', 0, topicDenied],
    ])
  })

  it('that may not be written to end the connection of a producer that waits for no answer', async () => {
    const { client, broker } = start([allow('WRITE', 'TOPIC', 'orders')])
    const partitionData = [{ index: 0, records: [sequencedBatch(-1, -1, -1, [1])] }]
    const topicData = ['orders', 'payments'].map(name => ({ name, partitionData }))
    client.send(request(apiNamed('Produce'), 12, { acks: 0, topicData }))
    await client.closed
    expect(broker.topic('orders').records()).toHaveLength(1)
    expect(broker.topic('payments').records()).toEqual([])
  })

  it('are refused in a fetch session, and answered at once', async () => {
    const { ask, as } = start([allow('READ', 'TOPIC', 'orders')])
    const topics = ['orders', 'payments'].map(topic => ({ topic, partitions: [{ partition: 0 }] }))
    const asked = { maxWaitMs: 60_000, minBytes: 1, topics, sessionEpoch: 0 }
    const { sessionId, responses } = await ask('Fetch', asked, 12)
    expect(responses.map(({ topic, partitions: [{ errorCode }] }: any) => [topic, errorCode])).toEqual([
      ['orders', 0],
      ['payments', topicDenied],
    ])
    const next = await ask('Fetch', { maxWaitMs: 60_000, sessionId, sessionEpoch: 1 }, 12)
    expect(next.responses).toMatchObject([{ topic: 'payments' }])
    const acl = { resourceType: 2, resourceName: 'payments', resourcePatternType: 3, operation: 3 }
    await as('admin', 'CreateAcls', {
      creations: [{ ...acl, principal: 'User:ada', host: '*', permissionType: 3 }],
    })
    const last = await ask('Fetch', { maxWaitMs: 0, sessionId, sessionEpoch: 2 }, 12)
    expect(errorsOf(last)).toEqual([])
  })
})

it('tells no quotas to who may not describe them', async () => {
  const { ask } = start()
  expect(await ask('DescribeClientQuotas', { components: [] })).toMatchObject({
    errorCode: 31,
    entries: null,
  })
})

it('tells what a version does not know before what a client may not', async () => {
  const key = 'g:AAAAAAAAAAAAAAAAAAAAAA:0'
  const find = async (version: number) => {
    const { ask } = start()
    return errorsOf(await ask('FindCoordinator', { keyType: 2, key, coordinatorKeys: [key] }, version))
  }
  expect([await find(3), await find(5), await find(6)]).toEqual([[42], [42], [31]])
})

describe('transactions', () => {
  it('that may not be described are left out, and so are their topics', async () => {
    const { ask, as, broker } = start([
      allow('DESCRIBE', 'TRANSACTIONAL_ID', 'mine'),
      allow('DESCRIBE', 'TOPIC', 'orders'),
    ])
    for (const transactionalId of ['mine', 'others']) {
      const made = await as('admin', 'InitProducerId', { transactionalId, transactionTimeoutMs: 1000 }, 4)
      await as(
        'admin',
        'AddPartitionsToTxn',
        {
          v3AndBelowTransactionalId: transactionalId,
          v3AndBelowProducerId: made.producerId,
          v3AndBelowProducerEpoch: made.producerEpoch,
          v3AndBelowTopics: ['orders', 'payments'].map(name => ({ name, partitions: [0] })),
        },
        3,
      )
    }
    const { transactionStates: listed } = await ask('ListTransactions', {})
    expect(listed.map(({ transactionalId }: any) => transactionalId)).toEqual(['mine'])
    const { transactionStates: described } = await ask('DescribeTransactions', { transactionalIds: ['mine'] })
    expect(described[0].topics.map(({ topic }: any) => topic)).toEqual(['orders'])
    await broker.close()
  })
})

describe('a denied request', () => {
  it('is in the log as an answer with its error', async () => {
    const requests = new RequestLog()
    const { ask } = start([], {}, { requests })
    await ask('ListOffsets', { topics: [{ name: 'orders', partitions: [{ partitionIndex: 0 }] }] })
    expect([...requests]).toMatchObject([
      { api: 'ListOffsets', outcome: 'answered', errors: ['TOPIC_AUTHORIZATION_FAILED'] },
    ])
  })

  it('meets faults like any other, and stale metadata hides as much as the present', async () => {
    const faults = new WireFaults()
    const { ask, broker } = start([allow('READ', 'TOPIC', 'orders')], {}, { faults })
    await broker.createTopic('later')
    faults.staleMetadata()
    const { topics } = await ask('Metadata', { topics: null })
    expect(topics.map(({ name }: any) => name)).toEqual(['orders'])
    faults.fail({ api: 'ListOffsets' }, 'NOT_LEADER_OR_FOLLOWER')
    const asked = { topics: [{ name: 'payments', partitions: [{ partitionIndex: 0 }] }] }
    expect(errorsOf(await ask('ListOffsets', asked))).toEqual([6])
    expect(errorsOf(await ask('ListOffsets', asked))).toEqual([topicDenied])
  })
})

it('tells what may be done with the cluster to those who may describe it', async () => {
  const asked = { includeClusterAuthorizedOperations: true }
  const told = async (...acls: readonly ReturnType<typeof allow>[]) =>
    (await start(acls).ask('DescribeCluster', asked)).clusterAuthorizedOperations
  expect(await told(allow('CREATE', 'CLUSTER'))).toBe(0)
  expect(await told(allow('CREATE', 'CLUSTER'), allow('DESCRIBE', 'CLUSTER'))).toBe(bits(create, describing))
})

// Where each group was looked for among all that were asked for, this took a minute.
