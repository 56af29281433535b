import { expect, it } from 'vitest'
import { copying, counting, streamsScenes } from './streams-scene.ts'

const scene = streamsScenes()

it('keeps no standbys of what has no state', async () => {
  const { joined, configure } = scene()
  await configure('streams.num.standby.replicas', 1)
  const [a, b] = [await joined('a'), await joined('b')]
  for (const each of [a, b, a, b]) await each.owns()
  expect([a.active, a.standby, b.active, b.standby]).toEqual([['0_0'], [], ['0_1'], []])
})

it('keeps standbys at another process, and makes them when it is told to', async () => {
  const { joined, configure } = scene()
  const [a, b] = [await joined('a', counting('orders')), await joined('b', counting('orders'))]
  await a.beat()
  await a.owns()
  await b.beat()
  expect([a.standby, b.standby]).toEqual([[], []])
  await configure('streams.num.standby.replicas', 1)
  await a.beat()
  await b.beat()
  expect([a.active, a.standby, b.active, b.standby]).toEqual([['0_0'], ['0_1'], ['0_1'], ['0_0']])
})

it('makes a standby of a task active where its owner leaves', async () => {
  const { joined, configure } = scene()
  await configure('streams.num.standby.replicas', 1)
  const [a, b] = [await joined('a', counting('orders')), await joined('b', counting('orders'))]
  for (const each of [a, b, a, b, a, b]) await each.owns()
  expect([a.active, a.standby]).toEqual([['0_0'], ['0_1']])
  await b.leave()
  // It need not give the standby up first, and is at the new epoch at once.
  const { memberEpoch } = a
  await a.owns()
  expect([a.memberEpoch, a.active, a.standby]).toEqual([memberEpoch + 1, ['0_0', '0_1'], []])
})

it('leaves a standby with who is to have the task, until its owner has given it up', async () => {
  const { joined, configure } = scene()
  await configure('streams.num.standby.replicas', 1)
  const [a, b] = [await joined('a', counting('orders')), await joined('b', counting('orders'))]
  // The task is a standby before the other one has taken it over.
  expect([a.active, b.active, b.standby]).toEqual([['0_0', '0_1'], [], ['0_0']])
  await a.beat()
  expect([a.active, a.standby]).toEqual([['0_0'], ['0_1']])
  await configure('streams.num.standby.replicas', 0)
  await b.owns()
  expect([b.active, b.standby]).toEqual([[], []])
  await a.owns({ activeTasks: [{ subtopologyId: '0', partitions: [0] }] })
  await b.owns()
  expect(b.active).toEqual(['0_1'])
})

it('tells who has what, for as long as that is news', async () => {
  const { joined, configure } = scene()
  await configure('streams.num.standby.replicas', 1)
  const a = await joined('a', counting('orders'), { userEndpoint: { host: 'one', port: 50_001 } })
  const b = await joined('b', counting('orders'), { userEndpoint: { host: 'two', port: 2 } })
  for (const each of [a, b, a, b]) await each.owns()
  a.endpointEpoch = 0
  const { partitionsByUserEndpoint } = await a.beat()
  const orders = (partition: number) => [{ topic: 'orders', partitions: [partition] }]
  expect(partitionsByUserEndpoint).toEqual([
    {
      userEndpoint: { host: 'one', port: 50_001 },
      activePartitions: orders(0),
      standbyPartitions: orders(1),
    },
    { userEndpoint: { host: 'two', port: 2 }, activePartitions: orders(1), standbyPartitions: orders(0) },
  ])
  expect(await a.beat()).toMatchObject({ partitionsByUserEndpoint: null })
  // A process that comes back may answer elsewhere.
  await b.join(counting('orders'), { userEndpoint: { host: 'three', port: 3 } })
  expect((await a.beat()).partitionsByUserEndpoint).toMatchObject([
    { userEndpoint: { host: 'one' } },
    { userEndpoint: { host: 'three', port: 3 } },
  ])
})

it('has news of a thread that answers elsewhere, or no more, and none of one that joins again', async () => {
  const { joined, thread } = scene()
  const [host, more] = ['one', { userEndpoint: { host: 'one', port: 1 } }]
  const a = await joined('a', counting('orders'), more)
  const { endpointEpoch } = a
  const told = async (answer: Promise<any>) => {
    const { endpointInformationEpoch, partitionsByUserEndpoint: endpoints } = await answer
    return [endpointInformationEpoch - endpointEpoch, endpoints?.map((each: any) => each.userEndpoint)]
  }
  expect(await told(a.join(counting('orders'), more))).toEqual([0, undefined])
  const elsewhere = { host, port: 2 }
  expect(await told(a.beat({ userEndpoint: elsewhere }))).toEqual([1, [elsewhere]])
  expect(await told(a.join(counting('orders')))).toEqual([2, []])
  expect(await told(thread('a').beat({ memberEpoch: a.memberEpoch }))).toEqual([2, []])
})

it('has no news of a thread that answers no queries', async () => {
  const { thread } = scene()
  const a = thread('a')
  expect(await a.join(copying('orders'))).toMatchObject({
    endpointInformationEpoch: 0,
    partitionsByUserEndpoint: null,
  })
})
