const never = (): void => {
  // A dead process gets no answer, and nothing waits for one.
}

/** Returns the answer to a request of a process that died: a promise that never settles. */
export function neverAnswered<T>(): Promise<T> {
  return new Promise(never)
}
