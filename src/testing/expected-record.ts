import { isDeepStrictEqual, types } from 'node:util'
import { InvalidArgumentError } from '../errors.ts'
import { type AnyRecord, isPlain } from '../record.ts'
import { didYouMean, suggest } from '../suggest.ts'
import { type Check, listOf, requireArgument } from '../validate.ts'

/**
 * The fields of a record that matter to an assertion; a field that is left out may have any value. Matchers of the test
 * runner (`expect.any(String)`) may stand for values at any depth, and for the whole record. A `Buffer` may stand for a
 * `Uint8Array`.
 */
export type ExpectedRecord = Partial<AnyRecord>

const fields: readonly string[] = [
  'topic',
  'partition',
  'offset',
  'timestamp',
  'key',
  'value',
  'headers',
] satisfies (keyof AnyRecord)[]

const recordList: Check = listOf({
  expected: 'records, each by its fields',
  // What has no fields would fit every record: an empty list, a Map, a promise that nobody has awaited.
  accepts: value => isMatcher(value) || isPlain(value),
})

/** @throws InvalidArgumentError also where a record names a field that none has: it would fit none, whatever was meant */
export function requireRecords(where: string, expected: readonly ExpectedRecord[]): void {
  requireArgument(where, 'expected', expected, recordList)
  for (const each of expected) {
    const unknown = isMatcher(each) ? undefined : Object.keys(each).find(field => !fields.includes(field))
    if (unknown === undefined) continue
    const suggestions = suggest(unknown, fields)
    throw new InvalidArgumentError(`${where}: a record has no field '${unknown}'${didYouMean(suggestions)}`, {
      field: 'expected',
      suggestions,
    })
  }
}

export function matches(record: AnyRecord, expected: ExpectedRecord): boolean {
  if (isMatcher(expected)) return expected.asymmetricMatch(record)
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
  if (!Array.isArray(expected) && !isLiteral(expected)) return expected
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
function isMatcher(value: unknown): value is { asymmetricMatch(actual: unknown): boolean } {
  return (
    typeof (value as { readonly asymmetricMatch?: unknown } | null | undefined)?.asymmetricMatch ===
    'function'
  )
}

function isLiteral(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype
}

/** The fields of a record that were expected of it, so that the runner's diff shows what matters. */
export function shownFields(record: AnyRecord, expected: readonly ExpectedRecord[]): object {
  if (expected.some(isMatcher)) return record
  const shown = new Set(expected.flatMap(each => Object.keys(each)))
  return Object.fromEntries(Object.entries(record).filter(([field]) => shown.has(field)))
}
