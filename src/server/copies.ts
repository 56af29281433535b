/**
 * What is kept for each of some objects, by all copies of this package in a process: a program that uses both `import`
 * and `require` has two, and serves one broker by either.
 */
export function sharedByCopies<K extends object, V>(noun: string): WeakMap<K, V> {
  const holder = globalThis as unknown as Record<symbol, WeakMap<K, V> | undefined>
  const key = Symbol.for(`brokerlet.${noun}`)
  holder[key] ??= new WeakMap()
  return holder[key]
}
