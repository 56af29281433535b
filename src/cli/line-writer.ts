import type { Writable } from 'node:stream'

// More than a pipe takes: a burst of lines must not look like a reader that has stopped.
const mostUnreadBytes = 1024 * 1024

/**
 * Prints lines to a stream that somebody may have stopped reading. Lines that would make too many unread ones are left
 * out; once the others are read, one line says how many.
 */
export class LineWriter {
  readonly #stream: Writable
  #leftOut = 0

  constructor(stream: Writable) {
    this.#stream = stream
    // Whoever has read the address may close the pipe. The broker goes on, and its lines go nowhere.
    stream.on('error', () => {})
    stream.on('drain', () => this.#caughtUp())
  }

  print(line: string): void {
    if (this.#stream.writableLength > mostUnreadBytes) this.#leftOut++
    else this.#stream.write(`${line}\n`)
  }

  #caughtUp(): void {
    if (this.#leftOut === 0) return
    const count = this.#leftOut
    this.#leftOut = 0
    this.print(`${count} lines are left out here: too many were unread`)
  }
}
