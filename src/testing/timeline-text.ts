import { counted } from '../counted.ts'
import type { RecordKey } from '../record.ts'
import { describeError } from '../thrown.ts'
import { formatTopicPartition, type TopicPartition, type TopicPartitionOffset } from '../topic-partition.ts'
import { describeValue } from '../value-text.ts'
import type { EntryOf, TimelineEntry } from './timeline-entry.ts'

type RunKind = 'appended' | 'delivered' | 'processed'

/**
 * Runs of records that differ only in their offset are one line, and so are partitions that a member begins to read at
 * the same offset.
 */
export function printTimeline(entries: readonly TimelineEntry[], start: number): string[] {
  const lines: string[] = []
  const width = String((entries.at(-1)?.at ?? start) - start).length
  const delivered = new Set<string>()
  for (let i = 0; i < entries.length; ) {
    const entry = entries[i]!
    const end = endOfRun(entries, i)
    const again = entry.kind === 'delivered' && wasDelivered(delivered, entries.slice(i, end))
    const text = end - i > 1 ? printRun(entries.slice(i, end)) : printEntry(entry)
    lines.push(`${String(entry.at - start).padStart(width)} ms  ${text}${again ? ', again' : ''}`)
    i = end
  }
  return lines
}

function isRun(entry: TimelineEntry): entry is EntryOf<RunKind> {
  if (entry.kind === 'delivered') return entry.attempt === 1
  return entry.kind === 'appended' || entry.kind === 'processed'
}

function endOfRun(entries: readonly TimelineEntry[], from: number): number {
  const first = entries[from]!
  if (first.kind === 'started') return endOfStarts(entries, from, first)
  let end = from + 1
  if (!isRun(first)) return end
  for (; end < entries.length; end++) {
    const entry = entries[end]!
    if (!isRun(entry) || entry.kind !== first.kind || entry.at !== first.at) break
    if (entry.topic !== first.topic || entry.partition !== first.partition) break
    if (entry.offset !== first.offset + end - from || memberOf(entry) !== memberOf(first)) break
  }
  return end
}

function endOfStarts(entries: readonly TimelineEntry[], from: number, first: EntryOf<'started'>): number {
  let end = from + 1
  for (; end < entries.length; end++) {
    const entry = entries[end]!
    if (entry.kind !== 'started' || entry.at !== first.at) break
    if (entry.offset !== first.offset || entry.member !== first.member) break
  }
  return end
}

function memberOf(entry: TimelineEntry): string | undefined {
  return 'member' in entry ? entry.member : undefined
}

// Whether one of these records was delivered to the group before; also remembers all of them as delivered.
function wasDelivered(delivered: Set<string>, entries: readonly TimelineEntry[]): boolean {
  let again = false
  for (const entry of entries) {
    if (entry.kind !== 'delivered') continue
    const id = `${entry.group ?? entry.member} ${record(entry)}`
    again ||= delivered.has(id) && entry.attempt === 1
    delivered.add(id)
  }
  return again
}

function printRun(run: readonly TimelineEntry[]): string {
  const entry = run[0] as EntryOf<RunKind | 'started'>
  if (entry.kind === 'started')
    return `${who(entry)} reads ${partitions(run as EntryOf<'started'>[])} from ${entry.offset}`
  const records = recordRange(entry, entry.offset, run.length)
  if (entry.kind === 'appended') return `${records} appended`
  return `${who(entry)} ${entry.kind === 'delivered' ? 'got' : 'finished'} ${records}`
}

function printEntry(entry: TimelineEntry): string {
  switch (entry.kind) {
    case 'topic created':
      return `topic ${entry.topic} made with ${counted(entry.partitions, 'partition')}`
    case 'topic deleted':
      return `topic ${entry.topic} deleted`
    case 'topic altered':
      return `topic ${entry.topic} altered: ${entry.options.join(', ')}`
    case 'partitions added':
      return `topic ${entry.topic} grew to ${entry.partitions} partitions`
    case 'appended':
      return `${record(entry)} appended${keyed(entry.key)}`
    case 'dropped': {
      const range = recordRange(entry, entry.from, entry.to - entry.from)
      return `${range} dropped (${entry.reason}) before ${entry.groups.join(', ')} had read all of it`
    }
    case 'rebalanced':
      return `${entry.group} is stable at epoch ${entry.epoch}; ${counted(entry.moved, 'partition')} moved`
    case 'redelivering':
      return `${entry.group} is to get ${record(entry)} again`
    case 'fault':
      return `fault: ${entry.action} ${entry.what}, met by ${short(entry.by)}`
    default:
      return `${who(entry)} ${printMember(entry)}`
  }
}

function printMember(entry: Extract<TimelineEntry, { readonly member: string }>): string {
  switch (entry.kind) {
    case 'joined':
      return 'joined'
    case 'left':
      return `is gone (${entry.reason})`
    case 'assigned':
      return entry.partitions.length === 0 ? 'has no partitions' : `was given ${partitions(entry.partitions)}`
    case 'revoking':
      return `has to give up ${partitions(entry.partitions)}`
    case 'released':
      return `released ${partitions(entry.partitions)}`
    case 'lost':
      return `lost ${partitions(entry.partitions)}`
    case 'fenced':
      return `was fenced: ${describeError(entry.error)}`
    case 'started':
      return `reads ${formatTopicPartition(entry)} from ${entry.offset}`
    case 'reset':
      return `was reset on ${formatTopicPartition(entry)} to ${entry.to} (${entry.reason})`
    case 'sought':
      return `moved on ${formatTopicPartition(entry)} to ${entry.offset}`
    case 'delivered': {
      const attempt = entry.attempt > 1 ? `, attempt ${entry.attempt}` : ''
      return `got ${record(entry)}${keyed(entry.key)}${attempt}`
    }
    case 'processed':
      return `finished ${record(entry)}`
    case 'failed':
      return `failed at ${record(entry)}: ${describeError(entry.error)}`
    case 'retrying':
      return `tries ${record(entry)} again in ${entry.delayMs} ms`
    case 'skipped':
      return `gave ${record(entry)} up: ${describeError(entry.error)}`
    case 'dead lettered':
      return `wrote ${record(entry)} to '${entry.to}': ${describeError(entry.error)}`
    case 'delayed':
      return `wrote ${record(entry)} to '${entry.to}' for ${entry.delayMs} ms: ${describeError(entry.error)}`
    case 'parked':
      return `parked the key of ${record(entry)} for ${entry.delayMs} ms: ${describeError(entry.error)}`
    case 'stalled':
      return `stalled on ${formatTopicPartition(entry)} at offset ${entry.offset}, ${counted(entry.records, 'record')} on`
    case 'committed':
      return `committed ${offsets(entry.offsets)}`
    case 'transaction begun':
      return 'began a transaction'
    case 'transaction committed':
      return `committed its transaction${entry.offsets.length > 0 ? `, with ${offsets(entry.offsets)}` : ''}`
    case 'transaction aborted':
      return 'aborted its transaction'
    case 'commit refused':
      return `was refused the commit of ${offsets(entry.offsets)}: ${describeError(entry.error)}`
    case 'restarting':
      return `restarts in ${entry.delayMs} ms: ${describeError(entry.error)}`
    case 'stopped':
      return `stopped: ${describeError(entry.error)}`
    case 'closed':
      return 'closed'
    case 'crashed':
      return 'crashed'
    case 'outside':
      return `waits with ${record(entry)} for something outside of the broker's time`
  }
}

function who({ group, member }: { readonly group: string | undefined; readonly member: string }): string {
  return group === undefined ? `${short(member)}:` : `${group}/${short(member)}`
}

// A member id without its random suffix: the rest is unique on its broker.
function short(member: string): string {
  return /^(.*-\d{6,})-[\w-]{12}$/.exec(member)?.[1] ?? member
}

function record(entry: TopicPartition & { readonly offset: number }): string {
  return `${formatTopicPartition(entry)}@${entry.offset}`
}

function recordRange(tp: TopicPartition, from: number, count: number): string {
  return `${formatTopicPartition(tp)}@${from}${count > 1 ? `..${from + count - 1}` : ''}`
}

function keyed(key: RecordKey | null): string {
  return key === null ? '' : ` (key ${describeValue(key)})`
}

function partitions(list: readonly TopicPartition[]): string {
  return list.map(formatTopicPartition).join(', ')
}

function offsets(list: readonly TopicPartitionOffset[]): string {
  return list.map(record).join(', ')
}
