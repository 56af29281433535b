import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { murmur2, toPositive } from '../../src/producer/murmur2.ts'
import { fc } from '../helpers/fast-check.ts'

const kafkaJsMurmur2: (key: Buffer | string) => number = createRequire(import.meta.url)(
  'kafkajs/src/producer/partitioners/default/murmur2.js',
)

// The vectors of Kafka's UtilsTest.testMurmur2, and those that other clients had the Java one compute.
const published: [key: string | Uint8Array, hash: number][] = [
  ['21', -973_932_308],
  ['foobar', -790_332_482],
  ['a-little-bit-long-string', -985_981_536],
  ['a-little-bit-longer-string', -1_486_304_829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
  ['abc', 479_470_107],
  ['', 275_646_681],
  [Uint8Array.of(12, 42, 56, 24, 109, 111), 274_204_207],
]

const utf8 = new TextEncoder()
const anyString = fc.oneof(
  fc.string({ maxLength: 80 }),
  fc.string({ unit: 'binary', maxLength: 80 }),
  // Any code units at all, lone surrogates too.
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 })
    .map(units => String.fromCharCode(...units)),
)

describe('murmur2', () => {
  it.each(published)('[81] hashes %s as the Java client does', (key, hash) => {
    expect(murmur2(key)).toBe(hash)
    if (typeof key === 'string') expect(murmur2(utf8.encode(key))).toBe(hash)
  })

  it('[82] agrees with KafkaJS on every string', () => {
    fc.assert(
      fc.property(anyString, key => {
        expect(murmur2(key)).toBe(kafkaJsMurmur2(key))
      }),
      { numRuns: 1000 },
    )
  })

  it('[82] agrees with KafkaJS on all bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), bytes => {
        expect(murmur2(bytes)).toBe(kafkaJsMurmur2(Buffer.from(bytes)))
      }),
      { numRuns: 1000 },
    )
  })

  it('[81] hashes a string as its UTF-8 bytes, a lone surrogate as U+FFFD', () => {
    fc.assert(
      fc.property(anyString, key => {
        expect(murmur2(key)).toBe(murmur2(utf8.encode(key)))
      }),
      { numRuns: 1000 },
    )
    expect(murmur2('\ud800')).toBe(murmur2('\ufffd'))
  })

  it('[81] hashes long keys, ASCII or not, as it hashes their bytes', () => {
    for (const key of ['k'.repeat(5000), '鍵'.repeat(1024), '鍵'.repeat(1025), '🔑'.repeat(3000)]) {
      expect(murmur2(key)).toBe(murmur2(utf8.encode(key)))
    }
  })

  it('hashes only the part of a buffer that a view shows', () => {
    const bytes = utf8.encode('..foobar..')
    expect(murmur2(bytes.subarray(2, 8))).toBe(-790_332_482)
  })
})

describe('toPositive', () => {
  it('[81] clears the sign bit', () => {
    expect(toPositive(-973_932_308)).toBe(1_173_551_340)
    expect(toPositive(479_470_107)).toBe(479_470_107)
    expect(toPositive(-2_147_483_648)).toBe(0)
    expect(toPositive(-1)).toBe(2_147_483_647)
  })
})
