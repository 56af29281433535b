import { describe, expect, it } from 'vitest'
import { json, topic } from '../../src/index.ts'
import { gate } from '../helpers/behaviours.ts'
import { orders0 } from '../helpers/orders.ts'
import { schemaOf } from '../helpers/schema.ts'
import { testBroker } from '../helpers/test-broker.ts'

/** A topic whose schema holds back each record that is read after `hold`, until `answer`. */
function slowOrders() {
  const { broker, clock } = testBroker({ codec: json })
  const waits: (() => void)[] = []
  let isSlow = false
  const schema = schemaOf(async (value: unknown) => {
    if (isSlow) await new Promise<void>(resolve => waits.push(resolve))
    return { value }
  })
  broker.createTopic('orders', topic({ schema }))
  const hold = () => {
    isSlow = true
  }
  const answer = async () => {
    isSlow = false
    for (const go of waits.splice(0)) go()
    await clock.settle()
  }
  return { broker, clock, hold, answer }
}

describe.each(['partition', 'key', 'none', 'batch'] as const)(
  'while a schema reads a record (by %s)',
  ordering => {
    /** A run that reads record 0, and gets it only when `answer` is called. */
    async function reading() {
      const { broker, clock, hold, answer } = slowOrders()
      for (const value of [0, 1, 2, 3]) await broker.producer().send({ topic: 'orders', key: 'k', value })
      hold()
      const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
      const seen: number[] = []
      const eachRecord = ({ offset }: { readonly offset: number }) => void seen.push(offset)
      await consumer.run(
        ordering === 'batch'
          ? { batch: { maxRecords: 1 }, eachBatch: ({ records }) => records.forEach(eachRecord) }
          : { ordering, eachRecord },
      )
      await clock.settle()
      return { broker, consumer, seen, answer }
    }

    it('a seek leaves that record out', async () => {
      const { broker, consumer, seen, answer } = await reading()
      consumer.seek(orders0, 2)
      await answer()
      expect(seen).toEqual([2, 3])
      expect(broker.group('g').committed(orders0)).toEqual({ offset: 4 })
    })

    it('a pause holds that record back, and it comes when the pause has ended', async () => {
      const { broker, consumer, seen, answer } = await reading()
      consumer.pause()
      await answer()
      expect([seen, broker.group('g').committed(orders0)]).toEqual([[], null])
      expect(consumer.position(orders0)).toBe(0)
      consumer.resume()
      await broker.idle()
      expect(seen).toEqual([0, 1, 2, 3])
      expect(broker.group('g').committed(orders0)).toEqual({ offset: 4 })
    })

    it('a record that a seek leaves out is no progress, after which a restart would be as quick as the first', async () => {
      const { broker, clock, hold, answer } = slowOrders()
      await broker.producer().send({ topic: 'orders', key: 'k', value: 0 })
      const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
      const delays: number[] = []
      consumer.on('restarting', ({ delayMs }) => {
        delays.push(delayMs)
        hold()
      })
      const fail = () => {
        throw new Error('down')
      }
      const retry = { attempts: 1 }
      await consumer.run(
        ordering === 'batch' ? { retry, eachBatch: fail } : { retry, ordering, eachRecord: fail },
      )
      await clock.advance(1000)
      consumer.seek(orders0, 0)
      await answer()
      expect(delays).toEqual([1000, 2000])
    })

    it('a close finishes that record', async () => {
      const { broker, consumer, seen, answer } = await reading()
      const closed = consumer.close()
      await answer()
      await closed
      expect(seen).toEqual([0])
      expect(broker.group('g').committed(orders0)).toEqual({ offset: 1 })
    })
  },
)

it('a pause holds back a record of a retry topic, too, which the schema of its own topic reads again', async () => {
  const { broker, clock } = testBroker({ codec: json })
  const { opened, open } = gate()
  let slow = false
  const schema = schemaOf(async (value: unknown) => {
    if (slow) await opened
    return { value }
  })
  broker.createTopic('orders', topic({ schema }))
  broker.createTopic('orders.later')
  await broker.producer().send({ topic: 'orders', value: 0 })
  const consumer = broker.consumer({ groupId: 'g', topics: ['orders'] })
  const attempts: number[] = []
  await consumer.run({
    retry: { attempts: 1, topics: [{ topic: 'orders.later', delayMs: 1000 }] },
    eachRecord: (_record, { attempt }) => {
      attempts.push(attempt)
      if (attempt === 1) throw new Error('down')
    },
  })
  await clock.settle()
  slow = true
  await clock.advance(1000)
  consumer.pause()
  open()
  await clock.advance(1000)
  expect(attempts).toEqual([1])
  consumer.resume()
  await broker.idle()
  expect(attempts).toEqual([1, 2])
})

it('a record of a retry topic that comes before its time leaves no pause behind where its consumer closes', async () => {
  const { broker, clock, hold, answer } = slowOrders()
  broker.createTopic('payments')
  await broker.producer().send({ topic: 'payments', value: 0 })
  hold()
  const consumer = broker.consumer({ groupId: 'g', topics: ['payments'] })
  const failing = () => {
    throw new Error('down')
  }
  await consumer.run({
    retry: { attempts: 1, topics: [{ topic: 'orders', delayMs: 3_600_000 }] },
    eachRecord: failing,
  })
  await clock.settle()
  const closing = consumer.close()
  await answer()
  expect(await closing).toEqual([{ group: 'g', ...orders0, from: 0, count: 1 }])
  expect(clock.waiting.filter(name => name.startsWith('pause'))).toEqual([])
})
