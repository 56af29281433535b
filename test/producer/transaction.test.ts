import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  ClosedError,
  InvalidOptionError,
  InvalidRecordError,
  QueueFullError,
  type TopicDefinition,
  type Transaction,
  TransactionAbortedError,
  topic,
} from '../../src/index.ts'
import type { TopicOptions } from '../../src/topic-definition.ts'
import { gate } from '../helpers/behaviours.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

const ignore = () => {}

function transactional(options: TopicOptions = {}) {
  const { broker, clock } = testBroker({
    topics: { out: topic<number>() },
  })
  broker.deleteTopic('out')
  broker.createTopic('out', options)
  const producer = broker.producer({ transactionalId: 'tx' })
  const out = broker.topic('out')
  /** Sends in a transaction that stays open until the function that is returned ends it. */
  const stayOpen = async (value: number) => {
    const { opened, open } = gate()
    const over = producer.transaction(async tx => {
      await tx.send({ topic: 'out', key: 'a', value })
      await opened
    })
    await clock.settle()
    return () => {
      open()
      return over
    }
  }
  return { broker, clock, producer, out, stayOpen, values: () => out.records().map(({ value }) => value) }
}

describe('transaction', () => {
  it('resolves to what its function returned, which need not be async', async () => {
    const { producer } = transactional()
    expect(await producer.transaction(() => 7)).toBe(7)
    const error = await rejectionOf(
      producer.transaction(() => {
        throw new Error('at once')
      }),
    )
    expect(error.message).toBe('at once')
  })

  it('a send that fails makes it abort, awaited or not, caught or not', async () => {
    const { producer, values } = transactional()
    const calls = [
      rejectionOf(
        producer.transaction(tx => {
          void tx.send({ topic: 'out', value: 1 })
          tx.send({ topic: 'nowhere' as 'out', value: 1 }).catch(() => {})
        }),
      ),
      rejectionOf(
        producer.transaction(async tx => {
          await tx.send({ topic: 'out', value: 2 })
          await tx.sendBatch([{ topic: 'out', value: undefined as never }]).catch(() => {})
        }),
      ),
    ]
    const [unknown, invalid] = await Promise.all(calls)
    expect(unknown).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    expect(invalid).toBeInstanceOf(InvalidRecordError)
    expect(values()).toEqual([])
  })

  it.each(['committed', 'aborted'])(
    'ends %s in all partitions that it has written to, in whatever order that was',
    async result => {
      const { broker, producer, out } = transactional({ partitions: 2 })
      const other = broker.createTopic('other', {})
      const done = producer.transaction(async tx => {
        for (const [name, partition] of [
          ['out', 0],
          ['other', 0],
          ['out', 1],
          ['out', 0],
        ] as const)
          await tx.send({ topic: name as 'out', value: 1, partition })
        if (result === 'aborted') throw new Error('enough')
      })
      await done.catch(() => {})
      for (const { lastStableOffset, highWatermark } of [...out.partitions, ...other.partitions])
        expect(lastStableOffset).toBe(highWatermark)
      const counts = [out, other].map(log => log.records().length)
      expect(counts).toEqual(result === 'aborted' ? [0, 0] : [3, 1])
    },
  )

  describe.each([false, true])('a failed send that nobody awaits (traced: %s)', traced => {
    const unhandled = vi.fn()
    beforeEach(() => {
      process.on('unhandledRejection', unhandled)
      if (traced) subscribe('tracing:brokerlet.send:end', ignore)
    })
    afterEach(() => {
      process.off('unhandledRejection', unhandled)
      unsubscribe('tracing:brokerlet.send:end', ignore)
      unhandled.mockClear()
    })

    it('is told by its transaction alone', async () => {
      const { producer } = transactional()
      const nowhere = { topic: 'nowhere' as 'out', value: 1 }
      const sent = rejectionOf(producer.transaction(tx => void tx.send(nowhere)))
      const batch = rejectionOf(producer.transaction(tx => void tx.sendBatch([nowhere])))
      expect((await sent).code).toBe('UNKNOWN_TOPIC_OR_PARTITION')
      expect((await batch).code).toBe('UNKNOWN_TOPIC_OR_PARTITION')
      await setImmediate()
      expect(unhandled).not.toHaveBeenCalled()
    })

    it.each([
      ['is told by nobody after an abort', true, []],
      // Nobody else would hear that it is not in the transaction.
      [
        'is an unhandled rejection after a commit',
        false,
        ["IllegalStateError: send: this transaction of producer 'producer' is over"],
      ],
    ])('%s', async (_, aborts, told) => {
      const { producer } = transactional()
      let late: Transaction<{ out: TopicDefinition<number> }> | undefined
      const ended = producer.transaction(tx => {
        late = tx
        if (aborts) throw new Error('no')
      })
      await ended.catch(ignore)
      void late!.send({ topic: 'out', value: 1 })
      await setImmediate()
      expect(unhandled.mock.calls.map(([error]) => String(error))).toEqual(told)
    })
  })

  it('waits for sends that nobody awaits, also for an asynchronous schema', async () => {
    const schema = {
      '~standard': { version: 1, vendor: 'test', validate: async (value: unknown) => ({ value }) },
    } as const
    const { producer, values } = transactional({ schema })
    await producer.transaction(tx => {
      for (const value of [1, 2, 3]) void tx.send({ topic: 'out', value })
    })
    expect(values()).toEqual([1, 2, 3])
  })

  it('aborts for what an asynchronous schema refuses, though the caller goes on', async () => {
    const validate = async (value: unknown) => (value === 2 ? { issues: [{ message: 'no' }] } : { value })
    const schema = { '~standard': { version: 1, vendor: 'test', validate } } as const
    const { producer, values } = transactional({ schema })
    const done = producer.transaction(async tx => {
      for (const value of [1, 2, 3]) await tx.send({ topic: 'out', value }).catch(() => {})
    })
    expect(await rejectionOf(done)).toBeInstanceOf(InvalidRecordError)
    expect(values()).toEqual([])
  })

  it('rejects with the first of several failures', async () => {
    const validate = async (value: unknown) => ({ issues: [{ message: `no ${String(value)}` }] })
    const schema = { '~standard': { version: 1, vendor: 'test', validate } } as const
    const { producer } = transactional({ schema })
    const done = producer.transaction(async tx => {
      for (const value of [1, 2]) await tx.send({ topic: 'out', value }).catch(() => {})
    })
    expect((await rejectionOf(done)).message).toContain('no 1')
  })

  it('a batch in it is all or nothing, and none waits for room', async () => {
    const { broker, producer, values } = transactional({ whenFull: 'wait', retentionRecords: 3 })
    broker.createGroup('g', { topics: ['out'] })
    await producer.transaction(tx => tx.send({ topic: 'out', value: 1 }))
    const error = await rejectionOf(
      producer.transaction(tx => tx.sendBatch([2, 3].map(value => ({ topic: 'out', value })))),
    )
    expect(error).toBeInstanceOf(QueueFullError)
    expect(values()).toEqual([1])
  })

  it('a full log counts what an open one wrote, and says so', async () => {
    const { broker, producer } = transactional({ whenFull: 'wait', retentionRecords: 2 })
    broker.createGroup('g', { topics: ['out'] })
    const error = await rejectionOf(
      producer.transaction(async tx => {
        for (const value of [1, 2, 3]) await tx.send({ topic: 'out', value })
      }),
    )
    expect(error.message).toBe(
      "No room: out-0 keeps 2 records, and its retentionRecords is 2; group 'g' has not committed 2 of them",
    )
  })

  it('close waits for it, and aborts it when its time is over', async () => {
    const { clock, producer, values, out } = transactional()
    const { opened, open } = gate()
    const first = producer.transaction(async tx => {
      await tx.send({ topic: 'out', value: 1 })
      await opened
    })
    await clock.settle()
    let closed = false
    const waiting = producer.close().then(() => {
      closed = true
    })
    await clock.settle()
    expect(closed).toBe(false)
    open()
    await Promise.all([first, waiting])
    expect(values()).toEqual([1])
    expect(await rejectionOf(producer.transaction(() => 1))).toBeInstanceOf(ClosedError)

    const second = transactional()
    void second.producer.transaction(async tx => {
      await tx.send({ topic: 'out', value: 1 })
      await new Promise(() => {})
    })
    await second.clock.settle()
    const closing = second.producer.close({ timeoutMs: 100 })
    await second.clock.advance(100)
    await closing
    expect([second.values(), second.out.partitions[0]!.lastStableOffset]).toEqual([[], 2])
    expect(out.partitions[0]!.lastStableOffset).toBe(2)
  })

  it('close refuses those whose producer has not got its id when its time is over', async () => {
    const { broker, producer } = transactional()
    vi.spyOn(broker.engine, 'initTransactions').mockReturnValue(new Promise(ignore) as never)
    const first = rejectionOf(producer.transaction(ignore))
    const second = rejectionOf(producer.transaction(ignore))
    await producer.close({ timeoutMs: 0 })
    expect(await first).toBeInstanceOf(ClosedError)
    expect(await second).toBeInstanceOf(ClosedError)
    await broker.idle()
  })

  it('close refuses those that have not begun when its time is over', async () => {
    const { clock, producer, values } = transactional()
    const { opened, open } = gate()
    const stuck = rejectionOf(producer.transaction(() => opened))
    const waiting = rejectionOf(producer.transaction(tx => tx.send({ topic: 'out', value: 1 })))
    await clock.settle()
    const closing = producer.close({ timeoutMs: 100 })
    await clock.advance(100)
    await closing
    // Though the one before it has not ended yet.
    const error = await waiting
    open()
    expect(await stuck).toBeInstanceOf(TransactionAbortedError)
    expect(error).toBeInstanceOf(ClosedError)
    expect(error.message).toBe("Producer 'producer' was closed; nothing of this transaction was written")
    expect(values()).toEqual([])
  })

  it.each(['commit', 'abort'])('leaves nothing in the partitions that it did not write to: %s', async end => {
    const { producer, out } = transactional({ partitions: 3 })
    const ended = producer.transaction(async tx => {
      await tx.send({ topic: 'out', partition: 1, value: 1 })
      if (end === 'abort') throw new Error('no')
    })
    await ended.catch(() => {})
    expect(out.partitions.map(({ highWatermark }) => highWatermark)).toEqual([0, 2, 0])
  })

  it('limits nothing any more once it has ended', async () => {
    const { clock, producer } = transactional()
    const limits = () => clock.waiting.filter(name => name === "transaction of 'producer'")
    const { opened, open } = gate()
    const ended = producer.transaction(() => opened)
    await clock.settle()
    expect(limits()).toHaveLength(1)
    open()
    await ended
    await clock.settle()
    expect(limits()).toEqual([])
  })

  it('refuses what is no function', async () => {
    const { producer } = transactional()
    for (const work of [undefined, null, 'send', {}]) {
      expect(await rejectionOf(producer.transaction(work as never))).toMatchObject({
        name: 'InvalidArgumentError',
        field: 'work',
      })
    }
  })

  it('keeps the broker from being idle, and idle says so', async () => {
    const { broker, clock, producer } = transactional()
    const { opened, open } = gate()
    const transaction = producer.transaction(() => opened)
    const idle = rejectionOf(broker.idle({ timeoutMs: 100 }))
    await clock.advance(100)
    expect((await idle).message).toContain("Producer 'producer' has a transaction open")
    open()
    await transaction
    await broker.idle()
  })

  it('an open one whose topic is deleted ends without a trace of it', async () => {
    const { broker, producer } = transactional()
    broker.createTopic('other' as 'out', {})
    await producer.transaction(async tx => {
      await tx.send({ topic: 'out', value: 1 })
      await tx.send({ topic: 'other' as 'out', value: 2 })
      broker.deleteTopic('out')
    })
    expect(
      broker
        .topic('other' as 'out')
        .records()
        .map(({ value }) => value),
    ).toEqual([2])
    expect(broker.describe().records).toBe(2)
  })

  it('records of an aborted one are gone from a compacted topic, and count for nothing there', async () => {
    const { producer, out, values } = transactional({ cleanupPolicy: 'compact' })
    const put = (key: string, value: number, fail = false) =>
      producer
        .transaction(async tx => {
          await tx.send({ topic: 'out', key, value })
          if (fail) throw new Error('no')
        })
        .catch(() => {})
    await put('a', 1)
    await put('a', 2, true)
    await put('b', 3)
    await put('b', 4)
    expect(out.compact()).toBe(6)
    expect(values()).toEqual([1, 4])
    expect(
      out.partitions[0]!.read(0, { isolationLevel: 'read_uncommitted' }).map(({ value }) => value),
    ).toEqual([1, 4])
  })

  it('nothing at or after an open one is compacted', async () => {
    const { broker, out, stayOpen } = transactional({ cleanupPolicy: 'compact' })
    out.append({ key: 'a', value: 0 })
    const end = await stayOpen(1)
    await broker.producer().send({ topic: 'out', key: 'a', value: 2 })
    expect(out.compact()).toBe(0)
    await end()
    expect(out.compact()).toBe(3)
  })

  it('what an open one kept from being compacted is compacted by itself once it has ended', async () => {
    const { out, values, clock, stayOpen } = transactional({ cleanupPolicy: 'compact', segmentRecords: 10 })
    const end = await stayOpen(0)
    for (let value = 1; value <= 40; value++) out.append({ key: 'a', value })
    await clock.advance(1000)
    await end()
    expect(values()).toHaveLength(41)
    await clock.advance(1000)
    // The open segment is not compacted.
    expect(values()).toEqual([39, 40])
  })

  it('one that ends beside an earlier one looks for nothing to compact, since nothing is decided by that', async () => {
    const { broker, out, stayOpen } = transactional({ cleanupPolicy: 'compact', segmentRecords: 10 })
    const end = await stayOpen(0)
    for (let value = 1; value <= 40; value++) out.append({ key: 'a', value })
    const looks = vi.spyOn(Object.getPrototypeOf(out.partitions[0]), 'closedSegments', 'get')
    const other = broker.producer({ transactionalId: 'other' })
    for (const key of ['b', 'c']) await other.transaction(tx => tx.send({ topic: 'out', key, value: 0 }))
    const { length } = looks.mock.calls
    looks.mockRestore()
    await end()
    expect(length).toBe(0)
  })

  it('one whose records were dropped meanwhile still ends well', async () => {
    const { producer, out, values, clock } = transactional({ segmentRecords: 2 })
    const { opened, open } = gate()
    const slow = rejectionOf(
      producer.transaction(async tx => {
        for (const value of [1, 2, 3]) await tx.send({ topic: 'out', value })
        await opened
        throw new Error('no')
      }),
    )
    await clock.settle()
    out.partitions[0]!.deleteRecords(2)
    expect([out.partitions[0]!.lastStableOffset, values()]).toEqual([2, []])
    open()
    await slow
    await producer.transaction(tx => tx.send({ topic: 'out', value: 4 }))
    expect([out.partitions[0]!.lastStableOffset, values()]).toEqual([6, [4]])
  })

  it('a call from outside of it waits its turn, also one that began within it', async () => {
    const { producer, values } = transactional()
    let later: Promise<unknown> | undefined
    await producer.transaction(async tx => {
      later = Promise.resolve().then(async () => {
        await outer
        return producer.transaction(next => next.send({ topic: 'out', value: 2 }))
      })
      await tx.send({ topic: 'out', value: 1 })
    })
    resolveOuter()
    await later
    expect(values()).toEqual([1, 2])
  })

  it('a transactional id that nobody uses is forgotten, and its producer may still come back', async () => {
    const { broker, clock } = testBroker({
      topics: { out: topic<number>() },
      transactionalIdExpirationMs: 1000,
    })
    const producer = broker.producer({ transactionalId: 'tx' })
    await producer.transaction(tx => tx.send({ topic: 'out', value: 1 }))
    await clock.advance(999)
    expect(broker.engine.producerEpoch('tx')).toBe(1)
    await clock.advance(1)
    expect(broker.engine.producerEpoch('tx')).toBeUndefined()
    await producer.transaction(tx => tx.send({ topic: 'out', value: 2 }))
    expect(broker.engine.producerEpoch('tx')).toBe(2)
  })

  it('the time until a transactional id is forgotten begins anew with the end of each transaction', async () => {
    const { broker, clock } = testBroker({
      topics: { out: topic<number>() },
      transactionalIdExpirationMs: 1000,
    })
    const producer = broker.producer({ transactionalId: 'tx' })
    await producer.transaction(tx => tx.send({ topic: 'out', value: 1 }))
    await clock.advance(600)
    await producer.transaction(tx => tx.send({ topic: 'out', value: 2 }))
    await clock.advance(600)
    expect(broker.engine.producerEpoch('tx')).toBe(2)
    const { opened, open } = gate()
    const slow = producer.transaction(async tx => {
      await tx.send({ topic: 'out', value: 3 })
      await opened
    })
    await clock.advance(1000)
    expect(broker.engine.producerEpoch('tx')).toBe(2)
    open()
    await slow
    await clock.advance(999)
    expect(broker.engine.producerEpoch('tx')).toBe(3)
    await clock.advance(1)
    expect(broker.engine.producerEpoch('tx')).toBeUndefined()
  })

  it('a transactional id that is used now and then is forgotten so long after its last use', async () => {
    const { broker, clock } = testBroker({
      topics: { out: topic<number>() },
      transactionalIdExpirationMs: 1000,
    })
    const producer = broker.producer({ transactionalId: 'tx' })
    const use = () => producer.transaction(tx => tx.send({ topic: 'out', value: 1 }))
    await use()
    await clock.advance(600)
    await use()
    await clock.advance(999)
    expect(broker.engine.producerEpoch('tx')).toBe(2)
    await clock.advance(1)
    expect(broker.engine.producerEpoch('tx')).toBeUndefined()
  })

  it('a transactional id that was asked for, and never used, is forgotten, too', async () => {
    const { broker, clock } = testBroker({ transactionalIdExpirationMs: 1000 })
    broker.engine.initTransactions('tx', 100)
    await clock.advance(999)
    expect(broker.engine.producerEpoch('tx')).toBe(0)
    await clock.advance(1)
    expect(broker.engine.producerEpoch('tx')).toBeUndefined()
  })

  it('a transactional id is remembered for ever where its time is -1', async () => {
    const { broker, clock } = testBroker({
      topics: { out: topic<number>() },
      transactionalIdExpirationMs: -1,
    })
    await broker.producer({ transactionalId: 'tx' }).transaction(tx => tx.send({ topic: 'out', value: 1 }))
    await clock.advance(365 * 86_400_000)
    expect(broker.engine.producerEpoch('tx')).toBe(1)
  })

  it('a producer takes the place of one with its id also where that has nothing open', async () => {
    const { broker, producer, values } = transactional()
    await producer.transaction(tx => tx.send({ topic: 'out', value: 1 }))
    const restarted = broker.producer({ transactionalId: 'tx' })
    await restarted.transaction(tx => tx.send({ topic: 'out', value: 2 }))
    const late = rejectionOf(producer.transaction(tx => tx.send({ topic: 'out', value: 3 })))
    expect((await late).name).toBe('ProducerFencedError')
    expect(values()).toEqual([1, 2])
  })

  it('a later abort of a transaction that timed out changes nothing', async () => {
    const { broker, clock, out } = transactional()
    const producer = broker.producer({ transactionalId: 'slow', transactionTimeoutMs: 10 })
    const { opened, open } = gate()
    const slow = rejectionOf(
      producer.transaction(async tx => {
        await tx.send({ topic: 'out', value: 1 })
        await opened
      }),
    )
    await clock.advance(10)
    const end = out.partitions[0]!.highWatermark
    open()
    expect(await slow).toBeInstanceOf(TransactionAbortedError)
    expect(out.partitions[0]!.highWatermark).toBe(end)
  })

  it.each([
    [{ transactionalId: '' }, 'transactionalId'],
    [{ transactionTimeoutMs: 1000 }, 'transactionTimeoutMs'],
    [{ transactionalId: 'a', transactionTimeoutMs: 0 }, 'transactionTimeoutMs'],
    [{ transactionalId: 'a', idempotent: false }, 'idempotent'],
    [{ idempotent: 'yes' as never }, 'idempotent'],
  ])('refuses the options %o', (options, option) => {
    const { broker } = testBroker()
    const error = thrownBy(() => broker.producer(options))
    expect(error).toBeInstanceOf(InvalidOptionError)
    expect(error).toMatchObject({ option })
  })
})

let resolveOuter = () => {}
const outer = new Promise<void>(resolve => {
  resolveOuter = resolve
})
