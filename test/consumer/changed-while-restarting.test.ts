import { describe, expect, it } from 'vitest'
import { type Consumer, type ConsumerOptions, TimeoutError } from '../../src/index.ts'
import { TestBroker } from '../../src/testing/index.ts'
import { at, fill, gate } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'

describe('a reader that is told what to read while it restarts', () => {
  /** What a reader sees that fails at offset 2 of orders-0 and is changed then, or while another handler still runs. */
  const changed = async (
    options: ConsumerOptions,
    when: 'while it waits' | 'while it leaves',
    change: (consumer: Consumer) => Promise<void>,
  ) => {
    const { broker, clock } = brokerWithOrders(3)
    for (const name of ['slow', 'others']) broker.createTopic(name)
    for (const name of ['slow', 'others']) fill(broker, name, 1)
    const seen: string[] = []
    const slow = gate()
    let fails = true
    const consumer = broker.consumer(options)
    await consumer.run({
      concurrency: 2,
      retry: { attempts: 1 },
      eachRecord: async record => {
        seen.push(at(record))
        if (record.topic === 'slow') return slow.opened
        if (record.offset < 2 || !fails) return
        fails = false
        seen.push('failed')
        throw new Error('down')
      },
    })
    await clock.settle()
    if (when === 'while it waits') slow.open()
    await clock.settle()
    await change(consumer)
    slow.open()
    await clock.advance(1000)
    return seen.slice(seen.indexOf('failed') + 1).sort()
  }
  const others0 = { topic: 'others', partition: 0 }
  const slow0 = { topic: 'slow', partition: 0 }

  describe.each(['while it waits', 'while it leaves'] as const)('%s', when => {
    it.each<[string, ConsumerOptions, (consumer: Consumer) => Promise<void>]>([
      ['topics', { topics: ['orders', 'slow'] }, consumer => consumer.subscribe(['orders', 'others'])],
      ['patterns', { topics: [/^orders$/, /^slow$/] }, consumer => consumer.subscribe(/^o/)],
      ['partitions', { assign: [orders0, slow0] }, consumer => consumer.assign([orders0, others0])],
    ])('goes on where it stood in what stays, with %s', async (_, options, change) => {
      expect(await changed(options, when, change)).toEqual(['orders-0@2', 'others-0@0'])
    })

    it('begins where it is told', async () => {
      const seen = await changed({ assign: [orders0, slow0] }, when, consumer =>
        consumer.assign([{ ...orders0, offset: 1 }]),
      )
      expect(seen).toEqual(['orders-0@1', 'orders-0@2'])
    })
  })

  it('begins where it is told while it leaves, wherever its group has committed', async () => {
    const options = { groupId: 'g', autoCommit: false, assign: [orders0, slow0] }
    const seen = await changed(options, 'while it leaves', async consumer => {
      await consumer.commit([
        { ...orders0, offset: 2 },
        { ...others0, offset: 1 },
      ])
      await consumer.assign([
        { ...orders0, offset: 1 },
        { ...others0, offset: 0 },
      ])
    })
    expect(seen).toEqual(['orders-0@1', 'orders-0@2', 'others-0@0'])
  })

  it.each([
    ['while it waits', {}],
    ['while it leaves', { groupId: 'g', autoCommit: false }],
  ] as const)(
    'begins where it was told though nothing is said of that the next time, %s',
    async (when, options) => {
      const seen = await changed({ ...options, assign: [orders0, slow0] }, when, async consumer => {
        await consumer.assign([{ ...orders0, offset: 1 }])
        await consumer.assign([orders0])
      })
      expect(seen).toEqual(['orders-0@1', 'orders-0@2'])
    },
  )

  it('begins where it is sought while it leaves, wherever its group has committed', async () => {
    const options = { groupId: 'g', autoCommit: false, assign: [orders0, slow0] }
    const seen = await changed(options, 'while it leaves', async consumer => {
      await consumer.commit([
        { ...orders0, offset: 2 },
        { ...slow0, offset: 1 },
      ])
      consumer.seek(orders0, 1)
    })
    expect(seen).toEqual(['orders-0@1', 'orders-0@2'])
  })

  it.each([
    ['a group whose offsets it commits itself', { groupId: 'g', autoCommit: false }],
    ['a group', { groupId: 'g' }],
    ['no group', {}],
  ])('passes over the record at which it failed where it is sought past it, in %s', async (_, options) => {
    const { broker, clock } = brokerWithOrders(3)
    const seen: number[] = []
    const consumer = broker.consumer({ ...options, assign: [orders0] })
    consumer.on('restarting', ({ record }) => consumer.seek(orders0, record.offset + 1))
    await consumer.run({
      retry: { attempts: 1 },
      eachRecord: ({ offset }) => {
        seen.push(offset)
        if (offset === 1) throw new Error('down')
      },
    })
    await clock.advance(1000)
    expect(seen).toEqual([0, 1, 2])
  })
})

it('is not ready because a subscribe is refused while it leaves to restart', async () => {
  const broker = new TestBroker()
  broker.createTopic('orders', { partitions: 2 })
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  consumer.on('restarting', () => {})
  let fails = true
  await consumer.run({
    concurrency: 2,
    retry: { attempts: 1 },
    eachRecord: async ({ partition }) => {
      await broker.clock.sleep(partition === 0 ? 10 : 500)
      if (partition === 1 || !fails) return
      fails = false
      throw new Error('boom')
    },
  })
  const busy = new TimeoutError('Nobody answers')
  broker.faults.delay({ operation: 'subscribe' }, 100)
  broker.faults.fail({ operation: 'subscribe' }, busy)
  broker.faults.delay({ operation: 'join' }, 1000)
  for (const partition of [0, 1]) await broker.producer().send({ topic: 'orders', partition, value: 1 })
  const refused = rejectionOf(consumer.subscribe([]))
  await broker.advance(499)
  expect(await refused).toBe(busy)
  let ready = false
  const back = consumer.ready().then(() => (ready = true))
  await broker.advance(2000)
  expect(ready).toBe(false)
  await broker.advance(1)
  await back
  expect(consumer.assignment).toHaveLength(2)
})

it.each([
  ['before it has left', 5],
  ['before it joins again', 500],
  ['while it joins again', 1500],
  ['once it has joined again', 3000],
])('reads on what it read before it restarted where a subscribe is refused %s', async (_when, afterMs) => {
  const broker = new TestBroker()
  broker.createTopic('orders')
  broker.createTopic('payments')
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] as string[] })
  consumer.on('restarting', () => {})
  let fails = true
  const read: unknown[] = []
  await consumer.run({
    retry: { attempts: 1 },
    eachRecord: async ({ value }) => {
      await broker.clock.sleep(10)
      if (!fails) return void read.push(value)
      fails = false
      throw new Error('boom')
    },
  })
  const busy = new TimeoutError('Nobody answers')
  broker.faults.delay({ operation: 'subscribe' }, afterMs)
  broker.faults.fail({ operation: 'subscribe' }, busy)
  broker.faults.delay({ operation: 'join' }, 1000)
  await broker.producer().send({ topic: 'orders', value: 1 })
  const refused = rejectionOf(consumer.subscribe(['payments']))
  await broker.advance(4000)
  expect(await refused).toBe(busy)
  expect(read).toEqual([1])
  await consumer.ready()
  expect(consumer.assignment).toEqual([orders0])
})
