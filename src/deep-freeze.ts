/** Freezes plain data all the way down; typed arrays cannot be frozen and stay as they are. */
export function deepFreeze(value: unknown, seen: Set<object> = new Set()): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || seen.has(value)) return
  seen.add(value)
  for (const key of Reflect.ownKeys(value)) {
    const property = Object.getOwnPropertyDescriptor(value, key)
    if (property && 'value' in property) deepFreeze(property.value, seen)
  }
  Object.freeze(value)
}
