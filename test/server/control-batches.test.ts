import { expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { readBatches } from '../../src/server/protocol/record-batch.ts'
import type { WireClient } from '../helpers/wire-client.ts'
import { start } from './transactions-scene.ts'

/** The batches of one answer, each with its first and its last offset. */
async function fetchOnce(
  client: WireClient,
  { isolationLevel = 1, fetchOffset = 0, partitionMaxBytes = 1_000_000 } = {},
) {
  const topics = [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset, partitionMaxBytes }] }]
  const asked = { maxWaitMs: 0, minBytes: 0, isolationLevel, topics }
  const { responses } = await client.call(apis.fetch as Api, 11, asked)
  const { records } = responses[0].partitions[0]
  return readBatches(records ?? Buffer.alloc(0)).map(
    ({ control, baseOffset, lastOffsetDelta }) =>
      `${control ? 'control' : 'records'} ${baseOffset}-${baseOffset + lastOffsetDelta}`,
  )
}

/** A broker with one record, written in a transaction that was committed. */
async function startCommitted() {
  const scene = start()
  const producer = await scene.init()
  await scene.add(producer)
  await scene.send(producer, 0, 1)
  await scene.end(producer, true)
  return { ...scene, producer }
}

it.each([
  ['read_uncommitted', 0],
  ['read_committed', 1],
])(
  'gives the end of a transaction with what it wrote, so that %s goes on after it',
  async (_, isolationLevel) => {
    const { client } = await startCommitted()
    expect(await fetchOnce(client, { isolationLevel })).toEqual(['records 0-0', 'control 1-1'])
  },
)

it('gets a reader past what was aborted after the last record that it gets', async () => {
  const { client, add, send, end, producer } = await startCommitted()
  await add(producer)
  await send(producer, 1, 2)
  await end(producer, false)
  expect(await fetchOnce(client)).toEqual(['records 0-0', 'control 3-3'])
})

it('gets a reader past transactions of this process in the same answer', async () => {
  const { broker, client } = start()
  const producer = broker.producer({ transactionalId: 'own' })
  await producer.transaction(tx => tx.send({ topic: 'orders', value: 1 }))
  expect(await fetchOnce(client)).toEqual(['records 0-0', 'control 1-1'])
})

it('leaves the end of a transaction for the next answer where it has no room', async () => {
  const { client } = await startCommitted()
  expect(await fetchOnce(client, { partitionMaxBytes: 100 })).toEqual(['records 0-0'])
  expect(await fetchOnce(client, { partitionMaxBytes: 100, fetchOffset: 1 })).toEqual(['control 1-1'])
})

it('gives nothing but records where the last one is one that the reader gets', async () => {
  const { client, add, send, producer } = await startCommitted()
  await add(producer)
  await send(producer, 1, 2)
  expect(await fetchOnce(client, { isolationLevel: 0 })).toEqual(['records 0-0', 'records 2-2'])
  expect(await fetchOnce(client)).toEqual(['records 0-0', 'control 1-1'])
})
