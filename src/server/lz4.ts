// Own code, because the packages there are skip checksums where a frame has none, or decompress without a bound.

const magic = 0x184d2204
const flags = { version: 0xc0, blockChecksum: 0x10, contentSize: 0x08, dictionary: 0x01 }
const plainBlock = 0x80000000
// The most bytes of a block, by the number in the frame's header.
const blockBytes: Readonly<Record<number, number>> = { 4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 1 << 22 }

/**
 * Decompresses an LZ4 frame. Its checksums are skipped: a batch has its own.
 *
 * @throws RangeError if it is not such a frame, or holds more than `maxBytes`
 */
export function decompressLz4(frame: Buffer, maxBytes: number): Buffer {
  if (frame.readUInt32LE(0) !== magic) throw new RangeError('expected the magic number of LZ4')
  const flag = frame.readUInt8(4)
  if ((flag & flags.version) !== 0x40) throw new RangeError('expected version 1')
  if (flag & flags.dictionary) throw new RangeError('expected no dictionary')
  const largest = blockBytes[(frame.readUInt8(5) >> 4) & 7]
  if (largest === undefined) throw new RangeError('expected a block size of 64 KB to 4 MB')
  const start = flag & flags.contentSize ? 15 : 7
  const checksum = flag & flags.blockChecksum ? 4 : 0
  const output = new Output(maxBytes)
  for (let at = start; ; ) {
    const size = frame.readUInt32LE(at)
    if (size === 0) return output.bytes
    const length = size & ~plainBlock
    const end = at + 4 + length
    if (length > largest || end > frame.length) throw new RangeError('a block is cut short')
    const block = frame.subarray(at + 4, end)
    if (size & plainBlock) output.copy(block, 0, block.length)
    else decompressBlock(block, output)
    at = end + checksum
  }
}

/** The output so far. Matches point back into it, across blocks, too. */
class Output {
  readonly #maxBytes: number
  #buffer = Buffer.allocUnsafe(1 << 16)
  #length = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  #grow(count: number): number {
    const at = this.#length
    const length = at + count
    if (length > this.#maxBytes) throw new RangeError(`expected at most ${this.#maxBytes} bytes`)
    if (length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.min(this.#maxBytes, Math.max(length, 2 * this.#buffer.length)))
      this.#buffer.copy(larger, 0, 0, at)
      this.#buffer = larger
    }
    this.#length = length
    return at
  }

  copy(from: Buffer, start: number, end: number): void {
    if (end > from.length) throw new RangeError('literals are cut short')
    const at = this.#grow(end - start)
    from.copy(this.#buffer, at, start, end)
  }

  /** Repeats bytes from `distance` back; they may overlap with those that it writes. */
  repeat(distance: number, count: number): void {
    if (distance === 0 || distance > this.#length) throw new RangeError('a match points before the beginning')
    const at = this.#grow(count)
    const buffer = this.#buffer
    if (distance >= count) buffer.copyWithin(at, at - distance, at - distance + count)
    else for (let i = at; i < at + count; i++) buffer[i] = buffer[i - distance]!
  }
}

// Each token has two lengths; the literals follow it, then how far back the match lies. A match has four bytes more.
function decompressBlock(block: Buffer, output: Output): void {
  let at = 0
  const lengthFrom = (nibble: number): number => {
    if (nibble < 15) return nibble
    let length = nibble
    for (let byte = 255; byte === 255; length += byte) byte = block.readUInt8(at++)
    return length
  }
  while (at < block.length) {
    const token = block[at++]!
    const literals = lengthFrom(token >> 4)
    output.copy(block, at, at + literals)
    at += literals
    // The last literals have no match behind them.
    if (at === block.length) return
    const distance = block.readUInt16LE(at)
    at += 2
    output.repeat(distance, lengthFrom(token & 15) + 4)
  }
}
