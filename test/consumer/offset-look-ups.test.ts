import { describe, expect, it } from 'vitest'
import { Consumer } from '../../src/consumer/consumer.ts'
import type { ConsumerOptions } from '../../src/consumer/consumer-options.ts'
import type { Engine } from '../../src/engine.ts'
import { IllegalStateError, UnknownTopicOrPartitionError } from '../../src/errors.ts'
import { fill, gate } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { consumerWith, withMembers } from './slow-engine-scene.ts'

const fromFirst = { assign: [{ ...orders0, offset: 0 }] }

/** A broker with so many records in one partition. */
function withOrders(records: number): ReturnType<typeof testBroker> {
  const made = testBroker()
  made.broker.createTopic('orders')
  fill(made.broker, 'orders', records)
  return made
}

/** A consumer whose engine looks up the first offsets in this way, and later ones as the broker does. */
function consumerThatLooksUp(
  { broker }: ReturnType<typeof testBroker>,
  options: ConsumerOptions,
  ...ways: (() => Promise<number>)[]
): Consumer {
  const engine = withMembers<Engine>(broker.engine, {
    offsetFor: (tp, spec, isolationLevel) =>
      (typeof spec === 'number' ? undefined : ways.shift()?.()) ??
      broker.engine.offsetFor(tp, spec, isolationLevel),
  })
  return new Consumer(engine, options)
}

it('begins where it is told while it looks up what its group has committed', async () => {
  const made = withOrders(3)
  const { clock } = made
  const { opened, open } = gate()
  const consumer = consumerWith(
    made,
    membership => ({ committed: tp => opened.then(() => membership.committed(tp)) }),
    { topics: undefined, assign: [orders0] },
  )
  const seen: number[] = []
  void consumer.run({ eachRecord: ({ offset }) => void seen.push(offset) })
  await clock.settle()
  await consumer.assign([{ ...orders0, offset: 2 }])
  open()
  await clock.settle()
  expect(seen).toEqual([2])
})

it('begins where it was told last though two look-ups before are answered later', async () => {
  const made = withOrders(3)
  const [first, second] = [gate(), gate()]
  const options = { assign: [{ ...orders0, offset: 'beginning' as const }] }
  const ways = [() => first.opened.then(() => 0), () => second.opened.then(() => 3)]
  const consumer = consumerThatLooksUp(made, options, ...ways)
  const seen: number[] = []
  void consumer.run({ eachRecord: ({ offset }) => void seen.push(offset) })
  await made.clock.settle()
  await consumer.assign([{ ...orders0, offset: 'end' }])
  first.open()
  await made.clock.settle()
  await consumer.assign([{ ...orders0, offset: 1 }])
  second.open()
  await made.clock.settle()
  expect(seen).toEqual([1, 2])
})

it('begins where it was told though that can be looked up only later, and the next assign does not say it again', async () => {
  const made = testBroker()
  const { broker, clock } = made
  for (const name of ['others', 'orders']) broker.createTopic(name)
  fill(broker, 'orders', 3)
  const revoked = gate()
  const unknown = () => Promise.reject(new UnknownTopicOrPartitionError('no leader'))
  const others0 = { topic: 'others', partition: 0 }
  const options = { groupId: 'g', assign: [others0], onRevoked: () => revoked.opened }
  const consumer = consumerThatLooksUp(made, options, () => Promise.resolve(0), unknown)
  const seen: number[] = []
  await consumer.run({ eachRecord: ({ offset }) => void seen.push(offset) })
  await consumer.assign([{ ...orders0, offset: 'end' }])
  await consumer.assign([orders0])
  revoked.open()
  await clock.advance(1000)
  fill(broker, 'orders', 1)
  await clock.settle()
  expect(seen).toEqual([3])
})

it('goes on where its group has committed after an assign was refused though it had begun elsewhere meanwhile', async () => {
  const made = withOrders(3)
  const { clock } = made
  const { opened, open } = gate()
  const subscribe = () =>
    opened.then(() => {
      throw new Error('refused')
    })
  const options = { topics: undefined, assign: [{ ...orders0, offset: 1 }] }
  const consumer = consumerWith(made, () => ({ subscribe }), options)
  const seen: number[] = []
  let fails = true
  void consumer.run({
    retry: { attempts: 1 },
    eachRecord: ({ offset }) => {
      seen.push(offset)
      if (offset < 2 || !fails) return
      fails = false
      throw new Error('down')
    },
  })
  const refused = rejectionOf(consumer.assign([orders0]))
  await clock.settle()
  open()
  await refused
  await clock.advance(1000)
  expect(seen).toEqual([1, 2, 2])
})

it('goes on after a restart where its group has committed though that can be looked up only later', async () => {
  const made = withOrders(4)
  const { clock } = made
  let asked = 0
  const consumer = consumerWith(
    made,
    membership => ({
      committed: async tp => {
        if (asked++ === 0) throw new UnknownTopicOrPartitionError('no coordinator')
        return membership.committed(tp)
      },
    }),
    { topics: undefined, assign: [{ ...orders0, offset: 1 }] },
  )
  const seen: number[] = []
  await consumer.run({
    retry: { attempts: 1 },
    eachRecord: ({ offset }) => {
      seen.push(offset)
      if (offset === 3 && asked === 0) throw new Error('down')
    },
  })
  await clock.advance(5000)
  expect(seen).toEqual([1, 2, 3, 3])
})

it('looks an offset up again that a seek could not ask for, unless another seek came meanwhile', async () => {
  const made = withOrders(3)
  const { broker, clock } = made
  const unknown = async () => broker.topic('payments').partitionCount
  const found = async () => 0
  const consumer = consumerThatLooksUp(made, fromFirst, unknown, found, unknown)
  const read: number[] = []
  await consumer.run({ eachRecord: ({ offset }) => void read.push(offset) })
  await clock.settle()
  consumer.seek(orders0, 'beginning')
  await clock.advance(499)
  expect(read).toEqual([0, 1, 2])
  await clock.advance(1)
  expect(read).toEqual([0, 1, 2, 0, 1, 2])
  consumer.seek(orders0, 'beginning')
  consumer.seek(orders0, 2)
  await clock.advance(1000)
  expect(read).toEqual([0, 1, 2, 0, 1, 2, 2])
  await consumer.close()
})

it('asks no more where a seek goes to once the partition is gone, or was moved again', async () => {
  for (const end of [
    (consumer: Consumer) => consumer.close(),
    (consumer: Consumer) => consumer.seek(orders0, 2),
  ]) {
    const made = withOrders(3)
    let asked = 0
    const unknown = async () => {
      asked++
      throw new UnknownTopicOrPartitionError('no leader')
    }
    const consumer = consumerThatLooksUp(made, fromFirst, unknown, unknown)
    await consumer.run({ eachRecord: () => {} })
    consumer.seek(orders0, 'end')
    await made.clock.settle()
    await end(consumer)
    await made.clock.advance(1000)
    expect(asked).toBe(1)
  }
})

it('crashes where a seek is refused for good', async () => {
  const made = testBroker()
  const { broker, clock } = made
  broker.createTopic('orders')
  const consumer = consumerThatLooksUp(made, fromFirst, async () => {
    throw new IllegalStateError('not allowed')
  })
  const done = rejectionOf(consumer.done)
  await consumer.run({ eachRecord: () => {} })
  consumer.seek(orders0, 'end')
  await clock.settle()
  expect((await done).message).toContain('not allowed')
})

/** A consumer that is to read from offset 0, where the log begins at 2, and whose engine looks that up in this way. */
async function readerOfGone(...ways: (() => Promise<number>)[]) {
  const made = withOrders(4)
  const { broker, clock } = made
  broker.topic('orders').partitions[0]!.deleteRecords(2)
  const consumer = consumerThatLooksUp(made, fromFirst, ...ways)
  const read: unknown[] = []
  consumer.on('offsetReset', ({ from, to }) => read.push(`from ${from} to ${to}`))
  await consumer.run({ eachRecord: ({ offset }) => void read.push(offset) })
  await clock.settle()
  return { clock, consumer, read }
}

it('looks up again where to go on after records that are gone, unless a seek came meanwhile', async () => {
  const { opened, open } = gate()
  const unknown = async () => {
    throw new UnknownTopicOrPartitionError('not yet')
  }
  const asked = await readerOfGone(unknown, () => opened.then(() => 2))
  await asked.clock.advance(499)
  expect(asked.read).toEqual([])
  await asked.clock.advance(1)
  open()
  await asked.clock.settle()
  expect(asked.read).toEqual(['from 0 to 2', 2, 3])

  const late = gate()
  const moved = await readerOfGone(() => late.opened.then(() => 2))
  moved.consumer.seek(orders0, 3)
  late.open()
  await moved.clock.settle()
  expect(moved.read).toEqual([3])
})

it('crashes where it is refused for good where to go on', async () => {
  const { consumer } = await readerOfGone(async () => {
    throw new IllegalStateError('not allowed')
  })
  expect((await rejectionOf(consumer.done)).message).toContain('not allowed')
})

it('ends a bounded read where an empty partition is looked up late', async () => {
  const made = testBroker()
  made.broker.createTopic('orders')
  const options = { topics: ['orders'], from: 'beginning', until: 'end' } as const
  const consumer = consumerThatLooksUp(made, options, () =>
    Promise.reject(new UnknownTopicOrPartitionError('no leader')),
  )
  let ended = false
  consumer.done.then(() => {
    ended = true
  })
  await consumer.run({ eachRecord: () => {} })
  await made.clock.advance(499)
  expect(ended).toBe(false)
  await made.clock.advance(1)
  expect(ended).toBe(true)
})

it('goes on where its group has committed though onAssigned moved it while it was looked up where to begin', async () => {
  const made = withOrders(3)
  const { broker, clock } = made
  const { opened, open } = gate()
  const options: ConsumerOptions = {
    groupId: 'g',
    assign: [{ ...orders0, offset: 'end' }],
    onAssigned: () => {
      if (seen.length === 0) consumer.seek(orders0, 1)
    },
  }
  const consumer = consumerThatLooksUp(made, options, () => opened.then(() => 3))
  const seen: number[] = []
  void consumer.run({
    retry: { attempts: 1 },
    eachRecord: async ({ offset }) => {
      seen.push(offset)
      open()
      await broker.clock.sleep(10)
      if (seen.length === 2) throw new Error(`down at ${offset}`)
    },
  })
  await clock.advance(5000)
  expect(seen).toEqual([1, 2, 2])
})

describe('a partition that could not be looked up yet when it is assigned', () => {
  const unknown = () => Promise.reject(new UnknownTopicOrPartitionError('no leader'))

  /** A reader of it, which calls this in `onAssigned`, and what it reads. */
  async function reader(onAssigned: (consumer: Consumer) => void, ...ways: (() => Promise<number>)[]) {
    const made = withOrders(4)
    const { clock } = made
    const errors: unknown[] = []
    const options: ConsumerOptions = {
      topics: ['orders'],
      from: 'beginning',
      onAssigned: () => onAssigned(consumer),
    }
    const consumer = consumerThatLooksUp(made, options, unknown, ...ways)
    consumer.on('error', error => errors.push(error))
    const read: number[] = []
    await consumer.run({ eachRecord: ({ offset }) => void read.push(offset) })
    return { clock, consumer, read, errors }
  }

  it('is read from where onAssigned seeks to', async () => {
    const { clock, read, errors } = await reader(consumer => consumer.seek(orders0, 2))
    await clock.settle()
    expect([read, errors]).toEqual([[2, 3], []])
  })

  it('is read from where onAssigned seeks to, though that has to be looked up for longer', async () => {
    const { opened, open } = gate()
    const seek = (consumer: Consumer) => consumer.seek(orders0, 'end')
    const { clock, read, errors } = await reader(seek, () => opened.then(() => 3))
    await clock.advance(5000)
    expect(read).toEqual([])
    open()
    await clock.advance(500)
    expect([read, errors]).toEqual([[3], []])
  })

  it('keeps run waiting no longer than until it is read where onAssigned has moved it by name', async () => {
    const made = withOrders(3)
    const { clock } = made
    const { opened, open } = gate()
    const options: ConsumerOptions = {
      assign: [{ ...orders0, offset: 'beginning' }],
      onAssigned: () => consumer.seek(orders0, 'end'),
    }
    const never = () => new Promise<number>(() => {})
    const consumer = consumerThatLooksUp(made, options, never, () => opened.then(() => 3))
    let runs = false
    void consumer.run({ eachRecord: () => {} }).then(() => {
      runs = true
    })
    await clock.advance(3000)
    expect(runs).toBe(false)
    open()
    await clock.advance(500)
    expect([runs, consumer.position(orders0)]).toEqual([true, 3])
  })

  it('is paused by onAssigned', async () => {
    const { clock, consumer, read, errors } = await reader(reading => reading.pause())
    await clock.advance(5000)
    expect([consumer.paused, read, errors]).toEqual([[orders0], [], []])
    consumer.resume([orders0])
    await clock.settle()
    expect(read).toEqual([0, 1, 2, 3])
  })

  it('has no position before', async () => {
    const { consumer } = await reader(() => {})
    expect(() => consumer.position(orders0)).toThrow(
      "position: where Consumer 'consumer' begins in orders-0 is not known yet",
    )
  })

  it('is waited for by caughtUp until it is read', async () => {
    const { clock, consumer, read } = await reader(() => {})
    const atEnd: number[][] = []
    const caughtUp = consumer.caughtUp().then(() => atEnd.push([...read]))
    await clock.advance(499)
    expect(atEnd).toEqual([])
    await clock.advance(1)
    await caughtUp
    expect(atEnd).toEqual([[0, 1, 2, 3]])
  })

  it('is in the error of a caughtUp whose time is over', async () => {
    const { clock, consumer } = await reader(
      () => {},
      () => new Promise(() => {}),
    )
    const refused = rejectionOf(consumer.caughtUp({ timeoutMs: 5000 }))
    await clock.advance(5000)
    expect((await refused).message).toContain('orders-0 is not begun yet')
  })

  it('may be moved by onAssigned, too, where it is to be given up already', async () => {
    const made = testBroker()
    const { broker, clock } = made
    broker.createTopic('orders', { partitions: 2 })
    const errors: unknown[] = []
    const consumer = consumerWith(made, () => ({ committed: () => new Promise(() => {}) }), {
      onAssigned: partitions => {
        for (const tp of partitions) consumer.seek(tp, 0)
      },
    })
    consumer.on('error', error => errors.push(error))
    void consumer.run({ eachRecord: () => {} })
    await clock.settle()
    const second = broker.consumer({ groupId: 'g', topics: ['orders'] })
    const joined = second.ready()
    await clock.advance(2000)
    await joined
    expect([consumer.assignment.length, second.assignment.length, errors]).toEqual([1, 1, []])
  })
})
