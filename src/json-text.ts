import { types } from 'node:util'
import { describeValue } from './errors.ts'

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
    throw refusal(value, cause)
  }
  if (text === undefined) throw new TypeError(`JSON has no form for ${typeof value}`)
  // Most values have no empty object in them, and are not looked at again.
  if (!text.includes('{}') || !holdsEmptied(value)) return text
  const found = find(value, isEmptied)!
  throw new TypeError(`JSON makes an empty object of ${describeValue(found.value)} at ${pathOf(found)}`)
}

// JSON.stringify says where a cycle is closed, but not where a BigInt is.
function refusal(value: unknown, cause: unknown): unknown {
  let found: Place | undefined
  try {
    found = find(value, each => typeof each === 'bigint')
  } catch {
    // A getter that throws, say: then it is the cause.
  }
  return found ? new TypeError(`JSON has no form for the BigInt at ${pathOf(found)}`, { cause }) : cause
}

// There is no cycle in it, and it may be deep: so without a note of what was seen, and without recursion.
function holdsEmptied(value: unknown): boolean {
  const left: object[] = []
  const add = (each: unknown) => {
    if (typeof each === 'object' && each !== null) left.push(each)
  }
  add(value)
  for (let each = left.pop(); each !== undefined; each = left.pop()) {
    if (hasToJson(each)) continue
    if (Array.isArray(each)) for (let i = 0; i < each.length; i++) add(each[i])
    else if (Object.getPrototypeOf(each) !== Object.prototype && isEmptied(each)) return true
    else for (const key in each) if (Object.hasOwn(each, key)) add((each as Record<string, unknown>)[key])
  }
  return false
}

const kinds = [types.isMap, types.isSet, types.isPromise, types.isNativeError, types.isRegExp]

function isEmptied(value: unknown): boolean {
  return kinds.some(isKind => isKind(value)) && Object.keys(value as object).length === 0
}

interface Place {
  readonly value: unknown
  readonly key: string
  readonly within: Place | undefined
}

/** The first place within a value, itself included, that JSON looks at and that is so. */
function find(value: unknown, is: (value: unknown) => boolean): Place | undefined {
  const seen = new Set<object>()
  const places: Place[] = [{ value, key: 'value', within: undefined }]
  for (let place = places.pop(); place !== undefined; place = places.pop()) {
    const within = place
    const { value: each } = place
    // What says itself what JSON has of it knows what it does.
    if (hasToJson(each)) continue
    if (is(each)) return place
    if (typeof each !== 'object' || each === null || seen.has(each)) continue
    seen.add(each)
    for (const [key, inner] of Object.entries(each).toReversed()) places.push({ value: inner, key, within })
  }
  return undefined
}

function hasToJson(value: unknown): boolean {
  return typeof (value as { readonly toJSON?: unknown } | null | undefined)?.toJSON === 'function'
}

function pathOf({ key, within }: Place): string {
  if (within === undefined) return key
  return `${pathOf(within)}${Array.isArray(within.value) ? `[${key}]` : `.${key}`}`
}
