/** Offsets from one up to, but not including, another. */
export interface OffsetRange {
  readonly from: number
  to: number
}

/** Adds the offsets of `count` records, which come after all that are there. */
export function addOffsets(ranges: OffsetRange[], offset: number, count: number): void {
  const last = ranges[ranges.length - 1]!
  if (last.to === offset) last.to = offset + count
  else ranges.push({ from: offset, to: offset + count })
}

/** The open transactions of one partition, and the offsets of their records. */
export class OpenTransactions {
  // In the order of their first records, so the first one determines the last stable offset. There are few.
  readonly #open: { readonly producerId: number; readonly ranges: OffsetRange[] }[] = []

  /** The offset of the first record of an open transaction, or -1. */
  get from(): number {
    return this.#open.length === 0 ? -1 : this.#open[0]!.ranges[0]!.from
  }

  /** The offset at which the transaction of each producer begins. */
  get starts(): ReadonlyMap<number, number> {
    return new Map(this.#open.map(({ producerId, ranges }) => [producerId, ranges[0]!.from]))
  }

  /** Adds a transaction with its first records; returns its ranges, to which later records are added. */
  begin(producerId: number, offset: number, count: number): OffsetRange[] {
    const ranges = [{ from: offset, to: offset + count }]
    this.#open.push({ producerId, ranges })
    return ranges
  }

  /** Removes a producer's transaction; returns the offsets of its records. */
  end(producerId: number): readonly OffsetRange[] {
    const index = this.#open.findIndex(each => each.producerId === producerId)
    return index < 0 ? [] : this.#open.splice(index, 1)[0]!.ranges
  }
}
