/** Collects encoded batches up to a number of bytes. */
export class BatchCollector {
  readonly pieces: Uint8Array[] = []
  readonly #maxBytes: number
  readonly #minOneBatch: boolean
  #bytes = 0
  #full = false

  /** `minOneBatch`: whether the first batch is taken whatever its size (KIP-74). */
  constructor(maxBytes: number, minOneBatch: boolean) {
    this.#maxBytes = maxBytes
    this.#minOneBatch = minOneBatch
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Whether a batch did not fit. */
  get full(): boolean {
    return this.#full
  }

  /** Counts a batch that is about to be pushed; false where it does not fit. */
  takes(size: number): boolean {
    const anyway = this.#minOneBatch && this.#bytes === 0
    if (!anyway && this.#bytes + size > this.#maxBytes) this.#full = true
    else this.#bytes += size
    return !this.#full
  }

  /** Adds batches that `takes` has counted. */
  push(batches: Uint8Array): void {
    this.pieces.push(batches)
  }
}
