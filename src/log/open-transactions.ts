/** Offsets from one on and before another one. */
export interface OffsetRange {
  readonly from: number
  to: number
}

/** Adds the offsets of so many records that come after all that are there. */
export function addOffsets(ranges: OffsetRange[], offset: number, count: number): void {
  const last = ranges[ranges.length - 1]!
  if (last.to === offset) last.to = offset + count
  else ranges.push({ from: offset, to: offset + count })
}

/** The transactions that are open in one partition, and where their records are. */
export class OpenTransactions {
  // In the order of their first records, so the first of them says where the log is undecided. They are few.
  readonly #open: { readonly producerId: number; readonly ranges: OffsetRange[] }[] = []

  /** The offset of the first record that is undecided, or -1. */
  get from(): number {
    return this.#open.length === 0 ? -1 : this.#open[0]!.ranges[0]!.from
  }

  /** The offset at which the transaction of each producer begins. */
  get starts(): ReadonlyMap<number, number> {
    return new Map(this.#open.map(({ producerId, ranges }) => [producerId, ranges[0]!.from]))
  }

  /** A producer's transaction has written its first records here; what it writes later is added to what this gives. */
  begin(producerId: number, offset: number, count: number): OffsetRange[] {
    const ranges = [{ from: offset, to: offset + count }]
    this.#open.push({ producerId, ranges })
    return ranges
  }

  /** A producer's transaction ends; gives where its records are. */
  end(producerId: number): readonly OffsetRange[] {
    const index = this.#open.findIndex(each => each.producerId === producerId)
    return index < 0 ? [] : this.#open.splice(index, 1)[0]!.ranges
  }
}
