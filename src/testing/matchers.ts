import { AssertionError } from 'node:assert'
import {
  assertDuplicatesOnlyAfterRebalance,
  assertEveryKeyInOrder,
  assertNoCommitPastProcessed,
  assertNothingLost,
  type ObservedBroker,
} from './assertions.ts'
import type { ExpectedRecord } from './expected-record.ts'
import { assertProcessed, assertRecords } from './record-assertions.ts'

/** The matchers of `expect(broker)`, to extend a test runner's types with: see docs/testing.md. */
export interface BrokerMatchers<Result = void> {
  /** Expects that the topic holds exactly these records, in the order in which they were appended. */
  toHoldRecords(topic: string, records: readonly ExpectedRecord[]): Result
  /** Expects that the group has processed exactly these records, in any order. */
  toHaveProcessed(group: string, records: readonly ExpectedRecord[]): Result
  /** Expects that the group has processed the records of each key in their order. */
  toKeepEveryKeyInOrder(group: string): Result
  /** Expects that the group has processed every record from the offset where it began to read. */
  toLoseNothing(group: string): Result
  /** Expects that the group has never committed past a record that it had not processed. */
  toCommitOnlyProcessed(group: string): Result
  /** Expects that the group got a record twice only for a reason; see `assertDuplicatesOnlyAfterRebalance`. */
  toRepeatOnlyAfterRebalance(group: string): Result
}

// An alias, not an interface: a user's declaration files inline types that are not exported.
type MatcherResult = {
  readonly pass: boolean
  readonly message: () => string
  readonly actual?: unknown
  readonly expected?: unknown
}

type Matcher<Args extends readonly unknown[]> = (received: unknown, ...args: Args) => MatcherResult

// What a test runner gives to its matchers as `this`.
type MatcherContext = {
  readonly utils?: { readonly diff?: (expected: unknown, actual: unknown) => string | null | undefined }
}

// The assertion's error becomes the matcher's message; an assertion that returns has passed.
function toMatcher<Args extends readonly unknown[]>(
  assertion: (broker: ObservedBroker, ...args: Args) => void,
  holds: (...args: Args) => string,
): Matcher<Args> {
  return function (this: unknown, received, ...args) {
    try {
      assertion(received as ObservedBroker, ...args)
      return { pass: true, message: () => `Expected otherwise, but ${holds(...args)}` }
    } catch (error) {
      if (!(error instanceof AssertionError)) throw error
      const { message, actual, expected } = error
      // vitest would show how the two differ by itself; jest shows nothing but the message.
      const utils = (this as MatcherContext | undefined)?.utils
      const diff = expected === undefined ? undefined : utils?.diff?.(expected, actual)
      if (diff) return { pass: false, message: () => `${message}\n\n${diff}` }
      return { pass: false, message: () => message, actual, expected }
    }
  }
}

/** The matchers, for `expect.extend(matchers)` of vitest and of jest. */
export const matchers: {
  readonly [Name in keyof BrokerMatchers]: Matcher<Parameters<BrokerMatchers[Name]>>
} = {
  toHoldRecords: toMatcher(assertRecords, topic => `topic '${topic}' holds exactly these records`),
  toHaveProcessed: toMatcher(
    assertProcessed,
    group => `group '${group}' has processed exactly these records`,
  ),
  toKeepEveryKeyInOrder: toMatcher(
    assertEveryKeyInOrder,
    group => `group '${group}' has processed every key in order`,
  ),
  toLoseNothing: toMatcher(assertNothingLost, group => `group '${group}' has lost nothing`),
  toCommitOnlyProcessed: toMatcher(
    assertNoCommitPastProcessed,
    group => `group '${group}' has committed only what it had processed`,
  ),
  toRepeatOnlyAfterRebalance: toMatcher(
    assertDuplicatesOnlyAfterRebalance,
    group => `group '${group}' has got nothing twice without a cause`,
  ),
}
