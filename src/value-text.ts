/** A value as an error message shows it: short, and never throwing itself. */
export function describeValue(value: unknown): string {
  if (value === null) return 'null'
  switch (typeof value) {
    case 'string':
      return value.length > 60 ? `'${value.slice(0, 57)}...'` : `'${value}'`
    case 'bigint':
      return `${value}n`
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value)
    case 'function':
      return 'a function'
    case 'symbol':
      return 'a symbol'
    default:
      try {
        return describeObject(value)
      } catch {
        // A proxy whose traps throw.
        return 'an object'
      }
  }
}

function describeObject(value: object): string {
  if (Array.isArray(value)) return `an array of ${value.length}`
  return `${/^(?!Uint)[aeiou]/i.test(constructorName(value)) ? 'an' : 'a'} ${constructorName(value)}`
}

function constructorName(value: object): string {
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name
  return typeof name === 'string' && name !== '' && name !== 'Object' ? name : 'object'
}
