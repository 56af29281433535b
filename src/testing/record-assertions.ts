import { inspect } from 'node:util'
import { counted } from '../counted.ts'
import type { AnyRecord } from '../record.ts'
import { type Check, objectWith, requireArgument } from '../validate.ts'
import { fail, type ObservedBroker, observed, processedBy } from './assertions.ts'
import { type ExpectedRecord, matches, requireRecords, settle, shownFields } from './expected-record.ts'

const anyBroker: Check = { expected: 'a broker', accepts: objectWith('topic').accepts }

/**
 * Asserts that a topic holds exactly these records, in the order in which they were appended.
 *
 * @throws AssertionError
 */
export function assertRecords(
  broker: Pick<ObservedBroker, 'topic'>,
  topic: string,
  expected: readonly ExpectedRecord[],
): void {
  requireArgument('assertRecords', 'broker', broker, anyBroker)
  requireRecords('assertRecords', expected)
  const actual = broker.topic(topic).records()
  const at = firstDifference(actual, expected)
  if (at === expected.length && at === actual.length) return
  const other =
    actual.length === expected.length ? 'other records than' : `${counted(actual.length, 'record')}, not`
  const values = {
    actual: [
      ...actual.slice(0, expected.length).map((record, i) => shownFields(record, [expected[i]!])),
      ...pick(actual.slice(expected.length), expected),
    ],
    expected: expected.map((each, i) => settle(each, actual[i])),
  }
  const what = [
    `Topic '${topic}' holds ${other} the ${expected.length} that were expected`,
    `  record ${at}: ${shown(values.actual[at])}`,
    `  expected: ${shown(values.expected[at])}`,
  ]
  fail(what.join('\n'), '', values)
}

// The index of the first record that is not as expected, that is missing, or that is one too many.
function firstDifference(records: readonly AnyRecord[], expected: readonly ExpectedRecord[]): number {
  const index = expected.findIndex((each, i) => records[i] === undefined || !matches(records[i], each))
  return index < 0 ? expected.length : index
}

/**
 * Asserts that a group has processed exactly these records: each at least once, in any order, and no others.
 *
 * @throws AssertionError
 * @throws GroupIdNotFoundError where there was no such group
 */
export function assertProcessed(
  broker: ObservedBroker,
  group: string,
  expected: readonly ExpectedRecord[],
): void {
  requireArgument('assertProcessed', 'broker', broker, observed)
  requireRecords('assertProcessed', expected)
  const processed = processedBy(broker, group)
  const { missing, left } = pair(processed, expected)
  if (missing.length === 0 && left.length === 0) return
  const what = [
    `Group '${group}' has processed ${counted(processed.length, 'record')}: ${missing.length} of the expected ones ` +
      `${missing.length === 1 ? 'is' : 'are'} missing, ${left.length} ${left.length === 1 ? 'was' : 'were'} not expected`,
  ]
  if (missing.length > 0) what.push(`  missing: ${shown(missing[0])}`)
  if (left.length > 0) what.push(`  not expected: ${shown(pick(left, expected)[0])}`)
  fail(what.join('\n'), indent(String(broker.timeline.forGroup(group))), {
    actual: pick(processed, expected),
    expected,
  })
}

interface Unpaired {
  readonly missing: readonly ExpectedRecord[]
  readonly left: readonly AnyRecord[]
}

// Which expected records find no processed record of their own, and which processed records are left. Where a record
// fits several expectations, it goes to one that no other record fits. (Kuhn's augmenting paths)
function pair(records: readonly AnyRecord[], expected: readonly ExpectedRecord[]): Unpaired {
  const takenBy = new Map<number, ExpectedRecord>()
  const place = (wanted: ExpectedRecord, seen: Set<number>): boolean => {
    if (takenBy.size === records.length) return false
    const fits = (i: number) => matches(records[i]!, wanted)
    const free = records.findIndex((_, i) => !takenBy.has(i) && fits(i))
    const index =
      free >= 0
        ? free
        : records.findIndex((_, i) => {
            if (!takenBy.has(i) || seen.has(i) || !fits(i)) return false
            seen.add(i)
            return place(takenBy.get(i)!, seen)
          })
    if (index < 0) return false
    takenBy.set(index, wanted)
    return true
  }
  const missing = expected.filter(wanted => !place(wanted, new Set()))
  return { missing, left: records.filter((_, i) => !takenBy.has(i)) }
}

// Only the fields that were expected of any of them; whole records where nothing is expected.
function pick(records: readonly AnyRecord[], expected: readonly ExpectedRecord[]): object[] {
  const all = expected.every(each => Object.keys(each).length === 0)
  return records.map(record => (all ? record : shownFields(record, expected)))
}

// A record, or a part of it, in one line: node:test shows what is deep within it nowhere else.
function shown(record: object | undefined): string {
  if (record === undefined) return 'none'
  const limits = { depth: 10, maxArrayLength: 20, maxStringLength: 200 }
  const text = inspect(record, { ...limits, breakLength: Number.POSITIVE_INFINITY, compact: true })
  return text.length > 1000 ? `${text.slice(0, 997)}...` : text
}

function indent(text: string): string {
  return text.replace(/^/gm, '  ')
}
