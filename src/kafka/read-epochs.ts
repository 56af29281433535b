/** From which offset on batches were appended under a leader epoch. */
export interface EpochStart {
  readonly from: number
  readonly epoch: number
}

/**
 * The leader epochs under which the records were appended that a reader has read, without a gap. A log of another leader
 * has these very records as far as it has them under the same epochs. (KIP-320)
 */
export class ReadEpochs {
  #starts: EpochStart[] = []
  // The offset that follows what was read.
  #to = 0

  /** Begins at an offset: the record before it was read by others, and has that epoch. */
  beginAt(offset: number, epoch: number): void {
    this.#starts = [{ from: offset - 1, epoch }]
    this.#to = offset
  }

  /** Notes what was read: from an offset up to, and without, another one; the starts are in order. */
  add(from: number, to: number, starts: readonly EpochStart[]): void {
    // Nothing was read, and nothing has been read that lies further on.
    if (from === to && from === this.#to) return
    // What was read before and lies further on may be other records by now. Epochs only grow along a log: an earlier one here
    // says that what came before was of another log.
    const epoch = starts[0]?.epoch ?? Number.POSITIVE_INFINITY
    const isKept = (start: EpochStart) => start.from < from && start.epoch <= epoch
    this.#starts = from > this.#to ? [] : this.#starts.filter(isKept)
    for (const start of starts) {
      const last = this.#starts.at(-1)
      if (last === undefined || start.epoch > last.epoch) this.#starts.push(start)
    }
    this.#to = to
  }

  /** The epoch of the record before an offset; undefined where that was not read, or has no epoch. */
  before(offset: number): number | undefined {
    if (offset > this.#to) return undefined
    const epoch = this.#starts.findLast(({ from }) => from < offset)?.epoch
    return epoch === -1 ? undefined : epoch
  }

  /**
   * Forgets what a log does not have that ends an epoch at an offset, and returns up to where it has what was read. That
   * epoch is the last one in the log which is not after the last one here.
   */
  cut(epoch: number, endOffset: number): number {
    const later = this.#starts.find(start => start.epoch > epoch)
    const common = Math.min(endOffset, later?.from ?? endOffset)
    this.#starts = this.#starts.filter(({ from }) => from < common)
    this.#to = Math.min(this.#to, common)
    return common
  }
}
