import { AssertionError } from 'node:assert'
import { counted } from '../counted.ts'
import { GroupIdNotFoundError, IllegalStateError, UnknownTopicOrPartitionError } from '../errors.ts'
import type { ConsumerGroup } from '../group/consumer-group.ts'
import type { Partition } from '../log/partition.ts'
import type { Topic } from '../log/topic.ts'
import type { AnyRecord } from '../record.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'
import { type Check, requireArgument } from '../validate.ts'
import { describeValue } from '../value-text.ts'
import { followFinished } from './finished-records.ts'
import { historyOf, type PartitionHistory } from './group-history.ts'
import { recordOf, type Timeline } from './timeline.ts'
import type { EntryOf, TimelineEntry } from './timeline-entry.ts'

/** The broker that an assertion is about: a `TestBroker`. */
export interface ObservedBroker {
  readonly timeline: Timeline
  /** A topic by its name. */
  topic(name: string): Topic
  /** A group by its id. */
  group(groupId: string): Pick<ConsumerGroup, 'lagByPartition'>
  /** Whether clients of a server may be at work. @internal */
  readonly served?: boolean
}

type RecordPlace = TopicPartition & { readonly offset: number }

/** What an assertion about a group takes for its broker. */
export const observed: Check = {
  expected: 'a TestBroker',
  accepts: value => typeof value === 'object' && value !== null && 'timeline' in value,
}

/**
 * Returns the records that a group has processed, each once, in the order of first processing.
 *
 * @throws GroupIdNotFoundError where there was no such group
 */
export function processedBy(broker: ObservedBroker, group: string): readonly AnyRecord[] {
  requireArgument('processedBy', 'broker', broker, observed)
  const histories = historyOf(broker.timeline, group)
  const found = new Map<TimelineEntry, number>()
  for (const [i, { entries }] of histories.entries()) for (const entry of entries) found.set(entry, i)
  const order = broker.timeline.ofKind('processed').filter(entry => entry.group === group)
  if (order.length === 0) requireGroup(broker, group)
  // An offset is another record once its topic was deleted and made again.
  const last = new Map(order.map(entry => [`${found.get(entry)} ${nameOf(entry)}`, entry]))
  const ended = (entry: TimelineEntry) => histories[found.get(entry) ?? -1]?.ended
  return [...last.values()].map(entry => (ended(entry) ? recordOf(entry)! : recordAt(broker, entry)))
}

/**
 * Asserts that a group has processed the records of each key in their order. Only the first
 * processing of a record counts.
 *
 * @throws AssertionError
 * @throws GroupIdNotFoundError where there was no such group
 */
export function assertEveryKeyInOrder(broker: ObservedBroker, group: string): void {
  for (const history of historiesOf('assertEveryKeyInOrder', broker, group)) {
    const reached = new Map<unknown, number>()
    const done = new Set<number>()
    const former = new Set<string>()
    let owner: string | undefined
    for (const entry of history.entries) {
      if (entry.kind === 'started') {
        if (owner !== undefined) former.add(owner)
        owner = entry.member
        former.delete(owner)
      }
      if (entry.kind !== 'processed' || entry.key === null || done.has(entry.offset)) continue
      // A handler that ends after its member has lost the partition does not count for the order.
      if (former.has(entry.member)) continue
      done.add(entry.offset)
      const key = typeof entry.key === 'string' ? entry.key : Buffer.from(entry.key).toString('hex')
      const before = reached.get(key) ?? -1
      if (entry.offset < before) {
        failAt(
          history,
          entry,
          `Group '${group}' has processed ${nameOf(entry)} after offset ${before}, which has the same key ${describeValue(entry.key)}`,
        )
      }
      reached.set(key, entry.offset)
    }
  }
}

/**
 * Asserts that a group has processed every record from the offset where it began to read, or written it to
 * another topic (a dead letter, a delayed retry), or committed past it in a transaction while a handler had it. A record
 * that was given up (`onFailure: 'skip'`), left the log unread, or waits in a topic that nobody has read for the group counts
 * as lost. A record that nobody can read does not: its transaction was aborted or is open, or compaction has removed it.
 * Once its offset has left the log, that is known no longer, and it counts as lost, too.
 *
 * @throws AssertionError
 * @throws GroupIdNotFoundError where there was no such group
 */
export function assertNothingLost(broker: ObservedBroker, group: string): void {
  const histories = historiesOf('assertNothingLost', broker, group)
  requireNothingWaits(broker, group)
  for (const history of histories) {
    const begin = history.firstRead ?? 0
    const done = new Set<number>()
    const finishedBy = followFinished(history)
    for (const entry of history.entries) for (const offset of finishedBy(entry)) done.add(offset)
    for (const entry of history.entries) {
      if (entry.kind !== 'appended' || entry.offset < begin || done.has(entry.offset)) continue
      if (isHidden(broker, history, entry.offset)) continue
      const what = `Group '${group}' has not processed ${nameOf(entry)}`
      failAt(history, undefined, what + adviceFor(history, entry.offset))
    }
  }
}

/**
 * Asserts that a group has never committed past a record that it had neither processed nor given up. Records that a
 * seek or an offset reset passed over do not count.
 *
 * @throws AssertionError
 * @throws GroupIdNotFoundError where there was no such group
 */
export function assertNoCommitPastProcessed(broker: ObservedBroker, group: string): void {
  for (const history of historiesOf('assertNoCommitPastProcessed', broker, group)) {
    checkCommits(broker, history, group)
  }
}

function historiesOf(where: string, broker: ObservedBroker, group: string): PartitionHistory[] {
  requireArgument(where, 'broker', broker, observed)
  const histories = historyOf(broker.timeline, group)
  if (histories.length === 0) requireGroup(broker, group)
  return histories
}

// A group that never existed, or of which the timeline has seen nothing, would pass almost every assertion.
function requireGroup(broker: ObservedBroker, group: string): void {
  const seen = broker.timeline.forGroup(group)
  if (seen.ofKind('joined').length === 0) broker.group(group)
  if (!broker.served || seen.ofKind('started').length > 0) return
  throw new IllegalStateError(
    `No consumer of this process has read for group '${group}', and the timeline has nothing of what clients of a ` +
      'server handle: assert what they write, or what the group has committed',
    { groupId: group },
  )
}

// In a topic that nobody has read for it, a group begins at its offsets: it was created with them, or has a member there.
function requireNothingWaits(broker: ObservedBroker, group: string): void {
  const seen = broker.timeline.forGroup(group)
  const read = new Set(seen.ofKind('started').map(({ topic }) => topic))
  const dropped = seen.ofKind('dropped').find(({ topic }) => !read.has(topic))
  if (dropped !== undefined) {
    const name = nameOf({ ...dropped, offset: dropped.from })
    fail(`Group '${group}' has not processed ${name}: it left the log before a member had read for it`, '')
  }
  for (const { topic, partition, lag } of lagsOf(broker, group)) {
    if (lag === 0 || read.has(topic)) continue
    const waiting = `${counted(lag, 'record')} of ${formatTopicPartition({ topic, partition })}`
    fail(`Group '${group}' has not processed ${waiting}: no member has read for it`, '')
  }
}

// For a group that is gone, since it was deleted or had no offsets, nothing waits.
function lagsOf(broker: ObservedBroker, group: string): ReturnType<ConsumerGroup['lagByPartition']> {
  try {
    return broker.group(group).lagByPartition()
  } catch (error) {
    if (error instanceof GroupIdNotFoundError) return []
    throw error
  }
}

// Whether no `read_committed` reader could get the record. Before the log start offset it could once be read.
function isHidden(
  broker: ObservedBroker,
  { topic, partition, ended }: PartitionHistory,
  offset: number,
): boolean {
  const log = ended ? undefined : logOf(broker, topic, partition)
  return log !== undefined && offset >= log.logStartOffset && log.fetch(offset, 1)[0]?.offset !== offset
}

function logOf(broker: ObservedBroker, topic: string, partition: number): Partition | undefined {
  try {
    return broker.topic(topic).partitions[partition]
  } catch (error) {
    if (error instanceof UnknownTopicOrPartitionError) return undefined
    throw error
  }
}

function checkCommits(broker: ObservedBroker, history: PartitionHistory, group: string): void {
  const open = new Set<number>()
  const finishedBy = followFinished(history)
  let passed = 0
  // Where a seek or a reset has led, perhaps past the end of the log, and where the last commit has.
  let moved = 0
  let committed = 0
  const refuse = (entry: TimelineEntry, offset: number) => {
    const name = nameOf({ ...history, offset })
    const what = `Group '${group}' has committed ${committed} before ${name} was processed`
    failAt(history, entry, what + adviceFor(history, offset))
  }
  for (const entry of history.entries) {
    for (const offset of finishedBy(entry)) open.delete(offset)
    if (entry.kind === 'appended') {
      if (entry.offset >= moved && entry.offset < committed) refuse(entry, entry.offset)
      if (entry.offset >= passed) open.add(entry.offset)
    } else if (entry.kind === 'skipped') open.delete(entry.offset)
    else if (entry.kind === 'started' || entry.kind === 'sought' || entry.kind === 'reset') {
      const to = entry.kind === 'reset' ? entry.to : entry.offset
      if (entry.kind !== 'started') moved = Math.max(moved, to)
      passed = Math.max(passed, to)
      for (const offset of open) if (offset < passed) open.delete(offset)
    } else if (entry.kind === 'committed') {
      committed = history.committedBy(entry)
      for (const offset of open)
        if (offset < committed && !isHidden(broker, history, offset)) refuse(entry, offset)
    }
  }
}

/**
 * Asserts that a group got a record twice only for a reason: the partition was assigned anew, a consumer sought or was
 * reset, a handler had failed, or the test asked for it (`redeliver`).
 *
 * @throws AssertionError
 * @throws GroupIdNotFoundError where there was no such group
 */
export function assertDuplicatesOnlyAfterRebalance(broker: ObservedBroker, group: string): void {
  for (const history of historiesOf('assertDuplicatesOnlyAfterRebalance', broker, group)) {
    // By offset: the stretch between two reasons in which the record was last delivered.
    const delivered = new Map<number, number>()
    // By offset: how many redeliveries were asked for, perhaps before the first delivery.
    const asked = new Map<number, number>()
    let stretch = 0
    for (const entry of history.entries) {
      if (excusesDuplicates(entry)) stretch++
      if (entry.kind === 'redelivering') asked.set(entry.offset, (asked.get(entry.offset) ?? 0) + 1)
      if (entry.kind !== 'delivered') continue
      // Another attempt comes with all that its first one had, also with a record that was in it twice.
      if (entry.attempt === 1 && delivered.get(entry.offset) === stretch) {
        const times = asked.get(entry.offset) ?? 0
        asked.set(entry.offset, times - 1)
        if (times > 0) continue
        failAt(
          history,
          entry,
          `Group '${group}' got ${nameOf(entry)} twice without a rebalance, seek, reset, failure or redelivery`,
        )
      }
      delivered.set(entry.offset, stretch)
    }
  }
}

function excusesDuplicates({ kind }: TimelineEntry): boolean {
  return ['started', 'sought', 'reset', 'failed'].includes(kind)
}

// The record of the log, since a handler may have changed its copy; where the log no
// longer holds it, the one delivered.
function recordAt(broker: ObservedBroker, entry: EntryOf<'processed'>): AnyRecord {
  const { topic, partition, offset } = entry
  const log = logOf(broker, topic, partition)
  const held = log !== undefined && offset >= log.logStartOffset && offset < log.highWatermark
  const [record] = held ? log.read(offset, { maxRecords: 1 }) : []
  return record?.offset === offset ? record : recordOf(entry)!
}

function nameOf(tp: RecordPlace): string {
  return `${formatTopicPartition(tp)}@${tp.offset}`
}

// Where the member that had a record in hand has committed it, only its own handler can have done so.
function adviceFor(history: PartitionHistory, offset: number): string {
  let owner: string | undefined
  for (const entry of history.entries) {
    if (entry.kind === 'delivered' && entry.offset === offset) owner = entry.member
    if (entry.kind === 'failed' && entry.offset === offset) owner = undefined
    if (entry.kind !== 'committed' || entry.member !== owner) continue
    if (history.committedBy(entry) > offset)
      return '. It was committed by hand before its handler had ended: assert what it writes instead'
  }
  return ''
}

function failAt(history: PartitionHistory, entry: TimelineEntry | undefined, what: string): never {
  return fail(what, history.around(entry))
}

/** Fails an assertion; `story` is what happened. */
export function fail(
  what: string,
  story: string,
  values: { readonly actual?: unknown; readonly expected?: unknown } = {},
): never {
  const message = story === '' ? what : `${what}. What happened:\n${story}`
  throw new AssertionError({ message, ...values, stackStartFn: fail })
}
