import { setImmediate as turn } from 'node:timers/promises'
import type { Broker } from '../../src/index.ts'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { fc } from '../helpers/fast-check.ts'
import { request, sequencedBatch, WireClient } from '../helpers/wire-client.ts'

// A join waits for others, and so is not answered at once.
const described = (Object.values(apis) as unknown as readonly Api[]).filter(
  ({ name }) => name !== 'JoinGroup',
)

const batch = sequencedBatch(1, 0, 0, [1, 2, 3])

/** What a request of each API says that names something. */
export const bodies: Readonly<Record<string, object>> = {
  Produce: {
    acks: 1,
    timeoutMs: 10,
    topicData: [{ name: 'orders', partitionData: [{ index: 0, records: [batch] }] }],
  },
  Fetch: {
    topics: [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
  },
  ListOffsets: { topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, timestamp: -1 }] }] },
  Metadata: { topics: [{ name: 'orders' }] },
  OffsetCommit: {
    groupId: 'billing',
    generationIdOrMemberEpoch: -1,
    topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 1 }] }],
  },
  OffsetFetch: {
    groupId: 'billing',
    topics: [{ name: 'orders', partitionIndexes: [0] }],
    groups: [{ groupId: 'billing', topics: [{ name: 'orders', partitionIndexes: [0] }] }],
  },
  CreateTopics: {
    topics: [{ name: 'orders', numPartitions: 2, configs: [{ name: 'retention.ms', value: '1' }] }],
  },
  DeleteRecords: { topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, offset: 0 }] }] },
  AddPartitionsToTxn: {
    v3AndBelowTransactionalId: 'a',
    v3AndBelowTopics: [{ name: 'orders', partitions: [0] }],
  },
  FindCoordinator: { key: 'billing', keyType: 0, coordinatorKeys: ['billing'] },
  DescribeGroups: { groups: ['billing'] },
  ConsumerGroupDescribe: { groupIds: ['billing'] },
  ShareGroupHeartbeat: { groupId: 'shared', memberId: 'a', memberEpoch: 0, subscribedTopicNames: ['orders'] },
  ShareGroupDescribe: { groupIds: ['shared'] },
  StreamsGroupHeartbeat: {
    groupId: 'streams',
    memberId: 'a',
    rebalanceTimeoutMs: 1000,
    topology: {
      subtopologies: [
        {
          subtopologyId: '0',
          sourceTopics: ['orders'],
          stateChangelogTopics: [{ name: 'changelog', topicConfigs: [{ key: 'retention.ms', value: '1' }] }],
        },
      ],
    },
    processId: 'p',
    userEndpoint: { host: 'localhost', port: 1 },
    clientTags: [{ key: 'zone', value: 'a' }],
  },
  StreamsGroupDescribe: { groupIds: ['streams'] },
  StreamsGroupTopologyDescriptionUpdate: {
    groupId: 'streams',
    memberId: 'a',
    topologyDescription: {
      subtopologies: [
        { subtopologyId: '0', nodes: [{ name: 'source', nodeType: 1, sourceTopics: ['orders'] }] },
      ],
    },
  },
  ShareFetch: {
    groupId: 'shared',
    memberId: 'a',
    maxRecords: 10,
    topics: [{ topicId: '00000000-0000-0000-0000-000000000001', partitions: [{ partitionIndex: 0 }] }],
  },
  ShareAcknowledge: {
    groupId: 'shared',
    memberId: 'a',
    shareSessionEpoch: 1,
    topics: [
      {
        topicId: '00000000-0000-0000-0000-000000000001',
        partitions: [
          {
            partitionIndex: 0,
            acknowledgementBatches: [{ firstOffset: 0, lastOffset: 1, acknowledgeTypes: [1, 2] }],
          },
        ],
      },
    ],
  },
  DescribeShareGroupOffsets: {
    groups: [{ groupId: 'shared', topics: [{ topicName: 'orders', partitions: [0] }] }],
  },
  AlterShareGroupOffsets: {
    groupId: 'altered',
    topics: [{ topicName: 'orders', partitions: [{ partitionIndex: 0, startOffset: 1 }] }],
  },
  DeleteShareGroupOffsets: { groupId: 'altered', topics: [{ topicName: 'orders' }] },
  DeleteGroups: { groupsNames: ['other'] },
  CreatePartitions: { topics: [{ name: 'other', count: 3, assignments: null }] },
  DeleteTopics: { topicNames: ['other'], topics: [{ name: 'other' }] },
  DescribeConfigs: { resources: [{ resourceType: 2, resourceName: 'orders', configurationKeys: null }] },
  AlterConfigs: {
    resources: [
      {
        resourceType: 2,
        resourceName: 'orders',
        configs: [{ name: 'retention.ms', value: '86400000' }],
      },
    ],
  },
  IncrementalAlterConfigs: {
    resources: [
      {
        resourceType: 2,
        resourceName: 'orders',
        configs: [
          { name: 'cleanup.policy', configOperation: 2, value: 'delete' },
          { name: 'retention.ms', configOperation: 0, value: '86400000' },
        ],
      },
    ],
  },
  OffsetDelete: { groupId: 'billing', topics: [{ name: 'orders', partitions: [{ partitionIndex: 0 }] }] },
  OffsetForLeaderEpoch: {
    topics: [{ topic: 'orders', partitions: [{ partition: 0, currentLeaderEpoch: 0, leaderEpoch: 0 }] }],
  },
  DescribeTopicPartitions: {
    topics: [{ name: 'orders' }],
    cursor: { topicName: 'orders', partitionIndex: 0 },
  },
  DescribeLogDirs: { topics: [{ topic: 'orders', partitions: [0] }] },
  AlterReplicaLogDirs: { dirs: [{ path: '/data', topics: [{ name: 'orders', partitions: [0] }] }] },
  ElectLeaders: { topicPartitions: [{ topic: 'orders', partitions: [0] }] },
  AlterPartitionReassignments: {
    topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, replicas: [1, 2] }] }],
  },
  DescribeClientQuotas: { components: [{ entityType: 'client-id', matchType: 0, match: 'shop' }] },
  AlterClientQuotas: {
    entries: [
      {
        entity: [{ entityType: 'client-id', entityName: 'shop' }],
        ops: [{ key: 'producer_byte_rate', value: 1.5 }],
      },
    ],
  },
  DescribeUserScramCredentials: { users: [{ name: 'ada' }] },
  AlterUserScramCredentials: { deletions: [{ name: 'ada', mechanism: 1 }] },
  DescribeQuorum: { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] },
  UpdateFeatures: { featureUpdates: [{ feature: 'group.version', maxVersionLevel: 1 }] },
  CreateDelegationToken: { renewers: [{ principalType: 'User', principalName: 'ada' }] },
  DescribeDelegationToken: { owners: [{ principalType: 'User', principalName: 'ada' }] },
  CreateAcls: { creations: [{ resourceType: 2, resourceName: 'orders' }] },
  DeleteAcls: { filters: [{ resourceTypeFilter: 2, resourceNameFilter: 'orders' }] },
  DescribeProducers: { topics: [{ name: 'orders', partitionIndexes: [0] }] },
  DescribeTransactions: { transactionalIds: ['a'] },
  ListTransactions: { stateFilters: ['Ongoing'], producerIdFilters: [1], transactionalIdPattern: 'a.*' },
  InitProducerId: { transactionalId: 'a', transactionTimeoutMs: 1000 },
  SyncGroup: { groupId: 'billing', generationId: 1, memberId: 'a', assignments: [] },
  Heartbeat: { groupId: 'billing', generationId: 1, memberId: 'a' },
  TxnOffsetCommit: {
    transactionalId: 'a',
    groupId: 'billing',
    topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 1 }] }],
  },
}

const frames = fc.record({
  api: fc.constantFrom(...described),
  version: fc.nat({ max: 13 }),
  flips: fc.array(fc.record({ at: fc.nat({ max: 200 }), bits: fc.integer({ min: 1, max: 255 }) }), {
    maxLength: 6,
  }),
  cut: fc.option(fc.nat({ max: 60 }), { freq: 1 }),
  extra: fc.option(fc.uint8Array({ maxLength: 20 }), { freq: 1 }),
})

/**
 * Sends a broker frames that are damaged in every way, each on a connection of its own; after each of them another
 * connection has to be answered as ever.
 */
export async function sendHostileFrames(broker: Broker, count: number, seed?: number): Promise<void> {
  const metadata = apis.metadata as unknown as Api
  const good = new WireClient(connect(broker))
  await fc.assert(
    fc.asyncProperty(frames, async ({ api, version, flips, cut, extra }) => {
      const at = Math.min(Math.max(version, api.versions[0]), api.versions[1])
      let frame = Buffer.concat([request(api, at, bodies[api.name]), extra ?? Buffer.alloc(0)])
      for (const { at: place, bits } of flips) frame[place % frame.length]! ^= bits
      if (cut !== null) frame = frame.subarray(0, cut)
      const bad = new WireClient(connect(broker))
      bad.send(frame)
      // Streams go on between promises only: without this turn nothing of it would have been read.
      await turn()
      good.send(request(metadata, 4, { topics: [{ name: 'orders' }] }))
      const id = (await good.answer()).readInt32BE(0)
      if (id !== 7) throw new Error(`another connection was answered ${id} in place of 7`)
      bad.socket.destroy()
    }),
    { numRuns: count, ...(seed === undefined ? {} : { seed }) },
  )
  good.socket.destroy()
}
