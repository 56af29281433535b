import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { ConsumerOptions } from '../../src/index.ts'
import { RequestLog, WireFaults } from '../../src/server/index.ts'
import { gate } from '../helpers/behaviours.ts'
import { sendNumbers, until } from './collect.ts'
import { start } from './served-broker.ts'

describe('being a member', () => {
  it('ends where the connection closes while the group lets it in', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    const cluster = await join()
    const held = faults.pauseNext({ api: 'ConsumerGroupHeartbeat' })
    const running = cluster.consumer({ groupId: 'g', topics: ['orders'] }).run({ eachRecord: () => {} })
    const refused = expect(running).rejects.toThrow('closed')
    await held.entered
    const closed = cluster.close()
    await turn()
    held.release()
    await Promise.all([closed, refused])
    expect(broker.groups.get('g')!.members).toEqual([])
  })

  it('ends where it is closed while the group lets it in, before it counts as closed', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    const cluster = await join()
    const held = faults.pauseNext({ api: 'ConsumerGroupHeartbeat' })
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    const refused = expect(consumer.run({ eachRecord: () => {} })).rejects.toMatchObject({ code: 'CLOSED' })
    await held.entered
    const closed = consumer.close()
    await turn()
    held.release()
    await Promise.all([closed, refused])
    expect(broker.groups.get('g')!.members).toEqual([])
  })

  it('is asked for no longer where it is closed, however long its group has no answer', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join({ apiTimeoutMs: 600_000 })
    faults.fail({ api: 'ConsumerGroupHeartbeat' }, 'COORDINATOR_LOAD_IN_PROGRESS', { always: true })
    const held = faults.pauseNext({ api: 'ConsumerGroupHeartbeat' })
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    const refused = expect(consumer.run({ eachRecord: () => {} })).rejects.toMatchObject({ code: 'CLOSED' })
    await held.entered
    held.release()
    await Promise.all([consumer.close({ timeoutMs: 600_000 }), refused])
  })

  it('stays one where answers to its heartbeats are lost', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    const lost: unknown[] = []
    consumer.on('lost', event => lost.push(event))
    await consumer.run({ eachRecord: () => {} })
    faults.disconnect({ api: 'ConsumerGroupHeartbeat' }, { when: 'after', times: 3 })
    await until(() => expect(faults.unused).toEqual([]))
    await sendNumbers(cluster, 'orders', 3)
    await consumer.caughtUp({ timeoutMs: 5000 })
    expect(lost).toEqual([])
  })

  it('joins anew once it is told that it is no member any more', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    await consumer.run({ eachRecord: () => {} })
    const before = consumer.memberId
    const lost = new Promise(resolve => consumer.on('lost', resolve))
    faults.fail({ api: 'ConsumerGroupHeartbeat' }, 'UNKNOWN_MEMBER_ID')
    await expect(lost).resolves.toMatchObject({ reason: { code: 'UNKNOWN_MEMBER_ID' } })
    await until(() => expect(consumer.assignment).toHaveLength(2))
    expect(consumer.memberId).not.toBe(before)
  })

  it.each([
    ['under the epoch of now where that has passed on', 'STALE_MEMBER_EPOCH'],
    ['where that could pass', 'COORDINATOR_LOAD_IN_PROGRESS'],
  ] as const)('commits again %s, as long as the partition is its own', async (_where, code) => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
    await consumer.ready()
    faults.fail({ api: 'OffsetCommit' }, code, { times: 2 })
    await consumer.commit([{ topic: 'orders', partition: 0, offset: 0 }])
    expect(await consumer.committed({ topic: 'orders', partition: 0 })).toEqual({ offset: 0 })
    expect(faults.unused).toEqual([])
  })

  it('asks for the epoch of now before it commits again, however long until its next heartbeat', async () => {
    const faults = new WireFaults()
    const requests = new RequestLog()
    const { join } = await start({ faults, requests, consumerHeartbeatIntervalMs: 120_000 })
    const consumer = (await join()).consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
    await consumer.ready()
    requests.clear()
    faults.fail({ api: 'OffsetCommit' }, 'STALE_MEMBER_EPOCH')
    await consumer.commit([{ topic: 'orders', partition: 0, offset: 0 }])
    const asked = [...requests].map(({ api }) => api)
    const between = asked.slice(asked.indexOf('OffsetCommit'), asked.lastIndexOf('OffsetCommit'))
    expect(between).toContain('ConsumerGroupHeartbeat')
  })

  it('leaves once what it commits is committed', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    const cluster = await join()
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
    await consumer.ready()
    const held = faults.pauseNext({ api: 'OffsetCommit' })
    const committed = consumer.commit([{ topic: 'orders', partition: 0, offset: 0 }])
    await held.entered
    const closed = consumer.close()
    for (let i = 0; i < 10; i++) await cluster.admin.listTopics()
    expect(broker.group('g').members).toHaveLength(1)
    held.release()
    await Promise.all([committed, closed])
    expect(broker.group('g').members).toEqual([])
  })

  // Its session may have passed while its process stood still, and the group may have been deleted since.
  it.each(['UNKNOWN_MEMBER_ID', 'GROUP_ID_NOT_FOUND'] as const)(
    'has left where its group answers %s to that',
    async code => {
      const faults = new WireFaults()
      const { join } = await start({ faults, consumerHeartbeatIntervalMs: 120_000 })
      const consumer = (await join()).consumer({ groupId: 'g', topics: ['orders'] })
      const errors: unknown[] = []
      consumer.on('error', error => errors.push(error))
      await consumer.ready()
      faults.fail({ api: 'ConsumerGroupHeartbeat' }, code)
      await consumer.close()
      expect(faults.unused).toEqual([])
      expect(errors).toEqual([])
    },
  )

  it('does not ask its group to commit what is not its own', async () => {
    const requests = new RequestLog()
    const { broker, join } = await start({ requests })
    const cluster = await join()
    const other = broker.consumer({ groupId: 'g', topics: ['orders'] })
    await other.ready()
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
    await until(async () => {
      await consumer.ready()
      expect(consumer.assignment).toHaveLength(1)
    })
    const refused = { name: 'CommitFailedError', code: 'STALE_MEMBER_EPOCH' }
    await expect(consumer.commit([{ ...other.assignment[0]!, offset: 0 }])).rejects.toMatchObject(refused)
    expect(requests.of({ api: 'OffsetCommit' })).toEqual([])
  })

  it('asks what it is meant to have only where that may be more than it has', async () => {
    const requests = new RequestLog()
    const { broker, join } = await start({ requests })
    const cluster = await join()
    const options = { groupId: 'g', topics: ['orders' as const] }
    await cluster.consumer(options).ready()
    expect(requests.of({ api: 'ConsumerGroupDescribe' })).toHaveLength(0)
    await broker.consumer(options).ready()
    await cluster.consumer(options).ready()
    expect(requests.of({ api: 'ConsumerGroupDescribe' }).length).toBeGreaterThan(0)
  })

  it('is not ready before it was answered what it is meant to have', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    const cluster = await join()
    const { opened: freed, open: free } = gate()
    const other = broker.consumer({ groupId: 'g', topics: ['orders'], onRevoked: () => freed })
    await other.ready()
    faults.fail({ api: 'ConsumerGroupDescribe' }, 'COORDINATOR_LOAD_IN_PROGRESS')
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    const ready = consumer.ready()
    await until(() => expect(faults.unused).toEqual([]))
    free()
    await ready
    expect(consumer.assignment).toHaveLength(1)
  })

  it('is not ready with some of its topics, before it has what it is meant to have of the others', async () => {
    const requests = new RequestLog()
    const { broker, join } = await start({ requests })
    await broker.admin.createTopic('payments')
    await broker.admin.addPartitions('orders', 4)
    const cluster = await join()
    const { opened: freed, open: free } = gate()
    const other = broker.consumer({ groupId: 'g', topics: ['orders'], onRevoked: () => freed })
    await other.ready()
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders', 'payments'] })
    const topics = () => new Set(consumer.assignment.map(({ topic }) => topic))
    const seen = consumer.ready().then(topics)
    await until(() => expect(topics()).toEqual(new Set(['payments'])))
    const beats = () => requests.of({ api: 'ConsumerGroupHeartbeat' }).length
    const before = beats()
    await until(() => expect(beats()).toBeGreaterThan(before + 1))
    free()
    expect(await seen).toEqual(new Set(['orders', 'payments']))
  })

  it('leaves again where its group has accepted it and it cannot join after all', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    const cluster = await join({ apiTimeoutMs: 200 })
    const { opened: freed, open: free } = gate()
    const other = broker.consumer({ groupId: 'g', topics: ['orders'], onRevoked: () => freed })
    await other.ready()
    faults.fail({ api: 'ConsumerGroupDescribe' }, 'COORDINATOR_LOAD_IN_PROGRESS', { always: true })
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    const errors: unknown[] = []
    consumer.on('error', error => errors.push(error))
    await expect(consumer.ready()).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    expect(broker.group('g').members.map(({ memberId }) => memberId)).toEqual([other.memberId])
    // Its caller has been told.
    expect(errors).toEqual([])
    faults.clear()
    free()
    await consumer.ready()
    expect(consumer.assignment).toHaveLength(1)
  })

  it('tells its group what it has given up also after an outage that is longer than a call is tried', async () => {
    const faults = new WireFaults()
    const requests = new RequestLog()
    const { broker, join } = await start({ faults, requests })
    const cluster = await join({ apiTimeoutMs: 200 })
    const api = 'ConsumerGroupHeartbeat'
    const lost: unknown[] = []
    let outage = () => void faults.fail({ api }, 'COORDINATOR_LOAD_IN_PROGRESS', { always: true })
    const consumer = cluster.consumer({
      groupId: 'g',
      topics: ['orders'],
      onRevoked: () => outage(),
      onLost: partitions => void lost.push(partitions),
    })
    await consumer.run({ eachRecord: () => {} })
    await until(() => expect(consumer.assignment).toHaveLength(2))
    const other = broker.consumer({ groupId: 'g', topics: ['orders'] })
    const ready = other.ready()
    // A call is tried five times in that time, at most.
    await until(() =>
      expect(requests.of({ api }).filter(({ errors }) => errors.length > 0).length).toBeGreaterThan(7),
    )
    outage = () => {}
    faults.clear()
    await ready
    await until(() => expect(other.assignment).toHaveLength(1))
    expect(lost).toEqual([])
  })

  it('is refused a commit by a group that has fenced it, and does not try again', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'], autoCommit: false })
    await consumer.ready()
    faults.fail({ api: 'OffsetCommit' }, 'FENCED_MEMBER_EPOCH')
    await expect(consumer.commit([{ topic: 'orders', partition: 0, offset: 0 }])).rejects.toMatchObject({
      name: 'CommitFailedError',
    })
    expect(await consumer.committed({ topic: 'orders', partition: 0 })).toBeNull()
  })
})

describe('a consumer that had joined', () => {
  it('tells now and then that its group does not answer', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join({ apiTimeoutMs: 300 })
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    const errors: unknown[] = []
    const seen: unknown[] = []
    consumer.on('error', error => errors.push(error))
    await consumer.run({ eachRecord: ({ value }) => seen.push(value) })
    faults.fail({ api: 'ConsumerGroupHeartbeat' }, 'COORDINATOR_LOAD_IN_PROGRESS', { always: true })
    await until(() => expect(errors.length).toBeGreaterThan(1))
    for (const error of errors)
      expect(error).toMatchObject({
        code: 'REQUEST_TIMED_OUT',
        message: expect.stringMatching(/^Member '.*' of group 'g': gave up after 300 ms/),
      })
    faults.clear()
    await sendNumbers(cluster, 'orders', 1)
    await until(() => expect(seen).toEqual([0]))
  })

  it('tells now and then that it is not known what it is meant to have', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    await broker.admin.createTopic('payments')
    const cluster = await join({ apiTimeoutMs: 300 })
    await cluster.consumer({ groupId: 'g', topics: ['payments'] }).ready()
    const consumer = cluster.consumer<string>({ groupId: 'g', topics: ['orders'] })
    const errors: unknown[] = []
    consumer.on('error', error => errors.push(error))
    await consumer.ready()
    faults.fail({ api: 'ConsumerGroupDescribe' }, 'COORDINATOR_LOAD_IN_PROGRESS', { always: true })
    await consumer.subscribe(['orders', 'payments'])
    await until(() => expect(errors.length).toBeGreaterThan(1))
    for (const error of errors)
      expect(error).toMatchObject({
        code: 'REQUEST_TIMED_OUT',
        message: expect.stringMatching(/^Describing group 'g': gave up after 300 ms/),
      })
    expect(new Set(errors).size).toBe(errors.length)
    faults.clear()
    await consumer.ready()
  })

  it('tells now and then that it is not known where to begin', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join({ apiTimeoutMs: 300 })
    faults.fail({ api: 'ListOffsets' }, 'LEADER_NOT_AVAILABLE', { always: true })
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    const errors: unknown[] = []
    const seen: unknown[] = []
    consumer.on('error', error => errors.push(error))
    await consumer.run({ eachRecord: ({ value }) => seen.push(value) })
    await until(() => expect(errors).toHaveLength(2))
    for (const error of errors)
      expect(error).toMatchObject({
        code: 'REQUEST_TIMED_OUT',
        message: expect.stringMatching(/^Looking up offsets of orders-0, orders-1: gave up/),
      })
    faults.clear()
    await sendNumbers(cluster, 'orders', 1)
    await until(() => expect(seen).toEqual([0]))
  })

  it('comes back when it is answered again, however long that takes', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults, consumerSessionTimeoutMs: 2000 })
    const cluster = await join({ apiTimeoutMs: 300 })
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'] })
    const errors: unknown[] = []
    const done: unknown[] = []
    consumer.on('error', error => errors.push(error))
    consumer.on('restarting', () => {
      faults.fail({ api: 'ConsumerGroupHeartbeat' }, 'COORDINATOR_LOAD_IN_PROGRESS', { always: true })
    })
    let failures = 1
    await consumer.run({
      eachRecord({ value }) {
        if (failures-- > 0) throw new Error('boom')
        done.push(value)
      },
      retry: { attempts: 1 },
    })
    await cluster.producer().send({ topic: 'orders', value: 'one' })
    await until(() => expect(errors.length).toBeGreaterThan(1))
    expect(errors.at(-1)).toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    faults.clear()
    await until(() => expect(done).toEqual(['one']))
  })
})

describe('a static member whose group has not heard that it left', () => {
  it('comes back once the session of its former self is over', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults, consumerSessionTimeoutMs: 4000 })
    const cluster = await join({ apiTimeoutMs: 300 })
    const consumer = cluster.consumer({ groupId: 'g', topics: ['orders'], groupInstanceId: 'first' })
    const codes: unknown[] = []
    const done: unknown[] = []
    consumer.on('error', error => {
      codes.push((error as { readonly code?: unknown }).code)
      if (codes.length > 1) faults.clear()
    })
    consumer.on('restarting', () => {
      faults.disconnect({ api: 'ConsumerGroupHeartbeat' }, { always: true })
    })
    let failures = 1
    await consumer.run({
      eachRecord({ value }) {
        if (failures-- > 0) throw new Error('boom')
        done.push(value)
      },
      retry: { attempts: 1 },
    })
    await cluster.producer().send({ topic: 'orders', value: 'one' })
    await until(() => expect(done).toEqual(['one']))
    expect(new Set(codes)).toEqual(new Set(['REQUEST_TIMED_OUT', 'UNRELEASED_INSTANCE_ID']))
  })
})

describe('a static member that goes for now', () => {
  it('keeps its place, also where a heartbeat that was under way is refused', async () => {
    const faults = new WireFaults()
    const { broker, join } = await start({ faults })
    const options = { groupId: 'g', topics: ['orders'], groupInstanceId: 'first' }
    const cluster = await join()
    const consumer = cluster.consumer(options as ConsumerOptions)
    await consumer.ready()
    const held = faults.pauseNext({ api: 'ConsumerGroupHeartbeat' })
    faults.fail({ api: 'ConsumerGroupHeartbeat' }, 'GROUP_AUTHORIZATION_FAILED')
    await held.entered
    const closed = consumer.close()
    for (let i = 0; i < 10; i++) await cluster.admin.listTopics()
    held.release()
    await closed
    expect(faults.unused).toEqual([])
    expect(broker.group('g').members).toMatchObject([{ groupInstanceId: 'first', connected: false }])
  })
})

describe('a static member that was stuck', () => {
  it('comes back to its place, also where its group takes its time to hear that it is free', async () => {
    const faults = new WireFaults()
    const { join } = await start({ faults })
    const cluster = await join()
    const groupInstanceId = 'first'
    const { opened: stuck, open: free } = gate()
    const onLost = () => {
      faults.delay({ api: 'ConsumerGroupHeartbeat' }, 200)
      free()
    }
    const options = { groupId: 'g', topics: ['orders'], groupInstanceId, maxPollIntervalMs: 100, onLost }
    const consumer = cluster.consumer(options as ConsumerOptions)
    const errors: unknown[] = []
    const seen: unknown[] = []
    consumer.on('error', error => errors.push(error))
    await consumer.run({
      eachRecord: async ({ value }) => {
        seen.push(value)
        await stuck
      },
    })
    await sendNumbers(cluster, 'orders', 1)
    await until(() => expect(seen).toEqual([0, 0]))
    expect(errors).toEqual([])
  })
})
