import { createRequire } from 'node:module'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { apis } from '../../src/server/protocol/apis.ts'
import { crc32c } from '../../src/server/protocol/crc32c.ts'
import { type Api, versionOf } from '../../src/server/protocol/message.ts'
import { ProtocolError } from '../../src/server/protocol/protocol-error.ts'
import { Reader } from '../../src/server/protocol/reader.ts'
import { eachRecord, readBatches, readRecords, writeBatch } from '../../src/server/protocol/record-batch.ts'
import { field, struct } from '../../src/server/protocol/struct.ts'
import {
  array,
  bytes,
  int8,
  int16,
  int32,
  nullable,
  string,
  type Type,
  uuid,
  type Version,
} from '../../src/server/protocol/type.ts'
import { Writer } from '../../src/server/protocol/writer.ts'
import { fc } from '../helpers/fast-check.ts'
import { writeMessage } from '../helpers/write-message.ts'

const require = createRequire(import.meta.url)
const kafkajs = (file: string) => require(path.join('kafkajs/src/protocol', file))

/** A request as KafkaJS encodes it. */
async function encoded(name: string, version: number, payload: object): Promise<Buffer> {
  const { request } = kafkajs(`requests/${name}/index.js`).protocol({ version })(payload)
  return (await request.encode()).buffer
}

const described = Object.values(apis) as readonly Api[]

function readWhole(type: Type<unknown, never>, reader: Reader, at: Version): unknown {
  const message = type.read(reader, at)
  reader.end()
  return message
}

it('round-trips every number of the wire', () => {
  const writer = new Writer()
  const cases = fc.record({
    int64: fc.maxSafeInteger(),
    varlong: fc.maxSafeInteger().map(value => Math.trunc(value / 4) + 0),
    varint: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    uvarint: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    int16: fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }),
  })
  fc.assert(
    fc.property(cases, values => {
      const each = new Writer()
      for (const [kind, value] of Object.entries(values)) each[kind as keyof typeof values](value)
      const reader = new Reader(each.concat())
      const read = Object.fromEntries(
        Object.keys(values).map(kind => [kind, reader[kind as keyof typeof values]()]),
      )
      reader.end()
      expect(read).toEqual(values)
    }),
  )
  expect(writer.length).toBe(0)
})

it('writes the largest number of all as it was read', () => {
  const largest = Buffer.from('7fffffffffffffff', 'hex')
  const writer = new Writer()
  writer.int64(new Reader(largest).int64())
  expect(writer.concat()).toEqual(largest)
})

it("knows Castagnoli's checksum by its published vectors", () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa)
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43)
  expect(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i)))).toBe(0x46dd794e)
  expect(crc32c(Buffer.alloc(0))).toBe(0)
})

describe('a description', () => {
  const type = struct({
    name: nullable(string, 2),
    late: field(int32, { since: 1 }, -1),
    early: field(int16, { until: 1 }),
    list: array(struct({ id: uuid, tagged: field(bytes, { since: 3, tag: 1 }) })),
    note: field(nullable(string), { since: 3, tag: 0 }, null),
  })
  const roundTrip = (value: object, version: number) => {
    const at = versionOf({ flexible: 3 }, version)
    const written = writeMessage(type as Type<unknown, object>, value, at)
    return { written, read: readWhole(type as Type<unknown, never>, new Reader(written), at) }
  }
  const id = '00000000-0000-4000-8000-00000000000a'

  it('has the fields of each version, and defaults for the others', () => {
    expect(roundTrip({ name: 'a', late: 7, early: 8, list: [] }, 0).read).toEqual({
      name: 'a',
      late: -1,
      early: 8,
      list: [],
      note: null,
    })
    expect(roundTrip({ name: null, late: 7, early: 8, list: [] }, 2).read).toMatchObject({
      name: null,
      late: 7,
      early: 0,
    })
  })

  it('reads and writes tagged fields, leaves out defaults, and keeps those that it does not know', () => {
    const { read } = roundTrip({ note: 'n', list: [{ id, tagged: Buffer.from('t') }] }, 3)
    expect(read).toMatchObject({ note: 'n', list: [{ id, tagged: Buffer.from('t') }] })
    expect(roundTrip({}, 3).written.at(-1)).toBe(0)
    const unknown = { unknownTags: [{ tag: 9, bytes: Buffer.from('later') }] }
    expect(roundTrip(unknown, 3).read).toMatchObject(unknown)
  })

  // KIP-482 wants them in order, each once. Kafka takes them as they come.
  it('reads tagged fields in any order, and of one that comes twice the last', () => {
    const at = versionOf({ flexible: 3 }, 3)
    const read = (...tags: number[]) =>
      readWhole(type as Type<unknown, never>, new Reader(Buffer.from([0, 0, 0, 0, 1, 1, ...tags])), at)
    const [first, second] = [
      [0, 2, 2, 0x61],
      [0, 2, 2, 0x62],
    ] as const
    const nothing = { name: null, late: 1, early: 0, list: [], note: null }
    expect(read(0)).toEqual(nothing)
    const unknown = (...values: number[]) => ({
      unknownTags: values.map(value => ({ tag: 9, bytes: Buffer.from([value]) })),
    })
    expect(read(2, 9, 1, 7, ...first)).toEqual({ ...nothing, note: 'a', ...unknown(7) })
    expect(read(2, ...first, ...second)).toEqual({ ...nothing, note: 'b' })
    expect(read(2, 9, 1, 7, 9, 1, 8)).toEqual({ ...nothing, ...unknown(7, 8) })
  })

  it('refuses a tagged field that is longer or shorter than it says, or than the message', () => {
    const at = versionOf({ flexible: 3 }, 3)
    const read = (...tags: number[]) => type.read(new Reader(Buffer.from([0, 0, 0, 0, 1, 1, ...tags])), at)
    expect(() => read(1, 0, 3, 2, 0x61, 0)).toThrow('expected a tagged field of 3 bytes, received 2')
    expect(() => read(1, 0, 1, 2, 0x61)).toThrow('expected a tagged field of 1 byte, received 2')
    expect(() => read(1, 9, 3, 0)).toThrow(ProtocolError)
  })

  it('has a million entries in all of its lists and unknown tagged fields, and refuses one more', () => {
    const list = struct({ first: array(int8), second: array(int8) })
    const at = { version: 0, flexible: true }
    const read = (first: number, second: number) => {
      const writer = new Writer()
      list.write(writer as never, { first: Array(first).fill(1), second: Array(second).fill(1) } as never, at)
      return list.read(new Reader(writer.concat()), at)
    }
    expect(read(400_000, 600_000).second).toHaveLength(600_000)
    expect(() => read(400_000, 600_001)).toThrow('at most 1000000 entries')
    expect(() => read(1_000_001, 0)).toThrow('at most 1000000 entries')
    const tags = Buffer.concat([
      Buffer.from([1, 1, 0xc1, 0x84, 0x3d]),
      Buffer.alloc(2_000_002, Buffer.from([9, 0])),
    ])
    expect(() => list.read(new Reader(tags), at)).toThrow('at most 1000000 entries')
  })

  it('refuses what is cut short and lengths that cannot be', () => {
    const at = versionOf({ flexible: 3 }, 2)
    const read = (given: Buffer) => () => type.read(new Reader(given), at)
    const { written } = roundTrip({ name: 'abc', list: [{ id }] }, 2)
    for (let length = 0; length < written.length; length++) {
      expect(read(written.subarray(0, length))).toThrow(ProtocolError)
    }
    const huge = Buffer.from(written)
    huge.writeInt32BE(2 ** 30, huge.length - 20)
    expect(read(huge)).toThrow(ProtocolError)
  })
})

it.each(described.map(each => [each.name, each] as const))(
  '%s: an empty message of every version comes back as it was',
  (_, api) => {
    for (let version = api.versions[0]; version <= api.versions[1]; version++) {
      const at = versionOf(api, version)
      for (const type of [api.request, api.response] as Type<unknown, object>[]) {
        const written = writeMessage(type, {}, at)
        const read = readWhole(type as Type<unknown, never>, new Reader(written), at) as object
        expect(writeMessage(type, read, at).equals(written)).toBe(true)
      }
    }
  },
)

const topics = [{ topic: 'orders', partitions: [{ partition: 3, offset: 42, metadata: 'm' }] }]

it.each([
  ['metadata', 'metadata', 6, { topics: ['a', 'ö'], allowAutoTopicCreation: false }],
  [
    'findCoordinator',
    'findCoordinator',
    1,
    { groupId: 'billing', coordinatorKey: 'billing', coordinatorType: 0 },
  ],
  [
    'joinGroup',
    'joinGroup',
    5,
    {
      groupId: 'billing',
      sessionTimeout: 30000,
      rebalanceTimeout: 60000,
      memberId: '',
      groupInstanceId: 'one',
      protocolType: 'consumer',
      groupProtocols: [{ name: 'range', metadata: Buffer.from('meta') }],
    },
  ],
  [
    'syncGroup',
    'syncGroup',
    3,
    {
      groupId: 'billing',
      generationId: 4,
      memberId: 'm-1',
      groupInstanceId: null,
      groupAssignment: [{ memberId: 'm-1', memberAssignment: Buffer.from('assigned') }],
    },
  ],
  ['heartbeat', 'heartbeat', 3, { groupId: 'g', groupGenerationId: 1, memberId: 'm', groupInstanceId: null }],
  [
    'leaveGroup',
    'leaveGroup',
    3,
    { groupId: 'g', memberId: 'm', members: [{ memberId: 'm', groupInstanceId: null }] },
  ],
  ['offsetCommit', 'offsetCommit', 5, { groupId: 'g', groupGenerationId: 1, memberId: 'm', topics }],
  ['offsetFetch', 'offsetFetch', 4, { groupId: 'g', topics }],
  [
    'listOffsets',
    'listOffsets',
    3,
    {
      replicaId: -1,
      isolationLevel: 1,
      topics: [{ topic: 'orders', partitions: [{ partition: 0, timestamp: -1 }] }],
    },
  ],
  [
    'createTopics',
    'createTopics',
    3,
    {
      topics: [
        {
          topic: 'orders',
          numPartitions: 6,
          replicationFactor: 1,
          configEntries: [{ name: 'retention.ms', value: '5' }],
        },
      ],
      validateOnly: false,
      timeout: 5000,
    },
  ],
  ['deleteTopics', 'deleteTopics', 1, { topics: ['a', 'b'], timeout: 3000 }],
  ['describeGroups', 'describeGroups', 2, { groupIds: ['a'] }],
  ['initProducerId', 'initProducerId', 1, { transactionalId: 't', transactionTimeout: 5000 }],
] as const)('%s of KafkaJS decodes, and encodes to the same bytes', async (file, name, highest, payload) => {
  const api = apis[name] as Api
  const [lowest] = api.versions
  let seen = 0
  for (let version = lowest; version <= highest; version++) {
    const golden = await encoded(file, version, payload)
    const at = versionOf(api, version)
    const read = readWhole(api.request, new Reader(golden), at) as object
    expect(writeMessage(api.request as Type<unknown, object>, read, at).equals(golden)).toBe(true)
    seen++
  }
  expect(seen).toBeGreaterThan(0)
})

describe('a record batch', () => {
  const records = [
    { offset: 5, timestamp: 1_700_000_000_000, key: Buffer.from('k'), value: Buffer.from('v'), headers: [] },
    {
      offset: 6,
      timestamp: 1_700_000_000_005,
      key: null,
      value: null,
      headers: [['h', Buffer.from('x')]] as const,
    },
    {
      offset: 9,
      timestamp: 1_699_999_999_000,
      key: Buffer.alloc(0),
      value: Buffer.alloc(2000, 7),
      headers: [['n', null]] as const,
    },
  ]
  const refuse = (): never => {
    throw new Error('not compressed')
  }

  it('comes back as it was, gaps and nulls included', () => {
    const [batch] = readBatches(writeBatch(records))
    expect(batch).toMatchObject({
      baseOffset: 5,
      lastOffsetDelta: 4,
      count: 3,
      compression: 'none',
      producerId: -1,
    })
    expect(batch).toMatchObject({ baseTimestamp: 1_700_000_000_000, maxTimestamp: 1_700_000_000_005 })
    expect(readRecords(batch!, refuse)).toEqual(records)
  })

  // All records of a large batch at once took thirty times its memory.
  it('is read record by record', () => {
    const value = Buffer.from('value')
    const written = writeBatch(
      [0, 1].map(offset => ({ offset, timestamp: 0, key: null, value, headers: [] })),
    )
    const read = eachRecord(readBatches(written)[0]!, refuse)
    expect(read.next().value.value).toEqual(value)
    written.write('later', written.lastIndexOf('value'))
    expect(read.next().value.value).toEqual(Buffer.from('later'))
    expect(read.next().done).toBe(true)
  })

  it("is KafkaJS's, and KafkaJS's is ours", async () => {
    const { RecordBatch } = kafkajs('recordBatch/v0/index.js')
    const Record = kafkajs('recordBatch/record/v0/index.js')
    const theirs = await RecordBatch({
      compression: 0,
      firstTimestamp: 1_700_000_000_000,
      maxTimestamp: 1_700_000_000_005,
      partitionLeaderEpoch: 0,
      lastOffsetDelta: 1,
      records: [
        Record({ offsetDelta: 0, timestampDelta: 0, key: 'k', value: 'v', headers: { h: 'x' } }),
        Record({ offsetDelta: 1, timestampDelta: 5, key: null, value: null, headers: {} }),
      ],
    })
    const [batch] = readBatches(theirs.buffer)
    expect(readRecords(batch!, refuse)).toEqual([
      {
        offset: 0,
        timestamp: 1_700_000_000_000,
        key: Buffer.from('k'),
        value: Buffer.from('v'),
        headers: [['h', Buffer.from('x')]],
      },
      { offset: 1, timestamp: 1_700_000_000_005, key: null, value: null, headers: [] },
    ])
    const decode = kafkajs('recordBatch/v0/decoder.js')
    const Decoder = kafkajs('decoder.js')
    const decoder = new Decoder(writeBatch(records))
    const read = await decode(decoder)
    expect(read.records.map((record: { offset: string }) => record.offset)).toEqual(['5', '6', '9'])
  })

  it('is refused when a byte of it is another one, when it says that it is too short, or older than magic 2', () => {
    const whole = writeBatch(records)
    for (const at of [25, 61, whole.length - 1]) {
      const wrong = Buffer.from(whole)
      wrong[at]! ^= 1
      expect(() => readBatches(wrong)).toThrow('the checksum does not match')
    }
    const short = Buffer.from(whole)
    short.writeInt32BE(13, 8)
    expect(() => readBatches(short)).toThrow(ProtocolError)
    const old = Buffer.from(whole)
    old[16] = 1
    expect(() => readBatches(old)).toThrow('expected record batches of magic 2, received 1')
  })

  it('is none while it is not whole', () => {
    const whole = writeBatch(records)
    for (const length of [0, 5, 30, whole.length - 1]) {
      expect(readBatches(whole.subarray(0, length))).toEqual([])
      expect(readBatches(Buffer.concat([whole, whole.subarray(0, length)]))).toHaveLength(1)
    }
  })

  it('lies beside others in one piece of bytes', () => {
    const two = Buffer.concat([writeBatch(records.slice(0, 2)), writeBatch(records.slice(2))])
    expect(readBatches(two).map(({ baseOffset, count }) => [baseOffset, count])).toEqual([
      [5, 2],
      [9, 1],
    ])
  })
})
