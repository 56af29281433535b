import { describe, expect, it } from 'vitest'
import { headersOf, InvalidRecordError, topic } from '../src/index.ts'
import { thrownBy } from './helpers/errors.ts'
import { testBroker } from './helpers/test-broker.ts'

function oneLog() {
  const { broker, clock } = testBroker({ topics: { log: topic<string>() } })
  const log = broker.topic('log')
  return {
    broker,
    clock,
    log,
    sent: (headers: any) => {
      const { offset } = log.append({ value: 'v', headers })
      return log.partitions[0]!.read(offset)[0]!
    },
  }
}

describe('a record', () => {
  it('is a plain object, and so is the answer to its send', async () => {
    const { broker, log } = oneLog()
    const sent = await broker.producer().send({ topic: 'log', value: 'v' })
    const [record] = log.partitions[0]!.read(sent.offset)
    for (const made of [sent, record!]) expect(Object.getPrototypeOf(made)).toBe(Object.prototype)
    expect(structuredClone(record)).toStrictEqual({ ...record })
  })
})

describe('headers', () => {
  it('read as a string where they are UTF-8 and as bytes where they are not', () => {
    const { sent } = oneLog()
    const { headers } = sent({
      text: 'naïve ✓',
      utf8: new TextEncoder().encode('naïve ✓'),
      buffer: Buffer.from('b'),
      bom: new Uint8Array([0xef, 0xbb, 0xbf, 0x61]),
      empty: new Uint8Array(0),
      raw: new Uint8Array([0xff, 0x00]),
    })
    expect(headers).toEqual({
      text: 'naïve ✓',
      utf8: 'naïve ✓',
      buffer: 'b',
      bom: '\uFEFFa',
      empty: '',
      raw: new Uint8Array([0xff, 0x00]),
    })
  })

  it('are a copy that the sender cannot change afterwards, and readers cannot change at all', () => {
    const { sent } = oneLog()
    const bytes = new Uint8Array([0xff])
    const buffer = Buffer.from([0xfe])
    const given: Record<string, unknown> = { bytes, buffer, a: '1' }
    const record = sent(given)
    bytes[0] = 0
    buffer[0] = 0
    given.a = '2'
    expect(record.headers).toEqual({ bytes: new Uint8Array([0xff]), buffer: new Uint8Array([0xfe]), a: '1' })
    expect(Object.isFrozen(record.headers)).toBe(true)
  })

  it('keep their order and repeated names for headersOf; by name the last one wins', () => {
    const { sent } = oneLog()
    const list = [
      ['via', 'a'],
      ['10', 'x'],
      ['via', new Uint8Array([0xfe])],
      ['2', 'y'],
      ['via', 'c'],
    ]
    const record = sent(list)
    expect(headersOf(record)).toEqual(list)
    expect(record.headers).toEqual({ via: 'c', 10: 'x', 2: 'y' })
    expect(headersOf({ ...record })).toEqual(list)
    expect(headersOf(sent({ b: '1', a: '2' }))).toEqual([
      ['b', '1'],
      ['a', '2'],
    ])
  })

  it('may have any name', () => {
    const { sent } = oneLog()
    const record = sent([
      ['__proto__', 'p'],
      ['constructor', 'c'],
      ['', 'e'],
    ])
    expect(Object.entries(record.headers)).toEqual([
      ['__proto__', 'p'],
      ['constructor', 'c'],
      ['', 'e'],
    ])
    expect(Object.getPrototypeOf(record.headers)).toBe(Object.prototype)
    expect(headersOf(record)).toHaveLength(3)
  })

  it('may come as any pairs, such as a Map', () => {
    const { sent } = oneLog()
    expect(sent(new Map([['a', '1']])).headers).toEqual({ a: '1' })
    expect(sent(new Headers([['b', '2']])).headers).toEqual({ b: '2' })
  })

  it('are left out where they are undefined, and none is an empty object', () => {
    const { sent } = oneLog()
    expect(sent({ a: undefined, b: '1' }).headers).toEqual({ b: '1' })
    expect(
      [sent(undefined), sent({}), sent([]), sent({ a: undefined })].map(record => record.headers),
    ).toEqual([{}, {}, {}, {}])
    expect(headersOf(sent(undefined))).toEqual([])
  })

  it.each([
    [{ n: 1 }, 'headers.n', 'received 1'],
    [{ n: null }, 'headers.n', 'received null'],
    [{ n: ['a'] }, 'headers.n', 'received an array of 1'],
    [[['n', 1]], 'headers.n', 'received 1'],
    [[['n']], 'headers', 'received an array of 1 where a [name, value] pair belongs'],
    [[[1, 'v']], 'headers', 'where a [name, value] pair belongs'],
    [['n'], 'headers', "received 'n' where a [name, value] pair belongs"],
    ['text', 'headers', "received 'text'"],
    [5, 'headers', 'received 5'],
    [new Uint8Array([1]), 'headers', '1 where a [name, value] pair belongs'],
    [new Date(0), 'headers', 'received a Date'],
  ])('are refused where they are %j', (headers, field, text) => {
    const { sent, log } = oneLog()
    const error = thrownBy(() => sent(headers))
    expect(error).toBeInstanceOf(InvalidRecordError)
    expect(error).toMatchObject({ code: 'INVALID_RECORD', errno: 87, topic: 'log', field })
    expect(error.message).toContain(text)
    expect(log.records()).toEqual([])
  })
})
