/** The place of someone who waits in a line. */
export interface Place<T> {
  readonly holder: T
  before: Place<T> | undefined
  after: Place<T> | undefined
}

/**
 * Those who wait, in the order in which they came: the first is found at once, and anyone can leave at once. (In a Set,
 * looking for the first passes all who have left before it.)
 */
export class WaitingLine<T> {
  #first: Place<T> | undefined
  #last: Place<T> | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  get first(): T | undefined {
    return this.#first?.holder
  }

  join(holder: T): Place<T> {
    const place: Place<T> = { holder, before: this.#last, after: undefined }
    if (this.#last === undefined) this.#first = place
    else this.#last.after = place
    this.#last = place
    this.#size++
    return place
  }

  /** Gives up a place, which must be one of this line. */
  leave({ before, after }: Place<T>): void {
    if (before === undefined) this.#first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    this.#size--
  }

  /** All who wait, first come first. */
  all(): T[] {
    const all: T[] = []
    for (let place = this.#first; place !== undefined; place = place.after) all.push(place.holder)
    return all
  }
}
