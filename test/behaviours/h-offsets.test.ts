import { describe, expect, it } from 'vitest'
import type { ConsumerOptions } from '../../src/consumer/consumer-options.ts'
import {
  BatchError,
  CommitFailedError,
  IllegalStateError,
  TransactionAbortedError,
  topic,
} from '../../src/index.ts'
import { gate } from '../helpers/behaviours.ts'
import { rejectionOf } from '../helpers/errors.ts'
import { testBroker } from '../helpers/test-broker.ts'

const in0 = { topic: 'in', partition: 0 } as const

/** A topic to read from, one to write to, and a group that has read nothing. */
function pipeline(records = 0) {
  const { broker, clock } = testBroker({ topics: { in: topic<number>(), out: topic<number>() } })
  for (let value = 0; value < records; value++) broker.topic('in').append({ value })
  const producer = broker.producer({ transactionalId: 'doubler' })
  const consumer = (options: ConsumerOptions<'in' | 'out'> = {}) =>
    broker.consumer({ groupId: 'g', topics: ['in'], autoCommit: false, ...options })
  const committed = () => broker.group('g').committed(in0)?.offset ?? null
  const out = () =>
    broker
      .topic('out')
      .records()
      .map(({ value }) => value)
  return { broker, clock, producer, consumer, committed, out }
}

describe('H. offsets in a transaction', () => {
  it('[96] count once it commits, and on abort the old ones stand', async () => {
    const { producer, consumer, committed, out } = pipeline(3)
    const reader = consumer()
    const [first] = await reader.poll({ maxRecords: 1 })
    await producer.transaction(async tx => {
      await tx.send({ topic: 'out', value: first!.value * 2 })
      await tx.sendOffsets(reader)
      expect(committed()).toBeNull()
    })
    expect([committed(), out()]).toEqual([1, [0]])
    await reader.poll({ maxRecords: 1 })
    const failed = producer.transaction(async tx => {
      await tx.send({ topic: 'out', value: 99 })
      await tx.sendOffsets(reader)
      throw new Error('no')
    })
    expect((await rejectionOf(failed)).message).toBe('no')
    expect([committed(), out()]).toEqual([1, [0]])
  })

  it('a commit in the handler after its transaction does not go back', async () => {
    const { clock, producer, consumer, committed } = pipeline(2)
    const reader = consumer()
    const seen: unknown[] = []
    await reader.run({
      eachRecord: async (_, context) => {
        await producer.transaction(tx => tx.sendOffsets(context))
        await reader.commit()
        seen.push(committed())
      },
    })
    await clock.settle()
    expect(seen).toEqual([1, 2])
  })

  it('a commit in a loop after its transaction does not go back, but after a seek it does', async () => {
    const { producer, consumer, committed } = pipeline(3)
    const reader = consumer()
    const seen: unknown[] = []
    for await (const { offset } of reader) {
      await producer.transaction(tx => tx.sendOffsets(reader))
      if (offset === 1 && seen.length < 3) reader.seek(in0, 0)
      await reader.commit()
      seen.push(committed())
      if (offset === 2) break
    }
    expect(seen).toEqual([1, 0, 1, 2, 3])
  })

  it('a commit after an aborted transaction commits what is finished', async () => {
    const { clock, producer, consumer, committed } = pipeline(2)
    const reader = consumer()
    const seen: unknown[] = []
    await reader.run({
      eachRecord: async (_, context) => {
        const aborted = producer.transaction(async tx => {
          await tx.sendOffsets(context)
          throw new Error('no')
        })
        await rejectionOf(aborted)
        await reader.commit()
        seen.push(committed())
      },
    })
    await clock.settle()
    expect(seen).toEqual([0, 1])
  })

  it('[96] a handler that throws leaves neither its records nor its offsets, and the next attempt leaves both once', async () => {
    const { broker, clock, producer, consumer, committed, out } = pipeline(5)
    const attempts: string[] = []
    const loop = consumer()
    await loop.run({
      eachRecord: ({ value }, context) =>
        producer.transaction(async tx => {
          attempts.push(`${value}.${context.attempt}`)
          await tx.send({ topic: 'out', value: value * 2 })
          if (value === 2 && context.attempt < 3) throw new Error('not yet')
          await tx.sendOffsets(context)
          if (value === 3 && context.attempt === 1) throw new Error('after the offsets')
        }),
    })
    for (let i = 0; i < 5; i++) await clock.advance(1000)
    await broker.idle()
    expect(attempts).toEqual(['0.1', '1.1', '2.1', '2.2', '2.3', '3.1', '3.2', '4.1'])
    expect([out(), committed()]).toEqual([[0, 2, 4, 6, 8], 5])
  })

  it('[96] by batches, also where a handler says how far it came', async () => {
    const { broker, clock, producer, consumer, committed, out } = pipeline(6)
    let failed = false
    await consumer().run({
      eachBatch: async (batch, context) => {
        const half = batch.records.slice(0, failed ? undefined : 2)
        if (!failed) {
          failed = true
          throw new BatchError(new Error('half'), { failedAt: half[1]! })
        }
        await producer.transaction(async tx => {
          await tx.sendBatch(half.map(({ value }) => ({ topic: 'out', value: value * 2 })))
          await tx.sendOffsets(context)
        })
      },
    })
    await clock.advance(1000)
    await broker.idle({ groups: [] })
    // What was finished before the failure was never put out, nor committed by a transaction.
    expect([out(), committed()]).toEqual([[2, 4, 6, 8, 10], 6])
  })

  it('[96] beside dead letters and retry topics, which the same handler serves', async () => {
    const { broker, clock, producer, committed, out } = pipeline(3)
    for (const name of ['later', 'dlq']) broker.createTopic(name)
    const reader = broker.consumer({ groupId: 'g', topics: ['in'], autoCommit: false })
    reader.on('deadLettered', () => {})
    await reader.run({
      retry: { attempts: 1, topics: [{ topic: 'later' as never, delayMs: 100 }] },
      onFailure: { deadLetter: 'dlq' as never },
      eachRecord: ({ value }, context) =>
        producer.transaction(async tx => {
          if (value === 0 || (value === 1 && context.attempt === 1)) throw new Error('not now')
          await tx.send({ topic: 'out', value })
          await tx.sendOffsets(context)
        }),
    })
    await clock.advance(100)
    expect([out(), committed()]).toEqual([[2, 1], 3])
    expect(broker.group('g').committed({ topic: 'later', partition: 0 })).toEqual({ offset: 2 })
  })

  it.each([{ concurrency: 2 }, { ordering: 'key' as const }])(
    '[96] are refused from a handler that cannot say what is consumed, with %j',
    async options => {
      const { clock, producer, consumer } = pipeline(1)
      const reader = consumer()
      const errors: unknown[] = []
      reader.on('skipped', ({ error }) => errors.push(error))
      await reader.run({
        ...options,
        retry: { attempts: 1 },
        onFailure: 'skip',
        eachRecord: (_, context) => producer.transaction(tx => tx.sendOffsets(context)),
      })
      await clock.settle()
      expect(String(errors[0])).toContain("it needs concurrency 1 and ordering 'partition'")
    },
  )

  it('[96] in a loop it is the record in hand', async () => {
    const { producer, consumer, committed, out } = pipeline(3)
    const loop = consumer()
    for await (const { value } of loop) {
      await producer.transaction(async tx => {
        await tx.send({ topic: 'out', value })
        await tx.sendOffsets(loop)
      })
      expect(committed()).toBe(value + 1)
      if (value === 2) break
    }
    expect(out()).toEqual([0, 1, 2])
  })

  it('[97] are refused from a member that lost its partition, and nothing of the transaction counts', async () => {
    const { clock, producer, consumer, committed, out, broker } = pipeline(2)
    const { opened, open } = gate()
    const results: unknown[] = []
    const stuck = consumer({ maxPollIntervalMs: 1000, clientId: 'stuck' })
    stuck.on('error', () => {})
    await stuck.run({
      retry: { attempts: 1 },
      eachRecord: async ({ value }, context) => {
        const result = producer.transaction(async tx => {
          await tx.send({ topic: 'out', value: 100 + value })
          await opened
          await tx.sendOffsets(context)
        })
        results.push(await rejectionOf(result))
        await stuck.close()
      },
    })
    await clock.settle()
    await clock.advance(1000)
    const next = consumer({ clientId: 'next' })
    const second = broker.producer({ transactionalId: 'second' })
    await next.run({
      eachRecord: ({ value }, context) =>
        second.transaction(async tx => {
          await tx.send({ topic: 'out', value: value * 2 })
          await tx.sendOffsets(context)
        }),
    })
    await clock.settle()
    expect(committed()).toBe(2)
    open()
    await clock.settle()
    expect(results).toEqual([expect.any(CommitFailedError)])
    expect(results).toMatchObject([{ code: 'UNKNOWN_MEMBER_ID', groupId: 'g' }])
    expect([out(), committed()]).toEqual([[0, 2], 2])
  })

  it('[97] are checked again at the commit: a partition that moved meanwhile takes them with it', async () => {
    const { broker, clock, producer, consumer, committed, out } = pipeline(2)
    const reader = consumer({ maxPollIntervalMs: 1000 })
    await reader.poll()
    const { opened, open } = gate()
    const slow = rejectionOf(
      producer.transaction(async tx => {
        await tx.send({ topic: 'out', value: 99 })
        await tx.sendOffsets(reader)
        await opened
      }),
    )
    await clock.advance(1000)
    const next = consumer()
    expect((await next.poll()).map(({ value }) => value)).toEqual([0, 1])
    open()
    const error = await slow
    expect(error).toBeInstanceOf(CommitFailedError)
    expect([committed(), out(), broker.topic('out').partitions[0]!.lastStableOffset]).toEqual([null, [], 2])
    // The producer is none the worse for it.
    await producer.transaction(tx => tx.send({ topic: 'out', value: 1 }))
    expect(out()).toEqual([1])
  })

  it('[98] a new owner does not wait for a pending transaction: what is committed then is what counts', async () => {
    const { clock, producer, consumer, committed } = pipeline(3)
    const first = consumer({ clientId: 'first' })
    await first.poll({ maxRecords: 2 })
    const { opened, open } = gate()
    const pending = producer.transaction(async tx => {
      await tx.sendOffsets(first)
      await opened
    })
    await clock.settle()
    const failed = rejectionOf(pending)
    await first.close()
    const second = consumer({ clientId: 'second' })
    expect((await second.poll()).map(({ value }) => value)).toEqual([0, 1, 2])
    open()
    expect(await failed).toBeInstanceOf(CommitFailedError)
    expect(committed()).toBeNull()
  })

  it('[101] are refused where the consumer commits by itself, has no group, or hands records to a handler', async () => {
    const { broker, clock, producer, consumer } = pipeline(1)
    const byItself = consumer({ autoCommit: true })
    await byItself.poll()
    const alone = broker.consumer({ topics: ['in'] })
    await alone.poll()
    const running = consumer({ groupId: 'other' })
    await running.run({ eachRecord: () => {} })
    const texts: string[] = []
    const unused = consumer({ groupId: 'unused' })
    for (const from of [byItself, alone, running, unused, {} as never]) {
      const error = await rejectionOf(producer.transaction(tx => tx.sendOffsets(from as typeof alone)))
      texts.push(`${error.name}: ${error.message}`)
    }
    await clock.settle()
    expect(texts).toEqual([
      "IllegalStateError: sendOffsets: consumer 'consumer' of group 'g' commits by itself, transaction or not; it needs autoCommit: false",
      "IllegalStateError: sendOffsets: consumer 'consumer' has no groupId, so it has no offsets to send",
      "IllegalStateError: sendOffsets: Consumer 'consumer' of group 'other' hands out records to a handler; give the handler's context instead",
      "IllegalStateError: sendOffsets: Consumer 'consumer' of group 'unused' has handed out nothing yet",
      'InvalidArgumentError: sendOffsets: expected a consumer, or the context of a handler, received an object',
    ])
    expect(IllegalStateError.name).toBe('IllegalStateError')
  })

  it('[101] a consumer with given partitions sends them, too, while its group has no members', async () => {
    const { broker, producer, committed, out } = pipeline(2)
    const manual = broker.consumer({ groupId: 'g', assign: [in0], autoCommit: false })
    await manual.poll()
    await producer.transaction(tx => tx.sendOffsets(manual))
    expect(committed()).toBe(2)
    await broker.consumer({ groupId: 'g', topics: ['in'] }).ready()
    const error = await rejectionOf(
      producer.transaction(async tx => {
        await tx.send({ topic: 'out', value: 1 })
        await tx.sendOffsets(manual)
      }),
    )
    expect(error).toMatchObject({ code: 'UNKNOWN_MEMBER_ID' })
    expect(out()).toEqual([])
  })

  it('[101] of given partitions are refused once their topic was deleted, even if it is there again', async () => {
    const { broker, producer, out } = pipeline(3)
    const given = () => broker.consumer({ groupId: 'given', assign: [in0], autoCommit: false })
    const [before, meanwhile] = [given(), given()]
    const renew = () => {
      broker.deleteTopic('in')
      broker.createTopic('in', { partitions: 1 })
      broker.topic('in').append({ value: 0 })
    }
    await before.poll()
    const errors = [
      await rejectionOf(
        producer.transaction(async tx => {
          await tx.send({ topic: 'out', value: 1 })
          await tx.sendOffsets(before)
          renew()
        }),
      ),
    ]
    await meanwhile.poll()
    renew()
    errors.push(await rejectionOf(producer.transaction(tx => tx.sendOffsets(meanwhile))))
    for (const error of errors)
      expect(error).toMatchObject({ name: 'CommitFailedError', code: 'STALE_MEMBER_EPOCH' })
    expect(out()).toEqual([])
    expect(broker.groups.get('given')?.offsets ?? []).toEqual([])
  })

  it('[99] are refused once the time of their transaction is over', async () => {
    const { clock, producer, consumer, committed } = pipeline(1)
    const reader = consumer()
    await reader.poll()
    const { opened, open } = gate()
    let late: Promise<unknown> | undefined
    const slow = rejectionOf(
      producer.transaction(async tx => {
        await opened
        late = rejectionOf(tx.sendOffsets(reader))
        await late
      }),
    )
    await clock.advance(60_000)
    open()
    expect(await slow).toBeInstanceOf(TransactionAbortedError)
    expect(await late).toBeInstanceOf(TransactionAbortedError)
    expect(committed()).toBeNull()
  })
})
