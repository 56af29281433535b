import { expect, it } from 'vitest'
import { isBrokerletError } from '../../src/index.ts'
import type { TopicOptions } from '../../src/topic-definition.ts'
import { fc } from '../helpers/fast-check.ts'
import { testBroker } from '../helpers/test-broker.ts'

const kinds = {
  drops: { whenFull: 'drop-oldest' },
  refuses: { whenFull: 'reject' },
  consumed: { cleanupPolicy: 'consumed', whenFull: 'reject' },
  table: { cleanupPolicy: 'compact' },
} as const satisfies Record<string, TopicOptions>

type Kind = keyof typeof kinds

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ append: fc.array(fc.nat(5), { minLength: 1, maxLength: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ commit: fc.nat(9), by: fc.constantFrom('a', 'b') }) },
  { weight: 1, arbitrary: fc.constant({ compact: true }) },
)

const scenario = fc.record({
  // Three at most, so that a full broker asks all of them each time.
  topics: fc.uniqueArray(fc.constantFrom<Kind>('drops', 'refuses', 'consumed', 'table'), {
    minLength: 2,
    maxLength: 3,
  }),
  maxRecords: fc.integer({ min: 8, max: 24 }),
  // Of such a segment each read record is an eighth.
  segmentRecords: fc.integer({ min: 1, max: 7 }),
  groups: fc.subarray(['a', 'b'], { minLength: 1 }),
  steps: fc.array(fc.tuple(fc.nat(2), step), { minLength: 20, maxLength: 80 }),
})

it('a full broker loses nothing that it may not lose, and nothing unread while there is something read', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ topics, maxRecords, segmentRecords, groups, steps }) => {
      const { broker } = testBroker({ maxRecords })
      const logs = topics.map(name => broker.createTopic(name, { ...kinds[name], segmentRecords }))
      const registered = groups.map(id => broker.createGroup(id, { topics }))
      let lost = false
      broker.on('recordsDropped', ({ topic }) => {
        expect(topic).toBe('drops')
        lost = true
      })
      const newest = new Map<string, number>()
      /** Up to where all groups have read a topic. */
      const readBefore = (topic: string) => {
        const tp = { topic, partition: 0 }
        return Math.min(...registered.map(group => group.committed(tp)?.offset ?? 0))
      }
      for (const [which, what] of steps) {
        const log = logs[which % logs.length]!
        const [partition] = log.partitions
        lost = false
        if ('append' in what) {
          const messages = what.append.map((n, i) => ({ topic: log.name, key: `k${n}`, value: i }))
          try {
            await broker.producer().sendBatch(messages)
            if (log.name === 'table') for (const { key, value } of messages) newest.set(key, value)
          } catch (error) {
            if (!isBrokerletError(error) || error.code !== 'QUEUE_FULL') throw error
          }
        } else if ('commit' in what) {
          const group = registered.find(({ id }) => id === what.by)
          const tp = { topic: log.name, partition: 0 }
          // What is given back may be gone.
          const before = group?.committed(tp)?.offset ?? 0
          const offset = Math.max(before, Math.ceil((partition!.highWatermark * what.commit) / 9))
          group?.setOffsets([{ ...tp, offset }])
        } else if (log.name === 'table') {
          log.compact()
        }
        expect(broker.describe().records).toBeLessThanOrEqual(maxRecords)
        for (const { name, partitions } of logs) {
          const { logStartOffset } = partitions[0]!
          if (name !== 'drops' && name !== 'table')
            expect(logStartOffset).toBeLessThanOrEqual(readBefore(name))
          if (name === 'table') expect(logStartOffset).toBe(0)
          else if (lost) expect(logStartOffset).toBeGreaterThanOrEqual(readBefore(name))
        }
        if (topics.includes('table')) {
          const table = new Map(
            broker
              .topic('table')
              .records()
              .map(({ key, value }) => [key, value]),
          )
          expect(table).toEqual(newest)
        }
      }
    }),
  )
})
