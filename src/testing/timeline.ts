import { type InspectOptions, inspect } from 'node:util'
import { GroupIdNotFoundError } from '../errors.ts'
import { onePartition } from '../offset-checks.ts'
import type { AnyRecord } from '../record.ts'
import type { TopicPartition } from '../topic-partition.ts'
import { oneOf, requireArgument } from '../validate.ts'
import { type EntryOf, kinds, type TimelineEntry, type TimelineEvent } from './timeline-entry.ts'
import { printTimeline } from './timeline-text.ts'

// The records that were handed out, for `processedBy` once the log no longer holds them.
const handedOut = new WeakMap<TimelineEntry, AnyRecord>()

const aKind = oneOf(...kinds)

/** The record that was recorded with an entry, if any. */
export function recordOf(entry: TimelineEntry): AnyRecord | undefined {
  return handedOut.get(entry)
}

/**
 * Everything that happened on a broker, in order; `String(timeline)` is a transcript. Its size is limited: the
 * oldest entries are dropped first.
 */
export class Timeline implements Iterable<TimelineEntry> {
  readonly #now: () => number
  /** When the timeline begins, in epoch milliseconds; the transcript counts from here. */
  readonly start: number
  readonly #maxEntries: number
  // Throws where the broker has no such group.
  readonly #requireGroup: (group: string) => void
  // Two generations, so that old entries are dropped as one array and nothing is moved.
  #older: TimelineEntry[] = []
  #newer: TimelineEntry[] = []
  #recorded = 0

  /** @hidden */
  constructor(now: () => number, maxEntries: number, requireGroup: (group: string) => void) {
    this.#now = now
    this.start = now()
    this.#maxEntries = maxEntries
    this.#requireGroup = requireGroup
  }

  /** @internal */
  record(event: TimelineEvent, record?: AnyRecord): void {
    const entry = { at: this.#now(), ...event }
    if (record !== undefined) handedOut.set(entry, record)
    this.#newer.push(entry)
    this.#recorded++
    if (this.#newer.length < this.#maxEntries) return
    this.#older = this.#newer
    this.#newer = []
  }

  /** The entries that are kept: at least the last `maxEntries`, once there were that many. */
  get entries(): readonly TimelineEntry[] {
    return this.#older.length === 0 ? this.#newer : [...this.#older, ...this.#newer]
  }

  /** How many entries there have been. @internal */
  get recorded(): number {
    return this.#recorded
  }

  /** Returns a transcript of the last entries. @internal */
  last(count: number): string {
    const { entries } = this
    return printTimeline(entries.slice(-count), this.start).join('\n')
  }

  /** How many entries have been dropped. */
  get dropped(): number {
    return this.#recorded - this.#older.length - this.#newer.length
  }

  /** The entries, in order. */
  [Symbol.iterator](): Iterator<TimelineEntry> {
    return this.entries[Symbol.iterator]()
  }

  /** The entries of one kind. */
  ofKind<const Kind extends TimelineEntry['kind']>(kind: Kind): EntryOf<Kind>[] {
    requireArgument('ofKind', 'kind', kind, aKind)
    return this.entries.filter((entry): entry is EntryOf<Kind> => entry.kind === kind)
  }

  /** The entries that concern one partition: its records, its owners, and all faults. */
  forPartition(tp: TopicPartition): Timeline {
    requireArgument('forPartition', 'partition', tp, onePartition)
    const { topic, partition } = tp
    return this.#where(entry => concernsPartition(entry, topic, partition))
  }

  /**
   * The entries that concern one group, and all faults.
   *
   * @throws GroupIdNotFoundError where there is nothing of such a group, but a group with nearly that id, and with the
   * same numbers in it
   */
  forGroup(group: string): Timeline {
    const part = this.#where(entry => concernsGroup(entry, group))
    if (part.#newer.every(({ kind }) => kind === 'fault')) this.#refuseMisspelt(group)
    return part
  }

  // A part with nothing in it would pass for a group to which nothing has happened.
  #refuseMisspelt(group: string): void {
    try {
      this.#requireGroup(group)
    } catch (error) {
      const meant = error instanceof GroupIdNotFoundError ? error.suggestions : undefined
      if (meant?.some(name => numbersOf(name) === numbersOf(group))) throw error
    }
  }

  /** The entries from one time until before another, in epoch milliseconds of the broker's time. */
  between(from: number, to: number): Timeline {
    return this.#where(({ at }) => at >= from && at < to)
  }

  #where(condition: (entry: TimelineEntry) => boolean): Timeline {
    const part = new Timeline(() => this.start, Number.POSITIVE_INFINITY, this.#requireGroup)
    part.#newer = this.entries.filter(condition)
    part.#recorded = part.#newer.length
    return part
  }

  /**
   * Returns a transcript: one line for each entry, for a run of records that differ only in their offset, or for the
   * partitions that a member begins to read at one offset.
   */
  toString(): string {
    const lines = printTimeline(this.entries, this.start)
    if (this.dropped > 0) lines.unshift(`(${this.dropped} entries before these are kept no longer)`)
    return lines.join('\n')
  }

  /** Returns the transcript: a snapshot of the timeline would hold nothing that happened otherwise. */
  toJSON(): string {
    return this.toString()
  }

  /** What `console.log` prints: the transcript, or one line within something else, such as an error. @internal */
  [inspect.custom](depth: number | null, options: InspectOptions): string {
    if (depth === options.depth) return this.toString()
    return `Timeline(${this.entries.length})`
  }
}

// Another number is another group, which may come later, and no mistake.
function numbersOf(group: string): string {
  return group.replace(/\D/g, '')
}

function concernsPartition(entry: TimelineEntry, topic: string, partition: number): boolean {
  if (entry.kind === 'fault') return true
  if ('partitions' in entry && typeof entry.partitions !== 'number')
    return includes(entry.partitions, topic, partition)
  if ('offsets' in entry) return includes(entry.offsets, topic, partition)
  if (!('topic' in entry) || entry.topic !== topic) return false
  return !('partition' in entry) || entry.partition === partition
}

function includes(list: readonly TopicPartition[], topic: string, partition: number): boolean {
  return list.some(tp => tp.topic === topic && tp.partition === partition)
}

function concernsGroup(entry: TimelineEntry, group: string): boolean {
  if (entry.kind === 'fault') return true
  if ('groups' in entry) return entry.groups.includes(group)
  return 'group' in entry && entry.group === group
}
