import { afterEach, expect, it } from 'vitest'
import { Broker, topic } from '../../src/index.ts'
import { connect, RequestLog, WireFaults, type WireScope } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { sequencedBatch, WireClient } from '../helpers/wire-client.ts'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

function start() {
  const broker = new Broker({
    topics: { orders: topic({ partitions: 2 }), payments: topic({ partitions: 1 }) },
  })
  open.push(() => broker.close())
  const faults = new WireFaults()
  const requests = new RequestLog()
  const client = new WireClient(connect(broker, { faults, requests }))
  open.push(() => client.socket.destroy())
  return { broker, faults, requests, client }
}

const storage = 56
const batch = sequencedBatch(-1, -1, -1, [1])
const named = (partitions: readonly object[]) => ({ topics: [{ name: 'orders', partitions }] })
const both = (more: object = {}) => named([0, 1].map(partitionIndex => ({ partitionIndex, ...more })))

/** Every error in an answer, with what it is of. */
function errorsIn(value: any, of = ''): string[] {
  if (Array.isArray(value)) return value.flatMap(each => errorsIn(each, of))
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return []
  const { name, topic: topicOf, topicName, groupId, key, resourceName } = value
  const own = name ?? topicOf ?? topicName ?? groupId ?? key ?? resourceName
  const index = value.partitionIndex ?? value.index ?? value.partitionId ?? value.partition
  const id = [of, own, index].filter(part => part !== undefined && part !== '').join(' ')
  const code = value.errorCode ?? value.partitionErrorCode
  const nested = Object.values(value).flatMap(each => errorsIn(each, id))
  return code === undefined || nested.length > 0 ? nested : [`${id} ${code}`]
}

const orders1: WireScope = { topic: 'orders', partition: 1 }

it.each<[Capitalize<keyof typeof apis>, number, WireScope, object, readonly string[]]>([
  [
    'Produce',
    9,
    orders1,
    {
      acks: 1,
      timeoutMs: 100,
      topicData: [
        { name: 'orders', partitionData: [0, 1].map(index => ({ index, records: [batch] })) },
        { name: 'payments', partitionData: [{ index: 0, records: [batch] }] },
      ],
    },
    ['orders 0 0', 'orders 1 56', 'payments 0 0'],
  ],
  [
    'Fetch',
    11,
    orders1,
    {
      // It would wait for an hour, were there no error.
      minBytes: 1,
      maxWaitMs: 3_600_000,
      topics: [
        {
          topic: 'orders',
          partitions: [0, 1].map(partition => ({ partition, fetchOffset: 0, partitionMaxBytes: 1000 })),
        },
      ],
    },
    ['orders 0 0', 'orders 1 56'],
  ],
  [
    'OffsetForLeaderEpoch',
    4,
    orders1,
    { topics: [{ topic: 'orders', partitions: [0, 1].map(partition => ({ partition, leaderEpoch: 0 })) }] },
    ['orders 0 0', 'orders 1 56'],
  ],
  [
    'DescribeProducers',
    0,
    orders1,
    { topics: [{ name: 'orders', partitionIndexes: [0, 1] }] },
    ['orders 0 0', 'orders 1 56'],
  ],
  [
    'ElectLeaders',
    2,
    orders1,
    { topicPartitions: [{ topic: 'orders', partitions: [0, 1] }] },
    ['orders 0 84', 'orders 1 56'],
  ],
  [
    'AlterReplicaLogDirs',
    2,
    orders1,
    {
      dirs: [
        { path: 'memory', topics: [{ name: 'orders', partitions: [0, 1] }] },
        { path: '/data', topics: [{ name: 'payments', partitions: [0] }] },
      ],
    },
    ['orders 0 0', 'orders 1 56', 'payments 0 57'],
  ],
  ['AlterPartitionReassignments', 1, orders1, both({ replicas: [1] }), ['orders 0 0', 'orders 1 56']],
  ['ListOffsets', 6, orders1, both({ timestamp: -1 }), ['orders 0 0', 'orders 1 56']],
  ['DeleteRecords', 2, orders1, both({ offset: 0 }), ['orders 0 0', 'orders 1 56']],
  [
    'OffsetCommit',
    8,
    orders1,
    { groupId: 'billing', generationIdOrMemberEpoch: -1, ...both({ committedOffset: 0 }) },
    ['orders 0 0', 'orders 1 56'],
  ],
  [
    'TxnOffsetCommit',
    3,
    orders1,
    { groupId: 'billing', transactionalId: 't', producerId: 77, ...both({ committedOffset: 0 }) },
    // Nobody knows this producer.
    ['orders 0 49', 'orders 1 56'],
  ],
  [
    'OffsetFetch',
    7,
    orders1,
    { groupId: 'billing', topics: [{ name: 'orders', partitionIndexes: [0, 1] }] },
    ['orders 0 0', 'orders 1 56'],
  ],
  [
    'OffsetFetch',
    8,
    { ...orders1, group: 'billing' },
    {
      groups: ['billing', 'shipping'].map(groupId => ({
        groupId,
        topics: [{ name: 'orders', partitionIndexes: [0, 1] }],
      })),
    },
    ['billing orders 0 0', 'billing orders 1 56', 'shipping orders 0 0', 'shipping orders 1 0'],
  ],
  [
    'OffsetFetch',
    8,
    { group: 'billing' },
    { groups: ['billing', 'shipping'].map(groupId => ({ groupId, topics: null })) },
    ['billing 56', 'shipping 0'],
  ],
  [
    'AddPartitionsToTxn',
    3,
    orders1,
    { v3AndBelowTransactionalId: 't', v3AndBelowTopics: [{ name: 'orders', partitions: [0, 1] }] },
    // All or none: the other is not attempted.
    ['orders 0 55', 'orders 1 56'],
  ],
  [
    'DescribeGroups',
    5,
    { group: 'billing' },
    { groups: ['billing', 'shipping'] },
    ['billing 56', 'shipping 0'],
  ],
  [
    'ConsumerGroupDescribe',
    1,
    { group: 'billing' },
    { groupIds: ['billing', 'shipping'] },
    ['billing 56', 'shipping 69'],
  ],
  [
    'ShareGroupDescribe',
    1,
    { group: 'billing' },
    { groupIds: ['billing', 'shipping'] },
    ['billing 56', 'shipping 69'],
  ],
  [
    'DescribeShareGroupOffsets',
    1,
    { ...orders1, group: 'billing' },
    {
      groups: ['billing', 'shipping'].map(groupId => ({
        groupId,
        topics: [{ topicName: 'orders', partitions: [0, 1] }],
      })),
    },
    ['billing orders 0 0', 'billing orders 1 56', 'shipping orders 0 0', 'shipping orders 1 0'],
  ],
  [
    'AlterShareGroupOffsets',
    0,
    orders1,
    {
      groupId: 'billing',
      topics: [
        {
          topicName: 'orders',
          partitions: [0, 1].map(partitionIndex => ({ partitionIndex, startOffset: 0 })),
        },
      ],
    },
    ['orders 0 0', 'orders 1 56'],
  ],
  [
    'DeleteGroups',
    2,
    { group: 'billing' },
    { groupsNames: ['billing', 'shipping'] },
    ['billing 56', 'shipping 69'],
  ],
  [
    'FindCoordinator',
    4,
    { group: 'billing' },
    { keyType: 0, coordinatorKeys: ['billing', 'shipping'] },
    ['billing 56', 'shipping 0'],
  ],
  [
    'Metadata',
    8,
    { topic: 'orders' },
    { topics: [{ name: 'orders' }, { name: 'nowhere' }] },
    ['nowhere 3', 'orders 56'],
  ],
  [
    'DescribeTopicPartitions',
    0,
    { topic: 'orders' },
    { topics: [{ name: 'nowhere' }, { name: 'orders' }] },
    ['nowhere 3', 'orders 56'],
  ],
  [
    'CreateTopics',
    4,
    { topic: 'a' },
    { topics: ['a', 'b'].map(name => ({ name, numPartitions: 1, replicationFactor: 1 })) },
    ['a 56', 'b 0'],
  ],
  [
    'CreatePartitions',
    2,
    { topic: 'orders' },
    { topics: ['orders', 'payments'].map(name => ({ name, count: 3, assignments: null })) },
    ['orders 56', 'payments 0'],
  ],
  [
    'DeleteTopics',
    5,
    { topic: 'orders' },
    { topicNames: ['orders', 'payments'] },
    ['orders 56', 'payments 0'],
  ],
  [
    'DeleteTopics',
    6,
    { topic: 'orders' },
    { topics: [{ name: 'orders' }, { name: 'payments' }] },
    ['orders 56', 'payments 0'],
  ],
  [
    'DescribeConfigs',
    2,
    { topic: 'orders' },
    {
      resources: ['orders', 'payments'].map(resourceName => ({
        resourceType: 2,
        resourceName,
        configurationKeys: null,
      })),
    },
    ['orders 56', 'payments 0'],
  ],
  [
    'IncrementalAlterConfigs',
    1,
    { group: 'billing' },
    {
      resources: ['billing', 'shipping'].map(resourceName => ({
        resourceType: 32,
        resourceName,
        configs: [{ name: 'share.auto.offset.reset', configOperation: 0, value: 'earliest' }],
      })),
    },
    ['billing 56', 'shipping 0'],
  ],
])(
  'refuses of a %s request, version %i, what %j says, and does the rest',
  async (name, version, scope, body, expected) => {
    const { faults, requests, client } = start()
    const api = apis[(name[0]!.toLowerCase() + name.slice(1)) as keyof typeof apis] as Api
    faults.fail({ api: name, ...scope }, storage)
    const answer = await client.call(api, version, body)
    expect(errorsIn(answer).toSorted()).toEqual(expected.toSorted())
    expect(requests.of({ api: name })[0]!.errors).toContain('KAFKA_STORAGE_ERROR')
    expect(faults.uses).toMatchObject([{ used: 1, left: 0 }])
  },
)

it('writes what a fault leaves of a request, and gives each partition the first fault that is for it', async () => {
  const { broker, faults, client } = start()
  faults.fail({ topic: 'orders', partition: 1 }, 'NOT_LEADER_OR_FOLLOWER')
  faults.fail({ topic: 'orders' }, 'KAFKA_STORAGE_ERROR')
  const partitionData = [0, 1].map(index => ({ index, records: [batch] }))
  const answer = await client.call(apis.produce as Api, 9, {
    acks: 1,
    timeoutMs: 100,
    topicData: [
      { name: 'orders', partitionData },
      { name: 'payments', partitionData: partitionData.slice(0, 1) },
    ],
  })
  expect(errorsIn(answer).toSorted()).toEqual(['orders 0 56', 'orders 1 6', 'payments 0 0'])
  expect(broker.topic('orders').records()).toEqual([])
  expect(broker.topic('payments').records()).toHaveLength(1)
})

it('ends the connection of a Produce without acks that fails in part, once the rest is written', async () => {
  const { broker, faults, requests, client } = start()
  faults.fail({ topic: 'orders', partition: 1 }, storage)
  const partitionData = [1, 0].map(index => ({ index, records: [batch] }))
  const body = { acks: 0, timeoutMs: 100, topicData: [{ name: 'orders', partitionData }] }
  await expect(client.call(apis.produce as Api, 9, body)).rejects.toThrow('closed without an answer')
  expect(broker.topic('orders').records()).toMatchObject([{ partition: 0 }])
  expect([...requests].map(({ outcome }) => outcome)).toEqual(['dropped'])
})

it('refuses of what is forgotten of a share group the topic that a fault names', async () => {
  const { faults, client } = start()
  const topics = ['orders', 'payments'].map(topicName => ({
    topicName,
    partitions: [{ partitionIndex: 0, startOffset: 0 }],
  }))
  await client.call(apis.alterShareGroupOffsets as Api, 0, { groupId: 'billing', topics })
  faults.fail({ api: 'DeleteShareGroupOffsets', topic: 'orders' }, storage)
  const forget = () => client.call(apis.deleteShareGroupOffsets as Api, 0, { groupId: 'billing', topics })
  const answer = await forget()
  expect(answer.errorCode).toBe(0)
  expect(errorsIn(answer).toSorted()).toEqual(['orders 56', 'payments 0'])
  expect(errorsIn(await forget()).toSorted()).toEqual(['orders 0', 'payments 3'])
})

it('refuses a heartbeat of a member that says it has the partition of a fault', async () => {
  const { broker, faults, client } = start()
  const beat = (memberEpoch: number, partitions: readonly number[]) =>
    client.call(apis.consumerGroupHeartbeat as Api, 1, {
      groupId: 'billing',
      memberId: 'a',
      memberEpoch,
      ...(memberEpoch === 0 && { rebalanceTimeoutMs: 1000, subscribedTopicNames: ['orders'] }),
      topicPartitions: partitions.length === 0 ? [] : [{ topicId: broker.topic('orders').id, partitions }],
    })
  faults.fail({ partition: 1 }, 'COORDINATOR_LOAD_IN_PROGRESS')
  const { memberEpoch } = await beat(0, [])
  expect(await beat(memberEpoch, [0])).toMatchObject({ errorCode: 0 })
  expect(await beat(memberEpoch, [0, 1])).toMatchObject({ errorCode: 14 })
})
