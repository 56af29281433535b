import { compress } from 'lz4js'
import { expect, it } from 'vitest'
import { decompressLz4 } from '../../src/server/lz4.ts'
import { fc } from '../helpers/fast-check.ts'

const most = 1 << 20
// The size of a block that is as it is.
const plain = 0x80000000

/** A frame of sizes and bytes. */
function frame(flag: number, parts: readonly (Buffer | number)[]): Buffer {
  const pieces = parts.map(part => {
    if (typeof part !== 'number') return part
    const size = Buffer.alloc(4)
    size.writeUInt32LE(part >>> 0)
    return size
  })
  return Buffer.concat([Buffer.from([0x04, 0x22, 0x4d, 0x18, flag, 0x40, 0]), ...pieces])
}

it('gives back what was compressed', () => {
  const repeated = fc.constantFrom('hello ', 'a', 'abcabcabc').map(each => each.repeat(100))
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), repeated), { maxLength: 40 }), pieces => {
      const bytes = Buffer.from(pieces.join(''))
      expect(decompressLz4(Buffer.from(compress(bytes)), most).equals(bytes)).toBe(true)
    }),
  )
})

it('passes over the checksums of blocks and of the whole, and a content size', () => {
  const block = Buffer.from('literals')
  const checksum = Buffer.from([1, 2, 3, 4])
  const blocks = [plain + 8, block, checksum, plain + 8, block, checksum, 0, checksum]
  expect(decompressLz4(frame(0x74, blocks), most).toString()).toBe('literalsliterals')
  const sized = frame(0x68, [Buffer.alloc(8), plain + 8, block, 0])
  expect(decompressLz4(sized, most).toString()).toBe('literals')
})

it('follows a match into the block before, and into what it writes itself', () => {
  const back = Buffer.from([0x02, 8, 0])
  const linked = frame(0x40, [plain + 8, Buffer.from('literals'), 3, back, 0])
  expect(decompressLz4(linked, most).toString()).toBe('literalslitera')
  const run = frame(0x60, [6, Buffer.from([0x1f, 0x78, 1, 0, 255, 5]), 0])
  expect(decompressLz4(run, most).toString()).toBe('x'.repeat(1 + 15 + 255 + 5 + 4))
})

it('takes a frame with checksums of its blocks, as aiokafka writes it', () => {
  const written = Buffer.from(
    '04224d187040ad120000006f68656c6c6f200600ffff3c50656c6c6f20d7f1236a00000000',
    'hex',
  )
  expect(decompressLz4(written, most).toString()).toBe('hello '.repeat(100))
})

const hostile: readonly (readonly [string, Buffer])[] = [
  ['of another magic', Buffer.concat([Buffer.from([5]), frame(0x40, [0]).subarray(1)])],
  ['of another version', frame(0x80, [0])],
  ['with a dictionary', frame(0x41, [0])],
  ['that ends in its header', frame(0x60, []).subarray(0, 5)],
  ['without an end', frame(0x60, [plain + 1, Buffer.from('x')])],
  ['whose block is longer than the frame', frame(0x60, [plain + 9, Buffer.from('x')])],
  ['whose literals are longer than the block', frame(0x60, [2, Buffer.from([0x50, 1]), 0])],
  ['whose match lies before the beginning', frame(0x60, [4, Buffer.from([0x10, 1, 2, 0]), 0])],
  ['whose match has no distance', frame(0x60, [4, Buffer.from([0x10, 1, 0, 0]), 0])],
  ['whose lengths never end', frame(0x60, [100, Buffer.alloc(100, 255), 0])],
  ['that grows beyond the bound', frame(0x60, [50_000, endlessRun(50_000), 0])],
]

function endlessRun(bytes: number): Buffer {
  return Buffer.concat([Buffer.from([0x1f, 1, 1, 0]), Buffer.alloc(bytes - 5, 255), Buffer.alloc(1)])
}

it.each(hostile)('refuses a frame %s', (_, bytes) => {
  expect(() => decompressLz4(bytes, most)).toThrow(RangeError)
})
