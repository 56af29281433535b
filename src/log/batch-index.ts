import { isVisible, marked } from './hidden.ts'
import type { Hidden } from './segment.ts'

const firstCapacity = 8
// For each batch: the index of its first record, the position of its bytes, its largest timestamp, and its position
// in the topic's order of appends.
const width = 4

/**
 * The positions of a segment's batches, as numbers in one array: an object for each would be as large as a small batch.
 */
export class BatchIndex {
  #numbers = new Float64Array(firstCapacity * width)
  // Which batches are hidden, and why; created for the first one.
  #hidden: Uint8Array | undefined
  #length = 0
  #records = 0
  #bytes = 0

  /** The number of batches. */
  get length(): number {
    return this.#length
  }

  /** The number of records in all batches. */
  get records(): number {
    return this.#records
  }

  add(records: number, bytes: number, maxTimestamp: number, sequence: number): void {
    const at = this.#length * width
    if (at === this.#numbers.length) this.#grow()
    this.#numbers[at] = this.#records
    this.#numbers[at + 1] = this.#bytes
    this.#numbers[at + 2] = maxTimestamp
    this.#numbers[at + 3] = sequence
    this.#length++
    this.#records += records
    this.#bytes += bytes
  }

  #grow(): void {
    const numbers = new Float64Array(this.#numbers.length * 2)
    numbers.set(this.#numbers)
    this.#numbers = numbers
  }

  /** Frees the spare capacity. */
  seal(): void {
    this.#numbers = this.#numbers.slice(0, this.#length * width)
  }

  /** Forgets so many of the first batches. */
  dropFirst(batches: number): void {
    const records = this.first(batches)
    const bytes = this.position(batches)
    this.#numbers = this.#numbers.slice(batches * width)
    this.#hidden = this.#hidden?.slice(batches)
    this.#length -= batches
    this.#records -= records
    this.#bytes -= bytes
    for (let at = 0; at < this.#length * width; at += width) {
      this.#numbers[at]! -= records
      this.#numbers[at + 1]! -= bytes
    }
  }

  /** The index of a batch's first record; past the last batch, the number of records. */
  first(batch: number): number {
    return batch < this.#length ? this.#numbers[batch * width]! : this.#records
  }

  /** The position of a batch's bytes; past the last batch, the number of bytes. */
  position(batch: number): number {
    return batch < this.#length ? this.#numbers[batch * width + 1]! : this.#bytes
  }

  maxTimestamp(batch: number): number {
    return this.#numbers[batch * width + 2]!
  }

  sequence(batch: number): number {
    return this.#numbers[batch * width + 3]!
  }

  hide(batch: number, why: Hidden): void {
    this.#hidden = marked(this.#hidden, batch, why, this.#numbers.length / width)
  }

  visible(batch: number, committed: boolean): boolean {
    return isVisible(this.#hidden?.[batch], committed)
  }

  /** The batch that holds the record at an index. */
  at(index: number): number {
    let low = 0
    let high = this.#length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#numbers[middle * width]! <= index) low = middle
      else high = middle - 1
    }
    return low
  }
}
