import { describe, expect, it } from 'vitest'
import {
  type AnyRecord,
  type Batch,
  ClosedError,
  type Consumer,
  type ConsumerRecord,
  IllegalStateError,
  ProducerFencedError,
  TransactionAbortedError,
  topic,
} from '../../src/index.ts'
import { gate, offsets } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

const p0 = { topic: 'out', partition: 0 } as const

function transactional() {
  const { broker, clock } = testBroker({
    topics: { in: topic<number>({ partitions: 2 }), out: topic<string>(), other: topic<string>() },
  })
  const out = broker.topic('out').partitions[0]!
  const producer = broker.producer({ transactionalId: 'tx' })
  const plain = broker.producer()
  /** Opens a transaction that ends when the test says so. */
  const open = (...values: string[]) => {
    const { opened, open: end } = gate()
    let failure: Error | undefined
    const ended = producer.transaction(async tx => {
      for (const value of values) await tx.send({ topic: 'out', value })
      await opened
      if (failure) throw failure
    })
    ended.catch(() => {})
    return {
      ended,
      commit: async () => {
        end()
        await ended
      },
      abort: async () => {
        failure = new Error('no')
        end()
        await ended.catch(() => {})
      },
    }
  }
  const read = (isolationLevel: 'read_committed' | 'read_uncommitted' = 'read_committed') =>
    out.read(0, { isolationLevel }).map(({ value }) => value)
  return { broker, clock, out, producer, plain, open, read }
}

const abort = (tx: { send(message: object): Promise<unknown> }, value: string) =>
  (async () => {
    await tx.send({ topic: 'out', value })
    throw new Error('no')
  })()

describe('H. transactions', () => {
  it('[90] a producer that comes with the same id aborts what the earlier one has open, and fences it', async () => {
    const { broker, clock, producer, open, read } = transactional()
    const first = open('zombie')
    await clock.settle()
    const second = broker.producer({ transactionalId: 'tx' })
    await second.transaction(tx => tx.send({ topic: 'out', value: 'new' }))
    const error = await rejectionOf(first.commit())
    expect(error).toBeInstanceOf(ProducerFencedError)
    expect(error).toMatchObject({
      code: 'PRODUCER_FENCED',
      errno: 90,
      transactionalId: 'tx',
      retriable: false,
    })
    expect(await rejectionOf(producer.transaction(() => 1))).toBeInstanceOf(ProducerFencedError)
    expect([read(), read('read_uncommitted')]).toEqual([['new'], ['zombie', 'new']])
  })

  it('[90] a fenced one can write nothing more in what it had open', async () => {
    const { broker, producer, read } = transactional()
    const late = producer.transaction(async tx => {
      await tx.send({ topic: 'out', value: 'a' })
      await broker.producer({ transactionalId: 'tx' }).transaction(() => {})
      await tx.send({ topic: 'out', value: 'b' })
    })
    expect(await rejectionOf(late)).toBeInstanceOf(ProducerFencedError)
    expect([read(), read('read_uncommitted')]).toEqual([[], ['a']])
  })

  it('[91] a producer has one transaction at a time: a second call waits for the first', async () => {
    const { clock, producer, open, read } = transactional()
    const first = open('a')
    let began = false
    const second = producer.transaction(async tx => {
      began = true
      await tx.send({ topic: 'out', value: 'b' })
      return 'result'
    })
    await clock.settle()
    expect(began).toBe(false)
    await first.commit()
    expect(await second).toBe('result')
    expect(read()).toEqual(['a', 'b'])
    // One from within waits for itself, until the time of the outer one is over.
    const inner: unknown[] = []
    const nested = rejectionOf(
      producer.transaction(async () => inner.push(await producer.transaction(() => 'inner'))),
    )
    await clock.advance(59_999)
    expect(inner).toEqual([])
    await clock.advance(1)
    expect([await nested, inner]).toEqual([expect.any(TransactionAbortedError), ['inner']])
  })

  it('[91] with a transactionalId every send is inside of one', async () => {
    const { producer, plain, read } = transactional()
    for (const sent of [
      producer.send({ topic: 'out', value: 'a' }),
      producer.sendBatch([{ topic: 'out', value: 'a' }]),
      plain.transaction(tx => tx.send({ topic: 'out', value: 'a' })),
    ])
      expect(await rejectionOf(sent)).toBeInstanceOf(IllegalStateError)
    let kept: Parameters<Parameters<typeof producer.transaction>[0]>[0] | undefined
    await producer.transaction(tx => {
      kept = tx
    })
    const late = { topic: 'out', value: 'late' } as const
    for (const call of [
      () => kept!.send(late),
      () => kept!.sendBatch([late]),
      () => kept!.sendOffsets({} as never),
    ])
      expect((await rejectionOf(call())).message).toContain('is over')
    expect(read('read_uncommitted')).toEqual([])
  })

  it('[92] read_committed gives what is committed, in every way to read', async () => {
    const { broker, out, producer, plain, read } = transactional()
    await producer.transaction(tx => tx.sendBatch(['a', 'b'].map(value => ({ topic: 'out', value }))))
    await rejectionOf(producer.transaction(tx => abort(tx as never, 'x')))
    await plain.send({ topic: 'out', value: 'c' })
    await producer.transaction(tx => tx.send({ topic: 'out', value: 'd' }))
    expect(read()).toEqual(['a', 'b', 'c', 'd'])
    expect(
      broker
        .topic('out')
        .records()
        .map(({ value }) => value),
    ).toEqual(['a', 'b', 'c', 'd'])
    const each: unknown[] = []
    const batches: unknown[] = []
    const consumer = broker.consumer({ groupId: 'each', topics: ['out'] })
    await consumer.run({ eachRecord: record => void each.push(record.value) })
    const batched = broker.consumer({ groupId: 'batch', topics: ['out'] })
    await batched.run({
      eachBatch: ({ records, lag }) => void batches.push([records.map(({ value }) => value), lag]),
      batch: { maxRecords: 3 },
    })
    await broker.idle()
    expect(each).toEqual(['a', 'b', 'c', 'd'])
    expect(batches).toEqual([
      [['a', 'b', 'c'], 1],
      [['d'], 0],
    ])
    expect(broker.group('each').committed(p0)).toEqual({ offset: out.highWatermark })
    const polled = broker.consumer({ groupId: 'poll', topics: ['out'] })
    expect((await polled.poll()).map(({ value }) => value)).toEqual(['a', 'b', 'c', 'd'])
    const looped: unknown[] = []
    for await (const { value } of broker.consumer({ topics: ['out'], until: 'end' })) looped.push(value)
    expect(looped).toEqual(['a', 'b', 'c', 'd'])
  })

  it('[92] later records wait behind an open transaction, also those outside of it', async () => {
    const { broker, clock, out, plain, open, read } = transactional()
    const seen: unknown[] = []
    const consumer = broker.consumer({ groupId: 'g', topics: ['out'] })
    await consumer.run({ eachRecord: record => void seen.push(record.value) })
    await plain.send({ topic: 'out', value: 'before' })
    const transaction = open('inside')
    await clock.settle()
    await plain.send({ topic: 'out', value: 'after' })
    await clock.settle()
    expect([seen, read()]).toEqual([['before'], ['before']])
    expect([out.lastStableOffset, out.highWatermark, broker.group('g').lag()]).toEqual([1, 3, 0])
    await transaction.commit()
    await clock.settle()
    expect(seen).toEqual(['before', 'inside', 'after'])
    expect([out.lastStableOffset, out.highWatermark, broker.group('g').lag()]).toEqual([4, 4, 0])
  })

  it('[92] two open transactions hold the log back until both have ended', async () => {
    const { broker, clock, out, open, read } = transactional()
    const first = open('a')
    await clock.settle()
    const { opened, open: end } = gate()
    const second = broker.producer({ transactionalId: 'other' }).transaction(async tx => {
      await tx.send({ topic: 'out', value: 'b' })
      await opened
    })
    await clock.settle()
    end()
    await second
    expect([read(), out.lastStableOffset]).toEqual([[], 0])
    await first.abort()
    expect([read(), out.lastStableOffset, out.highWatermark]).toEqual([['b'], 4, 4])
  })

  it('[93] read_uncommitted gives all that is written, at once and for ever', async () => {
    const { broker, clock, open, plain } = transactional()
    const seen: unknown[] = []
    const consumer = broker.consumer({ groupId: 'g', topics: ['out'], isolationLevel: 'read_uncommitted' })
    await consumer.run({ eachRecord: record => void seen.push(record.value) })
    const transaction = open('a')
    await clock.settle()
    await plain.send({ topic: 'out', value: 'b' })
    await clock.settle()
    expect(seen).toEqual(['a', 'b'])
    await transaction.abort()
    await plain.send({ topic: 'out', value: 'c' })
    await broker.idle()
    expect(seen).toEqual(['a', 'b', 'c'])
    const late: unknown[] = []
    const reader = broker.consumer({ topics: ['out'], until: 'end', isolationLevel: 'read_uncommitted' })
    for await (const { value } of reader) late.push(value)
    expect(late).toEqual(['a', 'b', 'c'])
  })

  it('[94] the end of a transaction takes an offset in each of its partitions, and is never delivered', async () => {
    const { broker, out, producer } = transactional()
    const written = await producer.transaction(async tx => [
      await tx.send({ topic: 'out', value: 'a' }),
      await tx.send({ topic: 'other', value: 'x' }),
    ])
    await producer.transaction(tx => tx.send({ topic: 'out', value: 'b' }))
    await producer.transaction(() => {})
    expect(offsets(written)).toEqual([0, 0])
    expect(out.highWatermark).toBe(4)
    expect(broker.topic('other').partitions[0]!.highWatermark).toBe(2)
    for (const isolationLevel of ['read_committed', 'read_uncommitted'] as const)
      expect([offsets(out.read(0, { isolationLevel })), offsets(out.read(1, { isolationLevel }))]).toEqual([
        [0, 2],
        [2],
      ])
    expect(broker.describe().topics.map(({ partitions }) => partitions[0]!.records)).toEqual([0, 2, 1])
  })

  it('[94] lag counts neither them nor what was aborted', async () => {
    const { broker, producer } = transactional()
    broker.createGroup('g', { topics: ['out'] })
    await producer.transaction(tx => tx.send({ topic: 'out', value: 'a' }))
    for (let i = 0; i < 3; i++) await rejectionOf(producer.transaction(tx => abort(tx as never, 'x')))
    expect(broker.group('g').lag()).toBe(1)
    const reader = broker.consumer({ topics: ['out'], until: 'end' })
    const seen: ConsumerRecord[] = []
    for await (const record of reader) seen.push(record as ConsumerRecord)
    expect(offsets(seen)).toEqual([0])
    broker.group('g').setOffsets([{ ...p0, offset: 1 }])
    expect(broker.group('g').lag()).toBe(0)
    await broker.consumer({ groupId: 'g', topics: ['out'] }).run({ eachRecord: () => {} })
    await broker.idle()
    expect(broker.group('g').committed(p0)).toEqual({ offset: 8 })
  })

  type Reader = Consumer<AnyRecord, string>
  const eachBatch =
    (seen: number[]) =>
    ({ records }: Batch) =>
      void seen.push(...offsets(records))
  const ways: readonly [string, (consumer: Reader, seen: number[]) => Promise<void>][] = [
    ['run', (consumer, seen) => consumer.run({ eachRecord: ({ offset }) => void seen.push(offset) })],
    [
      'run and several handlers',
      (consumer, seen) =>
        consumer.run({ concurrency: 2, eachRecord: async ({ offset }) => void seen.push(offset) }),
    ],
    [
      'run in the order of keys',
      (consumer, seen) =>
        consumer.run({ concurrency: 2, ordering: 'key', eachRecord: ({ offset }) => void seen.push(offset) }),
    ],
    ['run by batches', (consumer, seen) => consumer.run({ eachBatch: eachBatch(seen) })],
    [
      'run by batches that linger',
      (consumer, seen) =>
        consumer.run({ batch: { maxRecords: 2, lingerMs: 200 }, eachBatch: eachBatch(seen) }),
    ],
    [
      'poll',
      async (consumer, seen) => {
        for (let i = 0; i < 12; i++) seen.push(...offsets(await consumer.poll({ timeoutMs: 50 })))
      },
    ],
    [
      'a loop',
      async (consumer, seen) => {
        for await (const { offset } of consumer) seen.push(offset)
      },
    ],
    [
      'a loop over batches',
      async (consumer, seen) => {
        for await (const batch of consumer.batches()) eachBatch(seen)(batch)
      },
    ],
  ]
  it('[94] the lag of a group counts what is open only where it reads uncommitted', async () => {
    const { broker, clock, open } = transactional()
    const tx = open('a')
    await clock.settle()
    const levels = ['read_committed', 'read_uncommitted'] as const
    for (const isolationLevel of levels)
      await broker.consumer({ groupId: isolationLevel, topics: ['out'], isolationLevel }).ready()
    expect(levels.map(groupId => broker.group(groupId).lag())).toEqual([0, 1])
    await tx.commit()
    expect(levels.map(groupId => broker.group(groupId).lag())).toEqual([1, 1])
  })

  it.each(ways)('[94] what was aborted is passed over with nothing handed out, with %s', async (_, read) => {
    const { broker, clock, producer } = transactional()
    const aborted = () => rejectionOf(producer.transaction(tx => abort(tx as never, 'x')))
    await aborted()
    await broker.producer().send({ topic: 'out', value: 'a' })
    await aborted()
    const seen: number[] = []
    const consumer = broker.consumer({ groupId: 'g', topics: ['out'] }) as unknown as Reader
    const reading = read(consumer, seen)
    await clock.advance(300)
    expect(seen).toEqual([2])
    expect(broker.group('g').committed(p0)).toEqual({ offset: 5 })
    // With nothing else to read there is nothing that could linger.
    await aborted()
    await clock.advance(100)
    expect(seen).toEqual([2])
    expect([consumer.position(p0), consumer.lag()]).toEqual([7, 0])
    expect(broker.group('g').committed(p0)).toEqual({ offset: 7 })
    await consumer.close()
    // Only who polls is told so.
    await reading.catch(error => expect(error).toBeInstanceOf(ClosedError))
  })

  it('[95] what a transaction wrote is invisible to everybody until it commits, its own producer included', async () => {
    const { broker, producer } = transactional()
    const peek = async () => {
      const seen: unknown[] = []
      for await (const { value } of broker.consumer({ topics: ['out'], until: 'end' })) seen.push(value)
      return seen
    }
    const inside = await producer.transaction(async tx => {
      await tx.send({ topic: 'out', value: 'a' })
      return [await peek(), broker.topic('out').records()]
    })
    expect(inside).toEqual([[], []])
    expect(await peek()).toEqual(['a'])
  })

  it('[95] one that is open is not read in the place of what was aborted before it', async () => {
    const { clock, open, read } = transactional()
    await open('aborted', 'too').abort()
    const tx = open('a', 'b')
    await clock.settle()
    expect([read(), read('read_uncommitted')]).toEqual([[], ['aborted', 'too', 'a', 'b']])
    await tx.commit()
    expect(read()).toEqual(['a', 'b'])
  })

  it('[99] one that takes longer than transactionTimeoutMs is aborted, and its producer goes on with the next', async () => {
    const { broker, clock, out, read } = transactional()
    const producer = broker.producer({ transactionalId: 'slow', transactionTimeoutMs: 1000 })
    const { opened, open } = gate()
    const slow = producer.transaction(async tx => {
      await tx.send({ topic: 'out', value: 'a' })
      await opened
      await tx.send({ topic: 'out', value: 'b' })
    })
    const failed = rejectionOf(slow)
    await clock.advance(999)
    expect(out.lastStableOffset).toBe(0)
    await clock.advance(1)
    expect([out.lastStableOffset, read()]).toEqual([2, []])
    open()
    expect(await failed).toBeInstanceOf(TransactionAbortedError)
    expect(await failed).toMatchObject({ code: 'TRANSACTION_ABORTABLE', errno: 120, transactionalId: 'slow' })
    await producer.transaction(tx => tx.send({ topic: 'out', value: 'c' }))
    expect([read(), read('read_uncommitted')]).toEqual([['c'], ['a', 'c']])
  })

  it('[99] the default is a minute, and an ended transaction leaves no timer of it behind', async () => {
    const { clock, open, out } = transactional()
    const slow = open('a')
    await clock.advance(59_999)
    expect(out.lastStableOffset).toBe(0)
    await clock.advance(1)
    expect(out.lastStableOffset).toBe(2)
    await slow.abort()
    await open('b').commit()
    expect(clock.waiting.filter(name => name.startsWith('transaction of'))).toEqual([])
  })

  it('[100] the epoch grows with every transaction, so that nothing of one gets into the next', async () => {
    const { broker, producer, read } = transactional()
    const epochs: number[] = []
    for (let i = 0; i < 3; i++) {
      let stale: { send(message: { topic: 'out'; value: string }): Promise<unknown> } | undefined
      await producer.transaction(async tx => {
        stale = tx
        await tx.send({ topic: 'out', value: `${i}` })
      })
      // A message that was delayed: its transaction is over, whatever is open now.
      await producer.transaction(async () => {
        expect(await rejectionOf(stale!.send({ topic: 'out', value: 'delayed' }))).toBeInstanceOf(
          IllegalStateError,
        )
      })
      epochs.push(broker.engine.producerEpoch('tx')!)
    }
    expect(epochs).toEqual([2, 4, 6])
    expect(read()).toEqual(['0', '1', '2'])
  })

  it('[102] writes of concurrent transactions lie between each other', async () => {
    const { broker, out } = transactional()
    const [a, b] = ['a', 'b'].map(transactionalId => broker.producer({ transactionalId }))
    await a!.transaction(async one => {
      await one.send({ topic: 'out', value: 'a1' })
      await b!.transaction(async two => {
        await two.send({ topic: 'out', value: 'b1' })
        await one.send({ topic: 'out', value: 'a2' })
        await two.send({ topic: 'out', value: 'b2' })
      })
      await one.send({ topic: 'out', value: 'a3' })
    })
    expect(out.read(0).map(({ value }) => value)).toEqual(['a1', 'b1', 'a2', 'b2', 'a3'])
  })
})
