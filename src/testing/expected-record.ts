import { isDeepStrictEqual, types } from 'node:util'
import type { AnyRecord } from '../record.ts'

/**
 * The fields of a record that matter to an assertion; a field that is left out may have any value. Matchers of the test
 * runner (`expect.any(String)`) may stand for values at any depth. A `Buffer` may stand for a `Uint8Array`.
 */
export type ExpectedRecord = Partial<AnyRecord>

export function matches(record: AnyRecord, expected: ExpectedRecord): boolean {
  return Object.entries(expected).every(([field, value]) => {
    const actual = record[field as keyof AnyRecord]
    return isDeepStrictEqual(actual, settled(value, actual))
  })
}

/** What was expected of a record, without the matchers that it fits: those would look like a difference. */
export function settle(expected: ExpectedRecord, record: AnyRecord | undefined): ExpectedRecord {
  return record === undefined ? expected : (settled(expected, record) as ExpectedRecord)
}

type Fields = Readonly<Record<string, unknown>>

// The expected value, with the actual one in place of each matcher that takes it, and of the same bytes. What holds
// neither stays as it is.
function settled(expected: unknown, actual: unknown, above: readonly unknown[] = []): unknown {
  if (typeof expected !== 'object' || expected === null || above.includes(expected)) return expected
  if (isMatcher(expected)) return expected.asymmetricMatch(actual) ? actual : expected
  if (types.isUint8Array(expected) && types.isUint8Array(actual))
    return Buffer.compare(expected, actual) === 0 ? actual : expected
  if (!Array.isArray(expected) && !isPlain(expected)) return expected
  const values = typeof actual === 'object' && actual !== null ? (actual as Fields) : {}
  let copy: Record<string, unknown> | undefined
  for (const [name, value] of Object.entries(expected)) {
    const found = settled(value, values[name], [...above, expected])
    if (found === value) continue
    copy ??= (Array.isArray(expected) ? [...expected] : { ...expected }) as Record<string, unknown>
    copy[name] = found
  }
  return copy ?? expected
}

// The convention of Jasmine, which jest and vitest follow.
function isMatcher(value: object): value is { asymmetricMatch(actual: unknown): boolean } {
  return 'asymmetricMatch' in value && typeof value.asymmetricMatch === 'function'
}

function isPlain(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype
}
