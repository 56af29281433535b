import { ProtocolError } from './protocol-error.ts'

// An entry takes a few bytes of a frame, and a hundred and more as an object: 100 MiB of them would be more than a process
// has. (Kafka takes as many in each list.)
const mostEntries = 1_000_000

/** Reads the contents of a frame from beginning to end; a length that would lead past the end is refused. */
export class Reader {
  readonly bytes: Buffer
  #at = 0
  readonly #end: number
  #entries = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.#end = bytes.length
  }

  /** The offset of the next byte. */
  get offset(): number {
    return this.#at
  }

  get remaining(): number {
    return this.#end - this.#at
  }

  #take(count: number): number {
    const at = this.#at
    if (count > this.#end - at) {
      throw new ProtocolError(`expected ${count} more bytes at ${at}, and ${this.#end - at} are left`)
    }
    this.#at = at + count
    return at
  }

  int8(): number {
    return this.bytes.readInt8(this.#take(1))
  }

  int16(): number {
    return this.bytes.readInt16BE(this.#take(2))
  }

  int32(): number {
    return this.bytes.readInt32BE(this.#take(4))
  }

  uint32(): number {
    return this.bytes.readUInt32BE(this.#take(4))
  }

  /** As a number: exact up to 2^53, which no offset, timestamp or producer id exceeds. */
  int64(): number {
    const at = this.#take(8)
    return this.bytes.readInt32BE(at) * 0x100000000 + this.bytes.readUInt32BE(at + 4)
  }

  float64(): number {
    return this.bytes.readDoubleBE(this.#take(8))
  }

  /** An unsigned number of up to 32 bits, seven in each byte. */
  uvarint(): number {
    const short = this.#shortVarint()
    return short < 0 ? this.#longVarint() : short
  }

  // Most numbers take one byte; returns -1 if it takes more, or if nothing is left.
  #shortVarint(): number {
    const at = this.#at
    const byte = this.bytes[at]!
    if (!(byte < 0x80 && at < this.#end)) return -1
    this.#at = at + 1
    return byte
  }

  #longVarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes[this.#take(1)]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw new ProtocolError(`expected a varint of at most five bytes at ${this.#at}`)
  }

  /** A signed number of up to 32 bits, zigzag. */
  varint(): number {
    const value = this.uvarint()
    return (value >>> 1) ^ -(value & 1)
  }

  /** A signed number of up to 64 bits, zigzag. */
  varlong(): number {
    const short = this.#shortVarint()
    return short < 0 ? this.#longVarlong() : (short >>> 1) ^ -(short & 1)
  }

  #longVarlong(): number {
    // 28 bits fit into a small integer. The bits above are added up, since shifts end at 32.
    let low = 0
    let high = 0
    let scale = 1
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.bytes[this.#take(1)]!
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else {
        high += bits * scale
        scale *= 128
      }
      if (byte < 0x80) {
        const value = high * 0x10000000 + low
        return low % 2 === 0 ? value / 2 : -(value + 1) / 2
      }
    }
    throw new ProtocolError(`expected a varlong of at most ten bytes at ${this.#at}`)
  }

  /** Notes that a list has so many entries. @throws ProtocolError if all lists together have too many */
  countEntries(count: number): void {
    this.#entries += count
    if (this.#entries > mostEntries) {
      throw new ProtocolError(`expected at most ${mostEntries} entries, received ${this.#entries}`)
    }
  }

  /** Skips so many bytes. */
  skip(count: number): void {
    if (count < 0) throw new ProtocolError(`expected a length of 0 or more, received ${count}`)
    this.#take(count)
  }

  /** Returns so many bytes: a view of the frame, not a copy. */
  take(count: number): Buffer {
    if (count < 0) throw new ProtocolError(`expected a length of 0 or more, received ${count}`)
    const at = this.#take(count)
    return this.bytes.subarray(at, at + count)
  }

  utf8(count: number): string {
    if (count < 0) throw new ProtocolError(`expected a length of 0 or more, received ${count}`)
    const at = this.#take(count)
    return this.bytes.toString('utf8', at, at + count)
  }

  /** Reads ahead, and stays where it is. */
  peek<T>(look: (reader: Reader) => T): T {
    const at = this.#at
    try {
      return look(this)
    } finally {
      this.#at = at
    }
  }

  /** Throws if bytes are left. */
  end(): void {
    if (this.remaining > 0)
      throw new ProtocolError(`expected the end of the message, but ${this.remaining} bytes are left`)
  }
}
