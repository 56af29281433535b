import { otherProtocol } from './other-protocol.ts'
import { ProtocolError } from './protocol/protocol-error.ts'

/** Cuts the bytes of a connection into frames, each of which follows four bytes with its length. */
export class Frames {
  readonly #maxBytes: () => number
  #chunks: Buffer[] = []
  #length = 0

  /** `maxBytes`: how large a frame may be; asked when one begins. */
  constructor(maxBytes: () => number) {
    this.#maxBytes = maxBytes
  }

  /**
   * Adds received bytes, and returns the frames that are complete.
   *
   * @throws ProtocolError if a frame's length is negative or too large, before its bytes are collected
   */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    const frames: Buffer[] = []
    for (;;) {
      if (this.#length < 4) return frames
      const size = this.#peekLength()
      const most = this.#maxBytes()
      if (size < 0 || size > most) {
        throw new ProtocolError(
          `expected a frame of at most ${most} bytes, received ${size}${otherProtocol(size)}`,
        )
      }
      if (this.#length < size + 4) return frames
      frames.push(this.#take(size + 4).subarray(4))
    }
  }

  #peekLength(): number {
    const [first] = this.#chunks
    if (first!.length >= 4) return first!.readInt32BE(0)
    this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0]!.readInt32BE(0)
  }

  #take(count: number): Buffer {
    const whole = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks)
    this.#length -= count
    this.#chunks = this.#length === 0 ? [] : [whole.subarray(count)]
    return whole.subarray(0, count)
  }
}
