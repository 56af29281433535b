// Where two things end, begin or change at once.
import { expect, it } from 'vitest'
import { fill, gate, names, offsets, range } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'

const retry = { attempts: 1 }
it('ends when a listener of its crash closes it, and gives it what was left', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const left: unknown[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('crashed', () => void consumer.close().then(report => left.push(...report)))
  await consumer.run({ retry, onFailure: 'stop', eachRecord: () => Promise.reject('no') })
  await clock.settle()
  expect(left).toEqual([{ group: 'g', ...orders0, from: 0, count: 2 }])
  expect(await rejectionOf(consumer.done)).toMatchObject({ cause: 'no' })
})

it('ends when a listener of its restart closes it', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const events: string[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('restarting', () => void consumer.close().then(() => events.push('closed')))
  broker.on('memberJoined', () => events.push('joined'))
  await consumer.run({ retry, eachRecord: () => Promise.reject('no') })
  await clock.advance(10_000)
  expect(events).toEqual(['joined', 'closed'])
  await consumer.done
})

it('ends when its signal aborts while it waits to restart', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const stop = new AbortController()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('restarting', () => {})
  await consumer.run({ retry, signal: stop.signal, eachRecord: () => Promise.reject('no') })
  await clock.advance(500)
  stop.abort()
  await consumer.done
  await clock.advance(10_000)
  expect(broker.group('g').state).toBe('Empty')
})

it('ends at once when it was removed for a stuck handler that still runs', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const { opened, open } = gate()
  const seen: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], maxPollIntervalMs: 1000 })
  await consumer.run({
    eachRecord: async ({ offset }) => {
      seen.push(offset)
      await opened
    },
  })
  await clock.advance(1000)
  expect(await consumer.close()).toEqual([{ group: 'g', topic: 'orders', partition: 0, from: 0, count: 2 }])
  open()
  await clock.advance(10_000)
  expect(seen).toEqual([0])
  expect(broker.group('g').state).toBe('Empty')
})

it('is ready again after a restart only once it is assigned anew', async () => {
  const { broker, clock } = brokerWithOrders(1)
  let failing = true
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('restarting', () => {})
  await consumer.run({
    retry,
    eachRecord: () => {
      if (failing) throw new Error('boom')
    },
  })
  await clock.settle()
  failing = false
  const ready = consumer.ready().then(() => names(consumer.assignment))
  const caughtUp = consumer.caughtUp()
  await clock.advance(999)
  expect(consumer.assignment).toEqual([])
  await clock.advance(1)
  expect(await ready).toEqual(['orders-0'])
  await caughtUp
})

it('awaits onLost before it rejoins', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const { opened, open } = gate()
  const steps: string[] = []
  const consumer = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    maxPollIntervalMs: 1000,
    onLost: async () => {
      steps.push('onLost')
      await opened
      steps.push('told')
    },
    onAssigned: () => void steps.push('assigned'),
  })
  let times = 0
  await consumer.run({ eachRecord: () => (times++ === 0 ? broker.clock.sleep(1500) : undefined) })
  await clock.advance(3000)
  expect(steps).toEqual(['assigned', 'onLost'])
  open()
  await clock.settle()
  expect(steps).toEqual(['assigned', 'onLost', 'told', 'assigned'])
  expect(times).toBe(2)
})

it('forgets a pause with the partition: who gets it back reads it', async () => {
  const { broker } = brokerWithOrders(0, 2)
  const seen: number[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: ({ partition }) => void seen.push(partition) })
  consumer.pause()
  const other = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await other.ready()
  const moved = other.assignment[0]!
  await other.close()
  await broker.group('g').stable()
  await consumer.ready()
  expect(names(consumer.assignment)).toHaveLength(2)
  expect(names(consumer.paused)).toEqual([`orders-${1 - moved.partition}`])
})

it('gives a partition to its next owner where the handler in flight left off', async () => {
  const { broker, clock } = brokerWithOrders(4)
  const seen: string[] = []
  const make = (clientId: string) => {
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], clientId })
    const running = consumer.run({
      eachRecord: async ({ offset }) => {
        await broker.clock.sleep(100)
        seen.push(`${clientId} ${offset}`)
      },
    })
    return { consumer, running }
  }
  const first = make('a')
  await first.running
  await clock.advance(150)
  const second = make('b')
  const closed = first.consumer.close()
  await clock.advance(1000)
  await Promise.all([closed, second.running])
  expect(seen).toEqual(['a 0', 'a 1', 'b 2', 'b 3'])
})

it('fills and reads on when members come and go all the time', async () => {
  const { broker, clock } = brokerWithOrders(0, 6)
  const handled = new Map<string, number>()
  const make = async () => {
    const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
    await consumer.run({
      eachRecord: async ({ partition, offset }) => {
        await broker.clock.sleep(1)
        const id = `${partition}@${offset}`
        handled.set(id, (handled.get(id) ?? 0) + 1)
      },
    })
    return consumer
  }
  const members = [await make()]
  for (const round of range(0, 12)) {
    for (const partition of range(0, 6)) fill(broker, 'orders', 3, partition)
    const change = round % 3 === 2 ? members.shift()!.close() : make().then(member => members.push(member))
    await clock.advance(7)
    await change
  }
  await clock.advance(1000)
  await broker.idle()
  expect(handled.size).toBe(6 * 12 * 3)
  expect(new Set(handled.values())).toEqual(new Set([1]))
})

it('takes a poll, an iterator and a run of a standalone reader apart: each has its own position', async () => {
  const { broker } = brokerWithOrders(3)
  const polled = broker.consumer({ topics: ['orders'] })
  const looped = broker.consumer({ topics: ['orders'], until: 'end' })
  expect(offsets(await polled.poll({ maxRecords: 2 }))).toEqual([0, 1])
  const seen: number[] = []
  for await (const { offset } of looped) seen.push(offset)
  expect(seen).toEqual([0, 1, 2])
  expect(offsets(await polled.poll())).toEqual([2])
})

it('loses nothing when topics are made and deleted under a RegExp while it reads', async () => {
  const { broker } = brokerWithOrders(0)
  const seen: string[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: /^t\d+$/ })
  await consumer.run({ eachRecord: async ({ topic, offset }) => void seen.push(`${topic}@${offset}`) })
  for (const i of range(0, 10)) {
    const name = `t${i}`
    broker.createTopic(name)
    fill(broker, name, 2)
    await broker.idle()
    if (i % 2 === 0) broker.deleteTopic(name)
  }
  await broker.idle()
  expect(seen).toEqual(range(0, 10).flatMap(i => [`t${i}@0`, `t${i}@1`]))
  expect(names(consumer.assignment)).toEqual(['t1-0', 't3-0', 't5-0', 't7-0', 't9-0'])
})
