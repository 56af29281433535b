// Kafka's behaviours, section C: what a consumer is told of a rebalance. The numbers are the lines of the list.
import { expect, it } from 'vitest'
import { CommitFailedError } from '../../src/index.ts'
import { at, fill, gate, names, offsets, owners } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

type Options = Parameters<ReturnType<typeof testBroker>['broker']['consumer']>[0]

function orders(width: number, count = 0) {
  const { broker, clock } = testBroker()
  broker.createTopic('orders', { partitions: width })
  for (let partition = 0; partition < width; partition++) fill(broker, 'orders', count, partition)
  const log: string[] = []
  const make = (clientId: string, options: Partial<Options> = {}) =>
    broker.consumer({
      groupId: 'g',
      topics: ['orders'],
      clientId,
      onAssigned: partitions => void log.push(`${clientId} assigned ${names(partitions)}`),
      onRevoked: partitions => void log.push(`${clientId} revoked ${names(partitions)}`),
      onLost: partitions => void log.push(`${clientId} lost ${names(partitions)}`),
      ...options,
    })
  return { broker, clock, log, make }
}

it("[50] the old owner's onRevoked ends before the new owner's onAssigned begins", async () => {
  const { broker, clock, log, make } = orders(2, 3)
  const first = make('first', {
    autoCommit: false,
    onRevoked: async partitions => {
      log.push(`first begins to give up ${names(partitions)}`)
      await broker.clock.sleep(1000)
      await first.commit([{ topic: 'orders', partition: 1, offset: 2 }])
      log.push(`first has given up ${names(partitions)}`)
    },
  })
  await first.ready()
  const second = make('second')
  const running = second.run({ eachRecord: record => void log.push(`second ${at(record)}`) })
  await clock.advance(999)
  expect(log).toEqual(['first assigned orders-0,orders-1', 'first begins to give up orders-1'])
  expect(owners(broker, 'g')).toEqual({ first: ['orders-0', 'orders-1'], second: [] })
  await clock.advance(1)
  await running
  await clock.settle()
  expect(log.slice(2)).toEqual([
    'first has given up orders-1',
    'second assigned orders-1',
    // What onRevoked commits counts.
    'second orders-1@2',
  ])
})

it('[51] onAssigned lists only what is new, and comes with nothing where a member gets nothing', async () => {
  const { broker, clock, log, make } = orders(2)
  const first = make('first')
  await first.ready()
  await make('second').ready()
  await make('third').ready()
  broker.topic('orders').addPartitions(3)
  await clock.settle()
  await first.close()
  await clock.settle()
  expect(log).toEqual([
    'first assigned orders-0,orders-1',
    ...['first revoked orders-1', 'second assigned orders-1'],
    'third assigned ',
    'third assigned orders-2',
    ...['first revoked orders-0', 'second assigned orders-0'],
  ])
})

it('[51] a member that keeps what it has is not called', async () => {
  const { clock, log, make } = orders(3)
  for (const clientId of ['first', 'second', 'third']) await make(clientId).ready()
  await clock.settle()
  log.length = 0
  await make('fourth').ready()
  await clock.settle()
  expect(log).toEqual(['fourth assigned '])
})

it('[52] a fourth member on 12 partitions moves exactly 3, and the other 9 are read on meanwhile', async () => {
  const { broker, clock, log, make } = orders(12)
  const handled: string[] = []
  const eachRecord = (record: Parameters<typeof at>[0]) => void handled.push(at(record))
  let giveUpMs = 0
  for (const clientId of ['a', 'b', 'c']) {
    const onRevoked = async (partitions: Parameters<typeof names>[0]) => {
      if (giveUpMs > 0) await broker.clock.sleep(giveUpMs)
      log.push(...names(partitions).map(name => `${clientId} revoked ${name}`))
    }
    await make(clientId, { onRevoked }).run({ eachRecord })
  }
  await clock.settle()
  const before = owners(broker, 'g')
  expect(Object.values(before).map(({ length }) => length)).toEqual([4, 4, 4])
  const rebalanced: number[] = []
  broker.on('rebalanced', ({ moved }) => rebalanced.push(moved))
  log.length = 0

  giveUpMs = 1000
  const joined = make('d').run({ eachRecord })
  await clock.settle()
  const moving = broker.group('g').members.flatMap(({ revoking }) => names(revoking))
  expect(moving.length).toBe(3)
  for (let partition = 0; partition < 12; partition++) fill(broker, 'orders', 1, partition)
  await clock.advance(999)
  expect(broker.group('g').state).toBe('Reconciling')
  const staying = Object.values(before).flatMap(all => all.filter(name => !moving.includes(name)))
  expect([...handled].sort()).toEqual(staying.map(name => `${name}@0`).sort())

  await clock.advance(1)
  await joined
  await broker.idle()
  expect(handled.slice(9).sort()).toEqual(moving.map(name => `${name}@0`).sort())
  const expected: Record<string, string[]> = { d: [...moving].sort() }
  for (const clientId of ['a', 'b', 'c']) {
    expected[clientId] = before[clientId]!.filter(name => !moving.includes(name))
  }
  expect(owners(broker, 'g')).toEqual(expected)
  expect(rebalanced).toEqual([3])
  const revoked = moving.map(name => `${owner(before, name)} revoked ${name}`)
  expect(log.filter(line => line.includes('revoked')).sort()).toEqual(revoked.sort())
  const assigned = log.filter(line => line.includes('assigned'))
  expect(assigned.every(line => line.startsWith('d '))).toBe(true)
})

function owner(owned: Record<string, string[]>, name: string): string | undefined {
  return Object.keys(owned).find(clientId => owned[clientId]!.includes(name))
}

it('[53] who is removed gets onLost and not onRevoked, and cannot commit any more', async () => {
  const { broker, clock, log, make } = orders(1, 3)
  const held = gate()
  const errors: unknown[] = []
  const stuck = make('stuck', {
    maxPollIntervalMs: 1000,
    onLost: async partitions => {
      log.push(`stuck lost ${names(partitions)}`)
      errors.push(await rejectionOf(stuck.commit([{ ...orders0, offset: 3 }])))
      errors.push(await rejectionOf(stuck.commit()))
    },
  })
  const events: string[] = []
  stuck.on('lost', ({ partitions, reason }) =>
    events.push(`${names(partitions)} ${(reason as CommitFailedError).code}`),
  )
  stuck.on('revoked', () => events.push('revoked'))
  let aborted: unknown
  await stuck.run({
    eachRecord: ({ offset }, { signal }) => {
      signal.addEventListener('abort', () => {
        aborted = signal.reason
      })
      return offset === 1 ? held.opened : undefined
    },
  })
  await clock.advance(1000)
  expect(log).toEqual(['stuck assigned orders-0', 'stuck lost orders-0'])
  expect(events).toEqual(['orders-0 UNKNOWN_MEMBER_ID'])
  expect(errors.map(error => (error as CommitFailedError).code)).toEqual([
    'UNKNOWN_MEMBER_ID',
    'UNKNOWN_MEMBER_ID',
  ])
  expect(errors[0]).toBeInstanceOf(CommitFailedError)
  expect(aborted).toBeInstanceOf(CommitFailedError)
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 1 })
})

it('[53] and onAssigned with nothing, where nothing is left for it when it comes back', async () => {
  const { clock, log, make } = orders(1, 1)
  const held = gate()
  const stuck = make('stuck', { maxPollIntervalMs: 1000 })
  await stuck.run({ eachRecord: () => held.opened })
  await make('other').ready()
  await clock.advance(1000)
  held.open()
  await stuck.ready()
  await clock.settle()
  expect(log).toEqual([
    'stuck assigned orders-0',
    'other assigned ',
    'other assigned orders-0',
    'stuck lost orders-0',
    'stuck assigned ',
  ])
})

it('[53] so does who loses a topic that is deleted', async () => {
  const { broker, clock, log, make } = orders(2)
  await make('first').ready()
  broker.deleteTopic('orders')
  await clock.settle()
  expect(log).toEqual(['first assigned orders-0,orders-1', 'first lost orders-0,orders-1'])
})

it('[54] a hook that throws changes nothing, is not called again, and reaches whoever polls', async () => {
  const { broker, clock, log, make } = orders(2, 1)
  const failing = (name: string) => (partitions: Parameters<typeof names>[0]) => {
    log.push(`${name} ${names(partitions)}`)
    throw new Error(`${name} failed`)
  }
  const first = make('first', { onAssigned: failing('assigned'), onRevoked: failing('revoked') })
  first.on('error', () => {})
  expect(await rejectionOf(first.poll())).toMatchObject({ message: 'assigned failed' })
  expect((await first.poll({ maxRecords: 1 })).map(at)).toEqual(['orders-0@0'])
  expect((await first.poll({ maxRecords: 1 })).map(at)).toEqual(['orders-1@0'])

  const polled = first.poll()
  const failed = rejectionOf(polled)
  const second = make('second')
  await second.ready()
  expect(await failed).toMatchObject({ message: 'revoked failed' })
  expect(owners(broker, 'g')).toEqual({ first: ['orders-0'], second: ['orders-1'] })
  fill(broker, 'orders', 1)
  expect((await first.poll()).map(at)).toEqual(['orders-0@1'])
  await clock.settle()
  expect(log).toEqual(['assigned orders-0,orders-1', 'revoked orders-1', 'second assigned orders-1'])
})

it('[54] also a poll that waits when a hook fails late, with no record to end the wait', async () => {
  const { clock, make } = orders(2)
  const { opened, open } = gate()
  const onRevoked = () => opened.then(() => Promise.reject(new Error('revoked failed')))
  const first = make('first', { onRevoked })
  const failed = rejectionOf(first.poll())
  await clock.settle()
  const second = make('second')
  const joined = second.ready()
  await clock.settle()
  open()
  await joined
  expect(await failed).toMatchObject({ message: 'revoked failed' })
})

it("[54] in run it is an 'error' event", async () => {
  const { clock, broker, make } = orders(1, 2)
  const errors: unknown[] = []
  const seen: number[] = []
  const consumer = make('first', {
    onAssigned: async () => Promise.reject(new Error('assigned failed')),
    onRevoked: () => {
      throw new Error('revoked failed')
    },
  })
  consumer.on('error', error => errors.push((error as Error).message))
  await consumer.run({ eachRecord: ({ offset }) => void seen.push(offset) })
  await broker.idle()
  await consumer.close()
  await clock.settle()
  expect(seen).toEqual([0, 1])
  expect(errors).toEqual(['assigned failed', 'revoked failed'])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 2 })
})

it.each(['poll', 'loop'] as const)('[54] at close, where nobody polls any more (%s), too', async how => {
  const { clock, make } = orders(1, 2)
  const errors: unknown[] = []
  const onRevoked = () => Promise.reject(new Error('revoked failed'))
  const consumer = make('first', { onRevoked })
  consumer.on('error', error => errors.push((error as Error).message))
  if (how === 'poll') await consumer.poll()
  else for await (const record of consumer) if (record) break
  await consumer.close()
  await clock.settle()
  expect(errors).toEqual(['revoked failed'])
})

it('[55] onRevoked runs on close, too, and what is in flight is done by then', async () => {
  const { broker, clock, log, make } = orders(2, 2)
  const held = gate()
  const consumer = make('first')
  await consumer.run({
    eachRecord: async record => {
      await held.opened
      log.push(`first ${at(record)}`)
    },
  })
  await clock.settle()
  const closed = consumer.close()
  await clock.settle()
  held.open()
  await closed
  expect(log).toEqual([
    'first assigned orders-0,orders-1',
    'first orders-0@0',
    'first revoked orders-0,orders-1',
  ])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 1 })
})

it('[55] and on unsubscribe, and when a failed handler makes it leave', async () => {
  const { clock, log, make } = orders(1, 1)
  const first = make('first')
  await first.poll()
  await first.subscribe([])
  const polled = first.poll({ timeoutMs: 1 })
  await clock.advance(1)
  expect(offsets(await polled)).toEqual([])
  expect(log).toEqual(['first assigned orders-0', 'first revoked orders-0'])

  log.length = 0
  const second = make('second', { groupId: 'h' })
  second.on('restarting', ({ delayMs }) => log.push(`second restarts in ${delayMs}`))
  let failures = 0
  await second.run({
    retry: { attempts: 1 },
    eachRecord: () => {
      if (failures++ === 0) throw new Error('broken')
    },
  })
  await clock.advance(1000)
  expect(log).toEqual([
    ...['second assigned orders-0', 'second restarts in 1000', 'second revoked orders-0'],
    'second assigned orders-0',
  ])
})
