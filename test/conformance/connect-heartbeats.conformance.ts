import { expect, it } from 'vitest'
import type { ConnectOptions } from '../../src/kafka/index.ts'
import { RequestLog, type ServeOptions, WireFaults } from '../../src/server/index.ts'
import { gate } from '../helpers/behaviours.ts'
import { until } from './collect.ts'
import { start } from './served-broker.ts'

async function startMember(served: ServeOptions = {}, options: Partial<ConnectOptions> = {}) {
  const faults = new WireFaults()
  const requests = new RequestLog()
  const { broker, join } = await start({ faults, requests, ...served }, options)
  await broker.admin.createTopic('payments')
  const cluster = await join()
  const member = (more: object = {}) =>
    cluster.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false, ...more })
  const beats = () => requests.of({ api: 'ConsumerGroupHeartbeat' }).length
  const severalBeats = async () => {
    const before = beats()
    await until(() => expect(beats()).toBeGreaterThan(before + 2))
  }
  return { faults, requests, broker, cluster, member, severalBeats }
}

it('come while the coordinator takes its time with something else', async () => {
  const { faults, member, severalBeats } = await startMember()
  const consumer = member()
  await consumer.ready()
  const held = faults.pauseNext({ api: 'OffsetCommit' })
  const committed = consumer.commit([{ topic: 'orders', partition: 0, offset: 0 }])
  await held.entered
  await severalBeats()
  held.release()
  await committed
})

it('come while topics are looked up, and what is given up then is given up', async () => {
  const { faults, broker, member, severalBeats } = await startMember()
  const consumer = member()
  await consumer.ready()
  const held = faults.pauseNext({ api: 'Metadata' })
  const other = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const ready = other.ready()
  await held.entered
  await severalBeats()
  expect(consumer.assignment).toHaveLength(2)
  held.release()
  await ready
  await until(() => expect(consumer.assignment).toHaveLength(1))
})

it('come while it is not answered what the member is meant to have, and it has what it was given', async () => {
  const { faults, broker, member, severalBeats } = await startMember()
  await broker.admin.createTopic('refunds')
  const other = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await other.ready()
  const consumer = member({ topics: ['payments'] })
  await consumer.ready()
  faults.fail({ api: 'ConsumerGroupDescribe' }, 'COORDINATOR_LOAD_IN_PROGRESS', { always: true })
  await consumer.subscribe(['orders', 'refunds'] as never)
  let isReady = false
  const ready = consumer.ready().then(() => {
    isReady = true
  })
  await until(() => expect(consumer.assignment).toEqual([{ topic: 'refunds', partition: 0 }]))
  await severalBeats()
  expect(isReady).toBe(false)
  faults.clear()
  await ready
})

it('come before it has heard what it is meant to have that has just been let in', async () => {
  const { faults, broker, member, severalBeats } = await startMember()
  const { opened: freed, open: free } = gate()
  const other = broker.consumer({ groupId: 'g', topics: ['orders'], onRevoked: () => freed })
  await other.ready()
  faults.fail({ api: 'ConsumerGroupDescribe' }, 'COORDINATOR_LOAD_IN_PROGRESS', { always: true })
  const consumer = member()
  const ready = consumer.ready()
  await severalBeats()
  faults.clear()
  free()
  await ready
  expect(consumer.assignment).toHaveLength(1)
})

it('ask no more for all topics once a member has left that could not turn from a pattern to something else', async () => {
  const { faults, requests, cluster, member } = await startMember()
  const consumer = member({ topics: /^orders/ })
  await consumer.ready()
  const held = faults.pauseNext({ api: 'Metadata' })
  const refused = expect(consumer.subscribe(['missing'] as never)).rejects.toThrow()
  await held.entered
  const closed = consumer.close()
  held.release()
  await Promise.all([refused, closed])
  await cluster.admin.listGroups()
  expect(requests.of({ api: 'Metadata' }).at(-1)!.partitions).not.toEqual([])
})

/** A member of 'payments' that looks up what it was assigned of that topic, which was made anew. */
async function startLookingUp(topics: readonly string[]) {
  const scene = await startMember()
  const { faults, broker, member } = scene
  await broker.admin.deleteTopic('payments')
  await broker.admin.createTopic('payments', { partitions: 2 })
  const consumer = member({ topics })
  const told: unknown[] = []
  consumer.on('assigned', ({ partitions }) => told.push(...partitions))
  await consumer.ready()
  await broker.admin.deleteTopic('payments')
  await until(() => expect(consumer.assignment.map(({ topic }) => topic)).not.toContain('payments'))
  await scene.severalBeats()
  told.length = 0
  const held = faults.pauseNext({ api: 'Metadata' })
  await broker.admin.createTopic('payments', { partitions: 2 })
  await held.entered
  return { ...scene, consumer, told, held }
}

it('may say that it was assigned less meanwhile, and what another member has by then is not taken on', async () => {
  const { broker, consumer, told, held } = await startLookingUp(['payments'])
  const other = broker.consumer({ groupId: 'g', topics: ['payments'] as never })
  await other.ready()
  await until(() => expect(other.assignment).toHaveLength(1))
  held.release()
  await until(() => expect(consumer.assignment).toHaveLength(1))
  expect(told).toEqual(consumer.assignment)
  expect(other.assignment).not.toEqual(consumer.assignment)
})

it('may bring the answer to another subscription meanwhile, and only with that it is ready', async () => {
  const { consumer, told, held, severalBeats } = await startLookingUp(['orders', 'payments'])
  await consumer.subscribe(['orders'] as never)
  const ready = consumer.ready().then(() => consumer.assignment)
  await severalBeats()
  held.release()
  expect((await ready).map(({ topic }) => topic)).toEqual(['orders', 'orders'])
  expect(told).toEqual([])
})

it('come at once where what they were answered could not be followed', async () => {
  const { faults, requests, broker, member } = await startMember(
    { consumerHeartbeatIntervalMs: 120_000 },
    { apiTimeoutMs: 200 },
  )
  const consumer = member()
  await consumer.ready()
  const ready = broker.consumer({ groupId: 'g', topics: ['orders'] }).ready()
  const held = faults.pauseNext({ api: 'Metadata' })
  // A member whose epoch is stale asks for the next one.
  faults.fail({ api: 'OffsetCommit' }, 'STALE_MEMBER_EPOCH')
  await consumer.commit([{ topic: 'orders', partition: 0, offset: 0 }])
  await held.entered
  requests.clear()
  await until(() => expect(requests.of({ api: 'ConsumerGroupHeartbeat' })).not.toEqual([]))
  held.release()
  await ready
  await until(() => expect(consumer.assignment).toHaveLength(1))
})

it('say everything again where the answer was lost, which may have brought an assignment', async () => {
  const { faults, broker, member, severalBeats } = await startMember()
  const consumer = member()
  const lost: unknown[] = []
  consumer.on('lost', event => lost.push(event))
  await consumer.ready()
  const other = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await other.ready()
  await until(() => expect(consumer.assignment).toHaveLength(1))
  await severalBeats()
  faults.disconnect({ api: 'ConsumerGroupHeartbeat' }, { when: 'after', always: true })
  await other.close()
  await severalBeats()
  faults.clear()
  await until(() => expect(consumer.assignment).toHaveLength(2))
  expect(lost).toEqual([])
})

it('tell the group that a refused member goes, also where its connection closes at once', async () => {
  const { faults, broker, cluster, member } = await startMember()
  const consumer = member()
  await consumer.run({ eachRecord: () => {} })
  await consumer.ready()
  expect(broker.group('g').members).toHaveLength(1)
  const closed = new Promise(resolve => {
    consumer.on('lost', () => {
      faults.fail({ api: 'ConsumerGroupHeartbeat' }, 'NOT_COORDINATOR')
      resolve(cluster.close())
    })
  })
  faults.fail({ api: 'ConsumerGroupHeartbeat' }, 'GROUP_AUTHORIZATION_FAILED')
  await closed
  expect(broker.group('g').members).toEqual([])
})
