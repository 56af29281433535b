import { afterEach, expect, it, vi } from 'vitest'
import { Broker, topic } from '../../src/index.ts'
import { connect, RequestLog, type WireOptions } from '../../src/server/index.ts'
import { apis } from '../../src/server/protocol/apis.ts'
import type { Api } from '../../src/server/protocol/message.ts'
import { sendHostileFrames } from '../fuzz/hostile-frames.ts'
import { framed, request, sequencedBatch, WireClient } from '../helpers/wire-client.ts'

const brokers: Broker[] = []
afterEach(async () => {
  vi.useRealTimers()
  for (const broker of brokers.splice(0)) await broker.close()
})

function start(options: WireOptions = {}) {
  const broker = new Broker({ topics: { orders: topic({ partitions: 1 }) } }) as unknown as Broker
  brokers.push(broker)
  const errors: string[] = []
  broker.on('error', error => errors.push((error as Error).message))
  return { broker, errors, dial: () => new WireClient(connect(broker, options)) }
}

const { apiVersions, fetch, listGroups, metadata, offsetCommit, produce } = apis as unknown as Readonly<
  Record<string, Api>
>

it('answers requests of one connection in order, also where they come in pieces', async () => {
  const { dial } = start()
  const client = dial()
  const frames = [1, 2, 3].map(id => framed(request(metadata!, 4, { topics: null }, id)))
  for (const byte of Buffer.concat(frames)) client.socket.write(Buffer.from([byte]))
  const ids = [await client.answer(), await client.answer(), await client.answer()].map(each =>
    each.readInt32BE(0),
  )
  expect(ids).toEqual([1, 2, 3])
})

it('answers a request with something left over, as librdkafka sends it', async () => {
  const { dial, errors } = start()
  const client = dial()
  const leftOver = Buffer.from([1, 0, 0])
  client.send(Buffer.concat([request(metadata!, 13, { topics: null }, 1), leftOver]))
  client.send(request(metadata!, 13, { topics: null }, 2))
  const first = await client.answer()
  const second = await client.answer()
  expect([first.readInt32BE(0), second.readInt32BE(0)]).toEqual([1, 2])
  expect(first.subarray(4)).toEqual(second.subarray(4))
  expect(errors).toEqual([])
})

it('answers an unknown version of ApiVersions in version 0, with the versions that it speaks', async () => {
  const { dial } = start()
  const client = dial()
  client.send(request({ ...apiVersions!, flexible: 3 } as Api, 99))
  const answer = await client.answer()
  expect(answer.readInt32BE(0)).toBe(7)
  expect(answer.readInt16BE(4)).toBe(35)
  expect(answer.readInt32BE(6)).toBeGreaterThan(15)
})

// As Kafka 4 does: librdkafka before 2.11 compresses nothing for a broker that does not tell it (KAFKA-18659).
it('tells Produce from version 0 on, and answers it from version 3 on', async () => {
  const { dial, errors } = start()
  const client = dial()
  const { apiKeys } = await client.call(apiVersions!, 2, {})
  expect(apiKeys).toContainEqual({ apiKey: 0, minVersion: 0, maxVersion: 13 })
  client.send(request(produce!, 2))
  await client.closed
  expect(errors).toEqual(['Produce is supported in versions 3 to 13, received 2'])
})

it('tells which client asks for a version that is not spoken', async () => {
  const { dial, errors } = start()
  const client = dial()
  client.send(request(produce!, 2, {}, 7, 'old\nclient'))
  await client.closed
  expect(errors).toEqual(['Produce is supported in versions 3 to 13, received 2 from client "old\\nclient"'])
})

it.each([
  ['an API that is not spoken', () => Buffer.concat([Buffer.from([0, 99]), Buffer.alloc(10)])],
  ['a version that is not spoken', () => request(produce!, 13).fill(0, 2, 3).fill(99, 3, 4)],
  [
    'a request that is cut short',
    () => request(metadata!, 4, { topics: [{ name: 'orders' }] }).subarray(0, 14),
  ],
  [
    'a request with more entries than can be',
    () => request(metadata!, 4, { topics: Array.from({ length: 1_000_001 }, () => ({ name: '' })) }),
  ],
  ['a header that is cut short', () => Buffer.from([0, 3, 0])],
  ['an empty frame', () => Buffer.alloc(0)],
])('closes the connection on %s, says so once, and serves the others', async (_, frame) => {
  const { dial, errors } = start()
  const bad = dial()
  const good = dial()
  bad.send(frame())
  await bad.closed
  good.send(request(metadata!, 4, { topics: null }))
  expect((await good.answer()).readInt32BE(0)).toBe(7)
  expect(errors).toHaveLength(1)
})

it('answers what came before a request that ends the connection', async () => {
  const { broker, dial, errors } = start()
  const client = dial()
  const write = (acks: number, index: number) => {
    const partitionData = [{ index, records: [sequencedBatch(-1, -1, -1, [1])] }]
    return request(produce!, 9, { acks, timeoutMs: 1000, topicData: [{ name: 'orders', partitionData }] })
  }
  client.send(write(1, 0))
  client.send(write(0, 5))
  client.send(write(1, 0))
  expect((await client.answer()).readInt32BE(0)).toBe(7)
  await expect(client.answer()).rejects.toThrow('closed without an answer')
  const other = dial()
  other.send(request(metadata!, 4, { topics: null }))
  other.send(Buffer.alloc(0))
  expect((await other.answer()).readInt32BE(0)).toBe(7)
  await other.closed
  expect(broker.topic('orders').records()).toHaveLength(1)
  expect(errors).toHaveLength(1)
})

it('does nothing more for a client that it parts from, and waits only until that has read its answers', async () => {
  // The time after which it would wait no longer.
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  const requests = new RequestLog()
  const { broker, dial } = start({ requests })
  for (let i = 0; i < 60; i++) broker.createTopic(`orders-${i}`, { partitions: 5 })
  const [slow, other] = [dial(), dial()]
  slow.socket.pause()
  // The first answer is on its way to the client, and the second waits to be.
  slow.send(request(metadata!, 12, { topics: null }, 1))
  await other.call(apiVersions!, 3, {})
  slow.send(request(metadata!, 12, { topics: null }, 2))
  const partitionData = [{ index: 5, records: [sequencedBatch(-1, -1, -1, [1])] }]
  const topicData = [{ name: 'orders', partitionData }]
  slow.send(request(produce!, 9, { acks: 0, timeoutMs: 1000, topicData }))
  slow.send(request(metadata!, 12, { topics: null }, 3))
  for (let i = 0; i < 9; i++) await other.call(apiVersions!, 3, {})
  expect(requests.of({}).flatMap(({ api }) => (api === 'ApiVersions' ? [] : [api]))).toEqual([
    'Metadata',
    'Metadata',
    'Produce',
  ])
  slow.socket.resume()
  for (let id = 1; id <= 2; id++) expect((await slow.answer()).readInt32BE(0)).toBe(id)
  await slow.closed
})

it.each([
  ['negative', Buffer.from([255, 255, 255, 0])],
  ['beyond the limit', Buffer.from([0, 0, 3, 233])],
])('closes the connection on a length that is %s, before anything of it is kept', async (_, length) => {
  const { dial } = start({ maxFrameBytes: 1000 })
  const client = dial()
  // The largest that is taken.
  const asked = request(metadata!, 13, { topics: [] })
  client.send(Buffer.concat([asked, Buffer.alloc(1000 - asked.length)]))
  expect((await client.answer()).readInt32BE(0)).toBe(7)
  client.socket.write(length)
  await client.closed
})

// Kafka reads the next length when it has answered the request before.
it.each([
  ['negative', Buffer.from([255, 255, 255, 0])],
  ['beyond the limit', Buffer.from([0, 1, 0, 0])],
])('answers what came in one piece before a length that is %s', async (_, length) => {
  const { broker, dial, errors } = start({ maxFrameBytes: 1000 })
  const client = dial()
  const partitionData = [{ index: 0, records: [sequencedBatch(-1, -1, -1, [1])] }]
  const topicData = [{ name: 'orders', partitionData }]
  const write = request(produce!, 9, { acks: 1, timeoutMs: 1000, topicData }, 1)
  client.socket.write(Buffer.concat([framed(write), framed(request(metadata!, 4, {}, 2)), length]))
  expect((await client.answer()).readInt32BE(0)).toBe(1)
  expect((await client.answer()).readInt32BE(0)).toBe(2)
  await client.closed
  expect(broker.topic('orders').records()).toHaveLength(1)
  expect(errors).toHaveLength(1)
})

it('answers a batch that is damaged with an error, and writes nothing', async () => {
  const { broker, dial } = start()
  const client = dial()
  const records = [Buffer.alloc(80, 2)]
  const topicData = [{ name: 'orders', partitionData: [{ index: 0, records }] }]
  client.send(request(produce!, 7, { acks: 1, timeoutMs: 1000, topicData }))
  expect((await client.answer()).readInt32BE(0)).toBe(7)
  expect(broker.topic('orders').records()).toEqual([])
})

it('answers no more requests than the client takes answers of', async () => {
  const requests = new RequestLog()
  const { broker, dial } = start({ requests })
  for (let i = 0; i < 500; i++) broker.createTopic(`orders-${i}`, { partitions: 10 })
  const [slow, other] = [dial(), dial()]
  slow.socket.pause()
  for (let id = 1; id <= 20; id++) slow.send(request(metadata!, 12, { topics: null }, id))
  await other.call(metadata!, 12, { topics: [] })
  expect(requests.length).toBe(2)
  slow.socket.resume()
  for (let id = 1; id <= 20; id++) expect((await slow.answer()).readInt32BE(0)).toBe(id)
})

it('reads no more than a little of what is sent before the request that it works on is answered', async () => {
  const { broker, dial } = start()
  const client = dial()
  const other = dial()
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }]
  const waits = {
    maxWaitMs: 3_600_000,
    minBytes: 1,
    maxBytes: 1000,
    topics: [{ topic: 'orders', partitions }],
  }
  client.send(request(fetch!, 11, waits, 1))
  const large = Buffer.alloc(1024 * 1024)
  for (let id = 2; id <= 50; id++)
    client.send(Buffer.concat([request(metadata!, 12, { topics: [] }, id), large]))
  for (let i = 0; i < 100; i++) await other.call(metadata!, 12, { topics: [] })
  expect(client.socket.writableLength).toBeGreaterThan(40 * large.length)
  await broker.producer().send({ topic: 'orders', value: 1 })
  for (let id = 1; id <= 50; id++) expect((await client.answer()).readInt32BE(0)).toBe(id)
  expect(client.socket.writableLength).toBe(0)
})

it('reads the rest of a large request of which a part came before the one before it was answered', async () => {
  const { broker, dial } = start()
  const client = dial()
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }]
  const topics = [{ topic: 'orders', partitions }]
  client.send(request(fetch!, 11, { maxWaitMs: 3_600_000, minBytes: 1, maxBytes: 1000, topics }, 1))
  const large = framed(Buffer.concat([request(metadata!, 12, { topics: [] }, 2), Buffer.alloc(500_000)]))
  for (let at = 0; at < large.length; at += 100_000) client.socket.write(large.subarray(at, at + 100_000))
  await dial().call(metadata!, 12, { topics: [] })
  expect(client.socket.writableLength).toBeGreaterThan(0)
  await broker.producer().send({ topic: 'orders', value: 1 })
  for (const id of [1, 2]) expect((await client.answer()).readInt32BE(0)).toBe(id)
})

it('closes in the middle of both', async () => {
  const { broker, dial, errors } = start()
  for (let i = 0; i < 500; i++) broker.createTopic(`orders-${i}`, { partitions: 10 })
  const slow = dial()
  slow.socket.pause()
  for (let id = 1; id <= 20; id++) slow.send(request(metadata!, 12, { topics: null }, id))
  await dial().call(metadata!, 12, { topics: [] })
  slow.socket.destroy()
  const other = dial()
  other.socket.pause()
  for (let id = 1; id <= 20; id++) other.send(request(metadata!, 12, { topics: null }, id))
  await broker.close()
  other.socket.resume()
  await other.closed
  expect(errors).toEqual([])
})

it('takes no name that an older version could not tell anybody', async () => {
  const { dial, errors } = start()
  const commit = (groupId: string) => ({
    groupId,
    generationIdOrMemberEpoch: -1,
    topics: [
      { name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 0, committedMetadata: '' }] },
    ],
  })
  const longest = 'g'.repeat(0x7fff)
  await dial().call(offsetCommit!, 8, commit(longest))
  const client = dial()
  client.send(request(offsetCommit!, 8, commit(`${longest}g`)))
  await client.closed
  expect(errors).toEqual([
    'OffsetCommit of version 8: expected a string of at most 32767 bytes, received 32768',
  ])
  expect(await dial().call(listGroups!, 0, {})).toMatchObject({ groups: [{ groupId: longest }] })
})

it('survives whatever is sent, and no other connection notices', async () => {
  const { broker, errors } = start()
  await sendHostileFrames(broker, 2000)
  expect(errors.length).toBeGreaterThan(1000)
  await broker.producer().send({ topic: 'orders', value: 'after' })
  expect(broker.topic('orders').records().at(-1)!.value).toBe('after')
})
