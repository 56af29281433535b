type Aborted = (reason: unknown) => void

/**
 * Lets many waits for the same signal share one listener: another wait costs the signal nothing, and Node does not warn
 * of a leak.
 */
export class AbortWatch {
  readonly #watchers = new WeakMap<AbortSignal, Set<Aborted>>()

  /** Calls `aborted` when one of the signals aborts, which none has yet; returns a function that ends the watch. */
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
