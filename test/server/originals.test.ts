import { afterEach, describe, expect, it } from 'vitest'
import { topic } from '../../src/index.ts'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import {
  readBatches,
  readRecords,
  type WireRecord,
  writeBatch,
} from '../../src/server/protocol/record-batch.ts'
import { TestBroker } from '../../src/testing/index.ts'
import type { TopicOptions } from '../../src/topic-definition.ts'
import { WireClient } from '../helpers/wire-client.ts'

const { produce, fetch } = apis as unknown as Readonly<Record<string, Api>>

const brokers: TestBroker<any>[] = []
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close()
})

type Headers = WireRecord['headers']

function start(options: TopicOptions) {
  const broker = new TestBroker({ topics: { log: topic(options) } })
  brokers.push(broker)
  const client = new WireClient(connect(broker))
  const send = async (key: string, value: string | null, { headers = [] as Headers, timestamp = 1 } = {}) => {
    const bytes = value === null ? null : Buffer.from(value)
    const batch = writeBatch([{ offset: 0, timestamp, key: Buffer.from(key), value: bytes, headers }])
    const topicData = [{ name: 'log', partitionData: [{ index: 0, records: [batch] }] }]
    const answer = await client.call(produce!, 8, { acks: -1, timeoutMs: 1000, topicData })
    expect(answer.responses[0].partitionResponses[0].errorCode).toBe(0)
  }
  const read = async () => {
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 << 20 }]
    const answer = await client.call(fetch!, 11, {
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 1 << 20,
      topics: [{ topic: 'log', partitions }],
    })
    const batches = readBatches(Buffer.from(answer.responses[0].partitions[0].records))
    // The last one may only get a reader past what was compacted.
    const records = batches
      .filter(({ control }) => !control)
      .flatMap(each => readRecords(each, () => expect.unreachable('it is not packed')))
    return records.map(({ value, headers }) => ({ value: value?.toString() ?? null, headers }))
  }
  return { broker, log: broker.topic('log'), send, read }
}

// Each says something else, or as much in another way, once it was parsed and written again.
const texts = [
  '12345678901234567890',
  '1.0',
  ' 5',
  '{"a": 1}',
  '{"2":1,"1":2}',
  '"\\u0041"',
  'null',
  '-0',
  'no JSON',
]

describe('what a client has written is what clients read', () => {
  it.each(texts)('once it was compacted: %s', async text => {
    const { log, send, read } = start({ cleanupPolicy: 'compact' })
    await send('a', 'before')
    await send('a', text)
    await send('b', text)
    log.compact()
    log.compact()
    expect(log.records()).toHaveLength(2)
    expect((await read()).map(({ value }) => value)).toEqual([text, text])
  })

  it.each(texts)('beside a record of the process: %s', async text => {
    const { log, send, read } = start({})
    log.append({ value: { a: 1 } })
    await send('a', text)
    expect((await read()).map(({ value }) => value)).toEqual(['{"a":1}', text])
  })

  it.each(texts)('without a time of its own: %s', async text => {
    const { send, read } = start({})
    await send('a', text, { timestamp: -1 })
    expect((await read()).map(({ value }) => value)).toEqual([text])
  })

  it('once the time of tombstones is over: the text null is a value, and stays', async () => {
    const { broker, log, send, read } = start({ cleanupPolicy: 'compact', deleteRetentionMs: 1000 })
    await send('text', 'null')
    await send('tombstone', null)
    await send('told', null, { headers: [['h', null]] })
    log.compact()
    await broker.advance(2000)
    log.compact()
    expect(log.records().map(({ key }) => key)).toEqual(['text'])
    expect((await read()).map(({ value }) => value)).toEqual(['null'])
  })

  it('with headers that have no value', async () => {
    const { log, send, read } = start({ cleanupPolicy: 'compact' })
    const headers: Headers = [
      ['h', null],
      ['h', Buffer.from('1')],
      ['', Buffer.alloc(0)],
    ]
    await send('a', '1', { headers })
    await send('b', null, { headers })
    log.compact()
    expect(await read()).toEqual([
      { value: '1', headers },
      { value: null, headers },
    ])
  })
})

it('what a client has written and compaction has copied is in the process what it says', async () => {
  const { log, send } = start({ cleanupPolicy: 'compact' })
  await send('a', '{"a": 1.0}')
  log.compact()
  expect(log.records().map(({ value }) => value)).toEqual([{ a: 1 }])
})
