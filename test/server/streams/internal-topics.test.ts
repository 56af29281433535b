import { expect, it } from 'vitest'
import { copying, counting, countingValues, internal, streamsScenes } from './streams-scene.ts'

const scene = streamsScenes()

const partitionsOf = (broker: { topics: ReadonlyMap<string, { partitionCount: number }> }) =>
  Object.fromEntries([...broker.topics.values()].map((topic: any) => [topic.name, topic.partitionCount]))

const statusOf = async (answer: Promise<any>) => (await answer).status

it('makes the internal topics of a topology, with their configs, and deals its tasks out at once', async () => {
  const { broker, joined } = scene()
  const a = await joined('a', countingValues('orders'))
  expect(partitionsOf(broker)).toEqual({ orders: 2, 'g-values-repartition': 2, 'g-counts-changelog': 2 })
  expect(broker.topic('g-counts-changelog').options.cleanupPolicy).toBe('compact')
  expect(broker.topic('g-values-repartition').options.cleanupPolicy).toBe('delete')
  expect(a.active).toEqual(['0_0', '0_1', '1_0', '1_1'])
})

it('makes a repartition topic as wide as its application says, and its changelog with it', async () => {
  const { broker, joined } = scene()
  const a = await joined('a', countingValues('orders', 3))
  expect(partitionsOf(broker)).toEqual({ orders: 2, 'g-values-repartition': 3, 'g-counts-changelog': 3 })
  expect(a.active).toEqual(['0_0', '0_1', '1_0', '1_1', '1_2'])
})

it('finds how wide repartition topics are, one after the other', async () => {
  const { broker, joined } = scene()
  await joined('a', {
    epoch: 0,
    subtopologies: [
      { subtopologyId: '0', repartitionSourceTopics: [internal('r2')] },
      { subtopologyId: '1', repartitionSourceTopics: [internal('r1')], repartitionSinkTopics: ['r2'] },
      { subtopologyId: '2', sourceTopics: ['orders'], repartitionSinkTopics: ['r1'] },
    ],
  })
  expect(partitionsOf(broker)).toEqual({ orders: 2, r1: 2, r2: 2 })
})

const written = (...subtopologies: object[]) => ({
  epoch: 0,
  subtopologies: subtopologies.map((each, index) => ({ subtopologyId: `${index}`, ...each })),
})

it('makes a repartition topic of several writers as wide as what the first of them reads', async () => {
  const { broker, joined } = scene()
  broker.createTopic('people', { partitions: 3 })
  await joined(
    'a',
    written(
      { sourceTopics: ['orders'], repartitionSinkTopics: ['r'] },
      { sourceTopics: ['people'], repartitionSinkTopics: ['r'] },
      { repartitionSourceTopics: [internal('r')] },
    ),
  )
  expect(broker.topic('r').partitionCount).toBe(2)
})

it('makes internal topics as wide as the widest topic that is read', async () => {
  const { broker, joined } = scene()
  broker.createTopic('people', { partitions: 3 })
  const reading = { sourceTopics: ['people', 'orders'], stateChangelogTopics: [internal('c')] }
  await joined(
    'a',
    written({ ...reading, repartitionSinkTopics: ['r'] }, { repartitionSourceTopics: [internal('r')] }),
  )
  expect(partitionsOf(broker)).toEqual({ orders: 2, people: 3, r: 3, c: 3 })
})

it('takes internal topics that are there already as they are, and makes the others', async () => {
  const { broker, joined } = scene()
  broker.createTopic('g-counts-changelog', { partitions: 2 })
  const a = await joined('a', countingValues('orders'))
  expect(a.active).toEqual(['0_0', '0_1', '1_0', '1_1'])
  expect(broker.topic('g-counts-changelog').options.cleanupPolicy).toBe('delete')
})

it('goes on from writer to writer until it knows how wide a repartition topic is', async () => {
  const { broker, joined } = scene()
  broker.createTopic('people', { partitions: 3 })
  // The first does not know yet when the third does, which reads less.
  await joined(
    'a',
    written(
      { repartitionSourceTopics: [internal('q'), internal('p')], repartitionSinkTopics: ['r'] },
      { sourceTopics: ['orders'], repartitionSinkTopics: ['q'] },
      { repartitionSourceTopics: [internal('q')], repartitionSinkTopics: ['r'] },
      { sourceTopics: ['people'], repartitionSinkTopics: ['p'] },
      { repartitionSourceTopics: [internal('r')] },
    ),
  )
  expect(partitionsOf(broker)).toEqual({ orders: 2, people: 3, p: 3, q: 2, r: 2 })
})

const joiningWritten = (first: number, second: number) =>
  written(
    { sourceTopics: ['orders'], repartitionSinkTopics: ['r1'] },
    { sourceTopics: ['people'], repartitionSinkTopics: ['r2'] },
    {
      repartitionSourceTopics: [
        { ...internal('r1'), partitions: first },
        { ...internal('r2'), partitions: second },
      ],
      copartitionGroups: [{ repartitionSourceTopics: [0, 1] }],
    },
  )

it.each([
  ['the wider of them', 0, 0, 3],
  ['that of which the application says how wide it is', 1, 0, 1],
  ['that of which the application says how wide it is, whichever it is', 0, 4, 4],
])('makes repartition topics that are joined as wide as %s', async (_, first, second, partitions) => {
  const { broker, joined } = scene()
  broker.createTopic('people', { partitions: 3 })
  const a = await joined('a', joiningWritten(first, second))
  expect(partitionsOf(broker)).toEqual({ orders: 2, people: 3, r1: partitions, r2: partitions })
  expect(a.active.filter(task => task.startsWith('2_'))).toHaveLength(partitions)
})

it('tells which repartition topics are joined and said to be of different widths', async () => {
  const { broker, thread } = scene()
  broker.createTopic('people', { partitions: 3 })
  const detail = 'Following topics do not have the same number of partitions: [r1=4, r2=5]'
  expect(await statusOf(thread('a').join(joiningWritten(4, 5)))).toEqual([
    { statusCode: 2, statusDetail: detail },
  ])
})

const joining = (copartitioned: object, repartitions = 0) => ({
  epoch: 0,
  subtopologies: [
    { subtopologyId: '0', sourceTopics: ['orders'], repartitionSinkTopics: ['r'] },
    {
      subtopologyId: '1',
      sourceTopics: ['people'],
      repartitionSourceTopics: [{ ...internal('r'), partitions: repartitions }],
      copartitionGroups: [copartitioned],
    },
  ],
})

it('makes a repartition topic as wide as the topic that it is joined with', async () => {
  const { broker, joined } = scene()
  broker.createTopic('people', { partitions: 3 })
  await joined('a', joining({ sourceTopics: [0], repartitionSourceTopics: [0] }))
  expect(broker.topic('r').partitionCount).toBe(3)
})

it('tells where a repartition topic may not be as wide as the topic that it is joined with', async () => {
  const { broker, thread } = scene()
  broker.createTopic('people', { partitions: 3 })
  const topology = joining({ sourceTopics: [0], repartitionSourceTopics: [0] }, 4)
  expect(await statusOf(thread('a').join(topology))).toEqual([
    {
      statusCode: 2,
      statusDetail: 'Repartition topic r has 4 partitions, and the topics that it is read with have 3.',
    },
  ])
  expect(broker.topics.has('r')).toBe(false)
})

it('tells which topics are joined and not equally wide, and deals out nothing', async () => {
  const { broker, joined, describe } = scene()
  broker.createTopic('people', { partitions: 3 })
  const topology = {
    epoch: 0,
    subtopologies: [
      {
        subtopologyId: '0',
        sourceTopics: ['people', 'orders'],
        copartitionGroups: [{ sourceTopics: [0, 1] }],
      },
    ],
  }
  const a = await joined('a', topology)
  const detail = 'Following topics do not have the same number of partitions: [orders=2, people=3]'
  expect(await statusOf(a.beat())).toEqual([{ statusCode: 2, statusDetail: detail }])
  expect(a.active).toEqual([])
  expect(await describe()).toMatchObject({ groupState: 'NotReady' })
  expect(broker.group('g').state).toBe('NotReady')
})

it('tells that an internal topic is there with another number of partitions', async () => {
  const { broker, thread } = scene()
  broker.createTopic('g-counts-changelog', { partitions: 3 })
  const detail = 'Existing topic g-counts-changelog has different number of partitions: expected 2, found 3'
  expect(await statusOf(thread('a').join(counting('orders')))).toEqual([
    { statusCode: 2, statusDetail: detail },
  ])
})

it('tells which source topics are missing, and begins when they are there', async () => {
  const { broker, joined } = scene()
  const a = await joined('a', copying('orders', 'later', 'earlier'))
  expect(await statusOf(a.beat())).toEqual([
    { statusCode: 1, statusDetail: 'Source topics earlier, later are missing.' },
  ])
  expect(a.active).toEqual([])
  broker.createTopic('earlier')
  expect(await statusOf(a.beat())).toEqual([
    { statusCode: 1, statusDetail: 'Source topics later are missing.' },
  ])
  broker.createTopic('later', { partitions: 3 })
  expect(await statusOf(a.beat())).toEqual([])
  expect(a.active).toEqual(['0_0', '0_1', '0_2'])
})

it('takes all tasks away when a source topic is deleted', async () => {
  const { broker, joined } = scene()
  const a = await joined('a')
  broker.deleteTopic('orders')
  expect((await a.owns()).status).toMatchObject([{ statusCode: 1 }])
  expect(a.active).toEqual([])
})

it('has more tasks when a source topic grows, where nothing else has to', async () => {
  const { broker, joined } = scene()
  const a = await joined('a')
  broker.topic('orders').addPartitions(4)
  await a.beat()
  expect(a.active).toEqual(['0_0', '0_1', '0_2', '0_3'])
})

it('tells when a source topic has outgrown a changelog', async () => {
  const { broker, joined } = scene()
  const a = await joined('a', counting('orders'))
  broker.topic('orders').addPartitions(4)
  expect(await statusOf(a.beat())).toMatchObject([{ statusCode: 2 }])
})

it('makes an internal topic anew that was deleted', async () => {
  const { broker, joined } = scene()
  const a = await joined('a', counting('orders'))
  broker.deleteTopic('g-counts-changelog')
  expect(await statusOf(a.beat())).toEqual([])
  expect(broker.topic('g-counts-changelog').partitionCount).toBe(2)
})

it('tries again to make an internal topic that could not be made', async () => {
  const { broker, joined } = scene()
  broker.createTopic('g_counts_changelog')
  const topology = {
    epoch: 0,
    subtopologies: [
      {
        subtopologyId: '0',
        sourceTopics: ['orders'],
        stateChangelogTopics: [internal('g.counts.changelog')],
      },
    ],
  }
  const a = await joined('a', topology)
  expect(await statusOf(a.beat())).toMatchObject([{ statusCode: 3 }])
  broker.deleteTopic('g_counts_changelog')
  expect(await statusOf(a.beat())).toEqual([])
  expect(a.active).toEqual(['0_0', '0_1'])
})

it('tells why an internal topic cannot be made', async () => {
  const { thread } = scene()
  const changelog = internal('g-counts-changelog', { 'retention.ms': 'for ever' })
  const a = thread('a')
  await a.join({
    epoch: 0,
    subtopologies: [{ subtopologyId: '0', sourceTopics: ['orders'], stateChangelogTopics: [changelog] }],
  })
  const detail = expect.stringMatching(/^Internal topics are missing: g-counts-changelog \(.*retention\.ms/)
  expect(await statusOf(a.beat())).toEqual([{ statusCode: 3, statusDetail: detail }])
  expect(a.active).toEqual([])
})
