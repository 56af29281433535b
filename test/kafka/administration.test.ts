import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { apis } from '../../src/server/protocol/apis.ts'
import { KafkaAndServed } from './kafka-and-served.ts'
import { isKafkaInstalled } from './real-kafka.ts'

const topic = (name: string, more: object = {}) => ({
  name,
  numPartitions: -1,
  replicationFactor: -1,
  assignments: [],
  configs: [],
  ...more,
})
const byHand = (...assigned: (readonly [number, number[]])[]) => ({
  topics: [
    topic('x', {
      assignments: assigned.map(([partitionIndex, brokerIds]) => ({ partitionIndex, brokerIds })),
    }),
  ],
  validateOnly: true,
})
const grow = (count: number, brokers: readonly number[][] | null) => ({
  topics: [{ name: 'orders', count, assignments: brokers?.map(brokerIds => ({ brokerIds })) ?? null }],
  validateOnly: true,
})
const growth = (...topics: (readonly [name: string, count: number])[]) => ({
  topics: topics.map(([name, count]) => ({ name, count, assignments: null })),
  validateOnly: true,
})
const named = (name: string, ...partitions: number[]) => ({
  name,
  partitions: partitions.map(partitionIndex => ({ partitionIndex, timestamp: -1 })),
})
const wanted = (...topics: object[]) => ({ topics, validateOnly: true })
const deleted = (name: string, ...partitions: (readonly [number, number])[]) => ({
  name,
  partitions: partitions.map(([partitionIndex, offset]) => ({ partitionIndex, offset })),
})
const producers = (name: string, ...partitionIndexes: number[]) => ({ name, partitionIndexes })
const moved = (name: string, ...partitions: number[]) => ({
  path: '/not/there',
  topics: [{ name, partitions }],
})
const configs = (
  resourceType: number,
  resourceName: string,
  ...changes: (readonly [string, number, string | null])[]
) => ({
  resources: [
    {
      resourceType,
      resourceName,
      configs: changes.map(([name, configOperation, value]) => ({ name, configOperation, value })),
    },
  ],
})
const update = (...updates: (readonly [string, number, number])[]) => ({
  featureUpdates: updates.map(([feature, maxVersionLevel, upgradeType]) => ({
    feature,
    maxVersionLevel,
    upgradeType,
  })),
  validateOnly: true,
})
const quota = (entityType: string, entityName: string | null, ...quotas: (readonly [string, number])[]) => ({
  entries: [
    {
      entity: [{ entityType, entityName }],
      ops: quotas.map(([key, value]) => ({ key, value, remove: value < 0 })),
    },
  ],
})
const entities = (...like: (readonly [string, number, string | null])[]) => ({
  components: like.map(([entityType, matchType, match]) => ({ entityType, matchType, match })),
})
const quorum = (topicName: string, ...partitions: number[]) => ({
  topics: [{ topicName, partitions: partitions.map(partitionIndex => ({ partitionIndex })) }],
})
const users = (
  gone: readonly (readonly [string, number])[],
  come: readonly (readonly [string, number, number?])[],
) => ({
  deletions: gone.map(([name, mechanism]) => ({ name, mechanism })),
  upsertions: come.map(([name, mechanism, iterations = 4096]) => ({
    name,
    mechanism,
    iterations,
    salt: Buffer.from('salt'),
    saltedPassword: Buffer.from('salted'),
  })),
})
const [set, reset, append] = [0, 1, 2]
const [ofTopic, ofBroker, ofLoggers, ofMetrics] = [2, 4, 8, 16]
const rate = 'leader.replication.throttled.rate'
const hmac = Buffer.from('abc')

const questions: readonly (readonly [
  what: string,
  api: keyof typeof apis,
  version: number,
  request: object,
])[] = [
  ['more partitions', 'createPartitions', 3, grow(2, [[1]])],
  ['fewer assignments than partitions', 'createPartitions', 3, grow(3, [[1]])],
  ['no assignments', 'createPartitions', 3, grow(2, [])],
  ['an assignment to nobody', 'createPartitions', 3, grow(2, [[]])],
  ['an assignment to one twice', 'createPartitions', 3, grow(2, [[1, 1]])],
  ['no more partitions', 'createPartitions', 3, grow(1, [[1]])],
  ['a topic by hand', 'createTopics', 7, byHand([0, [1]])],
  ['a topic by hand with a gap', 'createTopics', 7, byHand([0, [1]], [2, [1]])],
  ['a topic by hand with a partition twice', 'createTopics', 7, byHand([0, [1]], [0, [1]])],
  [
    'a topic without replicas',
    'createTopics',
    7,
    { topics: [topic('x', { replicationFactor: 0 })], validateOnly: true },
  ],
  ['too many partitions', 'createTopics', 7, wanted(topic('x', { numPartitions: 10_001 }), topic('x:y'))],
  ['many partitions', 'createTopics', 7, wanted(topic('x', { numPartitions: 10_000 }), topic('x:y'))],
  ['all partitions', 'createTopics', 7, wanted(topic('x', { numPartitions: 9999 }), topic('x:y'))],
  [
    'all partitions and a config',
    'createTopics',
    7,
    wanted(topic('x', { numPartitions: 9999, configs: [{ name: 'retention.ms', value: '1' }] })),
  ],
  ['too many more partitions', 'createPartitions', 3, grow(10_002, null)],
  ['many more partitions', 'createPartitions', 3, grow(10_001, null)],
  ['too many more partitions of one by hand', 'createPartitions', 3, grow(10_002, [[1]])],
  [
    'too many more partitions of one, and of others',
    'createPartitions',
    3,
    growth(['orders', 10_002], ['nowhere', 2], ['twice', 2], ['twice', 3]),
  ],
  ['too many more partitions of nobody', 'createPartitions', 3, growth(['nowhere', 10_002], ['orders', 2])],
  [
    'too many more partitions of one twice',
    'createPartitions',
    3,
    growth(['orders', 10_002], ['orders', 10_002], ['nowhere', 2]),
  ],
  [
    'records to be deleted twice',
    'deleteRecords',
    2,
    { topics: [deleted('orders', [0, 9], [0, 0]), deleted('nowhere'), deleted('orders', [0, 1])] },
  ],
  [
    'producers of a partition twice',
    'describeProducers',
    0,
    { topics: [producers('orders', 0, 0), producers('orders', 0), producers('nowhere')] },
  ],
  [
    'a log to be moved twice',
    'alterReplicaLogDirs',
    2,
    { dirs: [moved('orders', 0), moved('orders', 0), moved('orders'), moved('nowhere')] },
  ],
  [
    'the end of a partition twice',
    'listOffsets',
    11,
    { topics: [named('orders', 0, 0), named('nowhere', 0, 1, 1)] },
  ],
  [
    'what no topic has, reset',
    'incrementalAlterConfigs',
    1,
    configs(ofTopic, 'orders', ['nothing', reset, null]),
  ],
  ['what no topic has', 'incrementalAlterConfigs', 1, configs(ofTopic, 'orders', ['nothing', set, '1'])],
  [
    'a logger that is not there',
    'incrementalAlterConfigs',
    1,
    configs(ofLoggers, '1', ['nothing', set, 'INFO']),
  ],
  [
    'an interval too short',
    'incrementalAlterConfigs',
    1,
    configs(ofMetrics, 's', ['interval.ms', set, '99']),
  ],
  [
    'an interval of no number',
    'incrementalAlterConfigs',
    1,
    configs(ofMetrics, 's', ['interval.ms', set, 'soon']),
  ],
  [
    'a pattern of nothing',
    'incrementalAlterConfigs',
    1,
    configs(ofMetrics, 's', ['match', set, 'nothing=1']),
  ],
  ['a metric appended', 'incrementalAlterConfigs', 1, configs(ofMetrics, 's', ['metrics', append, 'a'])],
  ['metrics of no name', 'incrementalAlterConfigs', 1, configs(ofMetrics, '', ['metrics', set, 'a'])],
  ['client metrics', 'incrementalAlterConfigs', 1, configs(ofMetrics, 's', ['interval.ms', set, '1000'])],
  ['a limit of a broker', 'incrementalAlterConfigs', 1, configs(ofBroker, '1', [rate, set, '1000'])],
  ['a limit of all brokers', 'incrementalAlterConfigs', 1, configs(ofBroker, '', [rate, set, '1000'])],
  ['no limit of a broker', 'incrementalAlterConfigs', 1, configs(ofBroker, '1', [rate, reset, null])],
  ['a limit of another broker', 'incrementalAlterConfigs', 1, configs(ofBroker, '7', [rate, set, '1'])],
  ['a limit of nobody', 'incrementalAlterConfigs', 1, configs(ofBroker, 'x', [rate, set, '1'])],
  ['a limit of no number', 'incrementalAlterConfigs', 1, configs(ofBroker, '1', [rate, set, 'x'])],
  ['a limit of nothing', 'incrementalAlterConfigs', 1, configs(ofBroker, '1', [rate, set, null])],
  ['a limit appended', 'incrementalAlterConfigs', 1, configs(ofBroker, '1', [rate, append, '1'])],
  ['another number of a broker', 'incrementalAlterConfigs', 1, configs(ofBroker, '1', ['node.id', set, '2'])],
  ['no number of a broker', 'incrementalAlterConfigs', 1, configs(ofBroker, '1', ['node.id', reset, null])],
  [
    'in-sync replicas of a broker',
    'incrementalAlterConfigs',
    1,
    configs(ofBroker, '1', ['min.insync.replicas', set, '1']),
  ],
  [
    'no in-sync replicas of brokers',
    'incrementalAlterConfigs',
    1,
    configs(ofBroker, '', ['min.insync.replicas', reset, null]),
  ],
  [
    'what is set of all brokers',
    'describeConfigs',
    4,
    { resources: [{ resourceType: ofBroker, resourceName: '' }] },
  ],
  ['a quota', 'alterClientQuotas', 1, quota('user', 'ada', ['producer_byte_rate', 1024])],
  ['a quota of all users', 'alterClientQuotas', 1, quota('user', null, ['request_percentage', 1.5])],
  ['no quota', 'alterClientQuotas', 1, quota('user', null, ['request_percentage', -1])],
  ['a quota of nothing', 'alterClientQuotas', 1, quota('user', 'ada', ['producer_byte_rate', 0])],
  ['a quota that is unknown', 'alterClientQuotas', 1, quota('user', 'ada', ['nothing', 1])],
  ['a quota of an unknown kind', 'alterClientQuotas', 1, quota('group', 'g', ['producer_byte_rate', 1])],
  ['quotas of users', 'describeClientQuotas', 1, entities(['user', 2, null])],
  ['quotas of an unknown kind', 'describeClientQuotas', 1, entities(['group', 2, null])],
  ['quotas by no kind of match', 'describeClientQuotas', 1, entities(['user', 3, null])],
  ['which client metrics there are', 'listConfigResources', 1, { resourceTypes: [ofMetrics, ofLoggers] }],
  ['the quorum', 'describeQuorum', 2, quorum('__cluster_metadata', 0)],
  ['the quorum twice', 'describeQuorum', 2, quorum('__cluster_metadata', 0, 0)],
  ['the quorum of a topic', 'describeQuorum', 2, quorum('orders', 0)],
  ['features as they are', 'updateFeatures', 1, update(['group.version', 1, 1], ['metadata.version', 33, 1])],
  ['a feature that is not there', 'updateFeatures', 1, update(['nothing', 1, 1])],
  ['a feature beyond all levels', 'updateFeatures', 1, update(['group.version', 2, 1])],
  ['a feature lowered by an upgrade', 'updateFeatures', 1, update(['group.version', 0, 1])],
  ['a feature by no kind of update', 'updateFeatures', 1, update(['group.version', 1, 0])],
  ['a token', 'createDelegationToken', 3, { renewers: [], maxLifetimeMs: -1 }],
  ['a renewed token', 'renewDelegationToken', 2, { hmac, renewPeriodMs: -1 }],
  ['an expired token', 'expireDelegationToken', 2, { hmac, expiryTimePeriodMs: -1 }],
  ['all tokens', 'describeDelegationToken', 3, { owners: null }],
  ['to authenticate', 'saslHandshake', 1, { mechanism: 'PLAIN' }],
  [
    'users of SCRAM',
    'alterUserScramCredentials',
    0,
    users(
      [],
      [
        ['ada', 1],
        ['ada2', 2, 8192],
        ['', 1],
      ],
    ),
  ],
  ['another mechanism of a user', 'alterUserScramCredentials', 0, users([], [['ada', 2]])],
  [
    'users by wrong means',
    'alterUserScramCredentials',
    0,
    users(
      [],
      [
        ['a', 9],
        ['b', 1, 4095],
        ['c', 2, 16_385],
      ],
    ),
  ],
  [
    'a user twice',
    'alterUserScramCredentials',
    0,
    users(
      [['ada', 1]],
      [
        ['ada', 2],
        ['bob', 1],
      ],
    ),
  ],
  ['a user away who is not there', 'alterUserScramCredentials', 0, users([['bob', 2]], [['bob', 1]])],
  ['all users of SCRAM', 'describeUserScramCredentials', 0, { users: null }],
  [
    'some users of SCRAM',
    'describeUserScramCredentials',
    0,
    { users: ['ada', 'bob', 'eve', 'bob'].map(name => ({ name })) },
  ],
  [
    'users away',
    'alterUserScramCredentials',
    0,
    users(
      [
        ['ada', 1],
        ['bob', 1],
      ],
      [],
    ),
  ],
  ['who is left', 'describeUserScramCredentials', 0, { users: [] }],
]

/** Every error in an answer, with what it is of. */
function errorsIn(value: any): unknown {
  if (Array.isArray(value))
    return value.map(errorsIn).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
  const told = new Set([
    'name',
    'topicName',
    'partitionIndex',
    'resourceName',
    'feature',
    'errorCode',
    'replicaId',
    'leaderId',
    'entityType',
    'entityName',
    'key',
    'value',
    'user',
    'mechanism',
    'iterations',
  ])
  return Object.fromEntries(
    Object.entries(value)
      .filter(
        ([field, each]) =>
          told.has(field) || (Array.isArray(each) && field !== 'configs' && field !== 'nodes'),
      )
      .map(([field, each]) => [field, errorsIn(each)]),
  )
}

function versionsIn({ apiKeys }: { readonly apiKeys: readonly Readonly<Record<string, number>>[] }) {
  return apiKeys.map(
    ({ apiKey, minVersion, maxVersion }) => [apiKey!, `${minVersion}-${maxVersion}`] as const,
  )
}

describe.skipIf(!isKafkaInstalled)(
  'an administrator hears the same of a real Kafka and of a served broker',
  () => {
    const kafkaAndServed = new KafkaAndServed()

    beforeAll(async () => {
      await kafkaAndServed.start()
      const topics = [topic('orders', { numPartitions: 1, replicationFactor: 1 })]
      for (const made of await kafkaAndServed.ask('createTopics', 7, { topics })) {
        expect(made.topics).toMatchObject([{ errorCode: 0 }])
      }
    })
    afterAll(() => kafkaAndServed.close())

    it('who asks for the versions: all are served but those that are not for clients, or that change the cluster', async () => {
      const software = { clientSoftwareName: 'test', clientSoftwareVersion: '1' }
      const [real, served] = (await kafkaAndServed.ask('apiVersions', 5, software)).map(versionsIn)
      const ours = new Map(served)
      const missing = real!.filter(([key, versions]) => ours.get(key) !== versions)
      expect(missing.map(([key, versions]) => [key, versions, ours.get(key)])).toEqual([
        // AddPartitionsToTxn: from version 4 on, brokers ask each other.
        [24, '0-5', '0-3'],
        // WriteTxnMarkers, UnregisterBroker, AddRaftVoter and RemoveRaftVoter.
        [27, '1-2', undefined],
        [64, '0-0', undefined],
        [80, '0-1', undefined],
        [81, '0-0', undefined],
        // The state of share groups, of which brokers tell each other.
        [83, '0-0', undefined],
        [84, '0-0', undefined],
        [85, '0-1', undefined],
        [86, '0-0', undefined],
        [87, '0-1', undefined],
        // UnregisterController.
        [94, '0-0', undefined],
      ])
      const keys = new Set(real!.map(([key]) => key))
      expect(served!.filter(([key]) => !keys.has(key))).toEqual([])
    })

    it.each(questions)('who asks for %s, by %s %s', async (_, api, version, request) => {
      // A broker of Kafka hears a little later of what its controller has changed.
      await vi.waitFor(
        async () => {
          const [real, served] = await kafkaAndServed.ask(api, version, request)
          expect(errorsIn(served)).toEqual(errorsIn(real))
        },
        { timeout: 2000 },
      )
    })
  },
)
