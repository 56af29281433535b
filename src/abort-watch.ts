type Aborted = (reason: unknown) => void

/**
 * Lets many waits for the same signal share one listener: another wait costs the signal nothing, and Node does not warn
 * of a leak.
 */
export class AbortWatch {
  readonly #watchers = new WeakMap<AbortSignal, Set<Aborted>>()

  /** Calls `aborted` when one of the signals aborts, which none has yet; returns a function that ends the watch. */
  watch(signals: readonly AbortSignal[], aborted: Aborted): () => void {
    for (const signal of signals) this.#add(signal, aborted)
    return () => {
      for (const signal of signals) this.#remove(signal, aborted)
    }
  }

  #add(signal: AbortSignal, aborted: Aborted): void {
    const known = this.#watchers.get(signal)
    if (known !== undefined) return void known.add(aborted)
    this.#watchers.set(signal, new Set([aborted]))
    signal.addEventListener('abort', this.#tell, { once: true })
  }

  // Node keeps a signal that follows others alive for as long as it has a listener.
  #remove(signal: AbortSignal, aborted: Aborted): void {
    const watchers = this.#watchers.get(signal)
    watchers?.delete(aborted)
    if (watchers?.size !== 0) return
    this.#watchers.delete(signal)
    signal.removeEventListener('abort', this.#tell)
  }

  readonly #tell = ({ target }: Event): void => {
    const signal = target as AbortSignal
    for (const aborted of [...this.#watchers.get(signal)!]) aborted(signal.reason)
  }
}
