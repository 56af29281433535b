import { expect, it } from 'vitest'
import { BatchReader } from '../../src/server/batch-reader.ts'
import { connect } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { testBroker } from '../helpers/test-broker.ts'
import { WireClient } from '../helpers/wire-client.ts'

const { fetch } = apis as unknown as Readonly<Record<string, Api>>

/** A topic whose values count how often they are encoded, and a client that reads one batch from an offset on. */
function start(options: { readonly madeBatchesBytes?: number; readonly valueBytes?: number }) {
  const { valueBytes = 1000, ...wireOptions } = options
  const { broker } = testBroker()
  const log = broker.createTopic('log')
  const client = new WireClient(connect(broker, wireOptions))
  const encoded: number[] = []
  const append = (id: number) => {
    const toJSON = () => {
      encoded[id] = (encoded[id] ?? 0) + 1
      return 'x'.repeat(valueBytes)
    }
    log.append({ value: { toJSON } })
    // Its append has tried whether it can be.
    encoded[id] = 0
  }
  const read = async (fetchOffset: number) => {
    const { responses } = await client.call(fetch!, 11, {
      maxWaitMs: 0,
      minBytes: 1,
      topics: [{ topic: 'log', partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 }] }],
    })
    expect(responses[0].partitions[0].records.length).toBeGreaterThan(valueBytes)
  }
  return { append, encoded, read }
}

it('a batch of records of the process is made once for all clients that read it', async () => {
  const { append, encoded, read } = start({})
  append(0)
  for (let i = 0; i < 3; i++) await read(0)
  expect(encoded).toEqual([1])
})

it('of made batches the oldest go where they take more than there is to be kept, and are made again', async () => {
  const { append, encoded, read } = start({ madeBatchesBytes: 3500 })
  for (const id of [0, 1, 2]) {
    append(id)
    await read(id)
  }
  for (const id of [2, 1, 2]) await read(id)
  expect(encoded).toEqual([1, 1, 1])
  await read(0)
  expect(encoded[0]).toBe(2)
})

it('none is kept where nothing is to be kept', async () => {
  const { append, encoded, read } = start({ madeBatchesBytes: 0 })
  append(0)
  for (let i = 0; i < 3; i++) await read(0)
  expect(encoded).toEqual([3])
})

it('small batches count with what it takes to keep them', async () => {
  const { append, encoded, read } = start({ madeBatchesBytes: 10_000, valueBytes: 1 })
  for (let id = 0; id < 100; id++) {
    append(id)
    await read(id)
  }
  await read(99)
  expect(encoded[99]).toBe(1)
  await read(0)
  expect(encoded[0]).toBe(2)
})

it.each([1, 5000, 50_000])('what is kept of a batch of %i bytes is the batch alone', size => {
  const { broker } = testBroker()
  const log = broker.createTopic('log', { keys: 'bytes' })
  log.append({ value: new Uint8Array(size) })
  const { pieces } = new BatchReader(1_000_000).read(log.partitions[0]!, 0, 1_000_000, true)
  expect(pieces[0]!.buffer.byteLength).toBe(pieces[0]!.length)
})
