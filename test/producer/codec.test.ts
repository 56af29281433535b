import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { bytes, InvalidRecordError, json, string, topic } from '../../src/index.ts'
import type { TopicOptions } from '../../src/topic-definition.ts'
import { rejectionOf, thrownBy } from '../helpers/errors.ts'
import { schemaOf } from '../helpers/schema.ts'
import { testBroker } from '../helpers/test-broker.ts'

/** A topic, and what comes out of it when something is sent. */
function log(options: TopicOptions) {
  const { broker, clock } = testBroker()
  broker.createTopic('log', options)
  const partition = broker.topic('log').partitions[0]!
  const back = (value: unknown) => {
    const { offset } = broker.topic('log').append({ value })
    return partition.read(offset)[0]!.value
  }
  return { broker, clock, back, partition, log: broker.topic('log') }
}

describe('without a codec', () => {
  it('all readers share the value that was sent', async () => {
    const { broker, back } = log({})
    const value = { at: new Date(0), nested: { n: 1n } }
    expect(back(value)).toBe(value)
    const read: unknown[] = []
    for (const groupId of ['a', 'b']) {
      await broker
        .consumer({ groupId, topics: ['log'] })
        .run({ eachRecord: record => void read.push(record.value) })
    }
    await broker.idle()
    expect(read.every(each => each === value)).toBe(true)
  })
})

describe('json', () => {
  it('shows what JSON does to a value, a Date for example', () => {
    const { back } = log({ codec: json })
    const sent = {
      at: new Date(0),
      none: undefined,
      nan: Number.NaN,
      list: [undefined],
      empty: {},
      bytes: Buffer.of(1),
    }
    expect(back(sent)).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      nan: null,
      list: [null],
      empty: {},
      bytes: { type: 'Buffer', data: [1] },
    })
    expect([back('ä'), back(0), back(false), back([]), back(null)]).toEqual(['ä', 0, false, [], null])
  })

  it('gives every delivery its own copy, and keeps what was sent as it was then', async () => {
    const { broker, back, partition } = log({ codec: json })
    const value = { list: [1] }
    back(value)
    value.list.push(2)
    const read: any[] = []
    for (const groupId of ['a', 'b']) {
      await broker
        .consumer({ groupId, topics: ['log'] })
        .run({ eachRecord: record => void read.push(record.value) })
    }
    await broker.idle()
    read[0].list.push(3)
    expect(read).toEqual([{ list: [1, 3] }, { list: [1] }])
    expect(partition.read(0)[0]!.value).toEqual({ list: [1] })
  })

  it('refuses what it has no form for, to the producer', async () => {
    const { broker, back } = log({ codec: json })
    const cycle: Record<string, unknown> = {}
    cycle.self = cycle
    back('before')
    for (const value of [() => 1, Symbol('s'), 1n, { n: 1n }, cycle]) {
      const error = await rejectionOf(broker.producer().send({ topic: 'log', value }))
      expect(error).toBeInstanceOf(InvalidRecordError)
      expect(error).toMatchObject({ code: 'INVALID_RECORD', topic: 'log', field: 'value' })
      expect(error.message).toContain("Record for topic 'log': its codec refused the value: ")
      expect(error.cause).toBeInstanceOf(TypeError)
    }
    back('after')
    expect(
      broker
        .topic('log')
        .records()
        .map(record => record.value),
    ).toEqual(['before', 'after'])
  })
})

describe('json: what it would lose', () => {
  class Private {
    #secret = 1
    toJSON() {
      return { secret: this.#secret, none: {} }
    }
  }

  it.each([
    ['a Map', new Map([[1, 2]]), 'value', 'JSON makes an empty object of a Map'],
    [
      'a Set in a list',
      { tags: [{}, new Set(['a'])] },
      'value.tags[1]',
      'JSON makes an empty object of a Set',
    ],
    [
      'a Promise',
      { user: { name: Promise.resolve('ada') } },
      'value.user.name',
      'JSON makes an empty object of a Promise',
    ],
    ['an Error', { error: new Error('no') }, 'value.error', 'JSON makes an empty object of an Error'],
    ['a RegExp', [/a/], 'value[0]', 'JSON makes an empty object of a RegExp'],
    ['a BigInt', { of: [{ n: 1n }] }, 'value.of[0].n', 'JSON has no form for the BigInt'],
  ])('is refused, with where it is: %s', (_, value, path, what) => {
    const { back } = log({ codec: json })
    const error = thrownBy(() => back(value))
    expect(error.message).toBe(`Record for topic 'log': its codec refused the value: ${what} at ${path}`)
  })

  it('is not what says itself what JSON has of it, an empty object, or one of text', () => {
    const { back } = log({ codec: json })
    const empty = Object.assign(Object.create(null), { text: '{}', list: [[], {}] })
    expect(back({ own: new Private(), empty })).toEqual({ own: { secret: 1, none: {} }, empty })
    const deep = JSON.parse(`${'['.repeat(2000)}{}${']'.repeat(2000)}`)
    expect(JSON.stringify(back(deep))).toBe(JSON.stringify(deep))
  })

  it('is told as it was thrown where a getter or a cycle is the cause', () => {
    const { back } = log({ codec: json })
    const getter = {
      get broken() {
        throw new RangeError('broken getter')
      },
      n: 1n,
    }
    const cycle: Record<string, unknown> = { list: [] }
    cycle.self = cycle
    expect(thrownBy(() => back(getter)).message).toContain('broken getter')
    expect(thrownBy(() => back(cycle)).message).toContain("property 'self' closes the circle")
  })
})

describe('string and bytes', () => {
  it('string keeps any string, and refuses anything else', () => {
    const { back } = log({ codec: string })
    for (const value of ['', 'a', '\uFEFFbom', '💶'.repeat(1000)]) expect(back(value)).toBe(value)
    expect(back(null)).toBeNull()
    expect(thrownBy(() => back(1)).message).toContain(
      'its codec refused the value: expected a string, received number',
    )
  })

  it('bytes copies on the way in and on the way out', () => {
    const { back, partition } = log({ codec: bytes })
    const sent = new Uint8Array([1, 2, 3])
    const first = back(sent) as Uint8Array
    sent[0] = 9
    first[1] = 9
    expect(partition.read(0)[0]!.value).toEqual(new Uint8Array([1, 2, 3]))
    const buffer = Buffer.from([7])
    const second = back(buffer) as Uint8Array
    buffer[0] = 8
    second[0] = 9
    expect(partition.read(1)[0]!.value).toEqual(new Uint8Array([7]))
    expect(thrownBy(() => back('text')).message).toContain('expected bytes, received string')
  })
})

describe('a codec of one’s own', () => {
  const point = {
    encode: ({ x, y }: { x: number; y: number }) => new Uint8Array([x, y]),
    decode: ([x, y]: Uint8Array) => ({ x: x!, y: y! }),
  }

  it('never sees a tombstone, and beats the broker’s', () => {
    const { broker } = testBroker({ codec: json })
    broker.createTopic('points', { codec: point })
    broker.createTopic('rest')
    const points = broker.topic('points')
    points.append({ key: 'k', value: { x: 1, y: 2 } })
    points.append({ key: 'k', value: null })
    broker.topic('rest').append({ value: { at: new Date(0) } })
    expect(points.partitions[0]!.bytes).toBe(4)
    expect(points.records().map(record => record.value)).toEqual([{ x: 1, y: 2 }, null])
    expect(broker.topic('rest').records()[0]!.value).toEqual({ at: '1970-01-01T00:00:00.000Z' })
  })

  it.each([undefined, null, 'text', [1, 2]])('that encodes to %j is refused', encoded => {
    const { back, log: topicLog } = log({ codec: { encode: () => encoded as never, decode: () => 1 } })
    const error = thrownBy(() => back(1))
    expect(error).toBeInstanceOf(InvalidRecordError)
    expect(error.message).toMatch(/^Record for topic 'log': its codec must return a Uint8Array, returned .+$/)
    expect(topicLog.records()).toEqual([])
  })

  it('that throws something that is no Error is told as it is', () => {
    const { back } = log({
      codec: {
        encode: () => {
          throw 'nope'
        },
        decode: () => 1,
      },
    })
    const error = thrownBy(() => back(1))
    expect(error.message).toBe("Record for topic 'log': its codec refused the value: nope")
    expect(error.cause).toBe('nope')
  })
})

describe('a codec and a schema', () => {
  it('keep the encoded input; reading decodes it, then validates', async () => {
    const schema = z.object({ at: z.coerce.date(), count: z.number().default(1) })
    const { broker } = testBroker({ topics: { log: topic({ schema, codec: json }) } })
    const input = { at: '2020-01-01T00:00:00.000Z' }
    broker.topic('log').append({ value: input })
    expect(broker.topic('log').partitions[0]!.bytes).toBe(JSON.stringify(input).length)
    const read: unknown[] = []
    await broker
      .consumer({ groupId: 'g', topics: ['log'] })
      .run({ eachRecord: record => void read.push(record.value) })
    await broker.idle()
    expect(read).toEqual([{ at: new Date('2020-01-01'), count: 1 }])
    expect(broker.topic('log').records()[0]!.value).toEqual(read[0])
  })

  it('refuse on send what the schema refuses, before anything is encoded', () => {
    let encoded = 0
    const codec = {
      encode: (value: unknown) => {
        encoded++
        return json.encode(value)
      },
      decode: json.decode,
    }
    const { back } = log({ codec, schema: z.object({ id: z.string() }) })
    expect(thrownBy(() => back({ id: 1 })).message).toContain('its schema refused the value: id: ')
    expect(encoded).toBe(0)
  })

  it('an asynchronous one is waited for by consumers, and refused by a synchronous read', async () => {
    const schema = schemaOf(async (value: any) => ({ value: { ...value, checked: true } }))
    const { broker, log: topicLog } = log({ codec: json, schema })
    const producer = broker.producer()
    for (const n of [1, 2]) await producer.send({ topic: 'log', value: { n } })
    const ran: unknown[] = []
    await broker
      .consumer({ groupId: 'run', topics: ['log'] })
      .run({ eachRecord: record => void ran.push(record.value) })
    const batched: unknown[] = []
    await broker
      .consumer({ groupId: 'batch', topics: ['log'] })
      .run({ eachBatch: batch => void batched.push(...batch.records.map(record => record.value)) })
    await broker.idle()
    const polled = (await broker.consumer({ groupId: 'poll', topics: ['log'] }).poll()).map(
      record => record.value,
    )
    const expected = [1, 2].map(n => ({ n, checked: true }))
    expect([ran, batched, polled]).toEqual([expected, expected, expected])
    const error = thrownBy(() => topicLog.partitions[0]!.read(1))
    expect(error).toBeInstanceOf(InvalidRecordError)
    expect(error).toMatchObject({ topic: 'log', partition: 0, offset: 1, field: 'value' })
    expect(error.message).toBe(
      'Record at offset 1 of log-0: its schema is asynchronous; read this topic with a consumer',
    )
  })
})

it('refuses a promise for a value, with a codec and with a schema that lets it pass, too', async () => {
  const { broker } = testBroker()
  broker.createTopic('bytes', { codec: json })
  broker.createTopic('both', { codec: json, schema: z.any() })
  broker.createTopic('checked', { schema: z.any() })
  for (const name of ['bytes', 'both', 'checked']) {
    const unawaited = Promise.reject(new Error('nobody hears of it'))
    const error = await rejectionOf(broker.producer().send({ topic: name, value: unawaited }))
    expect(error).toBeInstanceOf(InvalidRecordError)
    expect(error.message).toBe(
      `Record for topic '${name}': value is a Promise; await it, and send what it resolves to`,
    )
  }
  expect(broker.describe().records).toBe(0)
})

it("refuses an asynchronous codec, whose promise is nobody else's to look at", async () => {
  const { broker } = testBroker()
  const encode = async () => {
    throw new Error('too late')
  }
  broker.createTopic('log', { codec: { encode: encode as never, decode: value => value } })
  const error = await rejectionOf(broker.producer().send({ topic: 'log', value: 1 }))
  expect(error.message).toBe("Record for topic 'log': its codec must return a Uint8Array, returned a Promise")
})

it('refuses a codec that decodes asynchronously, to every reader', async () => {
  const { broker } = testBroker()
  const decode = async () => {
    throw new Error('too late')
  }
  const encode = () => new Uint8Array(1)
  const created = broker.createTopic('log', { codec: { encode, decode } })
  created.append({ value: 1 })
  const text = 'Record at offset 0 of log-0: its codec must return a value, returned a Promise'
  expect(thrownBy(() => created.records()).message).toBe(text)
  const consumer = broker.consumer({ topics: ['log'], until: 'end' })
  expect((await rejectionOf(consumer[Symbol.asyncIterator]().next())).message).toBe(text)
})
