import { types } from 'node:util'
import { describeValue } from './value-text.ts'

/**
 * A value as JSON has it.
 *
 * @throws TypeError where JSON has no form for it, or makes an empty object of what holds something, such as a Map
 */
export function jsonText(value: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    // JSON.stringify says where a cycle is closed, but not where a BigInt is.
    throw refusal(value) ?? cause
  }
  if (text === undefined) throw new TypeError(`JSON has no form for ${typeof value}`)
  // Most values have no empty object in them, and are not looked at again.
  const refused = text.includes('{}') ? refusal(value) : undefined
  if (refused !== undefined) throw refused
  return text
}

function refusal(value: unknown): TypeError | undefined {
  try {
    const lost = lostIn(value)
    return lost && new TypeError(`${lost.why} at value${lost.path}`)
  } catch {
    // A getter that throws, or a cycle: JSON.stringify has refused it already.
    return undefined
  }
}

interface Lost {
  readonly why: string
  /** From the value that was looked at. */
  path: string
}

function lostIn(value: unknown): Lost | undefined {
  if (typeof value === 'bigint') return { why: 'JSON has no form for the BigInt', path: '' }
  // What says itself what JSON has of it knows what it does.
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return undefined
  if (Object.getPrototypeOf(value) !== Object.prototype && isEmptied(value))
    return { why: `JSON makes an empty object of ${describeValue(value)}`, path: '' }
  for (const key in value) {
    const lost = Object.hasOwn(value, key) ? lostIn((value as Record<string, unknown>)[key]) : undefined
    if (lost === undefined) continue
    lost.path = (Array.isArray(value) ? `[${key}]` : `.${key}`) + lost.path
    return lost
  }
  return undefined
}

const kinds = [types.isMap, types.isSet, types.isPromise, types.isNativeError, types.isRegExp]

function isEmptied(value: object): boolean {
  return kinds.some(isKind => isKind(value)) && Object.keys(value).length === 0
}
