import type { EncodedBatch } from './encoded-batch.ts'

const firstCapacity = 1024

/** How large a slab for several batches may be. */
const mostCapacity: number = 1 << 18

/** How large a batch must be to become a slab of its own, where its memory holds nothing else. */
const ownBytes: number = 1 << 16

/**
 * The bytes of a segment's batches, one after the other in slabs. A slab holds whole batches and stays where it is when
 * more of them come: to copy what is there into ever larger memory takes longer than all else that is done with a batch.
 */
export class Slabs {
  #slabs: Uint8Array[] = []
  // The position of each slab's first byte.
  #starts: number[] = []
  #size = 0
  readonly #expected: number

  /** `expected`: how many bytes will come, as far as that is known. */
  constructor(expected: number) {
    this.#expected = expected
  }

  /** The bytes of all batches, which is the position of the next one. */
  get size(): number {
    return this.#size
  }

  append(batch: EncodedBatch, baseOffset: number, appendTime: number | undefined): void {
    const own = batch.size >= ownBytes ? batch.own(baseOffset, appendTime) : undefined
    if (own !== undefined) {
      this.#add(own)
    } else {
      const capacity = this.#slabs.at(-1)?.length ?? 0
      if (this.#used + batch.size > capacity) this.#add(Buffer.allocUnsafeSlow(this.#capacityFor(batch.size)))
      batch.copy(this.#slabs.at(-1)!, this.#used, baseOffset, appendTime)
    }
    this.#size += batch.size
  }

  /** The bytes of one batch. */
  view(from: number, to: number): Uint8Array {
    const at = this.#at(from)
    return this.#slabs[at]!.subarray(from - this.#starts[at]!, to - this.#starts[at]!)
  }

  /** The bytes of the batches between two positions, a view of each slab. */
  views(from: number, to: number): Uint8Array[] {
    const views: Uint8Array[] = []
    for (let at = this.#at(from), start = from; start < to; at++) {
      const end = Math.min(to, this.#end(at))
      views.push(this.view(start, end))
      start = end
    }
    return views
  }

  /** Frees the spare capacity. */
  seal(): void {
    const last = this.#slabs.at(-1)
    // A little of it costs less than a copy.
    if (last !== undefined && last.length > 1.125 * this.#used) {
      this.#slabs[this.#slabs.length - 1] = copyOf(last.subarray(0, this.#used))
    }
  }

  /** Forgets what comes before a batch. */
  dropFirst(bytes: number): void {
    const at = this.#at(bytes)
    const start = this.#starts[at]!
    this.#slabs = this.#slabs.slice(at)
    // A copy, so that what is forgotten can be freed. Connections may still send views of the former slab.
    if (bytes > start) this.#slabs[0] = copyOf(this.#slabs[0]!.subarray(bytes - start, this.#end(at) - start))
    this.#starts = this.#starts.slice(at).map(each => Math.max(0, each - bytes))
    this.#size -= bytes
  }

  #at(position: number): number {
    return this.#starts.findLastIndex(start => start <= position)
  }

  // The position after a slab's last batch.
  #end(at: number): number {
    return this.#starts[at + 1] ?? this.#size
  }

  // How many bytes of the last slab are taken.
  get #used(): number {
    return this.#size - (this.#starts.at(-1) ?? 0)
  }

  #add(slab: Uint8Array): void {
    this.seal()
    this.#slabs.push(slab)
    this.#starts.push(this.#size)
  }

  // As large as all before it, so that a segment has few slabs, whatever sizes its batches have by turns. What is left
  // beside batches of one size is not asked for.
  #capacityFor(bytes: number): number {
    const wanted = Math.max(firstCapacity, this.#size, this.#expected - this.#size)
    const capacity = Math.min(mostCapacity, wanted)
    return Math.max(bytes, capacity - (capacity % bytes))
  }
}

function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  return copy
}
