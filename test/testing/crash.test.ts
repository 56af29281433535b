import { CommitFailedError, ConsumerCrashedError, IllegalStateError, topic } from 'brokerlet'
import { TestBroker } from 'brokerlet/testing'
import { expect, it } from 'vitest'
import { fill, gate } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'

const topics = { orders: topic({ partitions: 2 }) }

function billing(broker: TestBroker<typeof topics>, options: object = {}) {
  return broker.consumer({ groupId: 'billing', topics: ['orders'], ...options })
}

it.each(['ends', 'fails'])(
  'says nothing any more, though its handler %s: no commit, no hook, no leave, and its session keeps its partitions',
  async how => {
    const broker = new TestBroker({ topics })
    const said: string[] = []
    const consumer = billing(broker, {
      onRevoked: () => said.push('revoked'),
      onLost: () => said.push('lost'),
    })
    for (const name of ['committed', 'revoked', 'lost', 'closed', 'error'] as const) {
      consumer.on(name, () => said.push(name))
    }
    const { opened, open } = gate()
    await consumer.run({
      eachRecord: async () => {
        await opened
        if (how === 'fails') throw new Error('too late')
      },
    })
    fill(broker, 'orders', 1)
    await broker.advance(0)
    broker.crash(consumer)
    open()
    await broker.advance(44_999)
    expect(said).toEqual([])
    expect(broker.group('billing').committed(orders0)).toBeNull()
    expect(broker.group('billing').members).toMatchObject([{ connected: false, assignment: [{}, {}] }])
  },
)

it('gives its partitions to the others when its session is over, and they do again what it had not committed', async () => {
  const broker = new TestBroker({ topics })
  const seen: string[] = []
  const first = billing(broker, { sessionTimeoutMs: 6000 })
  await first.run({ eachRecord: () => broker.clock.sleep(10) })
  fill(broker, 'orders', 3)
  await broker.advance(15)
  broker.crash(first)
  const running = billing(broker).run({
    eachRecord: ({ partition, offset }) => void seen.push(`${partition}@${offset}`),
  })
  await broker.advance(5999)
  expect(seen).toEqual([])
  await broker.advance(1)
  await running
  await broker.idle()
  expect(seen).toEqual(['0@1', '0@2'])
})

it('aborts what its handlers wait for, and refuses what they commit', async () => {
  const broker = new TestBroker({ topics })
  const { opened, open } = gate()
  const outcomes: unknown[] = []
  const consumer = billing(broker)
  await consumer.run({
    eachRecord: async (_, { consumer: own, signal }) => {
      await opened
      outcomes.push(signal.aborted, await rejectionOf(own.commit([{ ...orders0, offset: 1 }])))
    },
  })
  fill(broker, 'orders', 1)
  await broker.advance(0)
  broker.crash(consumer)
  open()
  await broker.advance(0)
  expect(outcomes).toEqual([true, expect.any(Error)])
  expect(outcomes[1]).toMatchObject({ code: expect.stringMatching(/^(CLOSED|UNKNOWN_MEMBER_ID)$/) })
  expect(outcomes[1] instanceof CommitFailedError || String(outcomes[1]).includes('closed')).toBe(true)
})

it('ends a poll, an iterator and done with an error that says so', async () => {
  const broker = new TestBroker({ topics })
  const polling = billing(broker)
  const polled = rejectionOf(polling.poll())
  const iterating = billing(broker)
  const next = rejectionOf(iterating[Symbol.asyncIterator]().next())
  await broker.advance(0)
  broker.crash(polling)
  broker.crash(iterating)
  for (const error of [await polled, await next, await rejectionOf(polling.done)]) {
    expect(error).toBeInstanceOf(ConsumerCrashedError)
    expect(error.message).toBe("Consumer 'consumer' of group 'billing' crashed without leaving its group")
  }
})

it('commits nothing of what a caller of poll has in hand', async () => {
  const broker = new TestBroker({ topics })
  const consumer = billing(broker)
  fill(broker, 'orders', 2)
  await consumer.poll()
  broker.crash(consumer)
  await broker.advance(0)
  expect(broker.group('billing').committed(orders0)).toBeNull()
})

it('keeps the place of a static member, which comes back to it', async () => {
  const broker = new TestBroker({ topics })
  const first = billing(broker, { groupInstanceId: 'one' })
  await Promise.all([first.ready(), billing(broker, { groupInstanceId: 'two' }).ready()])
  const { assignment } = first
  const rebalances = broker.timeline.ofKind('rebalanced').length
  broker.crash(first)
  await broker.advance(1000)
  const back = billing(broker, { groupInstanceId: 'one' })
  await back.ready()
  expect(back.assignment).toEqual(assignment)
  expect(broker.timeline.ofKind('rebalanced')).toHaveLength(rebalances)
})

it('crashes by group, or one member of it by any of its names', async () => {
  const broker = new TestBroker({ topics })
  const a = billing(broker, { clientId: 'a' })
  const b = billing(broker, { clientId: 'b' })
  const c = billing(broker, { clientId: 'c' })
  await Promise.all([a.ready(), b.ready(), c.ready()])
  broker.crash({ group: 'billing', member: 'b' })
  expect(broker.group('billing').members.filter(({ connected }) => !connected)).toMatchObject([
    { clientId: 'b' },
  ])
  broker.crash({ group: 'billing', member: a.memberId! })
  broker.crash({ group: 'billing' })
  expect(broker.group('billing').members.filter(({ connected }) => connected)).toEqual([])
  await broker.advance(45_000)
  expect(broker.group('billing').state).toBe('Empty')
})

it('crashes one that restarts, or is joining', async () => {
  const broker = new TestBroker({ topics })
  const consumer = billing(broker)
  consumer.on('restarting', () => {})
  await consumer.run({
    eachRecord: () => {
      throw new Error('no')
    },
    retry: { attempts: 1 },
  })
  fill(broker, 'orders', 1)
  await broker.advance(10)
  broker.crash(consumer)
  await broker.advance(100_000)
  expect(broker.group('billing').members).toEqual([])

  broker.faults.delay({ operation: 'join' }, 100)
  const joining = billing(broker)
  const ready = rejectionOf(joining.ready())
  broker.crash(joining)
  await broker.advance(100)
  expect(await ready).toBeInstanceOf(Error)
  await broker.advance(45_000)
  expect(broker.group('billing').members).toEqual([])
})

it('ends the close of one that still drains', async () => {
  const broker = new TestBroker({ topics })
  fill(broker, 'orders', 2)
  const consumer = billing(broker)
  await consumer.run({ eachRecord: () => broker.clock.sleep(100) })
  const closed = consumer.close({ drain: true })
  await broker.advance(50)
  broker.crash(consumer)
  await broker.advance(0)
  expect(await closed).toEqual([])
  expect(await rejectionOf(consumer.done)).toBeInstanceOf(ConsumerCrashedError)
})

it('ends the close that a hook waits for, and leaves no timer of it', async () => {
  const broker = new TestBroker({ topics })
  const closed: unknown[] = []
  const consumer = billing(broker, {
    onAssigned: async () => void closed.push(await consumer.close({ timeoutMs: 1000 })),
  })
  const ended = rejectionOf(consumer.run({ eachRecord: () => {} }).then(() => consumer.done))
  await broker.advance(0)
  broker.crash(consumer)
  expect(await ended).toBeInstanceOf(ConsumerCrashedError)
  await broker.advance(0)
  expect(closed).toEqual([[]])
  await broker.close()
  expect(broker.pendingTimers).toEqual([])
})

it('says so where there is nobody to crash', () => {
  const broker = new TestBroker({ topics })
  expect(() => broker.crash({ group: 'billing' })).toThrow(IllegalStateError)
  expect(() => broker.crash({ group: 'billing', member: 'x' })).toThrow(
    "crash: there is no consumer of 'x' in group 'billing'",
  )
  expect(() => broker.crash({ groupId: 'billing' } as never)).toThrow("unknown option 'groupId'")
  expect(() => broker.crash({} as never)).toThrow(
    "crash: option 'group' expected a string that is not empty, received undefined",
  )
})

it('says which group was meant, where nobody is of the group that was named', async () => {
  const broker = new TestBroker({ topics })
  await billing(broker).ready()
  expect(() => broker.crash({ group: 'biling' })).toThrow(
    "crash: there is no consumer of group 'biling'. Did you mean 'billing'?",
  )
})

it('crashes nobody twice, nor who has ended, nor who is of another broker', async () => {
  const broker = new TestBroker({ topics })
  const [closed, crashed] = [billing(broker), billing(broker)]
  await Promise.all([closed.ready(), crashed.ready()])
  await closed.close()
  broker.crash({ group: 'billing' })
  for (const consumer of [closed, crashed, billing(new TestBroker({ topics }))]) {
    expect(() => broker.crash(consumer)).toThrow(IllegalStateError)
  }
  expect(() => broker.crash({ group: 'billing' })).toThrow(/^crash: there is no consumer of group 'billing'$/)
  expect(broker.timeline.ofKind('crashed')).toHaveLength(1)
})

it('says nothing of its handler that fails after it crashed in it', async () => {
  const broker = new TestBroker({ topics })
  const said: unknown[] = []
  const consumer = billing(broker)
  for (const name of ['error', 'retrying', 'restarting'] as const)
    consumer.on(name, event => said.push(event))
  await consumer.run({
    eachRecord: () => {
      broker.crash(consumer)
      throw new Error('too late')
    },
  })
  fill(broker, 'orders', 1)
  await broker.advance(60_000)
  expect(said).toEqual([])
})

it('leaves no timer of a consumer that crashes in its own handler', async () => {
  const broker = new TestBroker({ topics: { orders: topic() } })
  const consumer = broker.consumer({ topics: ['orders'] })
  await consumer.run({
    eachRecord: async () => {
      broker.crash(consumer)
      await broker.clock.sleep(10)
    },
  })
  fill(broker, 'orders', 2)
  await broker.advance(10)
  expect(broker.pendingTimers.filter(timer => timer !== 'retention')).toEqual([])
})

it('says nothing of a run that nobody awaits, where it dies while it joins', async () => {
  const unhandled: unknown[] = []
  const note = (error: unknown) => unhandled.push(error)
  process.on('unhandledRejection', note)
  const broker = new TestBroker({ topics })
  const consumer = billing(broker)
  consumer.run({ eachRecord: () => {} })
  broker.crash(consumer)
  const awaited = billing(broker)
  const running = awaited.run({ eachRecord: () => {} })
  broker.crash(awaited)
  expect(await rejectionOf(running)).toBeInstanceOf(ConsumerCrashedError)
  await new Promise(setImmediate)
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})
