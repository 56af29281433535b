import { jsonText } from './json-text.ts'
import { type Check, objectWith } from './validate.ts'

/** Turns a topic's values into the bytes that its log keeps, and back. It never sees a null value (a tombstone). */
export interface Codec<Value> {
  /** The bytes that the log keeps; what it throws refuses the record. */
  encode(value: Value): Uint8Array
  /** A copy of the value, for each delivery anew. */
  decode(bytes: Uint8Array): Value
}

const codecMethods = objectWith('encode', 'decode')

/** What an option `codec` takes; its name in quotes is not one. */
export const codecCheck: Check = {
  ...codecMethods,
  expected: `${codecMethods.expected}, such as json, string or bytes of this package`,
}

// `json` of one copy of this package is not the object that `json` of another one is, and yet the same codec.
const nameKey: unique symbol = Symbol.for('brokerlet.codec')

// Pure, so that a bundle leaves out the codecs that it does not use.
function named<Value>(name: string, codec: Codec<Value>): Codec<Value> {
  return Object.defineProperty(codec, nameKey, { value: name })
}

/** Whether two codecs are one, perhaps of two copies of this package. */
export function isSameCodec(a: unknown, b: unknown): boolean {
  const name = nameOf(a)
  return a === b || (name !== undefined && name === nameOf(b))
}

function nameOf(codec: unknown): unknown {
  return (codec as { readonly [nameKey]?: unknown } | null | undefined)?.[nameKey]
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Values as JSON. What JSON has no form for (a BigInt, a cycle, a function) is refused, and so is a Map, a Set, a Promise,
 * a RegExp or an Error, of which it would make `{}`. As always in JSON, a Date becomes a string, NaN becomes null, and
 * a property that is `undefined` or a function is left out.
 */
// biome-ignore lint/suspicious/noExplicitAny: json carries whatever type the topic declares
export const json: Codec<any> = /* @__PURE__ */ named('json', {
  encode(value: unknown) {
    return encoder.encode(jsonText(value))
  },
  decode: bytes => JSON.parse(decoder.decode(bytes)),
})

/** Strings as UTF-8, which has no form for half of a surrogate pair: that becomes U+FFFD. */
export const string: Codec<string> = /* @__PURE__ */ named('string', {
  encode(value) {
    if (typeof value !== 'string') throw new TypeError(`expected a string, received ${typeof value}`)
    return encoder.encode(value)
  },
  decode: bytes => decoder.decode(bytes),
})

/** Bytes, copied on the way in and on the way out. */
export const bytes: Codec<Uint8Array> = /* @__PURE__ */ named('bytes', {
  encode(value) {
    if (!(value instanceof Uint8Array)) throw new TypeError(`expected bytes, received ${typeof value}`)
    // Not slice(): a Buffer's slice() shares its memory.
    return new Uint8Array(value)
  },
  decode: value => new Uint8Array(value),
})
