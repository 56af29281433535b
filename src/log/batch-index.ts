import type { Hidden } from './segment.ts'

const firstCapacity = 8
// Of each batch: the index of its first record, where its bytes begin, its largest timestamp, its place in the topic's order.
const width = 4

const hiddenCodes: Readonly<Record<Hidden, number>> = { aborted: 1, control: 2 }

/** Where the batches of a segment are, as numbers in a row: an object for each would be as large as a small batch. */
export class BatchIndex {
  #numbers = new Float64Array(firstCapacity * width)
  // Which batches are hidden, and why; made for the first one.
  #hidden: Uint8Array | undefined
  #length = 0
  #records = 0
  #bytes = 0

  /** How many batches there are. */
  get length(): number {
    return this.#length
  }

  /** How many records they have. */
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

  /** Gives back the room that growing left over. */
  seal(): void {
    this.#numbers = this.#numbers.slice(0, this.#length * width)
  }

  /** The index of a batch's first record; after the last batch, how many records there are. */
  first(batch: number): number {
    return batch < this.#length ? this.#numbers[batch * width]! : this.#records
  }

  /** Where a batch's bytes begin; after the last batch, how many bytes there are. */
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
    if (this.#hidden === undefined || this.#hidden.length <= batch) {
      const hidden = new Uint8Array(this.#numbers.length / width)
      if (this.#hidden !== undefined) hidden.set(this.#hidden)
      this.#hidden = hidden
    }
    this.#hidden[batch] = hiddenCodes[why]
  }

  visible(batch: number, committed: boolean): boolean {
    const code = this.#hidden?.[batch] ?? 0
    return code === 0 || (code === hiddenCodes.aborted && !committed)
  }

  /** The batch that has the record at an index. */
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
