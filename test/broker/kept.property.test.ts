import { expect, it } from 'vitest'
import { isBrokerletError } from '../../src/index.ts'
import type { TopicChanges, TopicOptions } from '../../src/topic-definition.ts'
import { range } from '../helpers/behaviours.ts'
import { fc } from '../helpers/fast-check.ts'
import { testBroker } from '../helpers/test-broker.ts'

const kinds = {
  feed: { retentionMs: 5000, segmentRecords: 3 },
  newest: { retentionRecords: 5, segmentRecords: 2 },
  table: { cleanupPolicy: 'compact', segmentRecords: 3, deleteRetentionMs: 2000 },
  rolling: { cleanupPolicy: 'compact,delete', segmentRecords: 4, retentionMs: 9000 },
  queue: { cleanupPolicy: 'consumed', whenFull: 'reject', segmentRecords: 4 },
} as const satisfies Record<string, TopicOptions>

type Kind = keyof typeof kinds
const names = Object.keys(kinds) as Kind[]

const changes: readonly TopicChanges[] = [
  { maxMessageBytes: 1000 },
  { maxMessageBytes: null },
  { segmentBytes: 40 },
  { segmentBytes: null },
  { segmentRecords: 2 },
  { segmentRecords: null },
]

const record = fc.record({ key: fc.constantFrom('a', 'b', 'c'), size: fc.option(fc.nat(30)) })

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ send: fc.array(record, { minLength: 1, maxLength: 5 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ transaction: fc.array(record, { maxLength: 4 }), commits: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ read: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ deleteBefore: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ alter: fc.constantFrom(...changes) }) },
  { weight: 1, arbitrary: fc.record({ pass: fc.integer({ min: 1, max: 3000 }) }) },
  { weight: 1, arbitrary: fc.constantFrom('compact', 'make anew', 'grow') },
)

const scenario = fc.record({
  maxRecords: fc.constantFrom(-1, 12, 30),
  maxBytes: fc.constantFrom(-1, 200, 400),
  steps: fc.array(fc.tuple(fc.constantFrom(...names), step), { minLength: 20, maxLength: 70 }),
})

const sum = (numbers: readonly number[]) => numbers.reduce((all, each) => all + each, 0)

it('a broker keeps as many records and bytes as it says, and a partition, too, whatever is done to them', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ maxRecords, maxBytes, steps }) => {
      const { broker, clock } = testBroker({ maxRecords, maxBytes })
      const options = (name: Kind): TopicOptions => {
        const { segmentRecords } = kinds[name]
        return { ...kinds[name], segmentRecords: maxRecords === 12 ? 1 : segmentRecords }
      }
      for (const name of names) broker.createTopic(name, options(name))
      const group = broker.createGroup('g', { topics: names })
      const producer = broker.producer()
      const transactional = broker.producer({ transactionalId: 'tx' })
      for (const [topic, what] of steps) {
        const log = broker.topic(topic)
        const [partition] = log.partitions
        let sent = false
        const messages = (records: readonly { key: string; size: number | null }[]) =>
          records.map(({ key, size }) => ({
            topic,
            key,
            value: size === null ? null : new Uint8Array(size),
            partition: records.length % log.partitions.length,
          }))
        try {
          if (what === 'compact') log.compact()
          else if (what === 'grow') log.addPartitions(log.partitions.length + 1)
          else if (what === 'make anew') {
            broker.deleteTopic(topic)
            broker.createTopic(topic, options(topic))
          } else if ('send' in what) {
            await producer.sendBatch(messages(what.send))
            sent = true
          } else if ('transaction' in what) {
            await transactional.transaction(async tx => {
              await tx.sendBatch(messages(what.transaction))
              if (!what.commits) throw new Error('no')
            })
          } else if ('read' in what) {
            const offset = Math.ceil((partition!.highWatermark * what.read) / 9)
            group.setOffsets([{ topic, partition: 0, offset }])
          } else if ('deleteBefore' in what) {
            const start = partition!.logStartOffset
            partition!.deleteRecords(Math.ceil((partition!.highWatermark * what.deleteBefore) / 9))
            if (log.sized && partition!.logStartOffset > start) {
              const kept = partition!.segments.flatMap(segment =>
                range(segment.indexFrom(partition!.logStartOffset), segment.count).map(i =>
                  segment.sizeAt(i),
                ),
              )
              expect(partition!.bytes).toBe(sum(kept))
            }
          } else if ('alter' in what) log.alter(what.alter)
          else await clock.advance(what.pass)
        } catch (error) {
          if (!(isBrokerletError(error) || (error as Error).message === 'no')) throw error
        }
        const { records, bytes, topics } = broker.describe()
        const segments = [...broker.topics.values()].flatMap(({ partitions }) =>
          partitions.map(each => each.segments),
        )
        expect(records).toBe(sum(segments.flat().map(({ count }) => count)))
        expect(bytes).toBe(sum(segments.flat().map(each => each.bytes)))
        const described = topics.flatMap(({ partitions }) => partitions)
        expect(described.map(each => each.bytes)).toEqual(
          segments.map(each => sum(each.map(segment => segment.bytes))),
        )
        for (const [i, { partitions }] of [...broker.topics.values()].entries()) {
          expect(topics[i]!.partitions.map(each => each.records)).toEqual(
            partitions.map(each => each.fetch(each.logStartOffset, Number.MAX_SAFE_INTEGER, false).length),
          )
        }
        // A topic that begins to count bytes may have too many that have to stay; then nothing is sent.
        if (sent && maxBytes !== -1) expect(bytes).toBeLessThanOrEqual(maxBytes)
        if (sent && maxRecords !== -1) expect(records).toBeLessThanOrEqual(maxRecords)
        expect([bytes, ...described.map(each => each.bytes)].every(Number.isInteger)).toBe(true)
      }
    }),
  )
})
