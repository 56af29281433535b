import { describe, expect, it } from 'vitest'
import { allow, authorizerScenes, bits, errorsOf } from './authorizer-scene.ts'

const start = authorizerScenes()
const [topicDenied, groupDenied] = [29, 30]
const memberId = 'AAAAAAAAAAAAAAAAAAAAAA'
const noUuid = '00000000-0000-0000-0000-000000000000'
const [read, describing] = [3, 8]

describe('groups', () => {
  const acls = [allow('READ', 'GROUP', 'mine'), allow('READ', 'TOPIC', 'orders')]
  const offset = (topic: string) => ({ topic, partition: 0, offset: 0 })

  it('that may not be described are left out of all, unless the cluster may be', async () => {
    const listed = async (given: typeof acls) => {
      const { ask, broker } = start(given)
      for (const groupId of ['mine', 'others'])
        await broker.admin.setGroupOffsets(groupId, [offset('orders')])
      return (await ask('ListGroups', {})).groups.map(({ groupId }: any) => groupId)
    }
    expect(await listed(acls)).toEqual(['mine'])
    expect(await listed([allow('DESCRIBE', 'CLUSTER')])).toEqual(['mine', 'others'])
  })

  it('are told what may be done with them, and refused one by one', async () => {
    const { ask, broker } = start(acls)
    for (const groupId of ['mine', 'others']) await broker.admin.setGroupOffsets(groupId, [offset('orders')])
    const asked = { groups: ['mine', 'others'], includeAuthorizedOperations: true }
    expect((await ask('DescribeGroups', asked)).groups).toMatchObject([
      { groupId: 'mine', errorCode: 0, authorizedOperations: bits(read, describing) },
      { groupId: 'others', errorCode: groupDenied },
    ])
  })

  it('tell no offsets of topics that may not be described', async () => {
    const { ask, broker } = start(acls)
    await broker.admin.setGroupOffsets('mine', [offset('orders'), offset('payments')])
    const groups = [
      { groupId: 'mine', topics: null },
      { groupId: 'others', topics: null },
    ]
    for (const version of [8, 9]) {
      const answer = await ask('OffsetFetch', { groups }, version)
      expect(answer.groups).toMatchObject([
        { groupId: 'mine', errorCode: 0, topics: [{ name: 'orders' }] },
        { groupId: 'others', errorCode: groupDenied, topics: [] },
      ])
    }
    const byId = await ask('OffsetFetch', { groups: groups.slice(0, 1) }, 10)
    expect(byId.groups[0].topics.map(({ topicId }: any) => topicId)).toEqual([broker.topic('orders').id])
    const former = await ask('OffsetFetch', { groupId: 'mine', topics: null }, 7)
    expect(former).toMatchObject({ errorCode: 0, topics: [{ name: 'orders' }] })
    const named = ['payments'].map(name => ({ name, partitionIndexes: [0] }))
    const refused = await ask('OffsetFetch', { groups: [{ groupId: 'mine', topics: named }] }, 9)
    // The group has no error: only its topic has.
    expect(refused.groups).toMatchObject([
      { errorCode: 0, topics: [{ name: 'payments', partitions: [{ errorCode: topicDenied }] }] },
    ])
  })

  it('are not described if one of their topics may not be', async () => {
    const { ask, broker } = start(acls)
    await broker.consumer({ groupId: 'mine', topics: ['orders', 'payments'] }).ready()
    expect((await ask('ConsumerGroupDescribe', { groupIds: ['mine'] })).groups).toMatchObject([
      { groupId: 'mine', errorCode: topicDenied, members: [] },
    ])
  })

  it('find by a pattern only what may be described', async () => {
    const { ask, broker } = start(acls)
    const { id } = broker.topic('orders')
    const answer = await ask('ConsumerGroupHeartbeat', {
      groupId: 'mine',
      memberId,
      rebalanceTimeoutMs: 1000,
      subscribedTopicRegex: '.*',
      topicPartitions: [],
    })
    expect(answer.assignment.topicPartitions.map(({ topicId }: any) => topicId)).toEqual([id])
  })

  it('find what may be described from now on, and lose what may not be any more', async () => {
    const { ask, as, broker } = start(acls)
    const ids = new Map(broker.describe().topics.map(({ id, name }) => [id, name]))
    let has: string[] = []
    const beat = async (memberEpoch: number, more: object = {}) => {
      const answer = await ask('ConsumerGroupHeartbeat', { groupId: 'mine', memberId, memberEpoch, ...more })
      has = answer.assignment?.topicPartitions.map(({ topicId }: any) => ids.get(topicId)) ?? has
      expect(answer.errorCode).toBe(0)
      return answer.memberEpoch
    }
    const joining = { rebalanceTimeoutMs: 1000, subscribedTopicRegex: '.*', topicPartitions: [] }
    let epoch = await beat(0, joining)
    expect(has).toEqual(['orders'])
    const payments = {
      ...{ resourceType: 2, resourceName: 'pay', resourcePatternType: 4 },
      ...{ principal: 'User:ada', host: '*', operation: 8, permissionType: 3 },
    }
    // One of several lists may be about a topic that is there.
    const nothing = { ...payments, resourceName: 'no-such' }
    await as('admin', 'CreateAcls', { creations: [nothing, payments] })
    epoch = await beat(epoch)
    expect(has.sort()).toEqual(['orders', 'payments'])
    await as('admin', 'DeleteAcls', {
      filters: [
        {
          ...{ resourceTypeFilter: 2, resourceNameFilter: null, patternTypeFilter: 4 },
          ...{ principalFilter: null, hostFilter: null, operation: 1, permissionType: 1 },
        },
      ],
    })
    await beat(epoch)
    expect(has).toEqual(['orders'])
  })

  it('of streams may not make topics that their members may not create', async () => {
    const named = (acl: Parameters<typeof allow>[0], name: string) => allow(acl, 'TOPIC', name)
    const { ask, broker } = start([
      ...acls,
      named('DESCRIBE', 'mine-a-changelog'),
      named('DESCRIBE', 'mine-b-changelog'),
      named('CREATE', 'mine-a-changelog'),
    ])
    const answer = await ask('StreamsGroupHeartbeat', {
      groupId: 'mine',
      memberId,
      rebalanceTimeoutMs: 1000,
      activeTasks: [],
      standbyTasks: [],
      warmupTasks: [],
      topology: {
        subtopologies: [
          {
            subtopologyId: '0',
            sourceTopics: ['orders'],
            stateChangelogTopics: [{ name: 'mine-a-changelog' }, { name: 'mine-b-changelog' }],
          },
        ],
      },
    })
    expect(answer.status).toMatchObject([{ statusCode: 3, statusDetail: expect.stringContaining('CREATE') }])
    expect(broker.describe().topics.map(({ name }) => name)).toContain('mine-a-changelog')
    expect(broker.describe().topics.map(({ name }) => name)).not.toContain('mine-b-changelog')
  })

  it('share no records of topics that may not be read', async () => {
    const { ask, broker } = start(acls)
    const ids = [broker.topic('orders').id, broker.topic('payments').id]
    const topics = ids.map(topicId => ({ topicId, partitions: [{ partitionIndex: 0 }] }))
    const answer = await ask('ShareFetch', { groupId: 'mine', memberId, maxBytes: 1, maxRecords: 1, topics })
    expect(
      answer.responses.map(({ topicId, partitions: [{ errorCode }] }: any) => [topicId, errorCode]),
    ).toEqual([
      [ids[1], topicDenied],
      [ids[0], 0],
    ])
  })
})

it('shows who names a group twice no offsets of topics that they may not describe', async () => {
  const { ask, as } = start([allow('DESCRIBE', 'GROUP', 'g'), allow('DESCRIBE', 'TOPIC', 'orders')])
  const partitions = [{ partitionIndex: 0, committedOffset: 7 }]
  const topics = ['orders', 'payments'].map(name => ({ name, partitions }))
  await as('admin', 'OffsetCommit', { groupId: 'g', generationIdOrMemberEpoch: -1, topics }, 9)
  for (const named of [[], ['orders'], ['payments']]) {
    const wanted = named.map(name => ({ name, partitionIndexes: [0] }))
    const groups = [wanted, null].map(each => ({ groupId: 'g', topics: each }))
    const answer = await ask('OffsetFetch', { groups }, 9)
    const told = answer.groups.flatMap((each: any) => each.topics)
    const offsets = told.map((each: any) => [each.name, each.partitions[0].committedOffset])
    expect(offsets, named.join()).toContainEqual(['orders', 7])
    expect(offsets, named.join()).not.toContainEqual(['payments', 7])
  }
  const unknown = [{ topicId: '00000000-0000-0000-0000-000000000007', partitionIndexes: [0] }]
  const groups = [unknown, null].map(each => ({ groupId: 'g', topics: each }))
  expect(errorsOf(await ask('OffsetFetch', { groups }, 10))).toEqual([100])
})

describe('a group that is denied', () => {
  const topics = [
    { name: 'orders', topicName: 'orders', partitionIndexes: [0], partitions: [{ partitionIndex: 0 }] },
  ]

  it.each([
    ['OffsetFetch', 7],
    ['OffsetDelete', 0],
    ['AlterShareGroupOffsets', 0],
    ['DeleteShareGroupOffsets', 0],
  ] as const)('%s has no topics', async (api, version) => {
    const answer = await start().ask(api, { groupId: 'g', topics }, version)
    expect([answer.errorCode, answer.topics ?? answer.responses]).toEqual([groupDenied, []])
  })

  it('has an error for each partition in versions that have no other place for it', async () => {
    const answer = await start().ask('OffsetFetch', { groupId: 'g', topics }, 1)
    expect(answer.topics[0].partitions[0].errorCode).toBe(groupDenied)
  })

  it('tells no ids of topics that may not be described', async () => {
    const { ask } = start([allow('DESCRIBE', 'GROUP', 'g'), allow('DELETE', 'GROUP', 'g')])
    expect(await ask('DeleteShareGroupOffsets', { groupId: 'g', topics })).toMatchObject({
      responses: [{ topicId: noUuid, errorCode: topicDenied }],
    })
    const asked = { groups: [{ groupId: 'g', topics: [{ topicName: 'orders', partitions: [0] }] }] }
    expect(await ask('DescribeShareGroupOffsets', asked)).toMatchObject({
      groups: [{ errorCode: 0, topics: [{ topicId: noUuid, partitions: [{ errorCode: topicDenied }] }] }],
    })
  })

  it('has neither a protocol nor a member', async () => {
    const { ask } = start()
    const asked = { groupId: 'g', memberId: 'one' }
    expect(await ask('JoinGroup', asked, 9)).toMatchObject({ memberId: '', protocolName: null })
    expect(await ask('JoinGroup', asked, 6)).toMatchObject({ memberId: '', protocolName: '' })
  })
})

it('shows the offsets of 60,000 groups to who may describe them', async () => {
  const { ask } = start([allow('DESCRIBE', 'GROUP', '*')])
  const asked = Array.from({ length: 60_000 }, (_, i) => ({ groupId: `a-group-${i}`, topics: null }))
  const { groups } = await ask('OffsetFetch', { groups: asked })
  expect(groups).toHaveLength(60_000)
}, 10_000)
