import { afterEach, expect, it, vi } from 'vitest'
import { errnos } from '../../src/error-codes.ts'
import { Connections } from '../../src/kafka/connections.ts'
import { RequestLog, WireFaults } from '../../src/server/index.ts'
import { createTopics } from '../../src/server/protocol/messages/create-topics.ts'
import { sendNumbers, until } from './collect.ts'
import { start } from './served-broker.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

/** Changes what brokers answer, on its way to the client. */
function answering(change: (answer: any) => object | Promise<object>): void {
  const { call } = Connections.prototype
  vi.spyOn(Connections.prototype, 'call').mockImplementation(async function (this: Connections, ...asked) {
    return change(await call.apply(this, asked))
  })
}

it('deletes a topic once, also where the answer is lost and another program makes it anew', async () => {
  const faults = new WireFaults()
  const { broker, join } = await start({ faults })
  const cluster = await join()
  const made: string[] = []
  broker.on('topicDeleted', ({ topic }) => {
    broker.createTopic(topic)
    made.push(topic)
  })
  faults.disconnect({ api: 'DeleteTopics' }, { when: 'after' })
  await cluster.admin.deleteTopic('orders')
  expect(made).toEqual(['orders'])
})

it('has deleted a topic where only the answer was lost', async () => {
  const faults = new WireFaults()
  const { broker, join } = await start({ faults })
  const cluster = await join()
  faults.disconnect({ api: 'DeleteTopics' }, { when: 'after' })
  await cluster.admin.deleteTopic('orders')
  expect(await broker.admin.listTopics()).toEqual([])
})

it('deletes what has a name now, also where it has known another topic by that name', async () => {
  const { broker, join } = await start()
  const cluster = await join()
  await cluster.admin.describeTopic('orders')
  await broker.admin.deleteTopic('orders')
  await broker.admin.createTopic('orders')
  await cluster.admin.deleteTopic('orders')
  expect(await broker.admin.listTopics()).toEqual([])
})

it('has created a topic where only the answer was lost', async () => {
  const faults = new WireFaults()
  const { broker, join } = await start({ faults })
  const cluster = await join()
  faults.disconnect({ api: 'CreateTopics' }, { when: 'after' })
  await cluster.admin.createTopic('made', { partitions: 3 })
  expect(faults.unused).toEqual([])
  expect(broker.topics.get('made')!.partitions).toHaveLength(3)
})

it('has not created what was there already, also where the first answer was lost', async () => {
  const faults = new WireFaults()
  const { join } = await start({ faults })
  const cluster = await join()
  faults.disconnect({ api: 'CreateTopics' }, { when: 'after' })
  const refused = { code: 'TOPIC_ALREADY_EXISTS', topic: 'orders' }
  await expect(cluster.admin.createTopic('orders', { partitions: 2 })).rejects.toMatchObject(refused)
})

it('has not created what another program made meanwhile, with other partitions', async () => {
  const faults = new WireFaults()
  const { broker, join } = await start({ faults })
  const cluster = await join()
  faults.disconnect({ api: 'CreateTopics' })
  const refused = expect(cluster.admin.createTopic('made', { partitions: 3 })).rejects.toMatchObject({
    code: 'TOPIC_ALREADY_EXISTS',
  })
  await until(() => expect(faults.unused).toEqual([]))
  broker.createTopic('made', { partitions: 4 })
  await refused
})

it('has not created what another program made while no broker heard of it', async () => {
  const { broker, join } = await start()
  const cluster = await join()
  const { call } = Connections.prototype
  let unheard = 0
  vi.spyOn(Connections.prototype, 'call').mockImplementation(function (this: Connections, ...asked) {
    const [, api, request] = asked
    if (api.api.key !== createTopics.key || unheard++ > 0) return call.apply(this, asked)
    broker.createTopic('made', { partitions: 3 })
    return call.apply(this, [{ host: '127.0.0.1', port: 1 }, api, request])
  })
  const refused = { code: 'TOPIC_ALREADY_EXISTS', topic: 'made' }
  await expect(cluster.admin.createTopic('made', { partitions: 3 })).rejects.toMatchObject(refused)
  expect(unheard).toBe(2)
})

it('has added partitions where only the answer was lost, and no others', async () => {
  const faults = new WireFaults()
  const { broker, join } = await start({ faults })
  const cluster = await join()
  faults.disconnect({ api: 'CreatePartitions' }, { when: 'after' })
  await cluster.admin.addPartitions('orders', 4)
  expect(faults.unused).toEqual([])
  expect(broker.topics.get('orders')!.partitions).toHaveLength(4)
  const refused = { code: 'INVALID_PARTITIONS', topic: 'orders' }
  faults.disconnect({ api: 'CreatePartitions' }, { when: 'after' })
  await expect(cluster.admin.addPartitions('orders', 4)).rejects.toMatchObject(refused)
  await expect(cluster.admin.addPartitions('orders', 3)).rejects.toMatchObject(refused)
})

it('has made what it was asked for where the answer was lost, and the brokers hear of it later', async () => {
  const faults = new WireFaults()
  const { broker, join } = await start({ faults })
  const { admin } = await join()
  let lag = 0
  answering(answer => {
    if ('brokers' in answer && lag-- > 0) {
      for (const topic of answer.topics) {
        if (topic.name === 'made') topic.errorCode = errnos.UNKNOWN_TOPIC_OR_PARTITION
        topic.partitions.length = Math.min(topic.partitions.length, 2)
      }
    }
    return answer
  })
  const late = () => {
    lag = 6
  }
  broker.on('topicCreated', late)
  faults.disconnect({ api: 'CreateTopics' }, { when: 'after' })
  await admin.createTopic('made', { partitions: 3 })
  broker.on('partitionsAdded', late)
  faults.disconnect({ api: 'CreatePartitions' }, { when: 'after' })
  await admin.addPartitions('orders', 4)
  expect(lag).toBeLessThan(0)
  expect(faults.unused).toEqual([])
})

it('has deleted a group where only the answer was lost, and none that never was', async () => {
  const faults = new WireFaults()
  const { broker, join } = await start({ faults })
  await broker.admin.setGroupOffsets('g', [{ topic: 'orders', partition: 0, offset: 0 }])
  const { admin } = await join()
  faults.disconnect({ api: 'DeleteGroups' }, { when: 'after' })
  await admin.deleteGroup('g')
  expect(faults.unused).toEqual([])
  expect(await broker.admin.listGroups()).toEqual([])
  faults.disconnect({ api: 'DeleteGroups' }, { when: 'after' })
  await expect(admin.deleteGroup('g')).rejects.toMatchObject({ code: 'GROUP_ID_NOT_FOUND' })
})

it('sets the offsets of a group that does not know yet of one of its topics that it was deleted', async () => {
  const { broker, join } = await start()
  await sendNumbers(broker, 'orders', 3)
  await broker.admin.setGroupOffsets('g', [{ topic: 'orders', partition: 0, offset: 0 }])
  const { admin } = await join()
  answering(answer => {
    const topics = answer.groups?.[0]?.topics
    topics?.push({ ...topics[0], name: 'deleted' })
    return answer
  })
  await admin.setGroupOffsets('g', 'latest')
  expect(await broker.admin.listGroupOffsets('g')).toMatchObject([
    { topic: 'orders', partition: 0, offset: 3 },
    { topic: 'orders', partition: 1, offset: 0 },
  ])
})

it('sets the offsets of a group one of whose topics is deleted while it is known', async () => {
  const { broker, join } = await start()
  await sendNumbers(broker, 'orders', 3)
  await broker.admin.createTopic('deleted')
  const beginning = { partition: 0, offset: 0 }
  await broker.admin.setGroupOffsets('g', [
    { topic: 'orders', ...beginning },
    { topic: 'deleted', ...beginning },
  ])
  const { admin } = await join()
  await admin.describeTopic('deleted')
  answering(async answer => {
    const isOfOffsets = answer.groups?.[0]?.topics !== undefined
    if (isOfOffsets && broker.topics.has('deleted')) await broker.admin.deleteTopic('deleted')
    return answer
  })
  await admin.setGroupOffsets('g', 'latest')
  expect(await broker.admin.listGroupOffsets('g')).toMatchObject([
    { topic: 'orders', partition: 0, offset: 3 },
    { topic: 'orders', partition: 1, offset: 0 },
  ])
})

it('asks no more often for a deleted topic that a group still knows where that had many partitions', async () => {
  const requests = new RequestLog()
  const { broker, join } = await start({ requests })
  await broker.admin.setGroupOffsets('g', [{ topic: 'orders', partition: 0, offset: 0 }])
  const { admin } = await join()
  let deleted = 1
  answering(answer => {
    const topics = answer.groups?.[0]?.topics
    const [partition] = topics?.[0]?.partitions ?? []
    const partitions = Array.from({ length: deleted }, (_, partitionIndex) => ({
      ...partition,
      partitionIndex,
    }))
    if (partition !== undefined) topics.push({ ...topics[0], name: 'deleted', partitions })
    return answer
  })
  const describe = async () => {
    requests.clear()
    const { partitions } = await admin.describeGroup('g')
    expect(partitions).toMatchObject([{ topic: 'orders', partition: 0, lag: 0 }])
    return requests.of({ api: 'Metadata' }).length
  }
  await describe()
  const ofOne = await describe()
  deleted = 100
  expect(await describe()).toBe(ofOne)
})

it('asks again for the brokers where one that was asked knows none yet', async () => {
  const { broker, join } = await start()
  await broker.admin.setGroupOffsets('g', [{ topic: 'orders', partition: 0, offset: 0 }])
  const cluster = await join()
  let emptied = 0
  answering(answer => ('brokers' in answer && emptied++ === 0 ? { ...answer, brokers: [] } : answer))
  expect(await cluster.admin.listGroups()).toEqual(['g'])
  expect(emptied).toBe(2)
})

it('looks up what it may, where another look-up of the same moment is refused', async () => {
  const faults = new WireFaults()
  const { broker, join } = await start({ faults })
  await broker.admin.createTopic('secret')
  await sendNumbers(broker, 'orders', 3)
  const { admin } = await join()
  faults.fail({ api: 'ListOffsets', topic: 'secret' }, 'TOPIC_AUTHORIZATION_FAILED', { always: true })
  const at = ['orders', 'secret'].map(topic => ({ topic, partition: 0 }))
  const [open, secret] = await Promise.allSettled(at.map(tp => admin.listOffsets([tp], 'end')))
  expect(open).toMatchObject({ value: [{ topic: 'orders', offset: 3 }] })
  expect(secret).toMatchObject({ reason: { code: 'TOPIC_AUTHORIZATION_FAILED', topic: 'secret' } })
})

it.each([
  [
    'that is older',
    { apiKey: 1, minVersion: 4, maxVersion: 12 },
    'the cluster does not speak version 13 of Fetch, only 4 to 12; Apache Kafka 4.0 does',
  ],
  [
    'that is newer',
    { apiKey: 0, minVersion: 10, maxVersion: 14 },
    'the cluster does not speak version 9 of Produce, only 10 to 14; Apache Kafka 4.0 does',
  ],
  [
    'of another kind',
    undefined,
    'the cluster does not speak version 7 of ListOffsets; Apache Kafka 4.0 does',
  ],
])('connects to no cluster %s and does not speak what is needed', async (_which, spoken, why) => {
  const { server, join } = await start()
  answering(answer => {
    if (!('apiKeys' in answer)) return answer
    const others = answer.apiKeys.filter(({ apiKey }: any) => apiKey !== (spoken?.apiKey ?? 2))
    return { ...answer, apiKeys: spoken === undefined ? others : [...others, spoken] }
  })
  await expect(join()).rejects.toMatchObject({
    name: 'ClusterError',
    code: 'UNSUPPORTED_VERSION',
    message: `Connecting to the cluster (${server.address}): ${why}`,
  })
})
