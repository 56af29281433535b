import { AsyncLocalStorage } from 'node:async_hooks'
import {
  channel,
  subscribe,
  type TracingChannelSubscribers,
  tracingChannel,
  unsubscribe,
} from 'node:diagnostics_channel'
import { afterEach, expect, it } from 'vitest'
import {
  type CommitTrace,
  type EventMessage,
  headersOf,
  type PollTrace,
  type ProcessTrace,
  type RunOptions,
  type SendTrace,
} from '../../src/index.ts'
import { fill, offsets } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { brokerWithOrders } from '../helpers/orders.ts'

const undo: (() => void)[] = []
afterEach(() => {
  for (const each of undo.splice(0)) each()
})

function listen<Message extends object>(
  name: string,
  subscribers: Partial<TracingChannelSubscribers<Message>>,
): void {
  const traced = tracingChannel<unknown, Message>(name)
  traced.subscribe(subscribers as TracingChannelSubscribers<Message>)
  undo.push(() => traced.unsubscribe(subscribers as TracingChannelSubscribers<Message>))
}

it('shows a message without a key as one whose key is null', async () => {
  const { broker } = brokerWithOrders()
  const keys: unknown[] = []
  listen<SendTrace>('brokerlet.send', { start: ({ messages }) => keys.push(messages.map(({ key }) => key)) })
  await broker.producer().send({ topic: 'orders', value: 1 })
  await broker.producer().sendBatch([{ topic: 'orders', key: undefined, value: 1 }])
  expect(keys).toEqual([[null], [null]])
})

it('traces a send, and carries on the headers that a subscriber adds', async () => {
  const { broker } = brokerWithOrders()
  const seen: unknown[] = []
  listen<SendTrace>('brokerlet.send', {
    start: ({ clientId, messages }) => {
      seen.push(['start', clientId, messages.map(({ topic, key }) => [topic, key])])
      for (const { headers } of messages) headers.traceparent = 'trace'
    },
    end: ({ result, error }) => seen.push(['end', result, error]),
    asyncEnd: ({ result }) => seen.push(['asyncEnd', result]),
  })
  const producer = broker.producer({ clientId: 'shop' })
  const sent = await producer.send({ topic: 'orders', key: 'a', value: 1 })
  expect(seen).toEqual([
    ['start', 'shop', [['orders', 'a']]],
    ['end', undefined, undefined],
    ['asyncEnd', sent],
  ])
  await producer.sendBatch([
    { topic: 'orders', value: 2, headers: { tenant: 'acme' } },
    {
      topic: 'orders',
      value: 3,
      headers: [
        ['x', '1'],
        ['x', '2'],
      ],
    },
  ])
  expect(broker.topic('orders').records().map(headersOf)).toEqual([
    [['traceparent', 'trace']],
    [
      ['traceparent', 'trace'],
      ['tenant', 'acme'],
    ],
    [
      ['traceparent', 'trace'],
      ['x', '1'],
      ['x', '2'],
    ],
  ])
})

it('tells of a send that is refused, and leaves the refusal as it is', async () => {
  const { broker } = brokerWithOrders()
  const errors: unknown[] = []
  listen<SendTrace>('brokerlet.send', { start: () => {}, error: ({ error }) => errors.push(error) })
  const producer = broker.producer()
  const refusals = [
    producer.send({ topic: 'nowhere', value: 1 }),
    producer.send(undefined as never),
    producer.send({ topic: 'orders', value: 1, headers: 5 as never }),
    producer.sendBatch('all' as never),
  ]
  const rejected = await Promise.all(refusals.map(rejectionOf))
  expect(rejected.map(({ name }) => name)).toEqual([
    'UnknownTopicOrPartitionError',
    'InvalidArgumentError',
    'InvalidRecordError',
    'InvalidArgumentError',
  ])
  expect(errors).toEqual(rejected.slice(0, 3))
})

it.each<[string, Partial<RunOptions>]>([
  ['one handler', {}],
  ['several', { concurrency: 4, ordering: 'key' }],
])('traces every call of a handler, with %s', async (_, options) => {
  const { broker, clock } = brokerWithOrders(2)
  const seen: unknown[] = []
  listen<ProcessTrace>('brokerlet.process', {
    start: ({ groupId, records, batch, attempt }) =>
      seen.push(['start', groupId, offsets(records), batch, attempt]),
    asyncEnd: ({ records, error }) =>
      seen.push(['end', offsets(records), (error as Error | undefined)?.message]),
  })
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
    ...options,
    eachRecord: async ({ offset }, { attempt }) => {
      await broker.clock.sleep(1)
      if (offset === 0 && attempt === 1) throw new Error('boom')
    },
  } as RunOptions)
  await clock.advance(1000)
  expect(seen.sort()).toEqual(
    [
      ['start', 'g', [0], false, 1],
      ['end', [0], 'boom'],
      ['start', 'g', [0], false, 2],
      ['end', [0], undefined],
      ['start', 'g', [1], false, 1],
      ['end', [1], undefined],
    ].sort(),
  )
})

it('keeps a handler that answers at once synchronous', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const seen: unknown[] = []
  listen<ProcessTrace>('brokerlet.process', {
    end: message => seen.push(['end', 'result' in message]),
    asyncEnd: () => seen.push('asyncEnd'),
  })
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({ eachRecord: () => 'done' })
  await clock.settle()
  expect(seen).toEqual([['end', true]])
})

it('traces batches', async () => {
  const { broker, clock } = brokerWithOrders(3)
  const seen: unknown[] = []
  listen<ProcessTrace>('brokerlet.process', {
    start: ({ records, batch }) => seen.push([offsets(records), batch]),
  })
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({ eachBatch: () => {} })
  await clock.settle()
  expect(seen).toEqual([[[0, 1, 2], true]])
})

it('calls a handler in the context that a subscriber makes for it', async () => {
  const { broker, clock } = brokerWithOrders(1)
  const span = new AsyncLocalStorage<string>()
  const store = new AsyncLocalStorage<string>()
  listen<ProcessTrace>('brokerlet.process', {
    start: message => {
      message.run = call => span.run(`span of ${message.records[0]!.offset}`, call)
    },
  })
  const { start } = tracingChannel<string, ProcessTrace>('brokerlet.process')
  start.bindStore(store, ({ attempt }) => `attempt ${attempt}`)
  undo.push(() => start.unbindStore(store))
  const seen: unknown[] = []
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({
    eachRecord: async () => {
      await broker.clock.sleep(1)
      seen.push(span.getStore(), store.getStore())
    },
  })
  await clock.advance(1)
  expect(seen).toEqual(['span of 0', 'attempt 1'])
})

it('traces from the next records on where somebody begins to listen later', async () => {
  const { broker, clock } = brokerWithOrders(1)
  await broker.consumer({ groupId: 'g', topics: ['orders'] }).run({ eachRecord: () => {} })
  await clock.settle()
  const seen: unknown[] = []
  listen<ProcessTrace>('brokerlet.process', { start: ({ records }) => seen.push(...offsets(records)) })
  fill(broker, 'orders', 2)
  await clock.settle()
  expect(seen).toEqual([1, 2])
})

it('traces polls, and what loops fetch', async () => {
  const { broker } = brokerWithOrders(3)
  const seen: unknown[] = []
  const note = ({ clientId, groupId, result }: PollTrace) =>
    seen.push([clientId, groupId, offsets(result as { offset: number }[])])
  listen<PollTrace>('brokerlet.poll', {
    end: message => {
      if ('result' in message) note(message)
    },
    asyncEnd: note,
  })
  const polling = broker.consumer({ groupId: 'g', topics: ['orders'], clientId: 'p' })
  await polling.poll({ maxRecords: 2 })
  for await (const _ of broker.consumer({ topics: ['orders'], until: 'end', clientId: 'l' }));
  expect(seen).toEqual([
    ['p', 'g', [0, 1]],
    ['l', undefined, [0, 1, 2]],
  ])
})

it('traces commits, those of single records and those that are refused, too', async () => {
  const { broker, clock } = brokerWithOrders(2)
  const seen: unknown[] = []
  listen<CommitTrace>('brokerlet.commit', {
    end: ({ groupId, offsets: committed, automatic, error }) =>
      seen.push([
        groupId,
        automatic,
        committed.map(({ offset }) => offset),
        (error as Error | undefined)?.name,
      ]),
  })
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({ eachRecord: () => broker.clock.sleep(1) })
  await clock.advance(5)
  expect(seen).toEqual([
    ['g', true, [1], undefined],
    ['g', true, [2], undefined],
  ])
  await rejectionOf(consumer.commit([{ topic: 'orders', partition: 7, offset: 1 }]))
  expect(seen.at(-1)).toEqual(['g', false, [1], 'CommitFailedError'])
})

it('traces of a commit what its caller knows, and nothing of how its group assigns', async () => {
  const { broker } = brokerWithOrders(1)
  const seen: unknown[] = []
  listen<CommitTrace>('brokerlet.commit', { end: ({ offsets: committed }) => seen.push(committed) })
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.poll()
  const first = { topic: 'orders', partition: 0, offset: 1 } as const
  await consumer.commit()
  await consumer.commit([{ ...first, metadata: 'mine' }])
  expect(seen).toStrictEqual([[first], [{ ...first, metadata: 'mine' }]])
})

it('publishes every event of brokers and consumers, with the group that it is about', async () => {
  const seen: EventMessage[] = []
  const note = (message: unknown) => void seen.push(message as EventMessage)
  subscribe('brokerlet.event', note)
  undo.push(() => unsubscribe('brokerlet.event', note))
  const { broker, clock } = brokerWithOrders(1)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'], clientId: 'c' })
  await consumer.run({
    retry: { attempts: 1 },
    onFailure: 'skip',
    eachRecord: () => {
      throw new Error('boom')
    },
  })
  await clock.settle()
  expect(seen.map(({ source, groupId, name }) => [source, groupId, name])).toEqual([
    ['Broker', undefined, 'topicCreated'],
    ['Broker', 'g', 'groupCreated'],
    ['Broker', 'g', 'memberJoined'],
    ['Broker', 'g', 'rebalanced'],
    ["Consumer 'c' of group 'g'", 'g', 'assigned'],
    ["Consumer 'c' of group 'g'", 'g', 'skipped'],
  ])
  expect(channel('brokerlet.event').hasSubscribers).toBe(true)
})
