/** Freezes plain data all the way down; typed arrays cannot be frozen and stay as they are. */
export function deepFreeze(root: unknown): void {
  const seen = new Set<object>()
  // A list instead of recursion: a long chain of objects would overflow the stack.
  const left = [root]
  while (left.length > 0) {
    const value = left.pop()
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || seen.has(value)) continue
    seen.add(value)
    for (const key of Reflect.ownKeys(value)) {
      const property = Object.getOwnPropertyDescriptor(value, key)
      if (property && 'value' in property) left.push(property.value)
    }
    Object.freeze(value)
  }
}
