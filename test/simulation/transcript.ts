// Far more lines than a schedule needs: something is looping without letting time pass.
const mostLines = 20_000

/** The events of a schedule, in order, for a person to read. The same seed writes the same transcript. */
export class Transcript {
  readonly #lines: string[] = []
  readonly #now: () => number
  readonly #full: () => void

  /** `full` is called once, when no more lines fit. */
  constructor(now: () => number, full: () => void) {
    this.#now = now
    this.#full = full
  }

  add(line: string): void {
    if (this.#lines.length === mostLines) return
    this.#lines.push(`${String(this.#now()).padStart(7)} ms  ${line}`)
    if (this.#lines.length === mostLines) this.#full()
  }

  /** The last `count` lines. */
  tail(count: number): string {
    const left = this.#lines.length - count
    const lines = this.#lines.slice(-count)
    return (left > 0 ? [`... ${left} lines before`, ...lines] : lines).join('\n')
  }

  toString(): string {
    return this.#lines.join('\n')
  }
}
