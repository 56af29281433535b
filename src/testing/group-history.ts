import { IllegalStateError } from '../errors.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'
import type { Timeline } from './timeline.ts'
import type { EntryOf, TimelineEntry } from './timeline-entry.ts'
import { printTimeline } from './timeline-text.ts'

/** The history of one partition in one group, up to the end of its topic if that was deleted. */
export class PartitionHistory implements TopicPartition {
  readonly topic: string
  readonly partition: number
  /** The entries about the partition that concern the group, in order. */
  readonly entries: TimelineEntry[] = []
  /** Whether its topic was deleted: what has its name now is another one. */
  ended = false
  readonly #start: number

  constructor({ topic, partition }: TopicPartition, timelineStart: number) {
    this.topic = topic
    this.partition = partition
    this.#start = timelineStart
  }

  /** The lowest offset at which a member began to read, or undefined where no member read the partition. */
  get firstRead(): number | undefined {
    const starts = this.entries.flatMap(entry => (entry.kind === 'started' ? [entry.offset] : []))
    return starts.length === 0 ? undefined : Math.min(...starts)
  }

  /** Whether an entry is about a record that was not delivered in this history: a handler may outlast the topic. */
  precedes(entry: TimelineEntry): boolean {
    if (!('member' in entry && 'offset' in entry) || !afterDelivery.has(entry.kind)) return false
    const { member, offset } = entry
    return !this.entries.some(
      each => each.kind === 'delivered' && each.member === member && each.offset === offset,
    )
  }

  /** The offset of this partition in a commit that has one. */
  committedBy({ offsets }: EntryOf<'committed'>): number {
    return offsets.find(({ topic, partition }) => topic === this.topic && partition === this.partition)!
      .offset
  }

  /** The transcript around an entry, or of the end, for the message of a failed assertion. */
  around(entry: TimelineEntry | undefined): string {
    const at = entry === undefined ? this.entries.length : this.entries.indexOf(entry)
    return printTimeline(this.entries.slice(Math.max(0, at - 15), at + 3), this.#start)
      .map(line => `  ${line}`)
      .join('\n')
  }
}

const afterDelivery: ReadonlySet<TimelineEntry['kind']> = new Set<TimelineEntry['kind']>([
  'processed',
  'failed',
  'retrying',
  'skipped',
  'dead lettered',
  'delayed',
  'parked',
])

/**
 * Returns the history of every partition of the topics that a group has read. Records of a retry topic stand under
 * the topic that they came from. A topic that was deleted and made again has a history before and one after.
 *
 * @throws IllegalStateError where the timeline no longer holds all entries
 */
export function historyOf(timeline: Timeline, group: string): PartitionHistory[] {
  if (timeline.dropped > 0) {
    throw new IllegalStateError(
      `The timeline has dropped its ${timeline.dropped} oldest entries, so this cannot be checked; ` +
        `raise TestBroker's option timelineEntries`,
      { option: 'timelineEntries' },
    )
  }
  const histories = new Map<string, PartitionHistory>()
  const ended = new Map<string, PartitionHistory>()
  const all: PartitionHistory[] = []
  const read = new Set<string>()
  const note = (tp: TopicPartition, entry: TimelineEntry) => {
    const id = formatTopicPartition(tp)
    let history = histories.get(id)
    if (history === undefined) {
      history = new PartitionHistory(tp, timeline.start)
      histories.set(id, history)
      all.push(history)
    }
    const before = ended.get(id)
    if (before !== undefined && history.precedes(entry)) before.entries.push(entry)
    else history.entries.push(entry)
  }
  const end = (topic: string) => {
    for (const [id, history] of histories) {
      if (history.topic !== topic) continue
      history.ended = true
      histories.delete(id)
      ended.set(id, history)
    }
  }
  const retryTopics = new Set<string>()
  const handedOut = new Set<string>()
  for (const entry of timeline) {
    if (entry.kind === 'topic deleted') end(entry.topic)
    if (entry.kind === 'delayed') retryTopics.add(entry.to)
    if (entry.kind === 'started' && entry.group === group) read.add(entry.topic)
    if (entry.kind === 'delivered' && entry.group === group) handedOut.add(entry.topic)
    if (entry.kind !== 'appended' && !('group' in entry && entry.group === group)) continue
    // What a client of a server has processed before it committed, nobody knows.
    if (entry.kind === 'committed' && entry.byClient) continue
    for (const tp of placesOf(entry)) note(tp, entry)
  }
  // What a group gets of its own retry topics stands elsewhere; another group may read them like any others.
  return all.filter(({ topic }) => read.has(topic) && (!retryTopics.has(topic) || handedOut.has(topic)))
}

function placesOf(entry: TimelineEntry): readonly TopicPartition[] {
  if ('offsets' in entry) return entry.offsets
  if ('partitions' in entry && typeof entry.partitions !== 'number') return entry.partitions
  return 'partition' in entry ? [entry] : []
}
