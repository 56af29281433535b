const never = (): void => {
  // Who died waits for nothing and gets no answer.
}

/** What a process that died hears of its requests, which reach nobody. */
export function neverAnswered<T>(): Promise<T> {
  return new Promise(never)
}
