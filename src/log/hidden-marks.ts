import type { Hidden } from './segment.ts'

const codes: Readonly<Record<Hidden, number>> = { aborted: 1, control: 2 }

/** Which records, or batches, of a segment are hidden, and why: a byte for each, once one of them is. */
export class HiddenMarks {
  #codes: Uint8Array

  /** `capacity`: how many there may be by now. */
  constructor(capacity: number) {
    this.#codes = new Uint8Array(capacity)
  }

  hide(index: number, why: Hidden, capacity: number): void {
    if (this.#codes.length <= index) {
      const larger = new Uint8Array(capacity)
      larger.set(this.#codes)
      this.#codes = larger
    }
    this.#codes[index] = codes[why]
  }

  /** Whether a reader gets what is at an index; `committed` for a `read_committed` reader. */
  visible(index: number, committed: boolean): boolean {
    const code = this.#codes[index] ?? 0
    return code === 0 || (code === codes.aborted && !committed)
  }

  /** How many of the first `count` are hidden for this reason. */
  countFirst(count: number, why: Hidden): number {
    let found = 0
    for (const code of this.#codes.subarray(0, count)) if (code === codes[why]) found++
    return found
  }

  /** Frees the spare capacity. */
  seal(count: number): void {
    if (this.#codes.length > count) this.#codes = this.#codes.slice(0, count)
  }

  dropFirst(count: number): void {
    this.#codes = this.#codes.slice(count)
  }
}
