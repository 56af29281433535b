import { describe, expect, it } from 'vitest'
import { includedIn } from '../../src/consumer/interest.ts'
import type { EpochOffset, Interest, Membership } from '../../src/engine.ts'
import { IllegalStateError, UnknownTopicOrPartitionError } from '../../src/errors.ts'
import type { TopicPartition } from '../../src/topic-partition.ts'
import { fill, gate, names } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { consumerThatStarts, consumerWith } from './slow-engine-scene.ts'

/** A consumer whose engine commits by time, and the offsets of each commit. */
function committedByTime(partitions: number) {
  const made = testBroker()
  const { broker, clock } = made
  broker.createTopic('orders', { partitions })
  const commits: string[] = []
  const start = clock.monotonic()
  const consumer = consumerWith(made, membership => ({
    autoCommitIntervalMs: 5000,
    commit: (offsets: readonly EpochOffset[]) => {
      const text = offsets.map(({ partition, offset }) => `${partition}@${offset}`).join(' ')
      commits.push(`${clock.monotonic() - start}: ${text}`)
      return membership.commit(offsets)
    },
  }))
  return { broker, clock, commits, consumer }
}

it('commits once an interval what was finished meanwhile', async () => {
  const { broker, clock, commits, consumer } = committedByTime(1)
  await consumer.run({ eachRecord: () => broker.clock.sleep(1000) })
  fill(broker, 'orders', 8)
  await clock.advance(30_000)
  await consumer.close()
  expect(commits).toEqual(['6000: 0@5', '11000: 0@8'])
})

it('tells of a commit once its engine has answered it', async () => {
  const made = testBroker()
  const { broker, clock } = made
  broker.createTopic('orders')
  const answered = gate()
  const consumer = consumerWith(made, membership => ({
    autoCommitIntervalMs: 5000,
    commit: (offsets: readonly EpochOffset[]) => answered.opened.then(() => membership.commit(offsets)),
  }))
  const told: number[] = []
  consumer.on('committed', ({ offsets }) => told.push(...offsets.map(({ offset }) => offset)))
  await consumer.run({ eachRecord: () => {} })
  fill(broker, 'orders', 2)
  await clock.advance(5000)
  expect(told).toEqual([])
  answered.open()
  await clock.settle()
  expect(told).toEqual([2])
})

it('commits all partitions together, and at close at once', async () => {
  const { broker, clock, commits, consumer } = committedByTime(2)
  await consumer.run({ eachRecord: () => broker.clock.sleep(1000) })
  fill(broker, 'orders', 8, 0)
  fill(broker, 'orders', 8, 1)
  await clock.advance(14_500)
  const closed = consumer.close()
  await clock.advance(500)
  await closed
  expect(commits).toEqual(['6000: 0@5', '11000: 0@8 1@2', '15000: 1@7'])
})

it('commits again after an interval what it could not commit for now, with what was finished since', async () => {
  const made = testBroker()
  const { broker, clock } = made
  broker.createTopic('orders')
  const commits: string[] = []
  const refusals = [new UnknownTopicOrPartitionError('not yet'), new IllegalStateError('never')]
  const consumer = consumerWith(made, membership => ({
    autoCommitIntervalMs: 5000,
    commit: async (offsets: readonly EpochOffset[]) => {
      commits.push(`${clock.monotonic()}: ${offsets.map(({ offset }) => offset).join()}`)
      const refusal = refusals.shift()
      if (refusal !== undefined) throw refusal
      return membership.commit(offsets)
    },
  }))
  const errors: string[] = []
  consumer.on('error', error => errors.push((error as Error).message))
  await consumer.run({ eachRecord: () => {} })
  const start = clock.monotonic()
  fill(broker, 'orders', 2)
  await clock.advance(30_000)
  expect(commits).toEqual([`${start + 5000}: 2`, `${start + 10_000}: 2`])
  expect(errors).toEqual(['not yet', 'never'])
  fill(broker, 'orders', 1)
  await clock.advance(5000)
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 3 })
})

it('leaves a commit that failed for now to the next one where it commits all the time', async () => {
  const made = testBroker()
  const { broker, clock } = made
  broker.createTopic('orders')
  const commits: number[] = []
  const consumer = consumerWith(made, () => ({
    commit: async ([due]: readonly EpochOffset[]) => {
      if (commits.push(due!.offset) === 1) throw new UnknownTopicOrPartitionError('not yet')
    },
    ownedOffset: undefined,
  }))
  consumer.on('error', () => {})
  await consumer.run({ eachRecord: () => {} })
  fill(broker, 'orders', 1)
  await clock.advance(30_000)
  expect(commits).toEqual([1])
  fill(broker, 'orders', 1)
  await clock.advance(1)
  expect(commits).toEqual([1, 2])
})

it('makes no commit again that failed for now once its consumer has left, restarts and reads on', async () => {
  const made = testBroker()
  const { broker, clock } = made
  broker.createTopic('orders')
  const commits: string[] = []
  let fails = true
  const consumer = consumerWith(made, membership => ({
    autoCommitIntervalMs: 5000,
    commit: async (offsets: readonly EpochOffset[]) => {
      commits.push(offsets.map(({ offset }) => offset).join())
      if (fails) throw new UnknownTopicOrPartitionError('not yet')
      return membership.commit(offsets)
    },
  }))
  const errors: string[] = []
  consumer.on('error', error => errors.push((error as Error).message))
  consumer.on('restarting', () => {})
  await consumer.run({
    retry: { attempts: 1 },
    eachRecord: ({ offset }) => {
      if (offset === 2 && fails) throw new Error('once')
    },
  })
  fill(broker, 'orders', 4)
  await clock.advance(500)
  fails = false
  await clock.advance(30_000)
  expect([commits, errors]).toEqual([['2', '4'], ['not yet']])
})

it('says at once that a group could not be told that a member left whose handler is stuck', async () => {
  const made = testBroker()
  const { broker, clock } = made
  broker.createTopic('orders')
  const leave = async () => {
    await broker.clock.sleep(50)
    throw new Error('not told')
  }
  const consumer = consumerWith(made, () => ({ leave }), { maxPollIntervalMs: 100 })
  const errors: unknown[] = []
  consumer.on('error', error => errors.push((error as Error).message))
  await consumer.run({ eachRecord: () => new Promise(() => {}) })
  fill(broker, 'orders', 1)
  await clock.advance(150)
  expect(errors).toEqual(['not told'])
})

it('calls onLost alone for partitions that are lost while what was finished of them is committed', async () => {
  const made = testBroker()
  const { broker, clock } = made
  broker.createTopic('orders')
  const commit = () => broker.clock.sleep(100)
  const hooks: string[] = []
  const consumer = consumerWith(made, () => ({ autoCommitIntervalMs: 5000, commit }), {
    onRevoked: () => hooks.push('revoked'),
    onLost: () => hooks.push('lost'),
  })
  await consumer.run({ eachRecord: () => {} })
  fill(broker, 'orders', 1)
  await clock.settle()
  const subscribed = consumer.subscribe([])
  await clock.advance(50)
  broker.deleteTopic('orders')
  await clock.advance(50)
  await subscribed
  expect(hooks).toEqual(['lost'])
})

it('tells once of partitions that are given up after the time of its close, while the last commit is made', async () => {
  const made = testBroker()
  const { broker, clock } = made
  broker.createTopic('orders')
  const said: string[] = []
  const commit = () => broker.clock.sleep(100)
  const consumer = consumerWith(made, () => ({ autoCommitIntervalMs: 5000, commit }), {
    onRevoked: () => said.push('onRevoked'),
    onLost: () => said.push('onLost'),
  })
  for (const name of ['revoked', 'lost', 'closed'] as const) consumer.on(name, () => said.push(name))
  await consumer.run({ eachRecord: () => {} })
  fill(broker, 'orders', 1)
  await clock.settle()
  const closing = consumer.close({ timeoutMs: 50 })
  await clock.advance(150)
  await closing
  expect(said).toEqual(['onRevoked', 'revoked', 'closed'])
})

it('keeps the later of two subscriptions where the earlier one is refused after that', async () => {
  const made = testBroker()
  const { broker, clock } = made
  for (const name of ['orders', 'a', 'b']) broker.createTopic(name)
  let calls = 0
  const consumer = consumerWith(made, membership => ({
    subscribe: async interest => {
      if (calls++ > 0) return membership.subscribe(interest)
      await broker.clock.sleep(100)
      throw new Error('refused')
    },
  }))
  await consumer.run({ eachRecord: () => {} })
  const [refused] = [rejectionOf(consumer.subscribe(['a'])), await consumer.subscribe(['b'])]
  await clock.advance(100)
  expect((await refused).message).toBe('refused')
  const { memberId } = consumer
  broker.group('g').expel(memberId!)
  broker.engine.outbox.flush()
  await clock.settle()
  expect(consumer.memberId).not.toBe(memberId)
  expect(consumer.assignment).toEqual([{ topic: 'b', partition: 0 }])
})

it('has something to do until its group has answered a subscription', async () => {
  const made = testBroker()
  const { broker, clock } = made
  for (const name of ['orders', 'others']) broker.createTopic(name)
  const consumer = consumerWith(made, membership => ({
    subscribe: async interest => {
      await broker.clock.sleep(100)
      await membership.subscribe(interest)
    },
  }))
  await consumer.run({ eachRecord: () => {} })
  await broker.idle()
  let idle = false
  const subscribed = consumer.subscribe(['others'])
  const waiting = broker.idle().then(() => {
    idle = true
  })
  await clock.advance(99)
  expect(idle).toBe(false)
  await clock.advance(1)
  await Promise.all([subscribed, waiting])
  expect(names(consumer.assignment)).toEqual(['others-0'])
})

/** A consumer of topic 'orders' whose group answers each subscription after its time, and refuses 'refused'. */
async function subscriber(...delays: number[]) {
  const made = testBroker()
  const { broker, clock } = made
  for (const name of ['orders', 'a', 'b']) broker.createTopic(name)
  const consumer = consumerWith(made, membership => ({
    subscribe: async interest => {
      await broker.clock.sleep(delays.shift()!)
      if (interest.kind === 'topics' && interest.names.includes('refused')) throw new Error('refused')
      await membership.subscribe(interest)
    },
  }))
  await consumer.run({ eachRecord: () => {} })
  const said: string[] = []
  const subscribe = (topic: string) =>
    void consumer.subscribe([topic]).then(
      () => said.push(topic),
      error => said.push((error as Error).message),
    )
  /** What it reads after it has come back. */
  const comesBack = async () => {
    broker.group('g').expel(consumer.memberId!)
    broker.engine.outbox.flush()
    await clock.settle()
    return names(consumer.assignment)
  }
  return { broker, clock, consumer, said, subscribe, comesBack }
}

it.each([
  ['in order', 100, 200],
  ['the later one first', 200, 100],
])('goes on with what it read where two subscriptions at once are refused, %s', async (_, first, second) => {
  const { broker, clock, consumer, said, subscribe, comesBack } = await subscriber(first, second)
  subscribe('refused')
  subscribe('refused')
  await clock.advance(200)
  expect(said).toEqual(['refused', 'refused'])
  await broker.idle()
  await consumer.ready()
  expect(await comesBack()).toEqual(['orders-0'])
})

it.each([
  ['is refused first', ['refused', 'a'], 100, 200],
  ['is refused last', ['refused', 'a'], 200, 100],
  ['came later, and is refused first', ['a', 'refused'], 200, 100],
  ['came later, and is refused last', ['a', 'refused'], 100, 200],
])(
  'reads what the one of two subscriptions at once says where the other %s',
  async (_, topics, first, second) => {
    const { broker, clock, consumer, said, subscribe, comesBack } = await subscriber(first, second)
    for (const topic of topics) subscribe(topic)
    await clock.advance(200)
    expect(said.sort()).toEqual(['a', 'refused'])
    await broker.idle()
    await consumer.ready()
    expect(names(consumer.assignment)).toEqual(['a-0'])
    expect(await comesBack()).toEqual(['a-0'])
  },
)

it('reads what was said last where one of three subscriptions at once is refused', async () => {
  const { clock, consumer, said, subscribe, comesBack } = await subscriber(100, 300, 200)
  for (const topic of ['a', 'refused', 'b']) subscribe(topic)
  await clock.advance(300)
  expect(said).toEqual(['a', 'b', 'refused'])
  await consumer.ready()
  expect(await comesBack()).toEqual(['b-0'])
})

it.each([50, 200])(
  'is ready with what it has where a subscription is refused %i ms after that was told',
  async refusedMs => {
    const made = testBroker()
    const { broker, clock } = made
    for (const name of ['orders', 'a']) broker.createTopic(name)
    const subscribe = (membership: Membership) => async (interest: Interest) => {
      if (includedIn(interest)({ topic: 'a', partition: 0 })) return membership.subscribe(interest)
      await broker.clock.sleep(refusedMs)
      throw new Error('refused')
    }
    const onAssigned = () => broker.clock.sleep(100)
    const consumer = consumerWith(made, membership => ({ subscribe: subscribe(membership) }), { onAssigned })
    const running = consumer.run({ eachRecord: () => {} })
    await clock.advance(100)
    await running
    await consumer.subscribe(['a'])
    const refused = rejectionOf(consumer.subscribe(['refused']))
    await clock.advance(300)
    expect((await refused).message).toBe('refused')
    await broker.idle()
    await consumer.ready()
    expect(names(consumer.assignment)).toEqual(['a-0'])
  },
)

it('is not ready where its membership is lost while a hook takes its time, but once it has its partitions again', async () => {
  const { broker, clock } = testBroker()
  broker.createTopic('orders')
  const ready: number[] = []
  const consumer = broker.consumer({
    groupId: 'g',
    topics: ['orders'],
    onAssigned: () => broker.clock.sleep(100),
    onLost: () => broker.clock.sleep(100),
  })
  const start = clock.monotonic()
  void consumer.run({ eachRecord: () => {} }).then(() => ready.push(clock.monotonic() - start))
  await clock.advance(50)
  broker.group('g').expel(consumer.memberId!)
  broker.engine.outbox.flush()
  await clock.advance(1000)
  expect(ready).toEqual([300])
})

it('runs before the first handler fails, also where its look-ups are answered later', async () => {
  const made = testBroker()
  made.broker.createTopic('orders')
  fill(made.broker, 'orders', 1)
  const consumer = consumerWith(made, membership => ({ committed: async tp => membership.committed(tp) }))
  const done = rejectionOf(consumer.done)
  await consumer.run({
    retry: { attempts: 1 },
    onFailure: 'stop',
    eachRecord: () => {
      throw new Error('down')
    },
  })
  expect((await done).message).toContain('down')
})

describe.each(['looked up', 'begun'] as const)('a partition that is not %s for long', what => {
  /** A member that gets no answer for partition 0 until the gate opens, and what it reads. */
  async function slowMember() {
    const made = testBroker()
    const { broker } = made
    broker.createTopic('orders', { partitions: 4 })
    for (const partition of [0, 1, 2, 3]) fill(broker, 'orders', 1, partition)
    const answer = gate()
    const slowly = async ({ partition }: TopicPartition) => {
      if (partition === 0) await answer.opened
    }
    const committed = (membership: Membership) => ({
      committed: async (tp: TopicPartition) => {
        await slowly(tp)
        return membership.committed(tp)
      },
    })
    const first = what === 'looked up' ? consumerWith(made, committed) : consumerThatStarts(made, slowly)
    const read: number[] = []
    const run = first.run({ eachRecord: ({ partition }) => void read.push(partition) })
    await made.clock.advance(0)
    return { ...made, first, read, run, answer }
  }

  it('keeps nobody from the partitions that its member gives up meanwhile, and is read once it is', async () => {
    const { broker, clock, first, read, run, answer } = await slowMember()
    const second = broker.consumer({ groupId: 'g', topics: ['orders'] })
    const joined = second.ready()
    await clock.advance(1999)
    expect(second.assignment).toEqual([])
    expect(read).not.toContain(0)
    await clock.advance(1)
    expect(second.assignment).toHaveLength(2)
    await joined
    answer.open()
    await clock.advance(500)
    await run
    expect(first.assignment).toContainEqual(orders0)
    expect(read).toContain(0)
    await Promise.all([first.close(), second.close()])
  })

  it('keeps nobody from the others of its member for more than 2 seconds, nor from its end', async () => {
    const { first, clock, read, run, answer } = await slowMember()
    let ready = false
    run.then(() => {
      ready = true
    })
    await clock.advance(1999)
    expect(read).toHaveLength(what === 'looked up' ? 0 : 3)
    await clock.advance(1)
    expect(read.toSorted()).toEqual([1, 2, 3])
    await clock.advance(10_000)
    expect(ready).toBe(false)
    answer.open()
    await clock.advance(0)
    expect([ready, read.toSorted()]).toEqual([true, [0, 1, 2, 3]])
    await first.close()
  })

  it('does not keep its member from closing', async () => {
    const { first, clock, run } = await slowMember()
    await clock.advance(10)
    const at = clock.monotonic()
    run.catch(() => {})
    await first.close()
    expect(clock.monotonic()).toBe(at)
  })
})
