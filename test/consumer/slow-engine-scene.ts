import { Consumer } from '../../src/consumer/consumer.ts'
import type { ConsumerOptions } from '../../src/consumer/consumer-options.ts'
import type { Engine, FetchPosition, Membership } from '../../src/engine.ts'
import type { TopicPartition } from '../../src/topic-partition.ts'
import type { testBroker } from '../helpers/test-broker.ts'

/** The same object with some members replaced. */
export function withMembers<T extends object>(object: T, members: Partial<T>): T {
  return new Proxy(object, {
    get(target, name) {
      if (name in members) return members[name as keyof T]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** A consumer whose engine has other memberships than the broker's, as one on a cluster has. */
export function consumerWith(
  { broker }: ReturnType<typeof testBroker>,
  change: (membership: Membership) => Partial<Membership>,
  options: ConsumerOptions = {},
): Consumer {
  const engine = withMembers<Engine>(broker.engine, {
    join: (request, listener) => {
      const membership = broker.engine.join(request, listener) as Membership
      return withMembers(membership, change(membership))
    },
  })
  return new Consumer(engine, { groupId: 'g', topics: ['orders'], ...options })
}

/** A consumer whose engine begins to read a partition only after this, as one on a cluster may. */
export function consumerThatStarts(
  { broker }: ReturnType<typeof testBroker>,
  after: (tp: TopicPartition) => Promise<unknown>,
): Consumer {
  const engine: Engine = broker.engine
  const fetch = <Position extends FetchPosition>(...request: Parameters<Engine['fetch']>) => {
    const session = engine.fetch<Position>(...request)
    return withMembers(session, {
      start: async position => {
        await after(position)
        const started = await session.start(position)
        // It may have been polled before the consumer has heard that it began.
        engine.clock.setTimer(() => started.next(), 0)
        return started
      },
    })
  }
  return new Consumer(withMembers<Engine>(engine, { fetch }), { groupId: 'g', topics: ['orders'] })
}
