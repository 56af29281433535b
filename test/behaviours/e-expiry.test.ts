import { describe, expect, it } from 'vitest'
import type { BrokerOptions } from '../../src/broker.ts'
import { type Broker, topic } from '../../src/index.ts'
import type { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { fill, gate } from '../helpers/behaviours.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

const day = 24 * 60 * 60 * 1000
const week = 7 * day

/** Two topics of two records each, whose records outlive every offset. */
function twoTopics(options: Pick<BrokerOptions, 'offsetsRetentionMs'> = {}) {
  const definition = topic<number>({ retentionMs: -1 })
  const { broker, clock } = testBroker({ ...options, topics: { orders: definition, payments: definition } })
  for (const name of ['orders', 'payments']) fill(broker as never, name, 2)
  const deleted: object[] = []
  broker.on('groupDeleted', event => deleted.push(event))
  const member = (topics: ('orders' | 'payments')[]) => broker.consumer({ groupId: 'g', topics })
  const offsets = () => broker.group('g').offsets.map(tp => `${tp.topic}@${tp.offset}`)
  return { broker, clock, member, offsets, deleted }
}

const at = <Name extends 'orders' | 'payments'>(name: Name, offset: number) => ({
  topic: name,
  partition: 0,
  offset,
})

describe('E. offset and group expiry', () => {
  it('[70] all offsets expire seven days after the group became empty, however old the commits are', async () => {
    const { broker, clock, member, offsets, deleted } = twoTopics()
    const reader = member(['orders', 'payments'])
    await reader.run({ eachRecord() {} })
    await broker.idle()
    await clock.advance(10 * day)
    expect(offsets()).toEqual(['orders@2', 'payments@2'])
    await reader.close()
    await clock.advance(week - 1)
    expect(offsets()).toEqual(['orders@2', 'payments@2'])
    const group = broker.group('g')
    await clock.advance(1)
    expect(deleted).toEqual([{ groupId: 'g', reason: 'expired' }])
    expect([group.state, group.offsets]).toEqual(['Dead', []])
    expect(thrownBy(() => broker.group('g'))).toMatchObject({
      code: 'GROUP_ID_NOT_FOUND',
      errno: 69,
      groupId: 'g',
    })
  })

  it('[70] a member that comes back in time keeps them, and the time then counts anew', async () => {
    const { broker, clock, member, offsets } = twoTopics()
    const first = member(['orders'])
    await first.run({ eachRecord() {} })
    await broker.idle()
    await first.close()
    await clock.advance(6 * day)
    const second = member(['orders'])
    const read: number[] = []
    await second.run({ eachRecord: record => void read.push(record.offset) })
    await clock.advance(30 * day)
    await second.close()
    await clock.advance(week - 1)
    expect(offsets()).toEqual(['orders@2'])
    expect(read).toEqual([])
    await clock.advance(1)
    expect(broker.groups.size).toBe(0)
  })

  it('[70] each counts from its own commit where that came later', async () => {
    const { broker, clock, offsets } = twoTopics()
    await broker.admin.setGroupOffsets('g', [at('orders', 1)])
    await clock.advance(day)
    await broker.admin.setGroupOffsets('g', [at('payments', 1)])
    await clock.advance(6 * day)
    expect(offsets()).toEqual(['payments@1'])
    await clock.advance(day - 1)
    expect(offsets()).toEqual(['payments@1'])
    await clock.advance(1)
    expect(broker.groups.size).toBe(0)
  })

  it('[70] after it, a reader starts by its reset policy', async () => {
    const { broker, clock, member } = twoTopics({ offsetsRetentionMs: 1000 })
    const first = member(['orders'])
    await first.run({ eachRecord() {} })
    await broker.idle()
    await first.close()
    await clock.advance(1000)
    const read: number[] = []
    await member(['orders']).run({ eachRecord: record => void read.push(record.offset) })
    await broker.idle()
    expect(read).toEqual([0, 1])
  })

  it('[70] -1 keeps them for ever, and a group without offsets goes, too', async () => {
    const ever = twoTopics({ offsetsRetentionMs: -1 })
    await ever.broker.admin.setGroupOffsets('g', [at('orders', 1)])
    await ever.clock.advance(1000 * day)
    expect(ever.offsets()).toEqual(['orders@1'])

    const { broker, clock, member, deleted } = twoTopics({ offsetsRetentionMs: 1000 })
    const reader = member(['orders'])
    await reader.ready()
    await reader.close()
    await clock.advance(999)
    expect(broker.group('g').state).toBe('Empty')
    await clock.advance(1)
    expect(deleted).toEqual([{ groupId: 'g', reason: 'expired' }])
  })

  it('[70] no offsets at all make no group, and so none goes', async () => {
    const { broker, clock, deleted } = twoTopics()
    await broker.admin.setGroupOffsets('g', [])
    expect(broker.groups.size).toBe(0)
    await clock.advance(week)
    expect(deleted).toEqual([])
  })

  it('[71] while there are members, only what nobody subscribes to expires, from its last commit', async () => {
    const { clock, member, offsets, broker } = twoTopics()
    const reader = member(['orders', 'payments'])
    await reader.run({ eachRecord() {} })
    await broker.idle()
    await clock.advance(2 * day)
    fill(broker as never, 'payments', 1)
    await broker.idle()
    await clock.advance(1 * day)
    await reader.subscribe(['orders'])
    await clock.advance(week - 1 * day - 1)
    expect(offsets()).toEqual(['orders@2', 'payments@3'])
    await clock.advance(1)
    expect(offsets()).toEqual(['orders@2'])
    await clock.advance(100 * day)
    expect(offsets()).toEqual(['orders@2'])
  })

  it('[71] so does what the member that left was the only one to read', async () => {
    const { clock, member, offsets, broker } = twoTopics()
    const stays = member(['orders'])
    const leaves = member(['payments'])
    await stays.run({ eachRecord() {} })
    await leaves.run({ eachRecord() {} })
    await broker.idle()
    await leaves.close()
    await clock.advance(week - 1)
    expect(offsets()).toEqual(['orders@2', 'payments@2'])
    await clock.advance(1)
    expect(offsets()).toEqual(['orders@2'])
  })

  it('[71] and what is left from members before', async () => {
    const { clock, member, offsets, broker } = twoTopics()
    await broker.admin.setGroupOffsets('g', [at('orders', 1), at('payments', 1)])
    await clock.advance(day)
    await member(['orders']).run({ eachRecord() {} })
    await clock.advance(6 * day - 1)
    expect(offsets()).toEqual(['orders@2', 'payments@1'])
    await clock.advance(1)
    expect(offsets()).toEqual(['orders@2'])
  })

  it.each([
    ['[71] what expired', (_broker: Broker<any>, clock: VirtualClock) => clock.advance(1000)],
    ['[73] what was deleted', (broker: Broker<any>) => broker.admin.deleteGroupOffsets('g', [orders0])],
  ])(
    '%s of a partition that is still being given up is there again once that is committed',
    async (_, end) => {
      const { broker, clock, member, offsets } = twoTopics({ offsetsRetentionMs: 1000 })
      const { opened, open } = gate()
      const reader = member(['orders', 'payments'])
      await reader.run({
        eachRecord: ({ topic: name, offset }) => (name === 'orders' && offset === 1 ? opened : undefined),
        ordering: 'key',
        concurrency: 2,
      })
      await clock.settle()
      await reader.subscribe(['payments'])
      await end(broker, clock)
      expect(offsets()).toEqual(['payments@2'])
      open()
      await clock.settle()
      expect(offsets()).toEqual(['payments@2', 'orders@2'])
    },
  )

  it('[72] offsets of a consumer that only assigns expire from its last commit', async () => {
    const { broker, clock, offsets } = twoTopics()
    const assigned = broker.consumer({
      groupId: 'g',
      assign: [{ topic: 'orders', partition: 0 }],
      autoCommit: false,
    })
    await assigned.commit([at('orders', 1)]).catch(() => {})
    await assigned.ready()
    await assigned.commit([at('orders', 1)])
    await clock.advance(5 * day)
    await assigned.commit([at('orders', 2)])
    await clock.advance(week - 1)
    expect(offsets()).toEqual(['orders@2'])
    await clock.advance(1)
    expect(broker.groups.size).toBe(0)
    // It is not a member of anything that could have gone: it goes on.
    await assigned.commit([at('orders', 1)])
    expect(offsets()).toEqual(['orders@1'])
  })

  it('[73] deleting a group deletes its offsets at once, and is refused while it has members', async () => {
    const { broker, member, offsets, deleted } = twoTopics()
    const reader = member(['orders'])
    await reader.run({ eachRecord() {} })
    await broker.idle()
    for (const refused of [
      thrownBy(() => broker.deleteGroup('g')),
      await rejectionOf(broker.admin.deleteGroup('g')),
    ]) {
      expect(refused).toMatchObject({
        name: 'NonEmptyGroupError',
        code: 'NON_EMPTY_GROUP',
        errno: 68,
        groupId: 'g',
      })
    }
    expect(offsets()).toEqual(['orders@2'])
    await reader.close()
    broker.deleteGroup('g')
    expect(deleted).toEqual([{ groupId: 'g', reason: 'deleted' }])
    expect(thrownBy(() => broker.deleteGroup('g'))).toMatchObject({ code: 'GROUP_ID_NOT_FOUND' })
    await broker.admin.setGroupOffsets('g', [at('payments', 1)])
    expect(offsets()).toEqual(['payments@1'])
  })

  it('[73] deleting offsets of a topic that a member reads is refused', async () => {
    const { broker, member, offsets } = twoTopics()
    await broker.admin.setGroupOffsets('g', [at('orders', 1), at('payments', 1)])
    const reader = member(['orders'])
    await reader.ready()
    const both = [
      { topic: 'payments', partition: 0 },
      { topic: 'orders', partition: 0 },
    ]
    const error = await rejectionOf(broker.admin.deleteGroupOffsets('g', both))
    expect(error).toMatchObject({
      name: 'GroupSubscribedToTopicError',
      code: 'GROUP_SUBSCRIBED_TO_TOPIC',
      errno: 86,
      groupId: 'g',
      topic: 'orders',
    })
    await broker.admin.deleteGroupOffsets('g', [{ topic: 'payments', partition: 0 }])
    expect(broker.group('g').committed({ topic: 'payments', partition: 0 })).toBeNull()
    expect(offsets()).toEqual(['orders@1'])
  })

  it('[73] deleting a topic drops its offsets, also where the name is used again', async () => {
    const { broker, offsets } = twoTopics()
    await broker.admin.setGroupOffsets('g', [at('orders', 2), at('payments', 2)])
    broker.deleteTopic('orders')
    expect(offsets()).toEqual(['payments@2'])
    broker.createTopic('orders')
    broker.topic('orders').append({ value: 7 })
    const read: unknown[] = []
    await broker
      .consumer({ groupId: 'g', topics: ['orders'] })
      .run({ eachRecord: record => void read.push(record.value) })
    await broker.idle()
    expect(read).toEqual([7])
  })
})
