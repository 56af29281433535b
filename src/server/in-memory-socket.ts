import { Duplex } from 'node:stream'

/** One end of a connection that never leaves the process, with what clients expect of a `net.Socket`. */
export class InMemorySocket extends Duplex {
  #other: InMemorySocket | undefined
  #wanted: ((error?: Error) => void) | undefined
  #copies = false

  /** The two ends of one connection: that of a client, and that of the server. */
  static pair(): readonly [InMemorySocket, InMemorySocket] {
    // A client's socket closes when the server ends it, as those of `net.connect` do.
    const ends = [new InMemorySocket({ allowHalfOpen: false }), new InMemorySocket()] as const
    ends[0].#other = ends[1]
    ends[1].#other = ends[0]
    ends[0].#copies = true
    return ends
  }

  override _read(): void {
    const wanted = this.#wanted
    this.#wanted = undefined
    wanted?.()
  }

  // Back pressure: while the other end does not read, this end's write stays pending. A log keeps large batches where they
  // came, and a client may use its memory again, as over a network. What it reads is not copied: reading would take a
  // third longer, and KafkaJS copies it itself.
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const other = this.#other
    if (other === undefined || other.destroyed) return done(endedByOther())
    if (other.push(this.#copies ? Buffer.from(chunk) : chunk)) done()
    else other.#wanted = done
  }

  override _final(done: () => void): void {
    this.#other?.push(null)
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const other = this.#other
    this.#other = undefined
    other?.push(null)
    const wanted = this.#wanted
    this.#wanted = undefined
    wanted?.(endedByOther())
    done(error)
  }

  /** Does nothing: nothing waits here. */
  setNoDelay(): this {
    return this
  }

  /** Does nothing: nothing can be lost on the way. */
  setKeepAlive(): this {
    return this
  }

  /** Does nothing: a client sets its own timers for its requests. */
  setTimeout(): this {
    return this
  }

  /** Does nothing: it never keeps the process alive. */
  ref(): this {
    return this
  }

  /** Does nothing: it never keeps the process alive. */
  unref(): this {
    return this
  }
}

function endedByOther(): Error {
  return new Error('This socket has been ended by the other party')
}
