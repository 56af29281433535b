import { describe, expect, it } from 'vitest'
import { BatchError, type ConsumerRecord, json } from '../../src/index.ts'
import { fill, gate, range } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { orders0 } from '../helpers/orders.ts'
import { testBroker } from '../helpers/test-broker.ts'

/** A consumer of `orders` whose handler fails at offset 0 of partition 0 as long as `failing` says so. */
function failingAtFirst(records = 1, partitions = 1) {
  const { broker, clock } = testBroker()
  broker.createTopic('orders', { partitions })
  for (const partition of range(0, partitions)) fill(broker, 'orders', records, partition)
  const start = clock.monotonic()
  const seen: string[] = []
  const test = { failing: true }
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const eachRecord = (
    { partition, offset }: { partition: number; offset: number },
    { attempt }: { attempt: number },
  ) => {
    seen.push(`${clock.monotonic() - start}: ${partition}@${offset}${attempt > 1 ? ` #${attempt}` : ''}`)
    if (partition === 0 && offset === 0 && test.failing) throw new Error('not yet')
  }
  return { broker, clock, seen, test, consumer, eachRecord }
}

it.each([0, 1])(
  'tries as often as it takes, and be it a thousand times, with a delay of %i ms',
  async delayMs => {
    const { clock, consumer } = failingAtFirst()
    let attempts = 0
    await consumer.run({
      eachRecord: () => {
        if (++attempts <= 1100) throw new Error('not yet')
      },
      retry: { attempts: Number.POSITIVE_INFINITY, delayMs },
    })
    await clock.advance(1100 * 10_000)
    expect([attempts, consumer.lag()]).toEqual([1101, 0])
  },
)

it('tries five times, after 100 ms and then twice as long each time', async () => {
  const { clock, seen, consumer, eachRecord } = failingAtFirst()
  await consumer.run({ eachRecord, onFailure: 'stop' })
  await clock.advance(60_000)
  expect(seen).toEqual(['0: 0@0', '100: 0@0 #2', '300: 0@0 #3', '700: 0@0 #4', '1500: 0@0 #5'])
  await rejectionOf(consumer.done)
})

it.each([1, 2])(
  'stands at the record that waits for its next attempt, with concurrency %s',
  async concurrency => {
    const { clock, test, consumer, eachRecord } = failingAtFirst(3)
    await consumer.run({ eachRecord, concurrency })
    await clock.settle()
    expect(consumer.position(orders0)).toBe(0)
    test.failing = false
    await clock.advance(100)
    expect(consumer.position(orders0)).toBe(3)
  },
)

it.each([
  ['the first record of a batch', 0, () => new Error('not yet')],
  [
    'the one that a BatchError names',
    1,
    (failedAt: ConsumerRecord) => new BatchError('not yet', { failedAt }),
  ],
] as const)('stands at %s while that waits for its next attempt', async (_what, position, toThrow) => {
  const { clock, consumer } = failingAtFirst(3)
  await consumer.run({
    eachBatch({ records }, { attempt }) {
      if (attempt === 1) throw toThrow(records[position]!)
    },
  })
  await clock.settle()
  expect(consumer.position(orders0)).toBe(position)
  await clock.advance(100)
  expect(consumer.position(orders0)).toBe(3)
})

it('waits at most 10 s between two attempts', async () => {
  const { clock, consumer, eachRecord } = failingAtFirst()
  const delays: number[] = []
  consumer.on('retrying', ({ delayMs }) => delays.push(delayMs))
  await consumer.run({ eachRecord, retry: { attempts: Number.POSITIVE_INFINITY } })
  await clock.advance(60_000)
  expect(delays.slice(0, 10)).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000])
})

it('begins with delayMs, and keeps to it where it is longer than 10 s', async () => {
  const { clock, seen, consumer, eachRecord } = failingAtFirst()
  await consumer.run({ eachRecord, retry: { attempts: 3, delayMs: 20_000 }, onFailure: 'stop' })
  await clock.advance(60_000)
  expect(seen).toEqual(['0: 0@0', '20000: 0@0 #2', '40000: 0@0 #3'])
})

it('asks backoff for the delay after each failed attempt', async () => {
  const { clock, seen, consumer, eachRecord } = failingAtFirst()
  await consumer.run({
    eachRecord,
    retry: { attempts: 4, backoff: attempt => attempt * 7 },
    onFailure: 'stop',
  })
  await clock.advance(60_000)
  expect(seen).toEqual(['0: 0@0', '7: 0@0 #2', '21: 0@0 #3', '42: 0@0 #4'])
})

it.each([
  ['gives no duration', () => -1, 'backoff(1) expected a number of milliseconds, 0 or more, gave -1'],
  [
    'gives a promise, even one that rejects',
    () => Promise.reject(new Error('too late')) as never,
    'backoff(1) expected a number of milliseconds, 0 or more, gave a Promise',
  ],
  [
    'throws',
    () => {
      throw new Error('no backoff')
    },
    'no backoff',
  ],
])('stops where backoff %s, and commits nothing of the record', async (_, backoff, text) => {
  const { broker, clock, consumer, eachRecord } = failingAtFirst()
  await consumer.run({ eachRecord, retry: { backoff } })
  await clock.settle()
  expect((await rejectionOf(consumer.done)).message).toContain(text)
  expect(broker.group('g').committed(orders0)?.offset ?? 0).toBe(0)
})

it('tells of every retry with the record, the error, the attempt and the delay', async () => {
  const { clock, test, consumer, eachRecord } = failingAtFirst()
  const events: unknown[] = []
  consumer.on('retrying', ({ record, error, attempt, delayMs }) => {
    events.push([record.offset, (error as Error).message, attempt, delayMs])
    if (attempt === 2) test.failing = false
  })
  await consumer.run({ eachRecord })
  await clock.advance(1000)
  expect(events).toEqual([
    [0, 'not yet', 1, 100],
    [0, 'not yet', 2, 200],
  ])
})

it.each([
  [
    'rejects with',
    async (error: unknown) => {
      throw error
    },
  ],
  [
    'throws',
    (error: unknown) => {
      throw error
    },
  ],
])('retries a handler that %s whatever, an Error or not', async (_, fail) => {
  const { clock, consumer, seen, eachRecord } = failingAtFirst()
  const errors: unknown[] = []
  const thrown = [undefined, null, 'text', 7, { a: 1 }]
  consumer.on('retrying', ({ error }) => errors.push(error))
  await consumer.run({
    eachRecord: (record, context) => {
      const failing = thrown.length >= context.attempt
      return failing ? fail(thrown[context.attempt - 1]) : eachRecord({ ...record, partition: 9 }, context)
    },
    retry: { attempts: 6 },
  })
  await clock.advance(60_000)
  expect(errors).toEqual(thrown)
  expect(seen).toEqual(['3100: 9@0 #6'])
})

it('goes on with the other partitions while one waits, and keeps the order of the one', async () => {
  const { broker, clock, seen, test, consumer, eachRecord } = failingAtFirst(2, 2)
  await consumer.run({ eachRecord })
  await clock.advance(50)
  fill(broker, 'orders', 1, 1)
  await clock.settle()
  expect(seen.filter(each => !each.includes(' 0@'))).toEqual(['0: 1@0', '0: 1@1', '50: 1@2'])
  test.failing = false
  await clock.advance(50)
  expect(seen.filter(each => each.includes(' 0@'))).toEqual(['0: 0@0', '100: 0@0 #2', '100: 0@1'])
  expect(broker.group('g').lag()).toBe(0)
})

it('gives a record that waits for its retry to the next owner when its partition is revoked', async () => {
  const { broker, clock } = failingAtFirst(1, 2)
  const seen: string[] = []
  const consumers = ['a', 'b'].map(clientId =>
    broker.consumer({ groupId: 'other', topics: ['orders'], clientId }),
  )
  const run = (i: number) =>
    consumers[i]!.run({
      eachRecord: ({ partition }) => {
        seen.push(`${clock.monotonic()}: ${'ab'[i]} ${partition}`)
        if (i === 0) throw new Error('not yet')
      },
    })
  await run(0)
  await clock.advance(50)
  await run(1)
  await clock.advance(50)
  const moved = consumers[1]!.assignment[0]!.partition
  expect([...seen].sort()).toEqual(['0: a 0', '0: a 1', `100: a ${1 - moved}`, `50: b ${moved}`].sort())
})

it('does not wait for a retry when it is closed', async () => {
  const { broker, clock, seen, consumer, eachRecord } = failingAtFirst(3)
  await consumer.run({ eachRecord })
  await clock.settle()
  expect(await consumer.close()).toEqual([{ group: 'g', ...orders0, from: 0, count: 3 }])
  await clock.advance(10_000)
  expect(seen).toEqual(['0: 0@0'])
  expect(broker.group('g').state).toBe('Empty')
})

it('forgets the record that waits for its retry on a seek', async () => {
  const { broker, clock, seen, consumer, eachRecord } = failingAtFirst(3)
  await consumer.run({ eachRecord })
  await clock.advance(50)
  consumer.seek(orders0, 2)
  await clock.advance(1000)
  expect(seen).toEqual(['0: 0@0', '50: 0@2'])
  expect(broker.group('g').committed(orders0)).toEqual({ offset: 3 })
})

it('begins the attempts anew after a seek to the record that failed', async () => {
  const { clock, seen, consumer, eachRecord } = failingAtFirst()
  await consumer.run({ eachRecord })
  await clock.advance(150)
  consumer.seek(orders0, 0)
  await clock.settle()
  expect(seen).toEqual(['0: 0@0', '100: 0@0 #2', '150: 0@0'])
})

it.each([{}, { concurrency: 2 }, { concurrency: 2, ordering: 'key' }] as const)(
  'does not wait for a retry where a listener seeks past the record when it is told of that: %o',
  async options => {
    const { clock, seen, consumer, eachRecord } = failingAtFirst(3)
    consumer.on('retrying', ({ record }) => consumer.seek(orders0, record.offset + 1))
    await consumer.run({ ...options, eachRecord, retry: { delayMs: 60_000 } })
    await clock.settle()
    expect(seen).toEqual(['0: 0@0', '0: 0@1', '0: 0@2'])
    expect(clock.waiting.filter(name => name.includes('retry'))).toEqual([])
  },
)

it('hands out a record that waits for its retry only once a pause is over', async () => {
  const { clock, seen, test, consumer, eachRecord } = failingAtFirst(2)
  await consumer.run({ eachRecord })
  await clock.advance(50)
  consumer.pause([orders0])
  await clock.advance(1000)
  expect(seen).toEqual(['0: 0@0'])
  test.failing = false
  consumer.resume([orders0])
  await clock.advance(1000)
  expect(seen).toEqual(['0: 0@0', '1050: 0@0 #2', '1050: 0@1'])
})

it('hands the record out after its delay where a pause ended before it was due', async () => {
  const { clock, seen, test, consumer, eachRecord } = failingAtFirst(2)
  await consumer.run({ eachRecord })
  consumer.pause()
  await clock.advance(50)
  consumer.resume()
  await clock.advance(49)
  test.failing = false
  await clock.advance(1)
  expect(seen.filter(each => each.includes('0@0'))).toEqual(['0: 0@0', '100: 0@0 #2'])
  expect(seen.at(-1)).toBe('100: 0@1')
})

it('does not count the wait for a retry as time that a handler takes', async () => {
  const { clock, broker } = failingAtFirst()
  const lost: unknown[] = []
  const consumer = broker.consumer({ groupId: 'other', topics: ['orders'], maxPollIntervalMs: 1000 })
  consumer.on('lost', event => lost.push(event))
  await consumer.run({
    eachRecord: async (_, { attempt }) => {
      if (attempt === 1) throw new Error('once')
    },
    retry: { delayMs: 5000 },
  })
  await clock.advance(5000)
  expect(lost).toEqual([])
  expect(broker.group('other').committed(orders0)).toEqual({ offset: 1 })
})

it('drops a retry that becomes due while the handler of another partition holds everything up', async () => {
  const { broker, clock, seen, test, consumer, eachRecord } = failingAtFirst(1, 2)
  const { opened, open } = gate()
  await consumer.run({
    eachRecord: async (record, context) => {
      eachRecord(record, context)
      if (record.partition === 1) await opened
    },
  })
  await clock.advance(500)
  consumer.seek(orders0, 'end')
  test.failing = false
  open()
  await clock.advance(500)
  expect(seen).toEqual(['0: 0@0', '0: 1@0'])
  expect(broker.group('g').lag()).toBe(0)
})

it.each(['eachRecord', 'eachBatch'] as const)(
  'tells of a failed record as its handler got it, decoded, with %s',
  async way => {
    const { broker, clock } = testBroker()
    broker.createTopic('coded', { codec: json })
    broker.createTopic('plain', {})
    for (const value of [1, 2]) broker.topic('coded').append({ value: { n: value } })
    broker.topic('plain').append({ value: 'three' })
    const told: unknown[] = []
    const consumer = broker.consumer({ groupId: 'g', topics: ['coded', 'plain'] })
    consumer.on('retrying', ({ record }) => told.push(['retrying', record.value]))
    consumer.on('skipped', ({ record }) => told.push(['skipped', record.value]))
    const fail = () => {
      throw new Error('not now')
    }
    const options = { retry: { attempts: 2 }, onFailure: 'skip' } as const
    await consumer.run(
      way === 'eachRecord' ? { ...options, eachRecord: fail } : { ...options, eachBatch: fail },
    )
    await clock.advance(1000)
    const coded = (told as [string, unknown][]).filter(([, value]) => value !== 'three')
    expect(told.filter(each => !coded.includes(each as never))).toEqual([
      ['retrying', 'three'],
      ['skipped', 'three'],
    ])
    expect(coded).toEqual(
      way === 'eachRecord'
        ? [
            ['retrying', { n: 1 }],
            ['skipped', { n: 1 }],
            ['retrying', { n: 2 }],
            ['skipped', { n: 2 }],
          ]
        : [
            ['retrying', { n: 1 }],
            ['skipped', { n: 1 }],
            ['skipped', { n: 2 }],
          ],
    )
  },
)

it('leaves a share of each delay to chance, if told to', async () => {
  const { clock, consumer, eachRecord } = failingAtFirst()
  const delays: number[] = []
  consumer.on('retrying', ({ delayMs }) => delays.push(delayMs))
  await consumer.run({
    eachRecord,
    retry: { attempts: 200, backoff: () => 100, jitter: 0.5 },
    onFailure: 'skip',
  })
  await clock.advance(20_000)
  expect(delays).toHaveLength(199)
  expect(Math.min(...delays)).toBeGreaterThan(50)
  expect(Math.min(...delays)).toBeLessThan(55)
  expect(Math.max(...delays)).toBeGreaterThan(95)
  expect(Math.max(...delays)).toBeLessThanOrEqual(100)
})

it('does not try again what another attempt cannot help', async () => {
  const { clock, seen, consumer, eachRecord } = failingAtFirst(2)
  const asked: unknown[] = []
  const skipped: number[] = []
  consumer.on('skipped', ({ attempts }) => skipped.push(attempts))
  await consumer.run({
    eachRecord,
    retry: {
      retryable: error => {
        asked.push((error as Error).message)
        return asked.length < 2
      },
    },
    onFailure: 'skip',
  })
  await clock.advance(1000)
  expect(seen).toEqual(['0: 0@0', '100: 0@0 #2', '100: 0@1'])
  expect(asked).toEqual(['not yet', 'not yet'])
  expect(skipped).toEqual([2])
})

describe.each(['retryable', 'backoff'] as const)('a %s that throws', option => {
  it.each([
    ['at once', 1],
    ['later', 1],
    ['at once', 2],
    ['later', 2],
  ] as const)(
    'ends the consumer, and loses nothing, where a handler fails %s, of %i',
    async (when, concurrency) => {
      const { broker, clock, seen, consumer, eachRecord } = failingAtFirst(3)
      const broken = new TypeError('broken')
      const errors: unknown[] = []
      const at: unknown[] = []
      consumer.on('crashed', ({ record }) => at.push(record?.offset)).on('error', error => errors.push(error))
      broker.on('groupStopped', ({ record }) => at.push(record?.offset))
      const throws = () => {
        throw broken
      }
      const later: typeof eachRecord = async (...call) => eachRecord(...call)
      const handler = when === 'later' ? later : eachRecord
      await consumer.run({ eachRecord: handler, concurrency, retry: { [option]: throws } })
      await clock.settle()
      expect(await rejectionOf(consumer.done)).toMatchObject({
        name: 'InvalidOptionError',
        code: 'INVALID_CONFIG',
        option,
        message: `run: retry: option '${option}' threw: broken`,
        cause: broken,
      })
      expect(errors).toEqual([new Error('not yet')])
      expect(at).toEqual([0, 0])
      expect(seen).toEqual(['0: 0@0'])
      expect(broker.group('g').committed(orders0)?.offset ?? 0).toBe(0)
    },
  )
})

it.each([
  ['a promise', async () => false],
  [
    'one that rejects',
    async () => {
      throw new Error('too late')
    },
  ],
])(
  'ends where a predicate answers with %s, which would count as true, and commits nothing',
  async (_, retryable) => {
    const { broker, clock, seen, consumer, eachRecord } = failingAtFirst()
    await consumer.run({ eachRecord, retry: { retryable: retryable as never } })
    await clock.settle()
    expect(await rejectionOf(consumer.done)).toMatchObject({
      code: 'INVALID_CONFIG',
      option: 'retryable',
      message: "run: retry: option 'retryable' expected a function that answers at once, received a Promise",
    })
    expect(seen).toEqual(['0: 0@0'])
    expect(broker.group('g').committed(orders0)?.offset ?? 0).toBe(0)
  },
)

it('keeps the retry that a pause holds back when another partition is sought', async () => {
  const { broker, clock } = testBroker()
  broker.createTopic('orders', { partitions: 2 })
  for (const partition of [0, 1]) fill(broker, 'orders', 2, partition)
  const seen: string[] = []
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  await consumer.run({
    retry: { delayMs: 100 },
    eachRecord: async ({ partition, offset }, { attempt }) => {
      seen.push(`${partition}@${offset} #${attempt}`)
      if (offset === 0 && attempt === 1) throw new Error('boom')
    },
  })
  await clock.settle()
  expect(seen).toEqual(['0@0 #1', '1@0 #1'])
  consumer.pause()
  await clock.advance(100)
  consumer.seek({ topic: 'orders', partition: 0 }, 1)
  consumer.resume()
  await clock.settle()
  expect(seen.slice(2).sort()).toEqual(['0@1 #1', '1@0 #2', '1@1 #1'])
})

it('leaves no timer behind where a seek, or the end, comes before the next attempt', async () => {
  const { broker, clock } = testBroker()
  broker.createTopic('orders')
  fill(broker, 'orders', 2)
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const waiting = () => clock.waiting.filter(name => name.startsWith('retry of'))
  await consumer.run({ eachRecord: () => Promise.reject(new Error('boom')) })
  await clock.settle()
  expect(waiting()).toEqual(['retry of orders-0 offset 0'])
  consumer.seek(orders0, 1)
  await clock.settle()
  expect(waiting()).toEqual(['retry of orders-0 offset 1'])
  await consumer.close()
  expect(waiting()).toEqual([])
})
