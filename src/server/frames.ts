import { otherProtocol } from './other-protocol.ts'
import { ProtocolError } from './protocol/protocol-error.ts'

const lengthBytes = 4

// A buffer takes 250 bytes beside its own. So what comes in small pieces is put together into pieces of this size.
const pieceBytes = 4096

/** Cuts the bytes of a connection into frames, each of which follows four bytes with its length. */
export class Frames {
  readonly #maxBytes: () => number
  #pieces: Buffer[] = []
  #size = 0

  /** `maxBytes`: how large a frame may be; asked whenever the next one is. */
  constructor(maxBytes: () => number) {
    this.#maxBytes = maxBytes
  }

  /** How many bytes wait to be taken. */
  get size(): number {
    return this.#size
  }

  /** Adds received bytes. */
  push(bytes: Buffer): void {
    const last = this.#pieces.at(-1)
    if (last !== undefined && last.length + bytes.length <= pieceBytes) {
      this.#pieces[this.#pieces.length - 1] = Buffer.concat([last, bytes])
    } else {
      this.#pieces.push(bytes)
    }
    this.#size += bytes.length
  }

  /**
   * Takes the next frame; undefined if it is not complete.
   *
   * @throws ProtocolError if its length is negative or too large, before its bytes are collected
   */
  next(): Buffer | undefined {
    if (this.#size < lengthBytes) return undefined
    const length = this.#peekLength()
    const most = this.#maxBytes()
    if (length < 0 || length > most) {
      throw new ProtocolError(
        `expected a frame of at most ${most} bytes, received ${length}${otherProtocol(length)}`,
      )
    }
    const whole = lengthBytes + length
    return this.#size < whole ? undefined : this.#take(whole).subarray(lengthBytes)
  }

  clear(): void {
    this.#pieces = []
    this.#size = 0
  }

  #peekLength(): number {
    if (this.#pieces[0]!.length < lengthBytes) this.#pieces = [Buffer.concat(this.#pieces)]
    return this.#pieces[0]!.readInt32BE(0)
  }

  // A frame of several pieces has memory of its own, so that a log can keep it, and what follows does not.
  #take(count: number): Buffer {
    const [first] = this.#pieces
    const taken = first!.length < count ? Buffer.concat(this.#pieces, count) : first!.subarray(0, count)
    this.#size -= count
    let rest = count
    let used = 0
    while (rest > 0 && rest >= this.#pieces[used]!.length) rest -= this.#pieces[used++]!.length
    // All at once: a large frame may have come in tens of thousands of them.
    this.#pieces.splice(0, used)
    if (rest > 0) this.#pieces[0] = this.#pieces[0]!.subarray(rest)
    return taken
  }
}
