import { describe, expect, it } from 'vitest'
import type { ConsumerOptions } from '../../src/consumer/consumer-options.ts'
import { BatchError, string, topic } from '../../src/index.ts'
import { fill, gate, names, offsets, range } from '../helpers/behaviours.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

function orders(partitions = 1, records = 0) {
  const { broker, clock } = testBroker({
    topics: { orders: topic<number>({ partitions }), payments: topic<number>({ partitions: 2 }) },
  })
  for (let partition = 0; partition < partitions; partition++)
    fill(broker as never, 'orders', records, partition)
  const reader = (options: ConsumerOptions<'orders' | 'payments'> = {}) =>
    broker.consumer({ groupId: 'g', topics: ['orders'], ...options })
  const committed = (partition = 0) =>
    broker.group('g').committed({ topic: 'orders', partition })?.offset ?? null
  return { broker, clock, reader, committed }
}

const at = (partition: number) => ({ topic: 'orders' as const, partition })

describe('F. flow', () => {
  it('[74] a paused partition gives nothing, keeps its position and its owner, and goes on after resume', async () => {
    const { broker, clock, reader } = orders(2, 2)
    const rebalances: object[] = []
    const read: string[] = []
    const paused = reader()
    await paused.run({ eachRecord: record => void read.push(`${record.partition}:${record.offset}`) })
    await broker.idle()
    broker.on('rebalanced', event => rebalances.push(event))
    read.length = 0
    paused.pause([at(0)])
    expect(paused.paused).toEqual([at(0)])
    for (const partition of [0, 1]) fill(broker as never, 'orders', 2, partition)
    await clock.settle()
    expect(read).toEqual(['1:2', '1:3'])
    expect(paused.position(at(0))).toBe(2)
    expect(paused.assignment).toEqual([at(0), at(1)])
    paused.resume([at(0)])
    await broker.idle()
    expect(read).toEqual(['1:2', '1:3', '0:2', '0:3'])
    expect([paused.paused, rebalances]).toEqual([[], []])
  })

  it('[74] without arguments it is all partitions, and what poll or a loop has fetched stays back, too', async () => {
    const { broker, clock, reader } = orders(2, 3)
    const polled = reader({ groupId: 'poll' })
    expect(await polled.poll({ maxRecords: 1 })).toHaveLength(1)
    polled.pause()
    expect(names(polled.paused)).toEqual(['orders-0', 'orders-1'])
    expect(await polled.poll({ timeoutMs: 0 })).toEqual([])
    polled.resume()
    expect((await polled.poll()).length).toBeGreaterThan(0)

    const looped = reader({ groupId: 'loop', topics: ['orders'] })
    const seen: string[] = []
    const over = (async () => {
      for await (const record of looped) {
        seen.push(`${record.partition}:${record.offset}`)
        if (record.partition === 0 && record.offset === 0) looped.pause([at(0)])
      }
    })()
    await clock.settle()
    expect(seen.filter(each => each.startsWith('0'))).toEqual(['0:0'])
    expect(seen.filter(each => each.startsWith('1'))).toEqual(['1:0', '1:1', '1:2'])
    looped.resume([at(0)])
    await broker.idle({ groups: ['loop'] })
    expect(seen.filter(each => each.startsWith('0'))).toEqual(['0:0', '0:1', '0:2'])
    await looped.close()
    await over
  })

  it('[74] a handler may pause its own partition: the rest of its batch stays back', async () => {
    const { clock, reader, committed } = orders(1, 5)
    const read: number[] = []
    const self = reader()
    await self.run({
      eachRecord: (record, { consumer }) => {
        read.push(record.offset)
        if (record.offset === 1) consumer.pause([at(0)])
      },
    })
    await clock.settle()
    expect([read, committed(), self.position(at(0))]).toEqual([[0, 1], 2, 2])
    self.resume()
    await clock.settle()
    expect([read, committed()]).toEqual([[0, 1, 2, 3, 4], 5])
  })

  it('[74] resume of what is not paused does nothing', async () => {
    const { broker, reader } = orders(1, 2)
    const read: number[] = []
    const consumer = reader()
    await consumer.run({ eachRecord: record => void read.push(record.offset) })
    consumer.resume()
    consumer.resume([at(0)])
    await broker.idle()
    expect(read).toEqual([0, 1])
  })

  it('[74] both fail for a partition that is not assigned, and pause nothing then', async () => {
    const { reader } = orders(2)
    const consumer = reader()
    for (const method of ['pause', 'resume'] as const) {
      expect(thrownBy(() => consumer[method]([at(0)]))).toMatchObject({
        name: 'IllegalStateError',
        code: 'ILLEGAL_STATE',
      })
    }
    await consumer.ready()
    for (const method of ['pause', 'resume'] as const) {
      const error = thrownBy(() => consumer[method]([at(0), at(2)]))
      expect(error).toMatchObject({ name: 'IllegalStateError', topic: 'orders', partition: 2 })
      expect(error.message).toBe(`${method}: orders-2 is not assigned to Consumer 'consumer' of group 'g'`)
    }
    expect(consumer.paused).toEqual([])
  })

  it('[75] maxPollRecords limits what a poll returns, 500 by default, and the rest comes with the next', async () => {
    const { reader } = orders(3, 300)
    const polled = reader()
    const first = await polled.poll()
    const second = await polled.poll()
    expect([first.length, second.length]).toEqual([500, 400])
    const seen = [...first, ...second].map(record => `${record.partition}:${record.offset}`)
    expect(new Set(seen).size).toBe(900)
    const few = reader({ groupId: 'few', maxPollRecords: 2 })
    expect([await few.poll(), await few.poll({ maxRecords: 1 })].map(({ length }) => length)).toEqual([2, 1])
  })

  it('[76] a first record larger than the byte limit is still returned', () => {
    const { broker } = testBroker({ topics: { log: topic<string>({ codec: string }) } })
    for (const value of ['x'.repeat(100), 'y', 'z']) broker.topic('log').append({ value })
    const { partitions } = broker.topic('log')
    expect(offsets(partitions[0]!.read(0, { maxBytes: 10 }))).toEqual([0])
    expect(offsets(partitions[0]!.read(1, { maxBytes: 10 }))).toEqual([1, 2])
  })

  it('[77] records of a partition come in offset order, whatever else is read and however', async () => {
    const { broker, clock, reader } = orders(3, 40)
    const ran: string[] = []
    await reader({ groupId: 'run', maxPollRecords: 7 }).run({
      eachRecord: async record => {
        if (record.offset % 11 === 0) await clock.turn()
        if (record.offset === 20 && record.partition === 1) fill(broker as never, 'orders', 5, 1)
        ran.push(`${record.partition}:${record.offset}`)
      },
    })
    await broker.idle()
    const polled: string[] = []
    const poller = reader({ groupId: 'poll' })
    while (polled.length < 125) {
      for (const record of await poller.poll({ maxRecords: 9 }))
        polled.push(`${record.partition}:${record.offset}`)
    }
    for (const seen of [ran, polled]) {
      const of = (partition: number) =>
        seen.filter(each => each.startsWith(`${partition}:`)).map(each => Number(each.slice(2)))
      expect([of(0), of(1), of(2)]).toEqual([range(0, 40), range(0, 45), range(0, 40)])
    }
  })

  it('[78] poll returns at once where there are records, else when there are, or empty after the timeout', async () => {
    const { broker, clock, reader } = orders(1, 1)
    const polled = reader()
    expect(offsets(await polled.poll({ timeoutMs: 1000 }))).toEqual([0])
    const began = clock.now()
    const waiting = polled
      .poll({ timeoutMs: 1000 })
      .then(records => ({ records, after: clock.now() - began }))
    await clock.advance(999)
    await clock.advance(1)
    expect(await waiting).toEqual({ records: [], after: 1000 })
    const later = polled
      .poll({ timeoutMs: 1000 })
      .then(records => ({ found: offsets(records), at: clock.now() - began }))
    await clock.advance(500)
    fill(broker as never, 'orders', 2)
    expect(await later).toEqual({ found: [1, 2], at: 1500 })
    expect(await polled.poll({ timeoutMs: 0 })).toEqual([])
  })

  it('[79] what is committed never passes a record whose handler has not ended', async () => {
    const { clock, reader, committed } = orders(2, 3)
    const gates = new Map<string, ReturnType<typeof gate>>()
    const log: string[] = []
    const states = () => `${committed(0)},${committed(1)}`
    await reader().run({
      eachRecord: record => {
        const name = `${record.partition}:${record.offset}`
        const held = gate()
        gates.set(name, held)
        log.push(`${name} begins at ${states()}`)
        return held.opened
      },
    })
    const finish = async (name: string) => {
      gates.get(name)!.open()
      await clock.settle()
    }
    for (const name of ['0:0', '0:1', '0:2', '1:0', '1:1', '1:2']) await finish(name)
    expect(log).toEqual([
      '0:0 begins at null,null',
      '0:1 begins at 1,null',
      '0:2 begins at 2,null',
      '1:0 begins at 3,null',
      '1:1 begins at 3,1',
      '1:2 begins at 3,2',
    ])
    expect(states()).toBe('3,3')
  })

  it('[79] a batch is committed up to the record that it failed at', async () => {
    const { clock, reader, committed } = orders(1, 6)
    const seen: number[][] = []
    await reader().run({
      eachBatch: batch => {
        seen.push(offsets(batch.records))
        const failedAt = batch.records.find(record => record.offset === 4)
        if (failedAt && seen.length === 1) throw new BatchError(new Error('not yet'), { failedAt })
      },
    })
    await clock.settle()
    expect([seen, committed()]).toEqual([[[0, 1, 2, 3, 4, 5]], 4])
    await clock.advance(100)
    expect([seen.at(-1), committed()]).toEqual([[4, 5], 6])
  })

  it('[80] members of one group may read different topics; each gets only its own', async () => {
    const { broker, reader } = orders(2)
    const seen: Record<string, Set<string>> = { both: new Set(), orders: new Set(), payments: new Set() }
    const topics = { both: ['orders', 'payments'], orders: ['orders'], payments: ['payments'] } as const
    for (const clientId of ['both', 'orders', 'payments'] as const) {
      const member = reader({ clientId, topics: topics[clientId] })
      await member.run({
        eachRecord: record => void seen[clientId]!.add(`${record.topic}-${record.partition}`),
      })
    }
    await broker.group('g').stable()
    for (const name of ['orders', 'payments']) {
      for (const partition of [0, 1]) fill(broker as never, name, 3, partition)
    }
    await broker.idle()
    expect([...seen.orders!].every(name => name.startsWith('orders'))).toBe(true)
    expect([...seen.payments!].every(name => name.startsWith('payments'))).toBe(true)
    const all = [...seen.both!, ...seen.orders!, ...seen.payments!]
    expect(all.sort()).toEqual(['orders-0', 'orders-1', 'payments-0', 'payments-1'])
  })

  it('[80] a member that is asked for a handler per topic needs one for each of its topics only', async () => {
    const { reader } = orders()
    const member = reader({ topics: ['orders', 'payments'] })
    const error = await rejectionOf(member.run({ eachRecord: { orders() {} } as never }))
    expect(error).toMatchObject({ name: 'InvalidOptionError', option: 'eachRecord', topic: 'payments' })
    await member.run({ eachRecord: { orders() {}, payments() {} } })
    expect(names(member.assignment)).toEqual(['orders-0', 'payments-0', 'payments-1'])
  })
})
