import { getEventListeners } from 'node:events'
import { expect, it } from 'vitest'
import type { RecordContext, RunOptions } from '../../src/index.ts'
import { fill, gate } from '../helpers/behaviours.ts'
import { collect } from '../helpers/collect.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

function consumerWith(records: number) {
  const { broker, clock } = testBroker()
  broker.createTopic('orders')
  fill(broker, 'orders', records)
  const stop = new AbortController()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], signal: stop.signal })
  return { broker, clock, stop, consumer }
}

it('closes a consumer that runs: what is in flight is finished and committed', async () => {
  const { broker, clock, stop, consumer } = consumerWith(3)
  const first = gate()
  await consumer.run({ eachRecord: () => first.opened })
  await clock.settle()
  stop.abort()
  await clock.settle()
  first.open()
  await consumer.done
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 1 })
})

it('ends a loop', async () => {
  const { clock, stop, consumer } = consumerWith(2)
  const seen: number[] = []
  const loop = (async () => {
    for await (const { offset } of consumer) seen.push(offset)
  })()
  await clock.settle()
  stop.abort()
  await loop
  expect(seen).toEqual([0, 1])
})

it('ends a loop over batches', async () => {
  const { clock, stop, consumer } = consumerWith(2)
  const seen: number[] = []
  const loop = (async () => {
    for await (const { records } of consumer.batches()) seen.push(records.length)
  })()
  await clock.settle()
  stop.abort()
  await loop
  expect(seen).toEqual([2])
})

it('ends a poll that waits, with nothing', async () => {
  const { clock, stop, consumer } = consumerWith(0)
  const polled = consumer.poll()
  await clock.settle()
  stop.abort()
  expect(await polled).toEqual([])
})

it('makes no consumer once it has aborted', async () => {
  const { broker } = testBroker()
  const reason = new Error('too late')
  const signal = AbortSignal.abort(reason)
  expect(thrownBy(() => broker.consumer({ topics: [], signal }))).toBe(reason)
})

it('leaves nothing behind at the signal of a consumer that has ended', async () => {
  const { broker, stop, consumer } = consumerWith(0)
  await consumer.close()
  stop.abort()
  await consumer.done
  expect((await rejectionOf(consumer.poll())).message).toContain('is closed')
  expect(broker.groups.size).toBe(0)
})

it('ends any number of consumers and sleeps by one listener, which Node takes for no leak', async () => {
  const stop = new AbortController()
  const { broker, clock } = testBroker({ consumerDefaults: { signal: stop.signal } })
  broker.createTopic('orders')
  const consumers = Array.from({ length: 20 }, () => broker.consumer({ topics: ['orders'] }))
  for (const consumer of consumers) await consumer.run({ eachRecord: () => {} })
  expect(getEventListeners(stop.signal, 'abort').length).toBe(1)
  const sleeper = new AbortController()
  const slept = Array.from({ length: 20 }, () =>
    rejectionOf(broker.clock.sleep(1, { signal: sleeper.signal })),
  )
  expect(getEventListeners(sleeper.signal, 'abort').length).toBe(1)
  stop.abort()
  sleeper.abort(new Error('awake'))
  await clock.settle()
  await Promise.all(consumers.map(({ done }) => done))
  expect(new Set((await Promise.all(slept)).map(({ message }) => message))).toEqual(new Set(['awake']))
})

it('leaves no listener at the signal of a sleep, or of a consumer, that has ended', async () => {
  const { signal } = new AbortController()
  const { broker, clock } = testBroker({ consumerDefaults: { signal } })
  broker.createTopic('orders')
  const consumer = broker.consumer({ topics: ['orders'] })
  const slept = broker.clock.sleep(1, { signal })
  expect(getEventListeners(signal, 'abort').length).toBeGreaterThan(0)
  await consumer.close()
  await clock.advance(1)
  await slept
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

it('keeps no consumer that was never started, or could not be, for as long as the signal lives', async () => {
  const { broker } = testBroker()
  const stop = new AbortController()
  const dropped = await (async () => {
    const made = ['idle', 'failed'].map(groupId =>
      broker.consumer({ groupId, topics: ['missing'], signal: stop.signal }),
    )
    await rejectionOf(made[1]!.run({ eachRecord: () => {} }))
    return made.map(consumer => new WeakRef(consumer))
  })()
  for (let i = 0; i < 3; i++) {
    await new Promise(resolve => setImmediate(resolve))
    collect()
  }
  expect(dropped.map(each => each.deref())).toEqual([undefined, undefined])
  await new Promise(resolve => setImmediate(resolve))
  expect(getEventListeners(stop.signal, 'abort')).toEqual([])
})

it('closes a consumer that was not started yet, and one whose done is awaited, whoever else has it', async () => {
  const { broker } = testBroker()
  const stop = new AbortController()
  const make = () => broker.consumer({ topics: [], signal: stop.signal })
  const held = make()
  const { done } = make()
  await new Promise(resolve => setImmediate(resolve))
  collect()
  stop.abort()
  await done
  expect((await rejectionOf(held.poll())).message).toContain('is closed')
})

it('is not closed by the signal of a run that could not start', async () => {
  const { broker } = testBroker()
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const stop = new AbortController()
  const seen: number[] = []
  const eachRecord = ({ offset }: { offset: number }) => void seen.push(offset)
  await rejectionOf(consumer.run({ eachRecord, signal: stop.signal }))
  expect(getEventListeners(stop.signal, 'abort')).toEqual([])
  broker.createTopic('orders')
  fill(broker, 'orders', 1)
  await consumer.run({ eachRecord })
  stop.abort()
  await broker.idle()
  expect(seen).toEqual([0])
})

it('gives a handler a signal that it may hand to as many as it likes', async () => {
  const { broker, consumer } = consumerWith(1)
  const warnings: Error[] = []
  const warned = (warning: Error) => void warnings.push(warning)
  process.on('warning', warned)
  let listening = 0
  await consumer.run({
    eachRecord: (_, { signal }) => {
      for (let i = 0; i < 20; i++) signal.addEventListener('abort', () => {})
      listening = getEventListeners(signal, 'abort').length
    },
  })
  await broker.idle()
  await new Promise(process.nextTick)
  process.off('warning', warned)
  expect([listening, warnings]).toEqual([20, []])
})

it.each<[string, Partial<RunOptions>]>([
  ['one handler', {}],
  ['several', { concurrency: 2 }],
  ['several, in any order', { concurrency: 2, ordering: 'none' }],
])('ends with each handler what listens to its signal, with %s', async (_, options) => {
  const { broker, clock, consumer } = consumerWith(6)
  const aborted: number[] = []
  const ended: WeakRef<AbortSignal>[] = []
  await consumer.run({
    ...options,
    retry: { attempts: 2, delayMs: 10 },
    onFailure: 'skip',
    eachRecord: ({ offset }, { signal }) => {
      if (offset < 4) ended.push(new WeakRef(signal))
      signal.addEventListener('abort', () => aborted.push(offset))
      if (offset === 0) return 'at once'
      if (offset === 1) throw new Error('at once')
      if (offset === 2) return Promise.reject(new Error('later'))
      return offset === 5 ? new Promise(() => {}) : Promise.resolve()
    },
  } as RunOptions)
  await clock.advance(100)
  collect()
  expect(ended.map(each => each.deref())).toEqual(Array(6).fill(undefined))
  await consumer.close({ timeoutMs: 0 })
  await broker.close()
  expect(aborted).toEqual([5])
})

it('aborts nothing of a handler that asks for its signal once it has ended', async () => {
  const { clock, consumer } = consumerWith(2)
  const contexts: RecordContext[] = []
  await consumer.run({
    concurrency: 2,
    ordering: 'none',
    eachRecord: ({ offset }, context) => {
      contexts.push(context)
      return offset === 1 ? new Promise(() => {}) : undefined
    },
  })
  await clock.settle()
  const signals = contexts.map(({ signal }) => signal)
  await consumer.close({ timeoutMs: 0 })
  expect(signals.map(({ aborted }) => aborted)).toEqual([false, true])
})

it('aborts at once what a handler does with a partition that is lost, also while a hook takes its time', async () => {
  const { broker, clock } = testBroker()
  for (const name of ['orders', 'others']) broker.createTopic(name)
  fill(broker, 'orders', 1)
  const hook = gate()
  const said: string[] = []
  const consumer = broker.consumer({
    groupId: 'g',
    topics: /^o/,
    onLost: async ([tp]) => {
      said.push(`onLost ${tp?.topic}`)
      await hook.opened
    },
  })
  await consumer.run({
    eachRecord: async ({ topic }, { signal }) => {
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      said.push(`aborted ${topic}: ${signal.reason}`)
    },
  })
  await clock.settle()
  broker.deleteTopic('others')
  await clock.settle()
  broker.deleteTopic('orders')
  await clock.settle()
  expect(said).toEqual(['onLost others', 'aborted orders: its topic was deleted'])
  hook.open()
  await clock.settle()
  expect(said.slice(2)).toEqual(['onLost orders'])
})

it('aborts at once where the membership is lost, also while a hook takes its time', async () => {
  const { broker, clock } = testBroker()
  for (const name of ['orders', 'others']) broker.createTopic(name)
  fill(broker, 'orders', 1)
  const said: string[] = []
  const hook = gate()
  const consumer = broker.consumer({
    groupId: 'g',
    topics: /^o/,
    maxPollIntervalMs: 1000,
    onLost: () => hook.opened,
  })
  await consumer.run({
    eachRecord: async (_, { signal }) => {
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      said.push((signal.reason as Error).name)
    },
  })
  await clock.settle()
  broker.deleteTopic('others')
  await clock.advance(1000)
  expect(said).toEqual(['CommitFailedError'])
  hook.open()
  await clock.settle()
})
