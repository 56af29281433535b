import { expect, it } from 'vitest'
import { at, fill, gate, offsets, range } from '../helpers/behaviours.ts'
import { brokerWithOrders, orders0 } from '../helpers/orders.ts'

it('reads what was there when it began, and ends by itself', async () => {
  const { broker } = brokerWithOrders(3, 2)
  const seen: number[] = []
  const consumer = broker.consumer({ topics: ['orders'], until: 'end' })
  await consumer.run({
    eachRecord: async ({ offset }) => {
      seen.push(offset)
      fill(broker, 'orders', 1)
    },
  })
  await consumer.done
  expect(seen.sort()).toEqual([0, 0, 1, 1, 2, 2])
})

it.each([
  ['an empty topic', 1, 0],
  ['a topic of many empty partitions', 5, 0],
  ['some empty partitions', 5, 2],
])('ends by itself with %s', async (_, partitions, records) => {
  const { broker } = brokerWithOrders(0, partitions)
  fill(broker, 'orders', records, 1 % partitions)
  const run = broker.consumer({ topics: ['orders'], until: 'end' })
  let handled = 0
  await run.run({ eachRecord: () => void handled++ })
  await run.done
  expect(handled).toBe(records)

  const looped: number[] = []
  for await (const { offset } of broker.consumer({ topics: ['orders'], until: 'end' })) looped.push(offset)
  expect(looped).toEqual(range(0, records))

  const batches = broker.consumer({ topics: ['orders'], until: 'end' })
  for await (const batch of batches.batches()) expect(offsets(batch.records)).toEqual(range(0, records))
  await batches.done
})

it('ends by itself where a RegExp matches nothing, or it begins at the end', async () => {
  const { broker } = brokerWithOrders(3)
  const nothing = broker.consumer({ topics: /^payments/, until: 'end' })
  await nothing.run({ eachRecord: () => {} })
  await nothing.done
  const end = broker.consumer({ topics: ['orders'], from: 'end', until: 'end' })
  await end.run({ eachRecord: () => {} })
  await end.done
})

it('ends with poll, too: an empty poll once all is read, then it is closed', async () => {
  const { broker } = brokerWithOrders(3)
  const consumer = broker.consumer({ topics: ['orders'], until: 'end' })
  expect(offsets(await consumer.poll())).toEqual([0, 1, 2])
  expect(await consumer.poll()).toEqual([])
  await consumer.done
})

it.each([0, 3])(
  'is ready with %i records to read, and ends only once it was asked for them',
  async records => {
    const { broker, clock } = brokerWithOrders(records)
    const looped: number[] = []
    const consumer = broker.consumer({ topics: ['orders'], until: 'end' })
    await consumer.ready()
    await clock.settle()
    for await (const { offset } of consumer) looped.push(offset)
    expect(looped).toEqual(range(0, records))
  },
)

it('reads from a time until the end', async () => {
  const { broker, clock } = brokerWithOrders(2)
  await clock.advance(10)
  fill(broker, 'orders', 2)
  const seen: number[] = []
  for await (const record of broker.consumer({
    topics: ['orders'],
    from: { timestamp: clock.now() },
    until: 'end',
  })) {
    seen.push(record.offset)
  }
  expect(seen).toEqual([2, 3])
})

it('ends once the records up to its end were deleted under it', async () => {
  const { broker } = brokerWithOrders(4)
  const seen: number[] = []
  for await (const { offset } of broker.consumer({ topics: ['orders'], until: 'end', maxPollRecords: 1 })) {
    seen.push(offset)
    broker.topic('orders').partitions[0]!.deleteRecords(4)
  }
  expect(seen).toEqual([0])
})

it('includes partitions and topics that came while it read', async () => {
  const { broker } = brokerWithOrders(2)
  const seen: string[] = []
  for await (const { topic, partition, offset } of broker.consumer({ topics: /^orders/, until: 'end' })) {
    if (seen.push(`${topic}-${partition}@${offset}`) > 1) continue
    broker.topic('orders').addPartitions(2)
    fill(broker, 'orders', 1, 1)
    fill(broker, broker.createTopic('orders.eu').name, 1)
    // The reader follows such a change as soon as it comes to it.
    await broker.clock.turn()
  }
  expect(seen.sort()).toEqual(['orders-0@0', 'orders-0@1', 'orders-1@0', 'orders.eu-0@0'])
})

it.each([{ ordering: 'partition' }, { ordering: 'key' }] as const)(
  'reads on where it is sought back after it has come to its end there, with %j',
  async options => {
    const { broker, clock } = brokerWithOrders(2, 2)
    const others = gate()
    const seen: string[] = []
    const consumer = broker.consumer({ topics: ['orders'], until: 'end' })
    await consumer.run({
      ...options,
      concurrency: 2,
      eachRecord: record => (record.partition === 1 ? others.opened : void seen.push(at(record))),
    })
    consumer.done.then(() => seen.push('done'))
    fill(broker, 'orders', 1)
    await clock.settle()
    expect(consumer.position(orders0)).toBe(2)
    consumer.seek(orders0, 1)
    await clock.settle()
    others.open()
    await clock.settle()
    expect(seen).toEqual(['orders-0@0', 'orders-0@1', 'orders-0@1', 'done'])
  },
)

it('ends by itself after it waited for a retry', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const seen: number[] = []
  const consumer = broker.consumer({ topics: ['orders'], until: 'end' })
  await consumer.run({
    eachRecord: ({ offset }, { attempt }) => {
      if (offset === 1 && attempt === 1) throw new Error('once more')
      seen.push(offset)
    },
  })
  await clock.advance(100)
  await consumer.done
  expect(seen).toEqual([0, 1])
})
