/** A value now, or a promise of one: an engine in memory answers at once, one on a cluster later. */
export type MaybePromise<T> = T | Promise<T>

/** Whether a value has to be awaited: anything with a `then`, as `await` sees it. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    value !== null &&
    (typeof value === 'object' || typeof value === 'function') &&
    typeof (value as { readonly then?: unknown }).then === 'function'
  )
}
