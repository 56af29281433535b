import { afterEach, expect, it } from 'vitest'
import { readableOffsets } from '../../../src/server/share/readable-offsets.ts'
import { TestBroker } from '../../../src/testing/index.ts'

const brokers: TestBroker[] = []
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close()
})

/** A log with a record for each key; those whose key comes again are compacted away if it compacts. */
function logOf(keys: string, compacts: boolean) {
  const broker = new TestBroker()
  brokers.push(broker)
  const topic = broker.createTopic('orders', { cleanupPolicy: compacts ? 'compact' : 'delete' })
  for (const key of keys) topic.append({ key, value: key })
  const log = topic.partitions[0]!
  if (compacts) log.compact()
  return log
}

const readable = (log: ReturnType<typeof logOf>, from: number, to: number) =>
  readableOffsets(log, from, to, false).map(({ first, last }) => `${first}-${last}`)

it('has all offsets of a log without gaps, from one to before another', () => {
  const log = logOf('abcdef', false)
  expect(readable(log, 0, 6)).toEqual(['0-5'])
  expect(readable(log, 2, 4)).toEqual(['2-3'])
  expect(readable(log, 2, 3)).toEqual(['2-2'])
  expect(readable(log, 4, 9)).toEqual(['4-5'])
  expect(readable(log, 3, 3)).toEqual([])
})

it('leaves out what compaction has taken, and what is outside', () => {
  const log = logOf('abcbdefd', true)
  expect(readable(log, 0, 8)).toEqual(['0-0', '2-3', '5-7'])
  expect(readable(log, 1, 5)).toEqual(['2-3'])
  expect(readable(log, 3, 6)).toEqual(['3-3', '5-5'])
  expect(readable(log, 6, 7)).toEqual(['6-6'])
})

it('begins with the log', () => {
  for (const compacts of [false, true]) {
    const log = logOf('abcdef', compacts)
    log.deleteRecords(3)
    expect(readable(log, 0, 5)).toEqual(['3-4'])
    expect(readable(log, 0, 2)).toEqual([])
  }
})
