import { firstEndingAt, type OffsetSpan } from './offset-span.ts'

/** Records of whole batches that stay together: a range that a client was told, with what a limit kept from it. */
export interface InFlightBatch {
  readonly size: number
}

/**
 * Records of a share partition in one state, from one offset to another, both included: acquired by a member, or
 * available to all. (Kafka: InFlightState)
 */
export interface InFlightRecords extends OffsetSpan {
  readonly state: 'available' | 'acquired'
  readonly deliveryCount: number
  readonly batch: InFlightBatch
  /** The member that has acquired them; '' if they are available. */
  readonly memberId: string
  /** When they become available again unless they are acknowledged before, on the clock's `monotonic()`. */
  readonly lockedUntil: number
}

/** Runs of in-flight records in the order of their offsets, without overlaps. An offset in none of them is finished. */
export class InFlightRuns {
  readonly #runs: InFlightRecords[] = []

  get all(): readonly InFlightRecords[] {
    return this.#runs
  }

  get first(): InFlightRecords | undefined {
    return this.#runs[0]
  }

  /** The runs that overlap with those offsets, in whole. */
  within(first: number, last: number): readonly InFlightRecords[] {
    return this.#runs.slice(firstEndingAt(first, this.#runs), this.#indexAfter(last))
  }

  add(run: InFlightRecords): void {
    this.#runs.push(run)
  }

  /** Replaces the part of each run that lies within those offsets, or removes it. */
  replace(
    first: number,
    last: number,
    become: (part: InFlightRecords) => InFlightRecords | readonly InFlightRecords[] | undefined,
  ): void {
    const from = firstEndingAt(first, this.#runs)
    const to = this.#indexAfter(last)
    const replaced = this.#runs.slice(from, to).flatMap(run => {
      const part = { ...run, first: Math.max(first, run.first), last: Math.min(last, run.last) }
      return [
        ...(run.first < part.first ? [{ ...run, last: part.first - 1 }] : []),
        ...[become(part) ?? []].flat(),
        ...(run.last > part.last ? [{ ...run, first: part.last + 1 }] : []),
      ]
    })
    this.#runs.splice(from, to - from, ...replaced)
  }

  // The index of the first run that begins after an offset.
  #indexAfter(offset: number): number {
    const index = firstEndingAt(offset, this.#runs)
    const run = this.#runs[index]
    return run !== undefined && run.first <= offset ? index + 1 : index
  }
}
