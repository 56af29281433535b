import { describe, expect, it } from 'vitest'
import type { ConsumerOptions } from '../../src/consumer/consumer-options.ts'
import { CommitFailedError, type ConsumerGroup, isBrokerletError, topic } from '../../src/index.ts'
import { fill, gate, names, offsets, owners, range } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

/** A topic with some records in each partition, and members of one group that reads it. */
function orders({ partitions = 2, records = 5 } = {}) {
  const { broker, clock } = testBroker({ topics: { orders: topic<number>({ partitions }) } })
  for (let partition = 0; partition < partitions; partition++)
    fill(broker as never, 'orders', records, partition)
  const member = (clientId: string, options: ConsumerOptions<'orders'> = {}) =>
    broker.consumer({ groupId: 'g', topics: ['orders'], clientId, autoCommit: false, ...options })
  const committed = (group: ConsumerGroup = broker.group('g')) =>
    Object.fromEntries(group.offsets.map(tp => [`${tp.topic}-${tp.partition}`, tp.offset]))
  return { broker, clock, member, committed }
}

const at = (partition: number, offset: number) => ({ topic: 'orders' as const, partition, offset })

describe('D. commit fencing', () => {
  it('[62] a commit of a partition that has gone to another member is refused, and nothing of it is kept', async () => {
    const { broker, clock, member, committed } = orders()
    const first = member('first')
    await first.poll()
    await first.commit([at(0, 1), at(1, 1)])
    const second = member('second')
    await Promise.all([first.poll({ timeoutMs: 0 }), second.ready()])
    await clock.settle()
    const [kept] = first.assignment
    const [moved] = second.assignment
    const error = await rejectionOf(first.commit([at(kept!.partition, 5), at(moved!.partition, 5)]))
    expect(error).toBeInstanceOf(CommitFailedError)
    expect(error).toMatchObject({
      code: 'STALE_MEMBER_EPOCH',
      errno: 113,
      retriable: false,
      groupId: 'g',
      memberId: first.memberId,
    })
    expect(error.message).toMatch(
      /^Group 'g' refused the commit of orders-\d, orders-\d: not all of them are held by/,
    )
    expect(committed()).toEqual({ 'orders-0': 1, 'orders-1': 1 })
    await first.commit([at(kept!.partition, 5)])
    await second.commit([at(moved!.partition, 3)])
    expect(committed()).toEqual({
      [`orders-${kept!.partition}`]: 5,
      [`orders-${moved!.partition}`]: 3,
    })
    expect(broker.group('g').state).toBe('Stable')
  })

  it('[62] a commit of a partition that was never this member’s is refused, too', async () => {
    const { member, committed } = orders()
    const first = member('first')
    const second = member('second')
    await Promise.all([first.ready(), second.ready()])
    const [theirs] = second.assignment
    const error = await rejectionOf(first.commit([at(theirs!.partition, 2)]))
    expect(error).toMatchObject({ code: 'STALE_MEMBER_EPOCH', topic: 'orders', partition: theirs!.partition })
    expect(await rejectionOf(first.commit([at(7, 2)]))).toMatchObject({
      code: 'STALE_MEMBER_EPOCH',
      partition: 7,
    })
    expect(committed()).toEqual({})
  })

  it('[62] a handler that outlived its topic commits nothing for the new topic of that name', async () => {
    const { broker, clock, member, committed } = orders({ partitions: 1, records: 3 })
    const hold = gate()
    const read: number[] = []
    const refused: unknown[] = []
    await member('reader', { autoCommit: true }).run({
      eachRecord: async ({ offset, value }, { consumer }) => {
        read.push(value)
        if (read.length > 1) return
        await hold.opened
        refused.push(await rejectionOf(consumer.commit([at(0, offset + 2)])))
      },
    })
    await clock.settle()
    broker.deleteTopic('orders')
    broker.createTopic('orders')
    for (const value of [70, 80]) broker.topic('orders').append({ value })
    await clock.settle()
    hold.open()
    await clock.settle()
    expect(refused).toEqual([
      expect.objectContaining({ name: 'CommitFailedError', code: 'STALE_MEMBER_EPOCH' }),
    ])
    expect([read, committed()]).toEqual([[0, 70, 80], { 'orders-0': 2 }])
  })

  it('[63] what an evicted member commits is refused; its successor starts where the group stands', async () => {
    const { broker, clock, member, committed } = orders({ partitions: 1 })
    const stuck = gate()
    const refused: unknown[] = []
    const first = member('first', { maxPollIntervalMs: 1000, autoCommit: true })
    await first.run({
      eachRecord: async (record, { consumer }) => {
        if (record.offset !== 2) return
        await stuck.opened
        refused.push(await rejectionOf(consumer.commit([at(0, 3)])), await rejectionOf(consumer.commit()))
      },
    })
    const former = first.memberId
    await clock.advance(500)
    expect(committed()).toEqual({ 'orders-0': 2 })
    await clock.advance(500)
    const second = member('second')
    expect(offsets(await second.poll())).toEqual([2, 3, 4])
    stuck.open()
    await clock.settle()
    expect(refused).toEqual([
      expect.objectContaining({
        name: 'CommitFailedError',
        code: 'UNKNOWN_MEMBER_ID',
        errno: 25,
        groupId: 'g',
      }),
      expect.objectContaining({ name: 'CommitFailedError', code: 'UNKNOWN_MEMBER_ID' }),
    ])
    expect(committed()).toEqual({ 'orders-0': 2 })
    await second.commit()
    expect(committed()).toEqual({ 'orders-0': 5 })
    // It is back since its handler has ended, and under another id.
    expect(broker.group('g').members.map(({ clientId }) => clientId)).toEqual(['second', 'first'])
    expect(first.memberId).not.toBe(former)
  })

  it('[63] a consumer that has not joined, or has left, is no member', async () => {
    const { member } = orders()
    const reader = member('reader')
    expect(await rejectionOf(reader.commit([at(0, 1)]))).toMatchObject({ code: 'UNKNOWN_MEMBER_ID' })
    await reader.ready()
    await reader.close()
    expect(await rejectionOf(reader.commit([at(0, 1)]))).toMatchObject({ code: 'CLOSED' })
  })

  it('[64] what onRevoked commits counts, and the next owner starts there', async () => {
    const { broker, member, committed } = orders()
    const log: string[] = []
    const first = member('first', {
      onRevoked: async partitions => {
        await first.commit(partitions.map(({ partition }) => at(partition, 4)))
        log.push(`revoked ${names(partitions)}, ${broker.group('g').state}`)
      },
    })
    await first.poll()
    const second = member('second')
    await Promise.all([second.ready(), first.poll({ timeoutMs: 0 })])
    const [moved] = second.assignment
    expect(log).toEqual([`revoked orders-${moved!.partition}, Reconciling`])
    expect(committed()).toEqual({ [`orders-${moved!.partition}`]: 4 })
    expect(offsets(await second.poll())).toEqual([4])
  })

  it('[65] while the group is at work, what a member holds is committed as ever: it has no CompletingRebalance', async () => {
    const { broker, clock, member, committed } = orders({ partitions: 6, records: 1 })
    const hold = gate()
    let revoking: Promise<void> | undefined
    const slow = member('slow', { onRevoked: () => revoking })
    const other = member('other')
    await Promise.all([slow.ready(), other.ready()])
    await clock.settle()
    revoking = hold.opened
    const late = member('late')
    const joined = late.ready()
    await clock.settle()
    expect(broker.group('g').state).toBe('Reconciling')
    const others = owners(broker as never, 'g').other!.map(name => Number(name.at(-1)))
    for (const partition of others) await other.commit([at(partition, 1)])
    expect(broker.group('g').state).toBe('Reconciling')
    expect(Object.keys(committed())).toEqual(others.map(partition => `orders-${partition}`))
    hold.open()
    await joined
  })

  it('[66] a commit from outside is accepted only while the group is empty', async () => {
    const { broker, clock, member, committed } = orders()
    const assigned = broker.consumer({ groupId: 'g', assign: [{ topic: 'orders', partition: 0 }] })
    const errors: unknown[] = []
    assigned.on('error', error => errors.push(error))
    await assigned.poll({ maxRecords: 2 })
    await assigned.commit()
    expect(committed()).toEqual({ 'orders-0': 2 })
    const inside = member('inside')
    await inside.ready()
    const error = await rejectionOf(assigned.commit([at(0, 5)]))
    expect(error).toBeInstanceOf(CommitFailedError)
    expect(error).toMatchObject({ code: 'UNKNOWN_MEMBER_ID', errno: 25, groupId: 'g' })
    // The next poll commits by itself what the last one gave: refused, told, and nothing stops.
    expect(offsets(await assigned.poll())).toEqual([2, 3, 4])
    expect(offsets(await assigned.poll({ timeoutMs: 0 }))).toEqual([])
    await clock.settle()
    expect(errors).toEqual([expect.objectContaining({ code: 'UNKNOWN_MEMBER_ID' })])
    expect(committed()).toEqual({ 'orders-0': 2 })
    await inside.close()
    await assigned.commit([at(0, 4)])
    expect(committed()).toEqual({ 'orders-0': 4 })
  })

  it('[66] an administrator who commits for a group with members hears that it is not empty', async () => {
    const { broker, member, committed } = orders()
    const inside = member('inside')
    await inside.ready()
    const error = await rejectionOf(broker.admin.setGroupOffsets('g', [at(0, 5)]))
    expect(error).toMatchObject({
      name: 'NonEmptyGroupError',
      code: 'NON_EMPTY_GROUP',
      errno: 68,
      groupId: 'g',
    })
    expect(committed()).toEqual({})
    await inside.close()
    await broker.admin.setGroupOffsets('g', [at(0, 5)])
    expect(committed()).toEqual({ 'orders-0': 5 })
  })

  it('[67] a partition that never moved commits through any rebalance, whatever the group’s epoch is', async () => {
    const { broker, clock, member, committed } = orders({ partitions: 3 })
    const constant = member('constant')
    await constant.poll()
    const epochs = [broker.group('g').epoch]
    for (const clientId of range(0, 3).map(i => `guest-${i}`)) {
      const guest = member(clientId)
      await Promise.all([guest.ready(), constant.poll({ timeoutMs: 0 })])
      await clock.settle()
      const [kept] = constant.assignment
      await constant.commit([at(kept!.partition, epochs.length)])
      expect(committed()).toEqual({ [`orders-${kept!.partition}`]: epochs.length })
      await guest.close()
      await broker.group('g').stable()
      epochs.push(broker.group('g').epoch)
    }
    expect(epochs).toEqual([...epochs].sort((a, b) => a - b))
    expect(new Set(epochs).size).toBe(4)
  })

  it('[68] a member that the group has removed abandons all its partitions, and joins again', async () => {
    const { broker, clock, member } = orders({ records: 0 })
    // The second member is to get this one.
    fill(broker as never, 'orders', 3, 1)
    const left: object[] = []
    broker.on('memberLeft', ({ memberId, reason }) => left.push({ memberId, reason }))
    const stuck = gate()
    const lost: string[][] = []
    const first = member('first', {
      rebalanceTimeoutMs: 1000,
      onLost: partitions => void lost.push(names(partitions)),
    })
    const signals: AbortSignal[] = []
    await first.run({
      eachRecord: async (_, { signal }) => {
        signals.push(signal)
        await stuck.opened
      },
    })
    const former = first.memberId!
    const second = member('second')
    const joined = second.ready()
    await clock.advance(999)
    expect(owners(broker as never, 'g').first).toEqual(['orders-0', 'orders-1'])
    await clock.advance(1)
    await joined
    expect(left).toEqual([{ memberId: former, reason: 'rebalance timeout' }])
    expect(lost).toEqual([['orders-0', 'orders-1']])
    expect(first.assignment).toEqual([])
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    expect(owners(broker as never, 'g')).toEqual({ second: ['orders-0', 'orders-1'] })
    stuck.open()
    await clock.settle()
    expect(broker.group('g').members.map(({ clientId }) => clientId)).toEqual(['second', 'first'])
    expect(first.assignment).toHaveLength(1)
    expect(second.assignment).toHaveLength(1)
  })

  it('[69] partitions lost for good make the commit fail with an error that no retry mends', async () => {
    const { clock, member, committed } = orders({ partitions: 1 })
    const lazy = member('lazy', { maxPollIntervalMs: 1000 })
    const lost: unknown[] = []
    lazy.on('lost', ({ reason }) => lost.push(reason))
    await lazy.poll()
    await clock.advance(1000)
    const error = await rejectionOf(lazy.commit())
    expect(isBrokerletError(error)).toBe(true)
    expect(error).toMatchObject({ name: 'CommitFailedError', code: 'UNKNOWN_MEMBER_ID', retriable: false })
    expect(lost).toEqual([expect.objectContaining({ name: 'CommitFailedError', code: 'UNKNOWN_MEMBER_ID' })])
    expect(committed()).toEqual({})
    // Polling is what brings it back, to where the group stands.
    expect(offsets(await lazy.poll())).toEqual([0, 1, 2, 3, 4])
    await lazy.commit()
    expect(committed()).toEqual({ 'orders-0': 5 })
  })
})
