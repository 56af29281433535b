import { writeBatch } from '../../../src/server/protocol/record-batch.ts'
import { subscription } from '../../helpers/consumer-protocol.ts'
import { sequencedBatch } from '../../helpers/wire-client.ts'
import type { Ask } from '../kafka-and-served.ts'
import type { Talk } from './talk.ts'

type Api = Parameters<Ask>[0]
type Drawn = readonly [version: number, request: object]

export const noId = '00000000-0000-0000-0000-000000000000'
const unknownId = '00000000-0000-0000-0000-000000000777'

/** Draws what somebody asks of the topics and groups of a conversation, and of its cluster: by every API that asks for rights. */
export class RightsRequests {
  readonly talk: Talk
  readonly topics: readonly string[]
  /** Of the topics, by their names. */
  readonly ids = new Map<string, string>()
  readonly groups: readonly string[]

  constructor(talk: Talk) {
    this.talk = talk
    this.topics = ['a', 'b'].map(each => `${talk.name}-${each}`)
    this.groups = ['consumer', 'share', 'streams', 'empty'].map(each => `${talk.name}-${each}`)
  }

  draw(): readonly [api: Api, version: number, request: object] {
    const api = this.talk.oneOf(Object.keys(requests) as (keyof typeof requests)[])
    return [api, ...requests[api](this)]
  }

  topic(): string {
    const [a, b] = this.topics as [string, string]
    return this.talk.oneOf([a, a, a, b, b, `${this.talk.name}-nowhere`])
  }

  idOf(name: string): string {
    return this.ids.get(name) ?? unknownId
  }

  /** With all names that APIs have for them. */
  someTopics(more: (name: string) => object = () => ({})) {
    return [...new Set(this.talk.some(() => this.topic()))].map(name => ({
      ...{ name, topic: name, topicName: name, topicId: this.idOf(name) },
      ...more(name),
    }))
  }

  group(): string {
    return this.talk.oneOf([...this.groups, `${this.talk.name}-none`])
  }

  someGroups(): string[] {
    return [...new Set(this.talk.some(() => this.group()))]
  }

  /** Whose error may come before, or instead of, that of a topic. */
  shareGroup(): string {
    return `${this.talk.name}-left`
  }

  transactionalId(): string {
    return this.talk.oneOf(['x', 'y'].map(each => `${this.talk.name}-${each}`))
  }

  resource() {
    const [resourceType, resourceName] = this.talk.oneOf([
      [2, this.topic()],
      [2, this.topic()],
      [4, '1'],
      [16, `${this.talk.name}-metrics`],
      [32, this.group()],
    ] as const)
    return { resourceType, resourceName }
  }
}

// The same for both.
const at = Date.now()
// Nobody has it.
const producer = { producerId: 2 ** 40, producerEpoch: 0 }
const nobody = { memberId: 'nobody', memberEpoch: 1, generationId: 1 }

function batch(isTransactional: boolean): Buffer {
  if (isTransactional) return sequencedBatch(producer.producerId, 0, 0, [1], 16)
  return writeBatch([{ offset: 0, timestamp: at, key: null, value: Buffer.from('v'), headers: [] }])
}

const aclOf = (resourceName: string) => ({
  ...{ resourceType: 2, resourceName, resourcePatternType: 3 },
  ...{ principal: 'User:eve', host: '*', operation: 3, permissionType: 3 },
})
const filterOf = (resourceNameFilter: string) => ({
  ...{ resourceTypeFilter: 2, resourceNameFilter, patternTypeFilter: 3 },
  ...{ principalFilter: 'User:eve', hostFilter: null, operation: 1, permissionType: 1 },
})

const config = (resourceType: number) =>
  ({
    2: { name: 'retention.ms', value: '5000' },
    4: { name: 'background.threads', value: '10' },
    16: { name: 'interval.ms', value: '1000' },
    32: { name: 'consumer.session.timeout.ms', value: '50000' },
  })[resourceType]!

/** What changes something only looks whether it could, or does what others do not hear of. */
const requests = {
  produce(lot) {
    const { talk } = lot
    const isTransactional = talk.chance(0.3)
    const partitionData = [{ index: 0, records: [batch(isTransactional)] }]
    const transactionalId = isTransactional ? talk.oneOf([null, lot.transactionalId()]) : null
    return [
      9 + talk.below(5),
      { transactionalId, acks: -1, topicData: lot.someTopics(() => ({ partitionData })) },
    ]
  },
  fetch(lot) {
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }]
    const topics = lot.someTopics(() => ({ partitions }))
    return [4 + lot.talk.below(15), { maxWaitMs: 0, minBytes: 0, maxBytes: 1000, sessionEpoch: -1, topics }]
  },
  listOffsets(lot) {
    const partitions = [{ partitionIndex: 0, timestamp: -2 }]
    return [1 + lot.talk.below(11), { replicaId: -1, topics: lot.someTopics(() => ({ partitions })) }]
  },
  offsetForLeaderEpoch(lot) {
    const partitions = [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0 }]
    return [2 + lot.talk.below(3), { replicaId: -1, topics: lot.someTopics(() => ({ partitions })) }]
  },
  deleteRecords(lot) {
    const partitions = [{ partitionIndex: 0, offset: 0 }]
    return [lot.talk.below(3), { topics: lot.someTopics(() => ({ partitions })) }]
  },
  describeProducers: lot => [0, { topics: lot.someTopics(() => ({ partitionIndexes: [0] })) }],
  metadata(lot) {
    const { talk } = lot
    const version = 1 + talk.below(13)
    const isById = version >= 12 && talk.chance(0.5)
    const topics = lot.someTopics().map(({ name, topicId }) => (isById ? { name: null, topicId } : { name }))
    const asks = {
      allowAutoTopicCreation: version < 4,
      includeTopicAuthorizedOperations: talk.chance(0.5),
      includeClusterAuthorizedOperations: talk.chance(0.5),
    }
    return [version, { topics: talk.chance(0.2) ? null : topics, ...asks }]
  },
  describeTopicPartitions(lot) {
    const { talk } = lot
    const topicName = lot.topic()
    if (talk.chance(0.7))
      return [0, { topics: lot.someTopics(), responsePartitionLimit: talk.oneOf([1, 2000]), cursor: null }]
    return [0, { topics: [], responsePartitionLimit: 1, cursor: { topicName, partitionIndex: 0 } }]
  },
  createTopics(lot) {
    const topic = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
    const topics = lot.someTopics().map(({ name }) => ({ ...topic, name }))
    // Before ids, which are drawn for what is not made, too.
    return [2 + lot.talk.below(5), { topics, validateOnly: true }]
  },
  createPartitions(lot) {
    const topics = lot.someTopics(() => ({ count: 2, assignments: null }))
    return [lot.talk.below(4), { topics, validateOnly: true }]
  },
  deleteTopics(lot) {
    const version = 1 + lot.talk.below(6)
    // Nothing that there is goes, unless it may not.
    const names = [`${lot.talk.name}-nowhere`]
    if (version < 6) return [version, { topicNames: names }]
    const [name] = names
    const topics = lot.talk.oneOf([
      [{ name, topicId: noId }],
      [{ name: null, topicId: unknownId }],
      [{ name, topicId: unknownId }],
    ])
    return [version, { topics }]
  },
  describeConfigs(lot) {
    const resources = lot.talk.some(() => lot.resource())
    return [
      1 + lot.talk.below(4),
      { resources: distinct(resources).map(each => ({ ...each, configurationKeys: null })) },
    ]
  },
  alterConfigs: lot => [lot.talk.below(3), { ...changes(lot), validateOnly: true }],
  incrementalAlterConfigs: lot => [lot.talk.below(2), { ...changes(lot), validateOnly: true }],
  listConfigResources: lot => [lot.talk.below(2), { resourceTypes: [2] }],

  joinGroup(lot) {
    const protocols = [{ name: 'range', metadata: subscription([lot.topic()]) }]
    const asked = { groupId: lot.group(), memberId: '', protocolType: 'consumer', protocols }
    return [4 + lot.talk.below(6), { ...asked, sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 60_000 }]
  },
  syncGroup(lot) {
    const protocol = { protocolType: 'consumer', protocolName: 'range' }
    return [lot.talk.below(6), { groupId: lot.group(), ...nobody, ...protocol, assignments: [] }]
  },
  heartbeat: lot => [lot.talk.below(5), { groupId: lot.group(), ...nobody }],
  leaveGroup: lot => [
    lot.talk.below(6),
    { groupId: lot.group(), ...nobody, members: [{ memberId: 'nobody' }] },
  ],
  consumerGroupHeartbeat(lot) {
    const subscribedTopicNames = lot.talk.oneOf([null, [], lot.someTopics().map(({ name }) => name)])
    return [lot.talk.below(2), { groupId: lot.group(), ...nobody, subscribedTopicNames }]
  },
  shareGroupHeartbeat(lot) {
    const subscribedTopicNames = lot.talk.oneOf([null, [], lot.someTopics().map(({ name }) => name)])
    return [1, { groupId: lot.group(), ...nobody, subscribedTopicNames }]
  },
  streamsGroupHeartbeat: lot => [lot.talk.below(2), { groupId: lot.group(), ...nobody, topology: null }],
  describeGroups: lot => [lot.talk.below(7), { groups: lot.someGroups(), ...withOperations(lot) }],
  consumerGroupDescribe: lot => [lot.talk.below(2), { groupIds: lot.someGroups(), ...withOperations(lot) }],
  shareGroupDescribe: lot => [1, { groupIds: lot.someGroups(), ...withOperations(lot) }],
  streamsGroupDescribe: lot => [lot.talk.below(2), { groupIds: lot.someGroups(), ...withOperations(lot) }],
  listGroups: lot => [lot.talk.below(6), {}],
  deleteGroups: lot => [
    lot.talk.below(3),
    { groupsNames: lot.someGroups().filter(each => !each.endsWith('empty')) },
  ],
  offsetCommit(lot) {
    const partitions = [{ partitionIndex: 0, committedOffset: 0, committedMetadata: '' }]
    const topics = lot.someTopics(() => ({ partitions }))
    return [
      2 + lot.talk.below(9),
      { groupId: lot.group(), memberId: '', generationIdOrMemberEpoch: -1, topics },
    ]
  },
  offsetFetch(lot) {
    const version = 1 + lot.talk.below(10)
    const wanted = () =>
      version > 1 && lot.talk.chance(0.4) ? null : lot.someTopics(() => ({ partitionIndexes: [0] }))
    if (version < 8) return [version, { groupId: lot.group(), topics: wanted() }]
    return [version, { groups: lot.someGroups().map(groupId => ({ groupId, topics: wanted() })) }]
  },
  offsetDelete(lot) {
    const partitions = [{ partitionIndex: 0 }]
    return [
      0,
      {
        groupId: lot.talk.oneOf(lot.groups.filter(each => !each.endsWith('share'))),
        topics: lot.someTopics(() => ({ partitions })),
      },
    ]
  },
  describeShareGroupOffsets(lot) {
    // Kafka has offsets of what is subscribed to and was never read.
    const wanted = (groupId: string) =>
      !groupId.endsWith('share') && lot.talk.chance(0.5) ? null : lot.someTopics(() => ({ partitions: [0] }))
    const groups = lot.someGroups().map(groupId => ({ groupId, topics: wanted(groupId) }))
    return [lot.talk.below(2), { groups }]
  },
  alterShareGroupOffsets(lot) {
    const partitions = [{ partitionIndex: 0, startOffset: 0 }]
    return [0, { groupId: lot.shareGroup(), topics: lot.someTopics(() => ({ partitions })) }]
  },
  deleteShareGroupOffsets: lot => [0, { groupId: lot.shareGroup(), topics: lot.someTopics() }],
  shareFetch(lot) {
    const topics = lot.someTopics(() => ({ partitions: [{ partitionIndex: 0, acknowledgementBatches: [] }] }))
    const asked = {
      groupId: lot.shareGroup(),
      memberId: 'AAAAAAAAAAAAAAAAAAAAAA',
      shareSessionEpoch: 7,
      topics,
    }
    return [1 + lot.talk.below(2), { ...asked, maxWaitMs: 0, minBytes: 0, maxRecords: 1, batchSize: 1 }]
  },

  initProducerId(lot) {
    const transactionalId = lot.talk.oneOf([null, lot.transactionalId()])
    return [lot.talk.below(6), { transactionalId, transactionTimeoutMs: 60_000 }]
  },
  addPartitionsToTxn(lot) {
    const topics = lot.someTopics(() => ({ partitions: lot.talk.oneOf([[0], [0, 7]]) }))
    return [
      lot.talk.below(4),
      {
        v3AndBelowTransactionalId: lot.transactionalId(),
        v3AndBelowProducerId: producer.producerId,
        v3AndBelowProducerEpoch: producer.producerEpoch,
        v3AndBelowTopics: topics,
      },
    ]
  },
  addOffsetsToTxn(lot) {
    return [lot.talk.below(5), { transactionalId: lot.transactionalId(), ...producer, groupId: lot.group() }]
  },
  txnOffsetCommit(lot) {
    const partitions = [{ partitionIndex: 0, committedOffset: 0, committedMetadata: '' }]
    const topics = lot.someTopics(() => ({ partitions }))
    const asked = { transactionalId: lot.transactionalId(), groupId: lot.group(), ...producer, topics }
    return [lot.talk.below(7), asked]
  },
  endTxn: lot => [
    lot.talk.below(6),
    { transactionalId: lot.transactionalId(), committed: true, ...producer },
  ],
  describeTransactions: lot => [0, { transactionalIds: [lot.transactionalId()] }],
  listTransactions: lot => [lot.talk.below(3), { stateFilters: [], producerIdFilters: [] }],

  findCoordinator(lot) {
    const keyType = lot.talk.oneOf([0, 1, 2, 3])
    const key =
      keyType === 1 ? lot.transactionalId() : keyType === 0 ? lot.group() : `${lot.group()}:${unknownId}:0`
    const version = 1 + lot.talk.below(6)
    return [version, { keyType, key, coordinatorKeys: [key] }]
  },
  describeCluster: lot => [
    lot.talk.below(3),
    { includeClusterAuthorizedOperations: lot.talk.chance(0.5), endpointType: 1 },
  ],
  describeAcls: lot => [1 + lot.talk.below(3), filterOf(lot.topic())],
  createAcls: lot => [1 + lot.talk.below(3), { creations: [aclOf(lot.topic())] }],
  deleteAcls: lot => [1 + lot.talk.below(3), { filters: [filterOf(lot.topic())] }],
  describeLogDirs: lot => [1 + lot.talk.below(4), { topics: lot.someTopics(() => ({ partitions: [0] })) }],
  alterReplicaLogDirs(lot) {
    const topics = lot.someTopics(() => ({ partitions: [0] }))
    return [1 + lot.talk.below(2), { dirs: [{ path: '/not/there', topics }] }]
  },
  electLeaders(lot) {
    const topicPartitions = lot.someTopics(() => ({ partitions: [0] }))
    return [lot.talk.below(3), { electionType: 0, topicPartitions }]
  },
  // Kafka tells who may not what it was asked for.
  listPartitionReassignments: () => [0, { topics: null }],
  alterPartitionReassignments(lot) {
    const partitions = [{ partitionIndex: 0, replicas: [1] }]
    return [lot.talk.below(2), { topics: lot.someTopics(() => ({ partitions })) }]
  },
  describeClientQuotas(lot) {
    const components = [{ entityType: 'user', matchType: 0, match: lot.talk.name }]
    return [lot.talk.below(2), { components, strict: true }]
  },
  alterClientQuotas(lot) {
    const entity = [{ entityType: 'user', entityName: lot.talk.name }]
    const ops = [{ key: 'producer_byte_rate', value: 1024, remove: false }]
    return [lot.talk.below(2), { entries: [{ entity, ops }], validateOnly: true }]
  },
  // A Kafka does not answer who may not, and names nobody.
  describeUserScramCredentials: () => [0, { users: [] }],
  alterUserScramCredentials: lot => [
    0,
    { deletions: [{ name: lot.talk.name, mechanism: 1 }], upsertions: [] },
  ],
  describeQuorum(lot) {
    const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
    return [lot.talk.below(3), { topics }]
  },
  updateFeatures(lot) {
    const update = { feature: 'group.version', maxVersionLevel: 1, allowDowngrade: false, upgradeType: 1 }
    return [lot.talk.below(3), { featureUpdates: [update], validateOnly: true }]
  },
} satisfies { readonly [A in Api]?: (lot: RightsRequests) => Drawn }

function withOperations({ talk }: RightsRequests) {
  return { includeAuthorizedOperations: talk.chance(0.5) }
}

function changes(lot: RightsRequests) {
  const resources = distinct(lot.talk.some(() => lot.resource()))
  return {
    resources: resources.map(each => ({
      ...each,
      configs: [{ ...config(each.resourceType), configOperation: 0 }],
    })),
  }
}

function distinct<T extends { readonly resourceType: number; readonly resourceName: string }>(
  resources: readonly T[],
): T[] {
  return [...new Map(resources.map(each => [`${each.resourceType} ${each.resourceName}`, each])).values()]
}
