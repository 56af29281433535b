type Aborted = (reason: unknown) => void

/**
 * Many who wait for the same signal, by one listener: one more costs the signal nothing, and Node does not take them for a
 * leak.
 */
export class AbortWatch {
  readonly #watchers = new WeakMap<AbortSignal, Set<Aborted>>()

  /** Calls once any of them aborts, which none has yet; gives the end of it. */
  watch(signals: readonly AbortSignal[], aborted: Aborted): () => void {
    for (const signal of signals) this.#of(signal).add(aborted)
    return () => {
      for (const signal of signals) this.#watchers.get(signal)?.delete(aborted)
    }
  }

  #of(signal: AbortSignal): Set<Aborted> {
    const known = this.#watchers.get(signal)
    if (known !== undefined) return known
    const watchers = new Set<Aborted>()
    this.#watchers.set(signal, watchers)
    const tell = () => {
      for (const aborted of [...watchers]) aborted(signal.reason)
    }
    signal.addEventListener('abort', tell, { once: true })
    return watchers
  }
}
