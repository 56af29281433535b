import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  ClosedError,
  InvalidRecordError,
  QueueFullError,
  type TopicDefinition,
  type Transaction,
  TransactionAbortedError,
  topic,
} from '../../src/index.ts'
import { gate } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { schemaOf } from '../helpers/schema.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { transactional } from './transaction-scene.ts'

const ignore = () => {}

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
    const schema = schemaOf(async (value: unknown) => ({ value }))
    const { producer, values } = transactional({ schema })
    await producer.transaction(tx => {
      for (const value of [1, 2, 3]) void tx.send({ topic: 'out', value })
    })
    expect(values()).toEqual([1, 2, 3])
  })

  it('aborts for what an asynchronous schema refuses, though the caller goes on', async () => {
    const validate = async (value: unknown) => (value === 2 ? { issues: [{ message: 'no' }] } : { value })
    const schema = schemaOf(validate)
    const { producer, values } = transactional({ schema })
    const done = producer.transaction(async tx => {
      for (const value of [1, 2, 3]) await tx.send({ topic: 'out', value }).catch(() => {})
    })
    expect(await rejectionOf(done)).toBeInstanceOf(InvalidRecordError)
    expect(values()).toEqual([])
  })

  it('rejects with the first of several failures', async () => {
    const validate = async (value: unknown) => ({ issues: [{ message: `no ${String(value)}` }] })
    const schema = schemaOf(validate)
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

  it('refuses what is no function', async () => {
    const { producer } = transactional()
    for (const work of [undefined, null, 'send', {}]) {
      expect(await rejectionOf(producer.transaction(work as never))).toMatchObject({
        name: 'InvalidArgumentError',
        field: 'work',
      })
    }
  })

  it.each(['a member', 'one that chose its partitions'])(
    'takes no offsets of a consumer of another broker: %s',
    async who => {
      const { producer, values } = transactional()
      const { broker: other } = testBroker({ topics: { orders: topic<number>() } })
      other.topic('orders').append({ value: 1 })
      const reads =
        who === 'a member'
          ? { topics: ['orders'] as const }
          : { assign: [{ topic: 'orders', partition: 0 }] as const }
      const consumer = other.consumer({ groupId: 'g', autoCommit: false, ...reads })
      expect(await consumer.poll()).toHaveLength(1)
      const error = await rejectionOf(
        producer.transaction(async tx => {
          await tx.send({ topic: 'out', value: 1 })
          await tx.sendOffsets(consumer)
        }),
      )
      expect(error).toMatchObject({ name: 'IllegalStateError' })
      expect(error.message).toMatch(/^sendOffsets: consumer '.+' is not of this broker$/)
      expect(values()).toEqual([])
      expect(await consumer.committed({ topic: 'orders', partition: 0 })).toBeNull()
    },
  )

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

  it('one that timed out takes nothing more, since nobody would ever end it: no record, no batch and no offsets', async () => {
    const { broker, clock, out } = transactional()
    const producer = broker.producer({ transactionalId: 'slow', transactionTimeoutMs: 10 })
    out.append({ value: 0 })
    const consumer = broker.consumer({ groupId: 'g', topics: ['out'], autoCommit: false })
    await consumer.poll()
    const { opened, open } = gate()
    const refused: unknown[] = []
    const slow = rejectionOf(
      producer.transaction(async tx => {
        await opened
        const calls = [
          tx.send({ topic: 'out', value: 1 }),
          tx.sendBatch([{ topic: 'out', value: 2 }]),
          tx.sendOffsets(consumer),
        ]
        for (const call of calls) refused.push(await rejectionOf(call))
      }),
    )
    await clock.advance(10)
    open()
    const aborted = await slow
    expect(aborted).toBeInstanceOf(TransactionAbortedError)
    expect(refused).toEqual([aborted, aborted, aborted])
    expect([out.partitions[0]!.highWatermark, out.partitions[0]!.lastStableOffset]).toEqual([1, 1])
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
})

let resolveOuter = () => {}

const outer = new Promise<void>(resolve => {
  resolveOuter = resolve
})
