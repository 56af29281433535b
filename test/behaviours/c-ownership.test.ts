// Kafka's behaviours, section C: who owns a partition when. The numbers are the lines of the list of behaviours.
import { expect, it } from 'vitest'
import { type Consumer, InvalidAssignmentError } from '../../src/index.ts'
import { at, fill, gate, names, offsets, owners, range } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

const orders1 = { topic: 'orders', partition: 1 } as const

type Options = Parameters<ReturnType<typeof testBroker>['broker']['consumer']>[0]
type Assignor = Exclude<Options['assignor'], string | undefined>

function orders(partitions: number, count = 0) {
  const { broker, clock } = testBroker()
  broker.createTopic('orders', { partitions })
  for (let partition = 0; partition < partitions; partition++) fill(broker, 'orders', count, partition)
  const make = (clientId: string, options: Partial<Options> = {}) =>
    broker.consumer({ groupId: 'g', topics: ['orders'], clientId, ...options })
  return { broker, clock, make, group: () => broker.group('g') }
}

/** Deals partitions out in turn, beginning one member further with every change. */
function rotating(): Assignor {
  let turn = 0
  return {
    name: 'rotating',
    assign({ members, topics }) {
      const first = turn++
      const target = new Map(
        members.map(({ memberId }) => [memberId, [] as { topic: string; partition: number }[]]),
      )
      for (const [topic, count] of topics) {
        for (let partition = 0; partition < count; partition++) {
          target.get(members[(first + partition) % members.length]!.memberId)!.push({ topic, partition })
        }
      }
      return target
    },
  }
}

it('[56] nothing is handed out before onAssigned has ended', async () => {
  const { broker, clock, make } = orders(1, 2)
  const log: string[] = []
  const consumer = make('first', {
    onAssigned: async () => {
      log.push('assigned')
      await broker.clock.sleep(1000)
      log.push('ready')
    },
  })
  const running = consumer.run({ eachRecord: ({ offset }) => void log.push(`record ${offset}`) })
  await clock.advance(999)
  expect(log).toEqual(['assigned'])
  expect(consumer.assignment).toEqual([])
  await clock.advance(1)
  await running
  await clock.settle()
  expect(log).toEqual(['assigned', 'ready', 'record 0', 'record 1'])
})

it('[56] a seek in onAssigned is where the reading begins', async () => {
  const { broker, make } = orders(1, 5)
  const seen: number[] = []
  const consumer: Consumer<any> = make('first', { onAssigned: () => consumer.seek(orders0, 3) })
  await consumer.run({ eachRecord: ({ offset }) => void seen.push(offset) })
  await broker.idle()
  expect(seen).toEqual([3, 4])
})

it('[56] nothing of a revoked partition is handed out any more, though it was fetched', async () => {
  const { broker, clock, make } = orders(2, 4)
  const log: string[] = []
  const handler = (name: string) => async (record: { topic: string; partition: number; offset: number }) => {
    log.push(`${name} ${at(record)}`)
    await broker.clock.sleep(10)
  }
  await make('first').run({ eachRecord: handler('first') })
  await clock.advance(55)
  // It is at orders-1@1, and has 2 and 3 in hand.
  const joined = make('second').run({ eachRecord: handler('second') })
  await clock.advance(100)
  await joined
  expect(log).toEqual([
    ...range(0, 4).map(offset => `first orders-0@${offset}`),
    ...range(0, 2).map(offset => `first orders-1@${offset}`),
    ...range(2, 4).map(offset => `second orders-1@${offset}`),
  ])
})

it('[56] nothing of a paused partition is handed out, though it was fetched', async () => {
  const { broker, clock, make } = orders(2, 3)
  const seen: string[] = []
  const consumer = make('first')
  await consumer.run({
    eachRecord: record => {
      seen.push(at(record))
      if (seen.length === 2) consumer.pause([orders0])
    },
  })
  await clock.settle()
  expect(seen).toEqual(['orders-0@0', 'orders-0@1', 'orders-1@0', 'orders-1@1', 'orders-1@2'])
  consumer.resume([orders0])
  await broker.idle()
  expect(seen.slice(5)).toEqual(['orders-0@2'])
})

it('[57] a partition that moves is given up first, and only then assigned', async () => {
  const { clock, make, group } = orders(2, 2)
  const assignor = rotating()
  const held = gate()
  const first = make('first', { assignor })
  await first.run({ eachRecord: () => held.opened })
  await clock.settle()
  const second = make('second', { assignor })
  const joined = second.ready()
  await clock.settle()
  const view = () => group().members.map(({ assignment, revoking }) => [names(assignment), names(revoking)])
  expect(group().state).toBe('Reconciling')
  expect(view()).toEqual([
    [['orders-0', 'orders-1'], ['orders-0']],
    [[], []],
  ])
  held.open()
  await joined
  expect(group().state).toBe('Stable')
  expect(view()).toEqual([
    [['orders-1'], []],
    [['orders-0'], []],
  ])
})

it.each([
  ['gives a partition twice', (ids: string[]) => new Map(ids.map(id => [id, [orders0, orders1]]))],
  ['leaves a partition out', (ids: string[]) => new Map([[ids[0]!, [orders0]]])],
  ['throws', () => JSON.parse('no assignment')],
])('[57] an assignor that %s is an error, and nothing has changed', async (_, assign) => {
  const { broker, clock, make, group } = orders(2)
  let broken = false
  const assignor: Assignor = {
    name: 'custom',
    assign: ({ members }) =>
      broken
        ? assign(members.map(({ memberId }) => memberId))
        : new Map([[members[0]!.memberId, [orders0, orders1]]]),
  }
  await make('first', { assignor }).ready()
  const { epoch } = group()
  broker.on('error', () => {})
  broken = true
  const error = await rejectionOf(make('second', { assignor }).ready())
  expect(error).toBeInstanceOf(InvalidAssignmentError)
  await clock.settle()
  expect(owners(broker, 'g')).toEqual({ first: ['orders-0', 'orders-1'] })
  expect([group().state, group().epoch]).toEqual(['Stable', epoch])
})

it('[58] what is finished is committed before a partition goes on, within the rebalance timeout', async () => {
  const { broker, clock, make, group } = orders(2, 4)
  const log: string[] = []
  const first = make('first', { rebalanceTimeoutMs: 500 })
  first.on('committed', event => {
    for (const { partition, offset } of event.offsets) log.push(`first commits ${partition}: ${offset}`)
  })
  await first.run({ eachRecord: record => record.partition === 1 && broker.clock.sleep(400) })
  await clock.advance(600)
  log.length = 0
  const second = make('second')
  const joined = second.run({ eachRecord: record => void log.push(`second ${at(record)}`) })
  await clock.advance(199)
  expect(log).toEqual([])
  await clock.advance(1)
  await joined
  await clock.settle()
  expect(log).toEqual(['first commits 1: 2', 'second orders-1@2', 'second orders-1@3'])
  expect(group().committed(orders1)).toEqual({ offset: 4 })
})

it('[58] an automatic commit that fails is told, and stops nothing', async () => {
  const { broker, clock, make } = orders(2, 2)
  await make('member').ready()
  const errors: unknown[] = []
  const seen: number[] = []
  const consumer = broker.consumer({ groupId: 'g', assign: [orders0] })
  consumer.on('error', error => errors.push((error as { code?: string }).code))
  await consumer.run({ eachRecord: ({ offset }) => void seen.push(offset) })
  await clock.settle()
  fill(broker, 'orders', 1)
  await clock.settle()
  await consumer.close()
  await consumer.done
  expect(seen).toEqual([0, 1, 2])
  expect(errors).toEqual(['UNKNOWN_MEMBER_ID', 'UNKNOWN_MEMBER_ID', 'UNKNOWN_MEMBER_ID'])
})

it('[59] a pause lasts while the partition stays, and ends when it comes back from elsewhere', async () => {
  const { broker, clock, make } = orders(2)
  const seen: string[] = []
  const first = make('first')
  await first.run({ eachRecord: record => void seen.push(at(record)) })
  first.pause()
  expect(names(first.paused)).toEqual(['orders-0', 'orders-1'])
  const second = make('second')
  await second.ready()
  await clock.settle()
  expect(names(first.paused)).toEqual(['orders-0'])
  await second.close()
  await clock.settle()
  expect(names(first.assignment)).toEqual(['orders-0', 'orders-1'])
  expect(names(first.paused)).toEqual(['orders-0'])
  for (const partition of [0, 1]) fill(broker, 'orders', 1, partition)
  await clock.settle()
  expect(seen).toEqual(['orders-1@0'])
})

it('[60] at no moment do two members own a partition, though every change moves all of them', async () => {
  const { broker, clock, make } = orders(6)
  const assignor = rotating()
  const held = new Map<string, string>()
  const clashes: string[] = []
  let handled = 0
  const take = (partitions: Parameters<typeof names>[0], clientId: string) => {
    for (const name of names(partitions)) {
      const owner = held.get(name)
      if (owner !== undefined) clashes.push(`${name}: ${owner} and ${clientId}`)
      held.set(name, clientId)
    }
  }
  const start = (clientId: string) => {
    const consumer = make(clientId, {
      assignor,
      onAssigned: partitions => take(partitions, clientId),
      onRevoked: partitions => {
        for (const name of names(partitions)) held.delete(name)
      },
    })
    const eachRecord = async ({ topic, partition }: { topic: string; partition: number }) => {
      const name = `${topic}-${partition}`
      if (held.get(name) !== clientId)
        clashes.push(`${name}: handled by ${clientId}, held by ${held.get(name)}`)
      await broker.clock.sleep(7)
      if (held.get(name) !== clientId) clashes.push(`${name}: taken from ${clientId} under its hands`)
      handled++
    }
    void consumer.run({ eachRecord }).catch(() => {})
    return consumer
  }
  const disjoint = () => {
    const all = Object.values(owners(broker, 'g')).flat()
    if (new Set(all).size !== all.length) clashes.push(`the group: ${all}`)
  }
  const consumers = [start('c0')]
  for (let round = 1; round <= 8; round++) {
    for (let partition = 0; partition < 6; partition++) fill(broker, 'orders', 5, partition)
    if (round % 4 === 0) void consumers.shift()!.close()
    else consumers.push(start(`c${round}`))
    for (let i = 0; i < 5; i++) {
      await clock.advance(5)
      disjoint()
    }
  }
  await clock.advance(10_000)
  await broker.idle()
  expect(clashes).toEqual([])
  expect(broker.group('g').state).toBe('Stable')
  expect(broker.group('g').lag()).toBe(0)
  // At least once, and as nobody failed, exactly once.
  expect(handled).toBe(8 * 6 * 5)
})

it('[61] no second handler of a partition starts while the first still runs in the same consumer', async () => {
  const { clock, make, group } = orders(1, 3)
  const log: string[] = []
  const held = gate()
  const consumer = make('first', { maxPollIntervalMs: 1000 })
  await consumer.run({
    eachRecord: async ({ offset }) => {
      log.push(`begin ${offset}`)
      if (log.length === 3) await held.opened
      log.push(`end ${offset}`)
    },
  })
  await clock.advance(60_000)
  expect(log).toEqual(['begin 0', 'end 0', 'begin 1'])
  expect(group().state).toBe('Empty')
  held.open()
  await clock.settle()
  expect(log).toEqual([
    ...['begin 0', 'end 0', 'begin 1', 'end 1'],
    ...['begin 1', 'end 1', 'begin 2', 'end 2'],
  ])
  expect(group().committed(orders0)).toEqual({ offset: 3 })
})

it('[61] nor when the partition leaves and comes back while it runs', async () => {
  const { broker, clock, make } = orders(2, 2)
  const log: string[] = []
  const first = make('first')
  await first.run({
    eachRecord: async record => {
      log.push(`begin ${at(record)}`)
      await broker.clock.sleep(100)
      log.push(`end ${at(record)}`)
    },
  })
  await clock.advance(250)
  // orders-1 is to go to the second one, which goes before it has got it.
  const second = make('second')
  second.ready().catch(() => {})
  await clock.advance(10)
  await second.close()
  await clock.advance(300)
  expect(names(first.assignment)).toEqual(['orders-0', 'orders-1'])
  expect(log).toEqual(
    ['orders-0@0', 'orders-0@1', 'orders-1@0', 'orders-1@1'].flatMap(record => [
      `begin ${record}`,
      `end ${record}`,
    ]),
  )
})

it('[61] nor after a poll: what is in hand keeps its partition until the next one', async () => {
  const { broker, clock, make } = orders(2, 2)
  const first = make('first')
  expect((await first.poll()).map(at)).toEqual(['orders-0@0', 'orders-0@1', 'orders-1@0', 'orders-1@1'])
  const second = make('second')
  const polled = second.poll()
  await clock.settle()
  expect(owners(broker, 'g')).toEqual({ first: ['orders-0', 'orders-1'], second: [] })
  const next = first.poll({ timeoutMs: 1 })
  await clock.advance(1)
  expect(await next).toEqual([])
  expect(owners(broker, 'g')).toEqual({ first: ['orders-0'], second: ['orders-1'] })
  fill(broker, 'orders', 1, 1)
  expect(offsets(await polled)).toEqual([2])
})
