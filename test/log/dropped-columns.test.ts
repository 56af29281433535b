import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import { testBroker } from '../helpers/test-broker.ts'

interface Held {
  readonly at: number
}

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** A topic of small segments that keeps twice as many records as one of them. */
function smallSegments(partitions = 1) {
  const { broker, clock } = testBroker({
    topics: { log: topic<Held>({ partitions, segmentRecords: 4, retentionRecords: 8 }) },
  })
  return { log: broker.topic('log'), clock }
}

/** What is left in memory of values, once the collector had its turn. */
async function alive(values: readonly WeakRef<Held>[]): Promise<number[]> {
  // What a WeakRef was made for stays until the end of the turn.
  await new Promise(resolve => {
    setImmediate(resolve)
  })
  collect()
  return values.map(value => value.deref()?.at).filter(at => at !== undefined)
}

it('shows nothing of dropped records in the segments that use their columns', async () => {
  const { log, clock } = smallSegments(2)
  const sent = []
  for (let at = 0; at < 60; at++) {
    const full = at % 3 === 0
    const { offset, partition, timestamp } = log.append({
      key: full ? `key-${at}` : null,
      value: { at },
      partition: at % 5 === 0 ? 1 : 0,
      ...(full ? { headers: { at: String(at) }, timestamp: clock.now() - 1000 * at } : {}),
    })
    const headers = full ? { at: String(at) } : {}
    sent.push({
      topic: 'log',
      partition,
      offset,
      timestamp,
      key: full ? `key-${at}` : null,
      value: { at },
      headers,
    })
    await clock.advance(1)
    const kept = sent.filter(record => record.offset >= log.partitions[record.partition]!.logStartOffset)
    expect(log.records().map(record => ({ ...record, headers: { ...record.headers } }))).toEqual(kept)
  }
})

it('lets go of what was dropped, before and after its columns are used again', async () => {
  const { log } = smallSegments()
  const values: WeakRef<Held>[] = []
  const append = (count: number) => {
    for (let i = 0; i < count; i++) {
      const value = { at: values.length }
      values.push(new WeakRef(value))
      log.append({ value })
    }
  }
  append(12)
  expect(await alive(values)).toEqual([4, 5, 6, 7, 8, 9, 10, 11])
  // In one turn, so that the collector does not come between: the first of these uses what the twelfth has dropped.
  append(5)
  expect(await alive(values)).toEqual([8, 9, 10, 11, 12, 13, 14, 15, 16])
})
