import { types } from 'node:util'
import { describeValue } from './value-text.ts'

/** Whether a value is an error of any realm: within Jest, Node's errors have another `Error` class than the tests. */
export function isError(thrown: unknown): thrown is Error {
  try {
    return thrown instanceof Error || types.isNativeError(thrown)
  } catch {
    // A proxy whose traps throw.
    return false
  }
}

/** The text of anything that can be thrown, whatever is in its fields. */
export function describeError(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown
  const text = isError(thrown) ? fieldOf(thrown, 'message') || fieldOf(thrown, 'name') : undefined
  if (text === undefined) return `thrown ${describeValue(thrown)}`
  return typeof text === 'string' ? text : describeValue(text)
}

/** The name of what was thrown: an error's own, or the type of anything else. */
export function thrownName(thrown: unknown): string {
  if (!isError(thrown)) return typeof thrown
  const name = fieldOf(thrown, 'name')
  return typeof name === 'string' ? name : 'Error'
}

/** The stacks of an error and of those behind it, as a log shows them; undefined for what is no error. */
export function stacksOf(thrown: unknown): string | undefined {
  const stacks = new Map<unknown, string>()
  for (let each = thrown; isError(each) && !stacks.has(each); each = fieldOf(each, 'cause')) {
    const stack = fieldOf(each, 'stack')
    stacks.set(each, typeof stack === 'string' ? stack : describeError(each))
  }
  return stacks.size === 0 ? undefined : [...stacks.values()].join('\ncaused by ')
}

// A user's error may have any value in a field, and a getter that throws. That must not take the place of the error.
function fieldOf(error: Error, name: 'message' | 'name' | 'stack' | 'cause'): unknown {
  try {
    return error[name]
  } catch {
    return undefined
  }
}
