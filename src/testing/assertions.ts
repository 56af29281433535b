import { AssertionError } from 'node:assert'
import { isDeepStrictEqual } from 'node:util'
import { describeValue, OffsetOutOfRangeError } from '../errors.ts'
import type { Topic } from '../log/topic.ts'
import type { AnyRecord } from '../record.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'
import { historyOf, type PartitionHistory } from './group-history.ts'
import type { Timeline } from './timeline.ts'
import type { TimelineEntry } from './timeline-entry.ts'

/** The broker that is asked: a `TestBroker`. */
export interface ObservedBroker {
  readonly timeline: Timeline
  /** A topic by its name. */
  topic(name: string): Topic
}

/** A record by those of its fields that matter: what is left out may be anything. */
export type ExpectedRecord = Partial<AnyRecord>

/**
 * The topic holds exactly these records, in the order in which they were appended.
 *
 * @throws AssertionError
 */
export function assertRecords(
  broker: ObservedBroker,
  topic: string,
  expected: readonly ExpectedRecord[],
): void {
  const actual = broker.topic(topic).records()
  const same = actual.length === expected.length && actual.every((record, i) => matches(record, expected[i]!))
  if (same) return
  fail(`Topic '${topic}' holds ${actual.length} records, not the ${expected.length} that were expected`, '', {
    actual: pick(actual, expected),
    expected,
  })
}

/**
 * The group has processed exactly these records: each at least once, in whatever order, and nothing else.
 *
 * @throws AssertionError
 * @throws OffsetOutOfRangeError where the log no longer holds one of them
 */
export function assertProcessed(
  broker: ObservedBroker,
  group: string,
  expected: readonly ExpectedRecord[],
): void {
  const processed = processedBy(broker, group)
  const left = [...processed]
  const missing = expected.filter(wanted => {
    const index = left.findIndex(record => matches(record, wanted))
    if (index >= 0) left.splice(index, 1)
    return index < 0
  })
  if (missing.length === 0 && left.length === 0) return
  fail(
    `Group '${group}' has processed ${processed.length} records: ${missing.length} of the expected ones are missing, ` +
      `${left.length} were not expected`,
    indent(String(broker.timeline.forGroup(group))),
    { actual: pick(processed, expected), expected },
  )
}

/** The records that a group has processed, each once, in the order of the first time. */
export function processedBy(broker: ObservedBroker, group: string): readonly AnyRecord[] {
  const places = new Map<string, TopicPartition & { readonly offset: number }>()
  for (const history of historyOf(broker.timeline, group)) {
    for (const entry of history.entries) if (entry.kind === 'processed') places.set(idOf(entry), entry)
  }
  const order = broker.timeline.ofKind('processed').filter(entry => entry.group === group)
  return [...new Map(order.map(entry => [idOf(entry), entry])).values()].map(place => recordAt(broker, place))
}

/**
 * The group has processed the records of each key in their order; a record that comes again later does not count.
 *
 * @throws AssertionError
 */
export function assertEveryKeyInOrder(broker: ObservedBroker, group: string): void {
  for (const history of historyOf(broker.timeline, group)) {
    const reached = new Map<unknown, number>()
    const done = new Set<number>()
    for (const entry of history.entries) {
      if (entry.kind !== 'processed' || entry.key === null || done.has(entry.offset)) continue
      done.add(entry.offset)
      const key = typeof entry.key === 'string' ? entry.key : Buffer.from(entry.key).toString('hex')
      const before = reached.get(key) ?? -1
      if (entry.offset < before) {
        failAt(
          history,
          entry,
          `Group '${group}' has processed ${nameOf(entry)} after offset ${before}, which has its key ${describeValue(entry.key)}`,
        )
      }
      reached.set(key, entry.offset)
    }
  }
}

/**
 * The group has processed every record from where it began to read, or written it to another topic (a dead letter, a
 * delayed retry); one that was given up (`onFailure: 'skip'`) or left the log unread is lost.
 *
 * @throws AssertionError
 */
export function assertNothingLost(broker: ObservedBroker, group: string): void {
  for (const history of historyOf(broker.timeline, group)) {
    const begin = history.firstRead ?? 0
    const done = new Set<number>()
    for (const entry of history.entries) if (isDone(entry)) done.add(entry.offset)
    for (const entry of history.entries) {
      if (entry.kind !== 'appended' || entry.offset < begin || done.has(entry.offset)) continue
      failAt(history, undefined, `Group '${group}' has not processed ${nameOf(entry)}`)
    }
  }
}

/**
 * The group has never committed past a record that it had not processed, or given up; what a seek or a reset passed over
 * is not held against it.
 *
 * @throws AssertionError
 */
export function assertNoCommitPastProcessed(broker: ObservedBroker, group: string): void {
  for (const history of historyOf(broker.timeline, group)) checkCommits(history, group)
}

type Done = Extract<TimelineEntry, { readonly kind: 'processed' | 'dead lettered' | 'delayed' }>

// Processed, or kept in another topic.
function isDone(entry: TimelineEntry): entry is Done {
  return entry.kind === 'processed' || entry.kind === 'dead lettered' || entry.kind === 'delayed'
}

function checkCommits(history: PartitionHistory, group: string): void {
  const open = new Set<number>()
  let passed = 0
  for (const entry of history.entries) {
    const { topic, partition } = history
    if (entry.kind === 'appended' && entry.offset >= passed) open.add(entry.offset)
    else if (entry.kind === 'skipped' || isDone(entry)) open.delete(entry.offset)
    else if (entry.kind === 'started' || entry.kind === 'sought' || entry.kind === 'reset') {
      passed = Math.max(passed, entry.kind === 'reset' ? entry.to : entry.offset)
      for (const offset of open) if (offset < passed) open.delete(offset)
    } else if (entry.kind === 'committed') {
      const committed = entry.offsets.find(tp => tp.topic === topic && tp.partition === partition)!.offset
      for (const offset of open) {
        if (offset >= committed) continue
        const name = nameOf({ topic, partition, offset })
        failAt(history, entry, `Group '${group}' has committed ${committed} before ${name} was processed`)
      }
    }
  }
}

/**
 * The group has got a record twice only where that is to be expected: its partition was assigned anew, somebody sought or
 * was reset, it was asked for (`redeliver`), or its handler had failed.
 *
 * @throws AssertionError
 */
export function assertDuplicatesOnlyAfterRebalance(broker: ObservedBroker, group: string): void {
  for (const history of historyOf(broker.timeline, group)) {
    // By offset, in which stretch between two causes it was delivered.
    const delivered = new Map<number, number>()
    let stretch = 0
    for (const entry of history.entries) {
      if (excusesDuplicates(entry)) stretch++
      if (entry.kind !== 'delivered') continue
      if (delivered.get(entry.offset) === stretch) {
        failAt(
          history,
          entry,
          `Group '${group}' got ${nameOf(entry)} twice, and nothing had happened that explains it`,
        )
      }
      delivered.set(entry.offset, stretch)
    }
  }
}

function excusesDuplicates({ kind }: TimelineEntry): boolean {
  return ['started', 'sought', 'reset', 'redelivering', 'failed'].includes(kind)
}

function recordAt(broker: ObservedBroker, tp: TopicPartition & { readonly offset: number }): AnyRecord {
  const { topic, partition, offset } = tp
  const log = broker.topic(topic).partitions[partition]!
  const [record] = offset < log.logStartOffset ? [] : log.read(offset, { maxRecords: 1 })
  if (record?.offset === offset) return record
  throw new OffsetOutOfRangeError(`The log no longer holds ${nameOf(tp)}, which was processed`, {
    topic,
    partition,
    offset,
  })
}

function matches(record: AnyRecord, expected: ExpectedRecord): boolean {
  return Object.entries(expected).every(([field, value]) =>
    isDeepStrictEqual(record[field as keyof AnyRecord], value),
  )
}

// Only the fields that somebody asked for, so that a runner's diff shows what matters.
function pick(records: readonly AnyRecord[], expected: readonly ExpectedRecord[]): object[] {
  const fields = new Set(expected.flatMap(each => Object.keys(each)))
  if (fields.size === 0) return [...records]
  return records.map(record =>
    Object.fromEntries(Object.entries(record).filter(([field]) => fields.has(field))),
  )
}

function nameOf(tp: TopicPartition & { readonly offset: number }): string {
  return `${formatTopicPartition(tp)}@${tp.offset}`
}

const idOf = nameOf

function indent(text: string): string {
  return text.replace(/^/gm, '  ')
}

function failAt(history: PartitionHistory, entry: TimelineEntry | undefined, what: string): never {
  return fail(what, history.around(entry))
}

function fail(
  what: string,
  story: string,
  values: { readonly actual?: unknown; readonly expected?: unknown } = {},
): never {
  const message = story === '' ? what : `${what}. What happened:\n${story}`
  throw new AssertionError({ message, ...values, stackStartFn: fail })
}
