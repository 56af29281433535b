import { expect, it } from 'vitest'
import { Consumer } from '../../src/consumer/consumer.ts'
import type { Engine, EpochOffset, Membership } from '../../src/engine.ts'
import { fill } from '../helpers/behaviours.ts'
import { testBroker } from '../helpers/test-broker.ts'

/** The same object with some members replaced. */
function withMembers<T extends object>(object: T, members: Partial<T>): T {
  return new Proxy(object, {
    get(target, name) {
      if (name in members) return members[name as keyof T]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** A consumer whose engine commits by time, as on a cluster, and the offsets of each commit. */
function committedByTime(partitions: number) {
  const autoCommitIntervalMs = 5000
  const { broker, clock } = testBroker()
  broker.createTopic('orders', { partitions })
  const commits: string[] = []
  const start = clock.monotonic()
  const engine: Engine = withMembers<Engine>(broker.engine, {
    join: (request, listener) => {
      const membership = broker.engine.join(request, listener) as Membership
      const commit = (offsets: readonly EpochOffset[]) => {
        const text = offsets.map(({ partition, offset }) => `${partition}@${offset}`).join(' ')
        commits.push(`${clock.monotonic() - start}: ${text}`)
        return membership.commit(offsets)
      }
      return withMembers(membership, { autoCommitIntervalMs, commit } as Partial<Membership>)
    },
  })
  return { broker, clock, commits, consumer: new Consumer(engine, { groupId: 'g', topics: ['orders'] }) }
}

it('commits once an interval what was finished meanwhile', async () => {
  const { broker, clock, commits, consumer } = committedByTime(1)
  await consumer.run({ eachRecord: () => broker.clock.sleep(1000) })
  fill(broker, 'orders', 8)
  await clock.advance(30_000)
  await consumer.close()
  expect(commits).toEqual(['6000: 0@5', '11000: 0@8'])
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
