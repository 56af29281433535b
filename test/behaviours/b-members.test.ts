// Kafka's behaviours, section B: liveness, static members, leaving. The numbers are the lines of the list.
import { expect, it } from 'vitest'
import { CommitFailedError, UnreleasedInstanceIdError } from '../../src/index.ts'
import { at, fill, gate, names, offsets, owners, range } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

function orders(width: number, count = 0) {
  const { broker, clock } = testBroker()
  broker.createTopic('orders', { partitions: width })
  for (let partition = 0; partition < width; partition++) fill(broker, 'orders', count, partition)
  const log: string[] = []
  const make = (clientId: string, options: Partial<Parameters<typeof broker.consumer>[0]> = {}) =>
    broker.consumer({
      groupId: 'g',
      topics: ['orders'],
      clientId,
      onAssigned: partitions => void log.push(`${clientId} assigned ${names(partitions)}`),
      onRevoked: partitions => void log.push(`${clientId} revoked ${names(partitions)}`),
      onLost: partitions => void log.push(`${clientId} lost ${names(partitions)}`),
      ...options,
    })
  return { broker, clock, log, make, group: () => broker.group('g') }
}

it('[34] a member that does not give up in time is removed, and the epoch grows', async () => {
  const { broker, clock, log, make, group } = orders(2, 3)
  const held = gate()
  const slow = make('slow', { rebalanceTimeoutMs: 60_000 })
  await slow.run({ eachRecord: async record => at(record) === 'orders-1@1' && held.opened })
  await clock.settle()
  const { epoch } = group()

  const quick = make('quick', { autoCommit: false })
  const running = quick.run({ eachRecord: record => void log.push(`quick ${at(record)}`) })
  await clock.settle()
  expect(group().epoch).toBe(epoch + 1)
  await clock.advance(59_999)
  expect(group().state).toBe('Reconciling')
  await clock.advance(1)
  expect(group().state).toBe('Stable')
  await running
  expect(group().epoch).toBe(epoch + 2)
  expect(owners(broker, 'g')).toEqual({ quick: ['orders-0', 'orders-1'] })
  // Whoever is removed hears of it when the partitions are somebody else's already.
  expect(log).toEqual([
    'slow assigned orders-0,orders-1',
    ...['quick assigned orders-0,orders-1', 'quick orders-1@1', 'quick orders-1@2'],
    'slow lost orders-0,orders-1',
  ])

  // When its handler has ended it comes back.
  held.open()
  await clock.settle()
  expect(Object.keys(owners(broker, 'g'))).toEqual(['quick', 'slow'])
})

it.each([undefined, 10_000])(
  '[37] a static member that is gone keeps its place for its session (%s)',
  async ms => {
    const { broker, clock, make } = orders(2)
    const sessionTimeoutMs = ms ?? 45_000
    const gone = make('gone', { groupInstanceId: 'i', ...(ms === undefined ? {} : { sessionTimeoutMs: ms }) })
    await gone.ready()
    await make('other').ready()
    await gone.close()
    await clock.advance(sessionTimeoutMs - 1)
    expect(owners(broker, 'g')).toEqual({ gone: ['orders-0'], other: ['orders-1'] })
    const left: string[] = []
    broker.on('memberLeft', ({ reason }) => left.push(reason))
    await clock.advance(1)
    expect(owners(broker, 'g')).toEqual({ other: ['orders-0', 'orders-1'] })
    expect(left).toEqual(['session expired'])
  },
)

it('[37] a member in this process needs no heartbeat: an idle one stays for ever', async () => {
  const { broker, clock, make } = orders(1)
  const idle = make('idle')
  await idle.run({ eachRecord: () => {} })
  await clock.advance(7 * 24 * 60 * 60 * 1000)
  fill(broker, 'orders', 1)
  await broker.idle()
  expect(owners(broker, 'g')).toEqual({ idle: ['orders-0'] })
  expect(idle.position(orders0)).toBe(1)
})

it('[39] a handler longer than maxPollIntervalMs costs its consumer the partitions', async () => {
  const { clock, log, make, group } = orders(1, 3)
  const held = gate()
  const stuck = make('stuck')
  const eachRecord = async (record: { offset: number }) => {
    log.push(`stuck ${record.offset}`)
    if (record.offset === 1 && log.length === 3) await held.opened
  }
  await stuck.run({ eachRecord })
  await clock.advance(299_999)
  expect(group().state).toBe('Stable')
  await clock.advance(1)
  expect(group().state).toBe('Empty')
  expect(await rejectionOf(stuck.commit([{ ...orders0, offset: 2 }]))).toBeInstanceOf(CommitFailedError)
  expect(group().committed(orders0)).toEqual({ offset: 1 })

  const other = make('other')
  await other.run({ eachRecord: record => void log.push(`other ${record.offset}`) })
  await clock.settle()
  held.open()
  await clock.settle()
  expect(log).toEqual([
    ...['stuck assigned orders-0', 'stuck 0', 'stuck 1', 'stuck lost orders-0'],
    ...['other assigned orders-0', 'other 1', 'other 2'],
    'stuck assigned ',
  ])
})

it('[39] the interval counts anew from each finished record', async () => {
  const { broker, clock, make, group } = orders(1, 4)
  const consumer = make('slow')
  await consumer.run({ eachRecord: () => broker.clock.sleep(299_000) })
  await clock.advance(4 * 299_000)
  expect(group().committed(orders0)).toEqual({ offset: 4 })
  expect(owners(broker, 'g')).toEqual({ slow: ['orders-0'] })
})

it('[39] more than maxPollIntervalMs between polls: what is in hand is not committed, the next poll rejoins', async () => {
  const { broker, clock, log, make, group } = orders(1, 6)
  const consumer = make('polling')
  await consumer.poll({ maxRecords: 2 })
  await consumer.poll({ maxRecords: 2 })
  await clock.advance(300_000)
  expect(log).toEqual(['polling assigned orders-0', 'polling lost orders-0'])
  expect(group().state).toBe('Empty')
  expect(await rejectionOf(consumer.commit())).toMatchObject({ code: 'UNKNOWN_MEMBER_ID' })
  expect(offsets(await consumer.poll())).toEqual(range(2, 6))
  expect(owners(broker, 'g')).toEqual({ polling: ['orders-0'] })
})

it('[39] a consumer that stops polling with nothing in hand leaves, too, and stays away until it polls', async () => {
  const { broker, clock, make } = orders(2)
  const idle = make('idle')
  const polled = idle.poll({ timeoutMs: 10 })
  await clock.advance(10)
  expect(await polled).toEqual([])
  const other = make('other')
  await other.ready()
  await clock.advance(300_000)
  expect(owners(broker, 'g')).toEqual({ other: ['orders-0', 'orders-1'] })
  await clock.advance(900_000)
  expect(owners(broker, 'g')).toEqual({ other: ['orders-0', 'orders-1'] })

  const again = idle.poll({ timeoutMs: 10 })
  await clock.advance(10)
  expect(await again).toEqual([])
  expect(Object.keys(owners(broker, 'g'))).toEqual(['other', 'idle'])
  expect(idle.assignment.length).toBe(1)
})

it('[40] a static member that exceeds it keeps its partitions until its session is over', async () => {
  const { broker, clock, log, make } = orders(2, 2)
  const held = gate()
  const stuck = make('stuck', { groupInstanceId: 'i', maxPollIntervalMs: 1000 })
  await stuck.run({ eachRecord: () => held.opened })
  await clock.settle()
  await clock.advance(1000)
  const running = make('other').run({ eachRecord: record => void log.push(`other ${at(record)}`) })
  await clock.advance(44_999)
  expect(owners(broker, 'g').stuck).toEqual(['orders-0', 'orders-1'])
  await clock.advance(1)
  await running
  expect(owners(broker, 'g')).toEqual({ other: ['orders-0', 'orders-1'] })
  expect(log).toEqual([
    'stuck assigned orders-0,orders-1',
    'stuck lost orders-0,orders-1',
    'other assigned orders-0,orders-1',
    ...['other orders-0@0', 'other orders-0@1', 'other orders-1@0', 'other orders-1@1'],
  ])

  // Its handler ends only now: it comes back as a new member.
  held.open()
  await clock.settle()
  expect(Object.values(owners(broker, 'g')).map(({ length }) => length)).toEqual([1, 1])
})

it('[40] and has them back at once if it goes on within its session', async () => {
  const { broker, clock, log, make } = orders(1, 2)
  const held = gate()
  const stuck = make('stuck', { groupInstanceId: 'i', maxPollIntervalMs: 1000 })
  await stuck.run({
    eachRecord: ({ offset }) => {
      log.push(`handles ${offset}`)
      return log.length === 2 ? held.opened : undefined
    },
  })
  await clock.advance(40_000)
  held.open()
  await clock.settle()
  expect(log).toEqual([
    ...['stuck assigned orders-0', 'handles 0', 'stuck lost orders-0'],
    ...['stuck assigned orders-0', 'handles 0', 'handles 1'],
  ])
  expect(owners(broker, 'g')).toEqual({ stuck: ['orders-0'] })
  await clock.advance(45_000)
  expect(owners(broker, 'g')).toEqual({ stuck: ['orders-0'] })
})

it('[41] a static member back within its session has its assignment again, and nobody rebalances', async () => {
  const { broker, clock, log, make } = orders(4)
  const before = make('before', { groupInstanceId: 'i' })
  await before.ready()
  const other = make('other')
  await other.ready()
  await before.close()
  log.length = 0
  const rebalanced: unknown[] = []
  broker.on('rebalanced', ({ members, moved }) => rebalanced.push({ members, moved }))
  await clock.advance(44_999)

  const after = make('after', { groupInstanceId: 'i' })
  await after.ready()
  await clock.advance(60_000)
  expect(log).toEqual(['after assigned orders-0,orders-2'])
  expect(owners(broker, 'g')).toEqual({ after: ['orders-0', 'orders-2'], other: ['orders-1', 'orders-3'] })
  expect(rebalanced).toEqual([])
  expect(before.memberId).not.toBe(after.memberId)

  await make('third').ready()
  expect(rebalanced).toEqual([{ members: 3, moved: 1 }])
})

it('[41] a static member back with another subscription reads that, and what it had goes to the others', async () => {
  const { broker, clock, make } = orders(2)
  broker.createTopic('payments', {})
  const before = make('before', { groupInstanceId: 'i' })
  await before.ready()
  await make('other').ready()
  await before.close()
  await make('after', { groupInstanceId: 'i', topics: ['payments'] }).ready()
  await clock.settle()
  expect(owners(broker, 'g')).toEqual({ other: ['orders-0', 'orders-1'], after: ['payments-0'] })
})

it('[43] a second live member with the same instance id is refused, and the first goes on', async () => {
  const { broker, clock, make } = orders(1, 1)
  const first = make('first', { groupInstanceId: 'i' })
  await first.run({ eachRecord: () => {} })
  const second = make('second', { groupInstanceId: 'i' })
  const error = await rejectionOf(second.ready())
  expect(error).toBeInstanceOf(UnreleasedInstanceIdError)
  expect(error).toMatchObject({ code: 'UNRELEASED_INSTANCE_ID', groupId: 'g', groupInstanceId: 'i' })
  await broker.idle()
  expect(owners(broker, 'g')).toEqual({ first: ['orders-0'] })

  // Once the first is gone the same consumer may try again.
  await first.close()
  await second.ready()
  await clock.settle()
  expect(owners(broker, 'g')).toEqual({ second: ['orders-0'] })
})

it('[44] close of a dynamic member frees its partitions at once, that of a static one keeps them', async () => {
  const { broker, clock, make, group } = orders(3)
  const dynamic = make('dynamic')
  const fixed = make('fixed', { groupInstanceId: 'i' })
  for (const consumer of [make('other'), dynamic, fixed]) await consumer.ready()
  await dynamic.close()
  await fixed.close()
  await clock.settle()
  const owned = owners(broker, 'g')
  expect(Object.keys(owned)).toEqual(['other', 'fixed'])
  expect(owned.other!.length + owned.fixed!.length).toBe(3)
  expect(group().members.map(({ connected }) => connected)).toEqual([true, false])
})

it('[44] close({ leave: true }) of a static member frees its partitions at once', async () => {
  const { broker, clock, make } = orders(2)
  const fixed = make('fixed', { groupInstanceId: 'i' })
  await fixed.ready()
  await make('other').ready()
  await fixed.close({ leave: true })
  await clock.settle()
  expect(owners(broker, 'g')).toEqual({ other: ['orders-0', 'orders-1'] })
})

it('[49] close waits for what is in flight, commits it and leaves', async () => {
  const { broker, clock, log, make, group } = orders(1, 3)
  const consumer = make('first')
  await consumer.run({
    eachRecord: async ({ offset }) => {
      await broker.clock.sleep(1000)
      log.push(`handled ${offset}`)
    },
  })
  await clock.advance(500)
  const closed = consumer.close()
  await clock.advance(499)
  expect(group().state).toBe('Stable')
  await clock.advance(1)
  expect(await closed).toEqual([{ group: 'g', ...orders0, from: 1, count: 2 }])
  await consumer.done
  expect(log).toEqual(['first assigned orders-0', 'handled 0', 'first revoked orders-0'])
  expect(group().state).toBe('Empty')
  expect(group().committed(orders0)).toEqual({ offset: 1 })
})

it.each([
  ['30 s', {}, 30_000],
  ['timeoutMs', { timeoutMs: 5000 }, 5000],
] as const)('[49] close is bounded by %s', async (_, options, boundMs) => {
  const { clock, make, group } = orders(1, 3)
  const consumer = make('stuck')
  const held = gate()
  await consumer.run({ eachRecord: ({ offset }) => (offset === 1 ? held.opened : undefined) })
  await clock.settle()
  let closed = false
  const closing = consumer.close(options).then(left => {
    closed = true
    return left
  })
  await clock.advance(boundMs - 1)
  expect([closed, group().state]).toEqual([false, 'Stable'])
  await clock.advance(1)
  expect([closed, group().state]).toEqual([true, 'Empty'])
  expect(await closing).toEqual([{ group: 'g', ...orders0, from: 1, count: 2 }])
  expect(group().committed(orders0)).toEqual({ offset: 1 })

  // What it still does counts for nothing.
  held.open()
  await clock.settle()
  expect(group().committed(orders0)).toEqual({ offset: 1 })
})

it('[49] close with timeoutMs 0 waits for nothing', async () => {
  const { clock, make, group } = orders(1, 3)
  const consumer = make('stuck')
  await consumer.run({ eachRecord: ({ offset }) => (offset === 1 ? gate().opened : undefined) })
  await clock.settle()
  expect(await consumer.close({ timeoutMs: 0 })).toEqual([{ group: 'g', ...orders0, from: 1, count: 2 }])
  expect(group().state).toBe('Empty')
})

it('[49] close is bounded when onRevoked does not end, too', async () => {
  const { clock, make, group } = orders(1, 3)
  const consumer = make('first', { onRevoked: () => gate().opened })
  await consumer.run({ eachRecord: () => {} })
  await clock.settle()
  const closing = consumer.close({ timeoutMs: 1000 })
  await clock.advance(999)
  expect(group().state).toBe('Stable')
  await clock.advance(1)
  expect(await closing).toEqual([])
  expect(group().state).toBe('Empty')
  expect(group().committed(orders0)).toEqual({ offset: 3 })
})
