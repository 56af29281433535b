import { expect, it } from 'vitest'
import { Consumer } from '../../src/consumer/consumer.ts'
import type { ConsumerOptions } from '../../src/consumer/consumer-options.ts'
import type { AssignmentUpdate, Engine, Membership, MembershipListener } from '../../src/engine.ts'
import { UnknownMemberIdError } from '../../src/errors.ts'
import { gate, names } from '../helpers/behaviours.ts'
import { testBroker } from '../helpers/test-broker.ts'

/** A consumer of a group that says just what a test has it say. */
function told(options: ConsumerOptions) {
  const { broker, clock } = testBroker()
  broker.createTopic('orders', { partitions: 3 })
  const listeners: MembershipListener[] = []
  const membership: Membership = {
    memberId: 'm',
    subscribe: () => {},
    release: () => {},
    commit: () => {},
    committed: () => null,
    leave: () => {},
  }
  const engine = new Proxy<Engine>(broker.engine, {
    get(target, name) {
      if (name === 'join')
        return (_: unknown, listener: MembershipListener) => {
          listeners.push(listener)
          return membership
        }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const consumer = new Consumer(engine, { groupId: 'g', topics: ['orders'], ...options })
  // Resolves, or not, by what the group says.
  consumer.run({ eachRecord: () => {} }).catch(() => {})
  const says = (update: Partial<AssignmentUpdate>) =>
    listeners.at(-1)!.assignmentChanged({ lost: [], revoked: [], assigned: [], settled: true, ...update })
  return { clock, consumer, listeners, says }
}

const partition = (index: number) => ({ topic: 'orders', partition: index, assignmentEpoch: 1 })

/** Hooks that note what they are told; each waits where its gate is closed. */
function slowHooks(gates: Partial<Record<'onAssigned' | 'onRevoked' | 'onLost', Promise<void>>>) {
  const calls: string[] = []
  const hook = (name: keyof typeof gates) => async (partitions: Parameters<typeof names>[0]) => {
    calls.push(`${name} ${names(partitions)}`)
    await gates[name]
  }
  const hooks = { onAssigned: hook('onAssigned'), onRevoked: hook('onRevoked'), onLost: hook('onLost') }
  return { calls, hooks }
}

it('takes on nothing more that comes with a loss, once it has left while its hook took its time', async () => {
  const { opened, open } = gate()
  const { calls, hooks } = slowHooks({ onLost: opened })
  const { clock, consumer, says } = told(hooks)
  await clock.settle()
  says({ assigned: [partition(0)] })
  await clock.settle()
  says({ lost: [partition(0)], assigned: [partition(1)] })
  await clock.settle()
  await consumer.close({ timeoutMs: 0 })
  open()
  await clock.settle()
  expect([calls, consumer.assignment]).toEqual([['onAssigned orders-0', 'onLost orders-0'], []])
})

it('joins again, and takes on nothing of before, where it lost its place while its hook took its time', async () => {
  const { opened, open } = gate()
  const { calls, hooks } = slowHooks({ onLost: opened })
  const { clock, consumer, listeners, says } = told(hooks)
  await clock.settle()
  says({ assigned: [partition(0), partition(2)] })
  await clock.settle()
  says({ lost: [partition(0)], assigned: [partition(1)] })
  await clock.settle()
  listeners[0]!.fenced(new UnknownMemberIdError('not any more', { groupId: 'g' }))
  open()
  await clock.settle()
  expect(calls).toEqual(['onAssigned orders-0,orders-2', 'onLost orders-0', 'onLost orders-2'])
  says({ assigned: [partition(2)] })
  await clock.settle()
  expect([listeners.length, names(consumer.assignment)]).toEqual([2, ['orders-2']])
})

it('takes on what comes with a loss, once its hook has ended', async () => {
  const { opened, open } = gate()
  const { calls, hooks } = slowHooks({ onLost: opened })
  const { clock, consumer, says } = told(hooks)
  await clock.settle()
  says({ assigned: [partition(0), partition(2)] })
  await clock.settle()
  says({ lost: [partition(0)], revoked: [partition(2)] })
  says({ assigned: [partition(1)] })
  await clock.settle()
  expect(calls).toEqual(['onAssigned orders-0,orders-2', 'onLost orders-0'])
  open()
  await clock.settle()
  expect(calls.slice(2)).toEqual(['onRevoked orders-2', 'onAssigned orders-1'])
  expect(names(consumer.assignment)).toEqual(['orders-1'])
})

it('is not ready by what it was told before it lost its place, while its hook took its time', async () => {
  const { opened, open } = gate()
  const { hooks } = slowHooks({ onAssigned: opened })
  const { clock, consumer, listeners, says } = told(hooks)
  await clock.settle()
  says({ assigned: [partition(0)] })
  await clock.settle()
  listeners[0]!.fenced(new UnknownMemberIdError('not any more', { groupId: 'g' }))
  let ready = false
  void consumer.ready().then(() => {
    ready = true
  })
  open()
  await clock.settle()
  expect([listeners.length, ready]).toEqual([2, false])
  says({ assigned: [partition(1)] })
  await clock.settle()
  expect([names(consumer.assignment), ready]).toEqual([['orders-1'], true])
})

it('is told once that it gets nothing, however often the group says so', async () => {
  const { calls, hooks } = slowHooks({})
  const { clock, says } = told(hooks)
  await clock.settle()
  says({ settled: false })
  await clock.settle()
  expect(calls).toEqual([])
  says({})
  says({})
  await clock.settle()
  expect(calls).toEqual(['onAssigned '])
})
