import type { Events } from '../events.ts'
import { warn } from '../events.ts'
import type { OtherGroups, UnreadByGroup } from '../group/group-holder.ts'
import type { Partition, TrimReason } from '../log/partition.ts'
import { formatTopicPartition } from '../topic-partition.ts'
import type { BrokerEvents } from './broker-events.ts'
import { HoldingReaders } from './holding-readers.ts'
import type { TopicReaders } from './topic-readers.ts'

/** How far groups have read a partition: which records may go, and which groups had not read those that went. */
export class GroupProgress {
  readonly #readers: TopicReaders
  readonly #holding: HoldingReaders
  readonly #others: ReadonlySet<OtherGroups>
  readonly #events: Events<BrokerEvents>
  // By topic, the groups that a warning named. An entry goes with its topic, and a group in it with the group.
  readonly #warned = new Map<string, WeakSet<object>>()

  constructor(readers: TopicReaders, others: ReadonlySet<OtherGroups>, events: Events<BrokerEvents>) {
    this.#readers = readers
    this.#holding = new HoldingReaders(readers)
    this.#others = others
    this.#events = events
  }

  /**
   * The offset up to which every group that reads the topic has committed. Where no group reads it nothing is consumed:
   * the first group that comes must miss nothing.
   */
  consumedBefore(partition: Partition): number {
    const { topic, index } = partition
    let consumed = Number.POSITIVE_INFINITY
    for (const groupId of this.#readers.ids(topic)) {
      const offset = this.#readers.group(groupId)?.consumedBefore(topic, index)
      if (offset !== undefined && offset < consumed) consumed = offset
    }
    for (const others of this.#others) {
      for (const { offset } of others.readers(partition)) consumed = Math.min(consumed, offset)
    }
    return consumed === Number.POSITIVE_INFINITY ? 0 : consumed
  }

  /** Whether a group has read nothing of what the partition has; most often that is known without asking all of them. */
  holdsBack(partition: Partition): boolean {
    return this.#holding.any(partition)
  }

  /** The groups that read a partition, and up to where each has committed it. */
  readers(partition: Partition): { readonly groupId: string; readonly offset: number }[] {
    const { topic, index } = partition
    const own = [...this.#readers.ids(topic)].flatMap(groupId => {
      const offset = this.#readers.group(groupId)?.consumedBefore(topic, index)
      return offset === undefined ? [] : [{ groupId, offset }]
    })
    return [...own, ...[...this.#others].flatMap(others => others.readers(partition))]
  }

  /** Reports groups that had not read what is about to go; notes the offset up to which every group has read. */
  trimmed(log: Partition, from: number, to: number, reason: TrimReason): void {
    const { topic, index: partition } = log
    const dropped: UnreadByGroup[] = []
    let readByAll = Number.POSITIVE_INFINITY
    for (const groupId of this.#readers.ids(topic)) {
      const group = this.#readers.group(groupId)
      const next = group?.nextOffset(topic, partition)
      if (group === undefined || next === undefined) continue
      readByAll = Math.min(readByAll, next)
      const count = next < to ? log.countUnread(Math.max(from, next), to) : 0
      if (count > 0) dropped.push({ group, groupId, count })
    }
    for (const others of this.#others) {
      for (const { offset } of others.readers(log)) readByAll = Math.min(readByAll, offset)
      dropped.push(...others.unread(log, from, to).filter(({ count }) => count > 0))
    }
    log.setHarmlessBefore(readByAll)
    if (dropped.length === 0) return
    const groups = dropped.map(({ groupId, count }) => ({ groupId, count }))
    this.#events.emit('recordsDropped', { topic, partition, from, to, reason, groups })
    if (!this.#events.listens('recordsDropped')) this.#warn(topic, partition, dropped)
  }

  /** Forgets a topic: one of that name that is created later is another topic. */
  topicDeleted(topic: string): void {
    this.#warned.delete(topic)
  }

  // Once per topic and group: a group that falls behind does so for many records, and the event tells of each.
  #warn(topic: string, partition: number, dropped: readonly UnreadByGroup[]): void {
    const warned = this.#warned.get(topic) ?? new WeakSet<object>()
    const unheard = dropped.filter(({ group }) => !warned.has(group))
    if (unheard.length === 0) return
    for (const { group } of unheard) warned.add(group)
    this.#warned.set(topic, warned)
    warn(
      `Dropped records of ${formatTopicPartition({ topic, partition })} that were not read: ` +
        `${unheard.map(({ groupId, count }) => `${count} by group '${groupId}'`).join(', ')}. ` +
        `Listen to 'recordsDropped' to hear of all of them`,
    )
  }
}
