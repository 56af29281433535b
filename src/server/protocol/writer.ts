const firstCapacity = 256

/** Writes a frame as a list of buffers, so that large bytes such as record batches are handed on without a copy. */
export class Writer {
  #buffer: Buffer = Buffer.allocUnsafe(firstCapacity)
  #at = 0
  // The finished buffers, in order; `#buffer` comes after them.
  readonly #chunks: Buffer[] = []
  #finished = 0

  /** How many bytes were written. */
  get length(): number {
    return this.#finished + this.#at
  }

  #room(count: number): number {
    const at = this.#at
    if (at + count > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, at + count))
      this.#buffer.copy(larger, 0, 0, at)
      this.#buffer = larger
    }
    this.#at = at + count
    return at
  }

  int8(value: number): void {
    const at = this.#room(1)
    this.#buffer[at] = value
  }

  int16(value: number): void {
    const at = this.#room(2)
    this.#buffer.writeInt16BE(value, at)
  }

  int32(value: number): void {
    const at = this.#room(4)
    this.#buffer.writeInt32BE(value, at)
  }

  uint32(value: number): void {
    const at = this.#room(4)
    this.#buffer.writeUInt32BE(value, at)
  }

  int64(value: number): void {
    const at = this.#room(8)
    const high = Math.floor(value / 0x100000000)
    // The largest INT64 was read as a number that is greater by one.
    const isLargest = high > 0x7fffffff
    this.#buffer.writeInt32BE(isLargest ? 0x7fffffff : high, at)
    this.#buffer.writeUInt32BE(isLargest ? 0xffffffff : value - high * 0x100000000, at + 4)
  }

  float64(value: number): void {
    const at = this.#room(8)
    this.#buffer.writeDoubleBE(value, at)
  }

  uvarint(value: number): void {
    let left = value >>> 0
    while (left >= 0x80) {
      this.int8((left & 0x7f) | 0x80)
      left >>>= 7
    }
    this.int8(left)
  }

  varint(value: number): void {
    this.uvarint((value << 1) ^ (value >> 31))
  }

  varlong(value: number): void {
    let left = value < 0 ? -2 * value - 1 : 2 * value
    while (left >= 0x80) {
      this.int8((left % 0x80) | 0x80)
      left = Math.floor(left / 0x80)
    }
    this.int8(left)
  }

  utf8(value: string, bytes: number): void {
    const at = this.#room(bytes)
    this.#buffer.write(value, at, bytes, 'utf8')
  }

  /** Copies up to 1024 bytes; more become a piece of their own. */
  bytes(value: Uint8Array): void {
    if (value.length <= 1024) {
      const at = this.#room(value.length)
      this.#buffer.set(value, at)
      return
    }
    this.#cut()
    this.#chunks.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength))
    this.#finished += value.length
  }

  #cut(): void {
    if (this.#at === 0) return
    this.#chunks.push(this.#buffer.subarray(0, this.#at))
    this.#finished += this.#at
    this.#buffer = Buffer.allocUnsafe(firstCapacity)
    this.#at = 0
  }

  /** Returns all that was written, in pieces. */
  chunks(): readonly Buffer[] {
    this.#cut()
    return this.#chunks
  }

  /** Returns all that was written, as one buffer. */
  concat(): Buffer {
    const chunks = this.chunks()
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
  }
}

/** How many bytes `varint` takes. */
export function varintSize(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  return zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x200000 ? 3 : zigzag < 0x10000000 ? 4 : 5
}

/** How many bytes `varlong` takes. */
export function varlongSize(value: number): number {
  let size = 1
  for (let left = value < 0 ? -2 * value - 1 : 2 * value; left >= 0x80; left = Math.floor(left / 0x80)) size++
  return size
}
