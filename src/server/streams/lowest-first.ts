interface Entry<Value> {
  readonly value: Value
  readonly place: number
  number: number
}

/**
 * Finds values by their numbers, the lowest first, and of those that are alike the one that was listed first. Meanwhile
 * numbers may grow, and none may become lower: each is only looked at again when its value comes first.
 */
export class LowestFirst<Value> {
  readonly #numberOf: (value: Value) => number
  // A binary heap.
  readonly #entries: Entry<Value>[]

  constructor(values: Iterable<Value>, numberOf: (value: Value) => number) {
    this.#numberOf = numberOf
    this.#entries = Array.from(values, (value, place) => ({ value, place, number: numberOf(value) }))
    // What is in order is a heap, too.
    this.#entries.sort((a, b) => (isBefore(a, b) ? -1 : 1))
  }

  /** Returns the first value that is wanted, if there is one. */
  find(isWanted: (value: Value) => boolean = () => true): Value | undefined {
    const passed: Entry<Value>[] = []
    let first = this.#first()
    while (first !== undefined && !isWanted(first.value)) {
      passed.push(first)
      this.#removeFirst()
      first = this.#first()
    }
    for (const each of passed) this.#add(each)
    return first?.value
  }

  #first(): Entry<Value> | undefined {
    for (;;) {
      const first = this.#entries[0]
      const number = first && this.#numberOf(first.value)
      if (first === undefined || number === undefined || number === first.number) return first
      first.number = number
      this.#sink()
    }
  }

  #removeFirst(): void {
    const last = this.#entries.pop()!
    if (this.#entries.length === 0) return
    this.#entries[0] = last
    this.#sink()
  }

  #add(entry: Entry<Value>): void {
    const entries = this.#entries
    let at = entries.length
    entries.push(entry)
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!isBefore(entry, entries[above]!)) return
      entries[at] = entries[above]!
      entries[above] = entry
      at = above
    }
  }

  #sink(): void {
    const entries = this.#entries
    const entry = entries[0]!
    for (let at = 0; ; ) {
      let next = 2 * at + 1
      if (next >= entries.length) return
      if (next + 1 < entries.length && isBefore(entries[next + 1]!, entries[next]!)) next++
      if (!isBefore(entries[next]!, entry)) return
      entries[at] = entries[next]!
      entries[next] = entry
      at = next
    }
  }
}

function isBefore(a: Entry<unknown>, b: Entry<unknown>): boolean {
  return a.number < b.number || (a.number === b.number && a.place < b.place)
}
