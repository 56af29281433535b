import { describe, expect, it } from 'vitest'
import { apiRights } from '../../../src/server/authorizer/api-rights.ts'
import type { Acl } from '../../../src/server/index.ts'
import { sequencedBatch } from '../../helpers/wire-client.ts'
import { allow, apiNamed, authorizerScenes, errorsOf } from './authorizer-scene.ts'

const start = authorizerScenes()

const topicDenied = 29
const groupDenied = 30
const clusterDenied = 31
const transactionDenied = 53
const denials = new Set([topicDenied, groupDenied, clusterDenied, transactionDenied])

type Need = readonly [...Parameters<typeof allow>]
interface Row {
  readonly request: object | ((topicId: string) => object)
  /** Each with the error of who does not have it. */
  readonly needs: readonly (readonly [need: Need, error: number])[]
  readonly version?: number
}

const memberId = 'AAAAAAAAAAAAAAAAAAAAAA'
const [batch, transactionalBatch] = [sequencedBatch(-1, -1, -1, [1]), sequencedBatch(7, 0, 0, [1], 16)]

const readGroup: Row['needs'][number] = [['READ', 'GROUP', 'g'], groupDenied]
const describeGroup: Row['needs'][number] = [['DESCRIBE', 'GROUP', 'g'], groupDenied]
const deleteGroup: Row['needs'][number] = [['DELETE', 'GROUP', 'g'], groupDenied]
const readTopic: Row['needs'][number] = [['READ', 'TOPIC', 'orders'], topicDenied]
const writeTopic: Row['needs'][number] = [['WRITE', 'TOPIC', 'orders'], topicDenied]
const describeTopic: Row['needs'][number] = [['DESCRIBE', 'TOPIC', 'orders'], topicDenied]
const writeTransaction: Row['needs'][number] = [['WRITE', 'TRANSACTIONAL_ID', 't'], transactionDenied]
const cluster = (operation: Acl['operation']): Row['needs'][number] => [[operation, 'CLUSTER'], clusterDenied]

const partitions = [{ partitionIndex: 0 }]
const ordersByName = [{ name: 'orders', partitions }]
const configsOf = (resourceType: number, resourceName: string, more: object = {}) => ({
  resources: [{ resourceType, resourceName, ...more }],
})

const table: readonly (readonly [api: keyof typeof apiRights, ...rows: readonly Row[]])[] = [
  [
    'Produce',
    {
      request: topicId => ({
        acks: 1,
        topicData: [{ topicId, partitionData: [{ index: 0, records: [batch] }] }],
      }),
      needs: [writeTopic],
    },
    {
      version: 12,
      request: {
        acks: 1,
        transactionalId: 't',
        topicData: [{ name: 'orders', partitionData: [{ index: 0, records: [transactionalBatch] }] }],
      },
      needs: [writeTransaction, writeTopic],
    },
  ],
  [
    'Fetch',
    { request: topicId => ({ topics: [{ topicId, partitions: [{ partition: 0 }] }] }), needs: [readTopic] },
    {
      version: 12,
      request: { topics: [{ topic: 'orders', partitions: [{ partition: 0 }] }] },
      needs: [readTopic],
    },
    {
      version: 12,
      request: { replicaId: 0, topics: [{ topic: 'orders', partitions: [{ partition: 0 }] }] },
      needs: [[['CLUSTER_ACTION', 'CLUSTER'], topicDenied]],
    },
    {
      request: topicId => ({
        replicaState: { replicaId: 0 },
        topics: [{ topicId, partitions: [{ partition: 0 }] }],
      }),
      needs: [[['CLUSTER_ACTION', 'CLUSTER'], topicDenied]],
    },
  ],
  ['ListOffsets', { request: { topics: ordersByName }, needs: [describeTopic] }],
  [
    'OffsetForLeaderEpoch',
    { request: { topics: [{ topic: 'orders', partitions: [{ partition: 0 }] }] }, needs: [describeTopic] },
  ],
  ['DeleteRecords', { request: { topics: ordersByName }, needs: [[['DELETE', 'TOPIC', 'orders'], 29]] }],
  [
    'DescribeProducers',
    { request: { topics: [{ name: 'orders', partitionIndexes: [0] }] }, needs: [readTopic] },
  ],
  [
    'Metadata',
    { request: { topics: [{ name: 'orders' }] }, needs: [describeTopic] },
    { request: topicId => ({ topics: [{ name: null, topicId }] }), needs: [describeTopic] },
    { request: { topics: [{ name: 'orders' }] }, needs: [describeTopic], version: 0 },
  ],
  [
    'DescribeTopicPartitions',
    { request: { topics: [{ name: 'orders' }], responsePartitionLimit: 9 }, needs: [describeTopic] },
  ],
  [
    'CreateTopics',
    {
      request: { topics: [{ name: 'new', numPartitions: 1, replicationFactor: 1 }], validateOnly: true },
      needs: [
        [['CREATE', 'TOPIC', 'new'], topicDenied],
        [['DESCRIBE_CONFIGS', 'TOPIC', 'new'], topicDenied],
      ],
    },
    {
      request: { topics: [{ name: 'new', numPartitions: 1, replicationFactor: 1 }], validateOnly: true },
      needs: [
        [['CREATE', 'CLUSTER'], topicDenied],
        [['DESCRIBE_CONFIGS', 'TOPIC', 'new'], topicDenied],
      ],
    },
  ],
  [
    'CreatePartitions',
    { request: { topics: [{ name: 'orders', count: 2 }] }, needs: [[['ALTER', 'TOPIC', 'orders'], 29]] },
  ],
  [
    'DeleteTopics',
    { request: { topics: [{ name: 'orders' }] }, needs: [[['DELETE', 'TOPIC', 'orders'], topicDenied]] },
    { request: topicId => ({ topics: [{ topicId }] }), needs: [[['DELETE', 'TOPIC', 'orders'], 29]] },
    { request: { topics: [{ name: 'orders' }] }, needs: [[['ALL', 'CLUSTER'], topicDenied]] },
    { request: { topicNames: ['orders'] }, needs: [[['DELETE', 'TOPIC', 'orders'], 29]], version: 5 },
  ],
  [
    'DescribeConfigs',
    { request: configsOf(2, 'orders'), needs: [[['DESCRIBE_CONFIGS', 'TOPIC', 'orders'], topicDenied]] },
    { request: configsOf(4, '1'), needs: [cluster('DESCRIBE_CONFIGS')] },
    { request: configsOf(8, '1'), needs: [cluster('DESCRIBE_CONFIGS')] },
    { request: configsOf(16, 'm'), needs: [cluster('DESCRIBE_CONFIGS')] },
    { request: configsOf(32, 'g'), needs: [[['DESCRIBE_CONFIGS', 'GROUP', 'g'], groupDenied]] },
  ],
  [
    'AlterConfigs',
    { request: configsOf(2, 'orders'), needs: [[['ALTER_CONFIGS', 'TOPIC', 'orders'], topicDenied]] },
    { request: configsOf(4, '1'), needs: [cluster('ALTER_CONFIGS')] },
    { request: configsOf(32, 'g'), needs: [[['ALTER_CONFIGS', 'GROUP', 'g'], groupDenied]] },
  ],
  [
    'IncrementalAlterConfigs',
    { request: configsOf(2, 'orders'), needs: [[['ALTER_CONFIGS', 'TOPIC', 'orders'], topicDenied]] },
    { request: configsOf(4, '1'), needs: [cluster('ALTER_CONFIGS')] },
    { request: configsOf(32, 'g'), needs: [[['ALTER_CONFIGS', 'GROUP', 'g'], groupDenied]] },
  ],

  ['JoinGroup', { request: { groupId: 'g', protocolType: 'consumer' }, needs: [readGroup] }],
  [
    'SyncGroup',
    { request: { groupId: 'g', protocolType: 'consumer', protocolName: 'range' }, needs: [readGroup] },
  ],
  ['Heartbeat', { request: { groupId: 'g' }, needs: [readGroup] }],
  ['LeaveGroup', { request: { groupId: 'g', members: [{ memberId: 'm' }] }, needs: [readGroup] }],
  [
    'ConsumerGroupHeartbeat',
    {
      request: { groupId: 'g', memberId, subscribedTopicNames: ['orders'] },
      needs: [readGroup, describeTopic],
    },
  ],
  [
    'ShareGroupHeartbeat',
    {
      request: { groupId: 'g', memberId, subscribedTopicNames: ['orders'] },
      needs: [readGroup, describeTopic],
    },
  ],
  ['StreamsGroupTopologyDescriptionUpdate', { request: { groupId: 'g', memberId }, needs: [readGroup] }],
  [
    'StreamsGroupHeartbeat',
    {
      request: {
        groupId: 'g',
        memberId,
        topology: {
          subtopologies: [
            {
              subtopologyId: '0',
              sourceTopics: ['orders'],
              repartitionSinkTopics: ['sink'],
              repartitionSourceTopics: [{ name: 'source' }],
              stateChangelogTopics: [{ name: 'changelog' }],
            },
          ],
        },
      },
      needs: [
        readGroup,
        ...['orders', 'sink', 'source', 'changelog'].map(
          name => [['DESCRIBE', 'TOPIC', name], topicDenied] as const,
        ),
      ],
    },
  ],
  [
    'ShareFetch',
    {
      request: topicId => ({
        groupId: 'g',
        memberId,
        maxBytes: 1,
        topics: [{ topicId, partitions: [{ partitionIndex: 0 }] }],
      }),
      needs: [readGroup, readTopic],
    },
  ],
  ['ShareAcknowledge', { request: { groupId: 'g', memberId, shareSessionEpoch: 1 }, needs: [readGroup] }],
  ['DescribeGroups', { request: { groups: ['g'] }, needs: [describeGroup] }],
  ['ConsumerGroupDescribe', { request: { groupIds: ['g'] }, needs: [describeGroup] }],
  ['ShareGroupDescribe', { request: { groupIds: ['g'] }, needs: [describeGroup] }],
  ['StreamsGroupDescribe', { request: { groupIds: ['g'] }, needs: [describeGroup] }],
  ['DeleteGroups', { request: { groupsNames: ['g'] }, needs: [deleteGroup] }],
  [
    'OffsetCommit',
    {
      request: topicId => ({ groupId: 'g', topics: [{ topicId, partitions }] }),
      needs: [readGroup, readTopic],
    },
    { request: { groupId: 'g', topics: ordersByName }, needs: [readGroup, readTopic], version: 9 },
  ],
  ['OffsetDelete', { request: { groupId: 'g', topics: ordersByName }, needs: [deleteGroup, readTopic] }],
  [
    'OffsetFetch',
    {
      request: topicId => ({ groups: [{ groupId: 'g', topics: [{ topicId, partitionIndexes: [0] }] }] }),
      needs: [describeGroup, describeTopic],
    },
    {
      version: 8,
      request: { groups: [{ groupId: 'g', topics: [{ name: 'orders', partitionIndexes: [0] }] }] },
      needs: [describeGroup, describeTopic],
    },
    { version: 8, request: { groups: [{ groupId: 'g', topics: null }] }, needs: [describeGroup] },
    {
      version: 7,
      request: { groupId: 'g', topics: [{ name: 'orders', partitionIndexes: [0] }] },
      needs: [describeGroup, describeTopic],
    },
    {
      version: 1,
      request: { groupId: 'g', topics: [{ name: 'orders', partitionIndexes: [0] }] },
      needs: [describeGroup, describeTopic],
    },
  ],
  [
    'DescribeShareGroupOffsets',
    {
      request: { groups: [{ groupId: 'g', topics: [{ topicName: 'orders', partitions: [0] }] }] },
      needs: [describeGroup, describeTopic],
    },
    { request: { groups: [{ groupId: 'g', topics: null }] }, needs: [describeGroup] },
  ],
  [
    'AlterShareGroupOffsets',
    {
      request: { groupId: 'g', topics: [{ topicName: 'orders', partitions }] },
      needs: [readGroup, readTopic],
    },
  ],
  [
    'DeleteShareGroupOffsets',
    { request: { groupId: 'g', topics: [{ topicName: 'orders' }] }, needs: [deleteGroup, readTopic] },
  ],

  [
    'InitProducerId',
    { request: { transactionalId: 't', transactionTimeoutMs: 1000 }, needs: [writeTransaction], version: 5 },
    { request: { transactionalId: null }, needs: [cluster('IDEMPOTENT_WRITE')], version: 5 },
    {
      request: { transactionalId: null },
      needs: [[['WRITE', 'TOPIC', 'payments'], clusterDenied]],
      version: 5,
    },
  ],
  [
    'AddPartitionsToTxn',
    {
      request: { v3AndBelowTransactionalId: 't', v3AndBelowTopics: [{ name: 'orders', partitions: [0] }] },
      needs: [writeTransaction, writeTopic],
      version: 3,
    },
  ],
  [
    'AddOffsetsToTxn',
    { request: { transactionalId: 't', groupId: 'g' }, needs: [writeTransaction, readGroup] },
  ],
  [
    'TxnOffsetCommit',
    {
      request: topicId => ({ transactionalId: 't', groupId: 'g', topics: [{ topicId, partitions }] }),
      needs: [writeTransaction, readGroup, readTopic],
    },
    {
      request: { transactionalId: 't', groupId: 'g', topics: ordersByName },
      needs: [writeTransaction, readGroup, readTopic],
      version: 5,
    },
  ],
  ['EndTxn', { request: { transactionalId: 't' }, needs: [writeTransaction] }],
  [
    'DescribeTransactions',
    { request: { transactionalIds: ['t'] }, needs: [[['DESCRIBE', 'TRANSACTIONAL_ID', 't'], 53]] },
  ],

  [
    'FindCoordinator',
    { request: { coordinatorKeys: ['g'] }, needs: [describeGroup] },
    {
      request: { keyType: 1, coordinatorKeys: ['t'] },
      needs: [[['DESCRIBE', 'TRANSACTIONAL_ID', 't'], transactionDenied]],
    },
    { request: { coordinatorKeys: ['g'] }, needs: [describeGroup], version: 4 },
    { request: { key: 'g' }, needs: [describeGroup], version: 3 },
    { request: { key: 't', keyType: 1 }, needs: [[['DESCRIBE', 'TRANSACTIONAL_ID', 't'], 53]], version: 3 },
  ],
  ['DescribeAcls', { request: { resourceTypeFilter: 1, operation: 1 }, needs: [cluster('DESCRIBE')] }],
  ['CreateAcls', { request: { creations: [{}] }, needs: [cluster('ALTER')] }],
  ['DeleteAcls', { request: { filters: [{}] }, needs: [cluster('ALTER')] }],
  ['DescribeLogDirs', { request: {}, needs: [cluster('DESCRIBE')] }],
  [
    'AlterReplicaLogDirs',
    {
      request: { dirs: [{ path: 'memory', topics: [{ name: 'orders', partitions: [0] }] }] },
      needs: [cluster('ALTER')],
    },
  ],
  ['ElectLeaders', { request: {}, needs: [cluster('ALTER')] }],
  ['ListPartitionReassignments', { request: {}, needs: [cluster('DESCRIBE')] }],
  ['AlterPartitionReassignments', { request: { topics: ordersByName }, needs: [cluster('ALTER')] }],
  ['DescribeClientQuotas', { request: {}, needs: [cluster('DESCRIBE_CONFIGS')] }],
  ['AlterClientQuotas', { request: { entries: [{ entity: [] }] }, needs: [cluster('ALTER_CONFIGS')] }],
  ['DescribeUserScramCredentials', { request: {}, needs: [cluster('DESCRIBE')] }],
  ['AlterUserScramCredentials', { request: { deletions: [{ name: 'bo' }] }, needs: [cluster('ALTER')] }],
  ['ListConfigResources', { request: {}, needs: [cluster('DESCRIBE_CONFIGS')] }],
  ['DescribeQuorum', { request: {}, needs: [cluster('DESCRIBE')] }],
  ['UpdateFeatures', { request: {}, needs: [cluster('ALTER')] }],
]

const rows = table.flatMap(([api, ...each]) =>
  each.map((row, i) => [`${api}${i === 0 ? '' : ` (${i + 1})`}`, api, row] as const),
)

describe('what a request needs', () => {
  it.each(rows)('%s', async (_, api, { request, needs, version = apiNamed(api).versions[1] }) => {
    const denied = async (given: readonly Need[]) => {
      const { broker, ask } = start(given.map(need => allow(...need)))
      const { id } = broker.topic('orders')
      return errorsOf(await ask(api, typeof request === 'function' ? request(id) : request, version)).filter(
        code => denials.has(code),
      )
    }
    const given = needs.map(([need]) => need)
    expect(await denied(given), 'with all rights').toEqual([])
    for (const [i, [need, error]] of needs.entries()) {
      expect(await denied(given.toSpliced(i, 1)), `without ${need.join(' ')}`).toEqual([error])
    }
    expect(await denied([]), 'without any right').toEqual([needs[0]![1]])
  })

  it('is known of every API that asks for something', () => {
    const listing = ['DescribeCluster', 'ListGroups', 'ListTransactions']
    expect([...table.map(([api]) => api), ...listing].sort()).toEqual(Object.keys(apiRights).sort())
  })
})
