import { describe, expect, it } from 'vitest'
import { copying, counting, countingValues, internal, named, streamsScenes } from './streams-scene.ts'

const scene = streamsScenes()
const twice = [1, 2].map(offset => ({ subtopologyId: '0', partition: 0, offset }))

it('gives who joins all tasks, and tells it once', async () => {
  const { thread, describe: described } = scene()
  const a = thread('a')
  const answer = await a.join(copying('orders'))
  expect(answer).toMatchObject({
    errorCode: 0,
    memberId: 'a',
    memberEpoch: 2,
    heartbeatIntervalMs: 5000,
    status: [],
    activeTasks: [{ subtopologyId: '0', partitions: [0, 1] }],
    standbyTasks: [],
    warmupTasks: [],
  })
  expect(await a.beat()).toMatchObject({
    errorCode: 0,
    memberEpoch: 2,
    activeTasks: null,
    standbyTasks: null,
    warmupTasks: null,
  })
  expect(await described()).toMatchObject({ groupState: 'Stable', groupEpoch: 2, assignmentEpoch: 2 })
})

it('takes a task from one before it gives it to another', async () => {
  const { thread, describe: described } = scene()
  const [a, b] = [thread('a'), thread('b')]
  await a.join(copying('orders'))
  expect(await b.join(copying('orders'))).toMatchObject({ memberEpoch: 3, activeTasks: [] })
  // Its epoch is the old one for as long as it has what is to go.
  expect(await a.beat()).toMatchObject({
    memberEpoch: 2,
    activeTasks: [{ subtopologyId: '0', partitions: [0] }],
  })
  expect((await described()).groupState).toBe('Reconciling')
  expect(await b.beat()).toMatchObject({ memberEpoch: 3, activeTasks: null })
  expect(await a.owns({ activeTasks: [{ subtopologyId: '0', partitions: [0, 1] }] })).toMatchObject({
    memberEpoch: 2,
    activeTasks: null,
  })
  expect(await b.beat()).toMatchObject({ activeTasks: null })
  expect(await a.owns()).toMatchObject({ memberEpoch: 3, activeTasks: null })
  expect((await described()).groupState).toBe('Reconciling')
  expect(await b.beat()).toMatchObject({
    memberEpoch: 3,
    activeTasks: [{ subtopologyId: '0', partitions: [1] }],
  })
  expect((await described()).groupState).toBe('Stable')
})

it('gives what one leaves to the others', async () => {
  const { broker, joined, describe: described } = scene()
  const [a, b] = [await joined('a'), await joined('b')]
  await a.beat()
  await a.owns()
  await b.beat()
  expect(await a.leave()).toMatchObject({ errorCode: 0, memberId: 'a', memberEpoch: -1 })
  expect((await described()).groupState).toBe('Assigning')
  expect(await b.beat()).toMatchObject({ status: [] })
  expect(b.active).toEqual(['0_0', '0_1'])
  await b.leave()
  const { groupState, groupEpoch, assignmentEpoch, members } = await described()
  expect([groupState, groupEpoch - assignmentEpoch, members]).toEqual(['Empty', 0, []])
  expect(broker.group('g').state).toBe('Empty')
})

it('puts a member out that is silent for its session, as its group has it', async () => {
  const { broker, joined, configure, describe: described } = scene({ streamsSessionTimeoutMs: 3000 })
  const a = await joined('a')
  await broker.advance(2900)
  await a.beat()
  await broker.advance(2900)
  expect((await described()).members).toHaveLength(1)
  await broker.advance(100)
  expect((await described()).members).toEqual([])
  expect(await a.beat()).toMatchObject({ errorCode: 25 })
  await configure('streams.session.timeout.ms', 50_000)
  await a.join(copying('orders'))
  await broker.advance(49_999)
  expect((await described()).members).toHaveLength(1)
  await broker.advance(1)
  expect((await described()).members).toEqual([])
})

it('puts nobody out that has left meanwhile, or come back', async () => {
  const { broker, joined, thread, describe: described } = scene()
  const a = await joined('a', copying('orders'), { rebalanceTimeoutMs: 10_000 })
  const b = await joined('b')
  await a.beat()
  await a.leave()
  await b.leave()
  await broker.advance(9000)
  await thread('a').join(copying('orders'))
  await broker.advance(40_000)
  expect((await described()).members).toMatchObject([{ memberId: 'a' }])
})

it('has nobody end because one was silent', async () => {
  const { broker, joined } = scene()
  const [, b] = [await joined('a'), await joined('b')]
  await broker.advance(30_000)
  await b.beat()
  await broker.advance(20_000)
  expect(await b.beat()).toMatchObject({ status: [], activeTasks: [{ partitions: [0, 1] }] })
})

/** Two threads of which one has four tasks, and is to give up two of them, and then a third. */
async function givingUpTwice() {
  const all = scene()
  all.broker.createTopic('wide', { partitions: 4 })
  const a = await all.joined('a', copying('wide'), { rebalanceTimeoutMs: 10_000 })
  await all.joined('b', copying('wide'))
  await a.beat()
  for (const each of ['c', 'd']) await all.joined(each, copying('wide'))
  return { ...all, a }
}

it('takes tasks away twice, where a target follows another', async () => {
  const { a, commit } = await givingUpTwice()
  expect([a.memberEpoch, a.active]).toEqual([2, ['0_0', '0_1']])
  await a.owns()
  expect([a.memberEpoch, a.active]).toEqual([3, ['0_0']])
  // It has had the task all the time, and has not given it up yet.
  expect(await commit('wide', 1, 'a', 2)).toBe(0)
  await a.owns()
  expect(a.memberEpoch).toBe(5)
  expect(await commit('wide', 1, 'a', 2)).toBe(113)
})

it('has nothing to give up any more once it has left', async () => {
  const { a, broker, describe: described } = await givingUpTwice()
  await a.leave()
  await broker.advance(10_000)
  expect((await described()).members).toHaveLength(3)
})

it('has as long for each time that it has to give up tasks', async () => {
  const { a, broker, describe: described } = await givingUpTwice()
  await broker.advance(9000)
  await a.owns()
  await broker.advance(9999)
  expect((await described()).members).toHaveLength(4)
  await broker.advance(1)
  expect((await described()).members).toHaveLength(3)
})

it('lets a member stay that has given up its tasks in time', async () => {
  const { broker, joined, describe: described } = scene()
  const a = await joined('a', copying('orders'), { rebalanceTimeoutMs: 10_000 })
  await joined('b')
  await a.beat()
  await a.owns()
  await broker.advance(10_000)
  await a.beat()
  await broker.advance(10_000)
  expect((await described()).members).toHaveLength(2)
})

it('deals out anew when a member says other things of itself', async () => {
  const { joined, configure, describe: described } = scene()
  await configure('streams.num.standby.replicas', 1)
  const a = await joined('a', counting('orders'))
  const b = await joined('b', counting('orders'), { processId: 'a' })
  for (const each of [a, b, a, b]) await each.owns()
  expect([a.standby, b.standby]).toEqual([[], []])
  const { groupEpoch } = await described()
  await b.owns({ processId: 'b' })
  for (const each of [a, b, a, b]) await each.owns()
  expect([a.standby, b.standby]).toEqual([['0_1'], ['0_0']])
  expect((await described()).groupEpoch).toBe(groupEpoch + 1)
})

it('puts a member out that does not give up its tasks within its rebalance timeout', async () => {
  const { broker, joined, describe: described } = scene()
  const a = await joined('a', copying('orders'), { rebalanceTimeoutMs: 10_000 })
  const b = await joined('b')
  await a.beat()
  await broker.advance(9999)
  await a.beat()
  expect((await described()).members).toHaveLength(2)
  await broker.advance(1)
  expect((await described()).members).toHaveLength(1)
  await b.beat()
  expect(b.active).toEqual(['0_0', '0_1'])
})

it('waits for others before it deals out, where it is told to', async () => {
  const { broker, thread, describe: described } = scene({ initialRebalanceDelayMs: 1000 })
  const [a, b] = [thread('a'), thread('b')]
  const delayed = { statusCode: 5, statusDetail: expect.any(String) }
  expect(await a.join(copying('orders'))).toMatchObject({ status: [delayed], activeTasks: [] })
  await broker.advance(500)
  expect(await b.join(copying('orders'))).toMatchObject({ status: [delayed], activeTasks: [] })
  expect((await described()).groupState).toBe('Assigning')
  await broker.advance(500)
  await a.beat()
  await b.beat()
  expect([a.active, b.active]).toEqual([['0_0'], ['0_1']])
})

describe('a member that has not heard an answer', () => {
  it('is told again', async () => {
    const { joined } = scene()
    const a = await joined('a')
    await joined('b')
    expect(named((await a.beat()).activeTasks)).toEqual(['0_0'])
    await a.owns()
    // Its epoch has moved on with that.
    const told = { errorCode: 0, memberEpoch: 3, activeTasks: [{ subtopologyId: '0', partitions: [0] }] }
    expect(await a.owns({ memberEpoch: 2 })).toMatchObject(told)
    expect(await a.owns({ memberEpoch: 2 })).toMatchObject(told)
  })

  it('is fenced where it has tasks that are not its own', async () => {
    const { joined } = scene()
    const a = await joined('a')
    await joined('b')
    await a.beat()
    await a.owns()
    const both = [{ subtopologyId: '0', partitions: [0, 1] }]
    expect(await a.owns({ memberEpoch: 2, activeTasks: both })).toMatchObject({ errorCode: 110 })
    expect(await a.beat({ memberEpoch: 2 })).toMatchObject({ errorCode: 110 })
  })
})

it.each([
  ['an epoch beyond its own', { memberEpoch: 3 }, 110],
  ['an epoch long before its own', { memberEpoch: 1 }, 110],
  ['a member that is not there', { memberId: 'nobody' }, 25],
  [
    'a task that is not there',
    { activeTasks: [{ subtopologyId: '0', partitions: [2] }], standbyTasks: [], warmupTasks: [] },
    42,
  ],
  [
    'a task before the first',
    { activeTasks: [{ subtopologyId: '0', partitions: [-1] }], standbyTasks: [], warmupTasks: [] },
    42,
  ],
  [
    'a subtopology that is not there',
    { activeTasks: [], standbyTasks: [{ subtopologyId: '7', partitions: [0] }], warmupTasks: [] },
    42,
  ],
  ['tasks of one kind only', { activeTasks: [] }, 42],
  ['a topology of one that is there', { topology: copying('orders') }, 42],
  ['an epoch that means nothing', { memberEpoch: -3 }, 42],
  ['a static member that comes back', { memberEpoch: -2 }, 42],
  ['an instance id that nobody has', { instanceId: 'one' }, 25],
  ['an empty instance id', { instanceId: '' }, 42],
  ['one that comes back without an instance id', { memberEpoch: -2 }, 42],
  ['no member', { memberId: '' }, 42],
  ['a member of nothing but spaces', { memberId: ' ' }, 42],
  ['no group', { groupId: '' }, 42],
  ['a group of nothing but spaces', { groupId: ' ' }, 42],
  ['an empty rack', { rackId: '' }, 42],
  ['a rack of nothing but spaces', { rackId: ' ' }, 42],
  ['offsets of a task twice', { taskOffsets: twice }, 42],
  ['end offsets of a task twice', { taskEndOffsets: twice }, 42],
  [
    'a warm-up task that there is not',
    { activeTasks: [], standbyTasks: [], warmupTasks: [{ subtopologyId: '0', partitions: [2] }] },
    42,
  ],
])('refuses %s, and goes on', async (_, said, errorCode) => {
  const { joined } = scene()
  const a = await joined('a')
  expect(await a.beat(said)).toMatchObject({ errorCode, status: [] })
  expect(await a.beat()).toMatchObject({ errorCode: 0, memberEpoch: 2, activeTasks: null })
})

it.each([
  ['tasks', { activeTasks: [{ subtopologyId: '0', partitions: [0] }] }, 42],
  ['no rebalance timeout', { rebalanceTimeoutMs: -1 }, 42],
  ['no topology', { topology: null }, 42],
  [
    'a regular expression',
    {
      topology: {
        epoch: 0,
        subtopologies: [
          { subtopologyId: '0', sourceTopics: ['orders'] },
          { subtopologyId: '1', sourceTopicRegex: ['o.*'] },
        ],
      },
    },
    42,
  ],
  ['a client tag twice', { clientTags: ['a', 'b'].map(value => ({ key: 'zone', value })) }, 42],
  ['a topic that cannot be', { topology: copying('a topic') }, 130],
  [
    'a topic that cannot be, and no rebalance timeout',
    { topology: copying('a topic'), rebalanceTimeoutMs: -1 },
    130,
  ],
  [
    'a changelog twice',
    {
      topology: {
        epoch: 0,
        subtopologies: [
          {
            subtopologyId: '0',
            sourceTopics: ['orders'],
            stateChangelogTopics: [internal('c'), internal('c')],
          },
        ],
      },
    },
    130,
  ],
  ['a topology before the first one', { topology: { ...copying('orders'), epoch: -1 } }, 130],
  ['a repartition topic with less than no partitions', { topology: countingValues('orders', -1) }, 130],
  ["a topic of Kafka's own", { topology: copying('orders', '__consumer_offsets') }, 130],
  [
    "a changelog in a topic of Kafka's own",
    {
      topology: {
        epoch: 0,
        subtopologies: [
          {
            subtopologyId: '0',
            sourceTopics: ['orders'],
            stateChangelogTopics: [internal('__transaction_state')],
          },
        ],
      },
    },
    130,
  ],
  [
    'a topic that cannot be, which it only writes',
    {
      topology: {
        epoch: 0,
        subtopologies: [{ subtopologyId: '0', sourceTopics: ['orders'], repartitionSinkTopics: ['a topic'] }],
      },
    },
    130,
  ],
  [
    'a subtopology twice',
    {
      topology: {
        epoch: 0,
        subtopologies: ['0', '1', '0'].map(subtopologyId => ({ subtopologyId, sourceTopics: ['orders'] })),
      },
    },
    130,
  ],
  ['a subtopology that reads nothing', { topology: copying() }, 130],
  [
    'a changelog that says how many partitions it has',
    {
      topology: {
        epoch: 0,
        subtopologies: [
          {
            subtopologyId: '0',
            sourceTopics: ['orders'],
            stateChangelogTopics: [{ name: 'c', partitions: 1 }],
          },
        ],
      },
    },
    130,
  ],
  [
    'copartitioned topics that it does not read',
    {
      topology: {
        epoch: 0,
        subtopologies: [
          { subtopologyId: '0', sourceTopics: ['orders'], copartitionGroups: [{ sourceTopics: [0, 1] }] },
        ],
      },
    },
    130,
  ],
  [
    'a repartition topic that nothing writes',
    {
      topology: {
        epoch: 0,
        subtopologies: [
          { subtopologyId: '0', sourceTopics: ['orders'], repartitionSourceTopics: [{ name: 'r' }] },
        ],
      },
    },
    130,
  ],
])('refuses who joins with %s, and there is no group', async (_, said, errorCode) => {
  const { thread, list } = scene()
  expect(await thread('a').join(copying('orders'), said)).toMatchObject({ errorCode })
  expect(await list()).toEqual([])
})

it('knows no other topology than its own, and tells who has an older one', async () => {
  const { thread, joined } = scene()
  await joined('a', { ...copying('orders'), epoch: 1 })
  expect(await thread('b').join({ ...counting('orders'), epoch: 1 })).toMatchObject({ errorCode: 42 })
  expect(await thread('b').join({ ...counting('orders'), epoch: 2 })).toMatchObject({ errorCode: 42 })
  const stale = { statusCode: 0, statusDetail: expect.stringContaining('epoch 0 is behind') }
  expect(await thread('c').join(copying('orders'))).toMatchObject({ errorCode: 0, status: [stale] })
})

it('tells all members when one wants all of them to end, until they have', async () => {
  const { joined } = scene()
  const [a, b] = [await joined('a'), await joined('b')]
  const shutdown = [{ statusCode: 4, statusDetail: expect.stringContaining('member b ') }]
  await b.leave({ shutdownApplication: true })
  expect(await a.beat()).toMatchObject({ status: shutdown })
  await a.leave()
  expect((await a.join(copying('orders'))).status).toEqual([])
})

it('tells all members when one that is none any more wants them to end, and nobody once all are gone', async () => {
  const { thread, joined } = scene()
  const a = await joined('a')
  const gone = { memberEpoch: -1, shutdownApplication: true }
  expect(await thread('b').beat(gone)).toMatchObject({ errorCode: 25 })
  const shutdown = [{ statusCode: 4, statusDetail: expect.stringContaining('member b ') }]
  expect(await a.beat()).toMatchObject({ status: shutdown })
  await a.leave()
  expect(await thread('b').beat(gone)).toMatchObject({ errorCode: 25 })
  expect((await a.join(copying('orders'))).status).toEqual([])
})

it('tells all members when one that stays wants all of them to end, and which one was the first', async () => {
  const { joined } = scene()
  const [a, b] = [await joined('a'), await joined('b')]
  const shutdown = [{ statusCode: 4, statusDetail: expect.stringContaining('member b ') }]
  expect(await b.beat({ shutdownApplication: true })).toMatchObject({ status: shutdown })
  expect(await a.beat({ shutdownApplication: true })).toMatchObject({ status: shutdown })
})
