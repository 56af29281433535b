import { expect, it, vi } from 'vitest'
import { WaitingSends } from '../../src/broker/waiting-sends.ts'
import { LogManager } from '../../src/log/log-manager.ts'
import { PartitionRoom } from '../../src/log/partition-room.ts'
import { fc } from '../helpers/fast-check.ts'
import { testBroker } from '../helpers/test-broker.ts'

const partitions = 3
const retentionRecords = 3

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ send: fc.array(fc.nat(partitions - 1), { minLength: 1, maxLength: 4 }) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ commit: fc.nat(partitions - 1), records: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ abort: fc.nat(9) }) },
  {
    weight: 1,
    arbitrary: fc.record({ delete: fc.nat(partitions - 1), records: fc.integer({ min: 1, max: 3 }) }),
  },
)

interface Sent {
  readonly id: number
  readonly counts: readonly number[]
  readonly controller: AbortController
}

const needed = ({ counts }: Sent) => [...counts.keys()].filter(partition => counts[partition]! > 0)

/** The plainest model: after each step everybody who waits is looked at, in order, until nobody can go on. */
class Model {
  readonly #end = Array.from({ length: partitions }, () => 0)
  readonly #read = Array.from({ length: partitions }, () => 0)
  waiting: Sent[] = []

  #fits(sent: Sent): boolean {
    return needed(sent).every(
      partition =>
        this.#end[partition]! + sent.counts[partition]! - retentionRecords <= this.#read[partition]!,
    )
  }

  /** The sends that go on now. */
  settle(): number[] {
    const gone: number[] = []
    for (let again = true; again; ) {
      const blocked = new Set<number>()
      const next = this.waiting.find(sent => {
        const goes = needed(sent).every(partition => !blocked.has(partition)) && this.#fits(sent)
        for (const partition of needed(sent)) blocked.add(partition)
        return goes
      })
      again = next !== undefined
      if (next === undefined) break
      this.waiting = this.waiting.filter(sent => sent !== next)
      for (const partition of needed(next)) this.#end[partition]! += next.counts[partition]!
      gone.push(next.id)
    }
    return gone
  }

  /** Reads so many more records, and returns up to where. */
  read(partition: number, records: number): number {
    this.#read[partition] = Math.min(this.#end[partition]!, this.#read[partition]! + records)
    return this.#read[partition]
  }
}

it('sends that wait go on as soon as they fit, and overtake nobody who waits in one of their partitions', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async steps => {
      const { broker, clock } = testBroker()
      const log = broker.createTopic('log', { partitions, retentionRecords, whenFull: 'wait' })
      const group = broker.createGroup('g', { topics: ['log'] })
      const producer = broker.producer()
      const model = new Model()
      const written: number[] = []
      for (const [id, each] of steps.entries()) {
        written.length = 0
        if ('send' in each) {
          const counts = Array.from({ length: partitions }, (_, i) => each.send.filter(to => to === i).length)
          if (counts.some(count => count > retentionRecords)) continue
          const sent = { id, counts, controller: new AbortController() }
          model.waiting.push(sent)
          const batch = each.send.map(partition => ({ topic: 'log', value: id, partition }))
          producer.sendBatch(batch, { signal: sent.controller.signal }).then(
            () => written.push(id),
            () => {},
          )
        } else if ('commit' in each) {
          const offset = model.read(each.commit, each.records)
          group.setOffsets([{ topic: 'log', partition: each.commit, offset }])
        } else if ('delete' in each) {
          const offset = model.read(each.delete, each.records)
          log.partitions[each.delete]!.deleteRecords(offset)
          group.setOffsets([{ topic: 'log', partition: each.delete, offset }])
        } else if (model.waiting.length > 0) {
          const [aborted] = model.waiting.splice(each.abort % model.waiting.length, 1)
          aborted!.controller.abort()
        }
        await clock.settle()
        expect(written).toEqual(model.settle())
      }
      await broker.close({ timeoutMs: 0 })
    }),
  )
})

it('where sends wait for room in many partitions, a commit has only those of its partition tried', async () => {
  const { broker, clock } = testBroker()
  const log = broker.createTopic('log', { partitions: 100, retentionRecords: 1, whenFull: 'wait' })
  const group = broker.createGroup('g', { topics: ['log'] })
  const told: number[] = []
  for (const { index: partition } of log.partitions) {
    log.append({ value: 0, partition })
    // The others are refused by the close.
    broker
      .producer()
      .send({ topic: 'log', value: 1, partition })
      .then(
        () => told.push(partition),
        () => {},
      )
  }
  await clock.settle()
  const tried = vi.spyOn(PartitionRoom.prototype, 'fits')
  group.setOffsets([{ topic: 'log', partition: 50, offset: 1 }])
  await clock.settle()
  expect([told, tried.mock.calls.length]).toEqual([[50], 1])
  tried.mockRestore()
  await broker.close({ timeoutMs: 0 })
})

it('a send that gives up has only those behind it tried', async () => {
  const { broker, clock } = testBroker()
  const log = broker.createTopic('log', { partitions: 100, retentionRecords: 1, whenFull: 'wait' })
  broker.createGroup('g', { topics: ['log'] })
  const told: string[] = []
  const send = (name: string, partition: number, timeoutMs: number) => {
    const message = { topic: 'log', value: 1, partition }
    broker
      .producer()
      .send(message, { timeoutMs })
      .catch((error: Error) => told.push(`${name} ${error.name}`))
  }
  for (const { index: partition } of log.partitions) {
    log.append({ value: 0, partition })
    send('one of many', partition, partition === 50 ? 10 : 1000)
  }
  send('behind', 50, 1000)
  await clock.settle()
  const tried = vi.spyOn(PartitionRoom.prototype, 'fits')
  await clock.advance(10)
  expect([told, tried.mock.calls.length]).toEqual([['one of many TimeoutError'], 1])
  tried.mockRestore()
  await broker.close({ timeoutMs: 0 })
})

it('sends that wait for the broker are tried once a turn of the event loop, however many commits it has', async () => {
  const { broker, clock } = testBroker({ maxRecords: 100 })
  const log = broker.createTopic('log', { partitions: 100, segmentRecords: 1, whenFull: 'wait' })
  const group = broker.createGroup('g', { topics: ['log'] })
  for (const { index: partition } of log.partitions) log.append({ value: 0, partition })
  const sent = broker.producer().send({ topic: 'log', value: 1, partition: 0 })
  await clock.settle()
  const tried = vi.spyOn(WaitingSends.prototype, 'freed')
  const searched = vi.spyOn(LogManager.prototype, 'makeRoom')
  for (let partition = 0; partition < 100; partition++) {
    group.setOffsets([{ topic: 'log', partition, offset: 1 }])
    // A handler's commits are not in one call, either.
    await Promise.resolve()
  }
  await sent
  expect(tried.mock.calls.length).toBeGreaterThanOrEqual(100)
  expect(searched.mock.calls.length).toBeLessThan(5)
  tried.mockRestore()
  searched.mockRestore()
})

it('one that waited for the broker and gives up lets all those try that it held up', async () => {
  const { broker, clock } = testBroker({ maxRecords: 4 })
  const held = { whenFull: 'wait', segmentRecords: 1 } as const
  const large = broker.createTopic('large', { ...held, retentionRecords: 4 })
  const small = broker.createTopic('small', { ...held, retentionRecords: 1 })
  const other = broker.createTopic('other', held)
  const group = broker.createGroup('g', { topics: ['large', 'small', 'other'] })
  for (const log of [large, large, small, other]) log.append({ value: 0 })
  const told: string[] = []
  const producer = broker.producer()
  const four = Array.from({ length: 4 }, () => ({ topic: 'large', value: 1 }))
  producer.sendBatch(four, { timeoutMs: 10 }).catch((error: Error) => told.push(`large ${error.name}`))
  producer.send({ topic: 'small', value: 1 }).then(
    () => told.push('small'),
    () => {},
  )
  // Now the large one fits its partition, and not the broker; the small one fits, and is not to overtake it.
  group.setOffsets([{ topic: 'large', partition: 0, offset: 2 }])
  await clock.settle()
  group.setOffsets([{ topic: 'small', partition: 0, offset: 1 }])
  await clock.settle()
  expect(told).toEqual([])
  await clock.advance(10)
  expect(told).toEqual(['large TimeoutError', 'small'])
  await broker.close({ timeoutMs: 0 })
})
