/** A value now, or a promise of one: an engine in memory answers at once, one on a cluster later. */
export type MaybePromise<T> = T | Promise<T>

/**
 * Whether an answer of our own code is a promise. Looking for a missing `then` costs 30 ns where many kinds of objects
 * pass by; this costs 5.
 */
export function isPromise<T>(answer: MaybePromise<T>): answer is Promise<T> {
  return answer instanceof Promise
}

/**
 * Whether a value from user code is a promise, where none can be waited for. Nobody will look at that promise: it must
 * not end as an unhandled rejection.
 */
export function forgetPromise(value: unknown): value is PromiseLike<unknown> {
  try {
    if (!isThenable(value)) return false
  } catch {
    // It cannot be asked, so nothing can wait for it.
    return false
  }
  // What a `then` throws that is not as a promise has it is caught, too.
  Promise.resolve(value).catch(() => {})
  return true
}

/** Whether a value from user code has to be awaited: anything with a `then`, as `await` sees it. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    value !== null &&
    (typeof value === 'object' || typeof value === 'function') &&
    typeof (value as { readonly then?: unknown }).then === 'function'
  )
}

/** The same promise, but where `silent` says so of what it rejects with, that is no unhandled rejection. */
export function silentWhere(promise: Promise<void>, silent: (error: unknown) => boolean): Promise<void> {
  const same = new Promise<void>((resolve, reject) => {
    promise.then(resolve, error => {
      reject(error)
      if (silent(error)) same.catch(() => {})
    })
  })
  return same
}
