import type { RecordsDroppedEvent } from '../../../../src/broker/broker-events.ts'
import type { ConsumerGroup } from '../../../../src/group/consumer-group.ts'
import type { Topic } from '../../../../src/log/topic.ts'
import type { Ledger, Sent } from './ledger.ts'

/** What a group has in common with its model. */
export interface GroupOptions {
  readonly groupId: string
  /** What its records wait for: those before them in their partition, of their key, or none. */
  readonly ordering: 'partition' | 'key' | 'none'
  readonly topics: readonly string[]
  readonly isolationLevel: 'read_committed' | 'read_uncommitted'
}

/** What a group has read, what it was told to be gone, and who owns what in it. */
export class Readers {
  readonly options: GroupOptions
  /** The records that the handlers have finished. */
  readonly finished = new Set<number>()
  /** How often they have, by place: a copy has its own. */
  readonly times = new Map<string, number>()
  /** Records that were given up, or put into a retry topic at this place. */
  readonly aside = new Map<number, string>()
  readonly #begun = new Set<number>()
  // The attempts that failed, and when.
  readonly #failedAt = new Map<string, number>()
  // By place: where the log began, whether the group read it by then, and up to where it has ever committed.
  readonly #starts = new Map<
    string,
    { readonly start: number; readonly reads: boolean; readonly to: number }
  >()
  // What a transaction has committed for the group, by place; the last one counts.
  readonly #sentOffsets = new Map<string, { readonly from: number; readonly to: number }>()
  readonly #owners = new Map<string, string>()
  readonly #told = new Map<string, [from: number, to: number][]>()
  // Records below these offsets were passed by a seek.
  readonly #passed = new Map<string, number>()
  // Topics that came while the group had no member: it did not count as their reader.
  readonly #unknown = new Set<string>()
  readonly #ledger: Ledger
  readonly #report: (problem: string) => void

  constructor(options: GroupOptions, ledger: Ledger, report: (problem: string) => void) {
    this.options = options
    this.#ledger = ledger
    this.#report = problem => report(`${options.groupId}: ${problem}`)
  }

  topicCreated({ id }: Topic, hasMembers: boolean): void {
    if (!hasMembers) this.#unknown.add(id)
  }

  /** A member gets a partition; `owned` says whether another one has it for the group, which it may not know yet. */
  assigned(member: string, topicId: string, partition: number, owned: (owner: string) => boolean): void {
    const place = `${topicId}/${partition}`
    const owner = this.#owners.get(place)
    if (owner !== undefined && owned(owner)) this.#report(`${member} gets ${place}, which ${owner} has`)
    this.#owners.set(place, member)
  }

  given(member: string, topicIds: ReadonlySet<string>, partition: number): void {
    for (const topicId of topicIds) {
      const place = `${topicId}/${partition}`
      if (this.#owners.get(place) === member) this.#owners.delete(place)
    }
  }

  gone(member: string): void {
    for (const [place, owner] of this.#owners) if (owner === member) this.#owners.delete(place)
  }

  /** A handler gets a record from its place: for the first time, or again in the same topic. */
  begins(member: string, sent: Sent): void {
    const { id, topicId, partition, fate } = sent
    const committed = this.options.isolationLevel === 'read_committed'
    if (committed && (fate?.state === 'open' || fate?.state === 'aborted'))
      this.#report(`${member} reads ${id}, which is ${fate.state}`)
    if (sent.became === 'refused') this.#report(`${member} reads ${id}, which was refused`)
    this.#begun.add(id)
    const owner = this.#owners.get(`${topicId}/${partition}`)
    // A send may be answered after its record is read.
    if (sent.became === 'written' && owner !== member)
      this.#report(`${member} reads ${id} of ${topicId}/${partition}, which ${owner ?? 'nobody'} has`)
  }

  /** What comes before a record in its order is dealt with by the time that the record comes. */
  checkOrder(member: string, sent: Sent, topic: Topic): void {
    const { ordering } = this.options
    if (ordering === 'none' || (ordering === 'key' && sent.key === null) || sent.became !== 'written') return
    const log = topic.partitions[sent.partition]!
    for (const before of this.#ledger.sent) {
      if (before.id === sent.id || before.topicId !== sent.topicId || before.partition !== sent.partition)
        continue
      if (before.became !== 'written' || before.offset >= sent.offset || before.offset < log.logStartOffset)
        continue
      if (ordering === 'key' && before.key !== sent.key) continue
      if (this.#dealtWith(before, log.lastStableOffset)) continue
      // Whether it may be gone is checked elsewhere.
      const [there] = log.read(before.offset, { maxRecords: 1, isolationLevel: 'read_uncommitted' })
      if (there?.offset !== before.offset) continue
      this.#report(`${member} gets ${sent.id} at ${sent.offset}, and has not ended ${before.id} before it`)
    }
  }

  /** An attempt comes after the one before it has failed, and not before its delay is over. */
  checkAttempt(member: string, { id }: Sent, attempt: number, now: number, delayMs: number): void {
    if (attempt === 1) return
    const failedAt = this.#failedAt.get(`${id} ${attempt - 1}`)
    if (failedAt === undefined) this.#report(`${member} gets ${id} for the ${attempt}th time`)
    else if (now - failedAt < delayMs)
      this.#report(`${member} gets ${id} again ${now - failedAt} ms after it failed`)
  }

  // A record that came again, as it was not committed, fails again.
  fails({ id }: Sent, attempt: number, now: number): void {
    const key = `${id} ${attempt}`
    if (!this.#failedAt.has(key)) this.#failedAt.set(key, now)
  }

  ends(id: number, place: string): void {
    this.finished.add(id)
    this.times.set(place, (this.times.get(place) ?? 0) + 1)
  }

  /** A transaction has committed that the group goes on between these offsets. */
  sentOffsets(topicId: string, partition: number, from: number, to: number): void {
    this.#sentOffsets.set(`${topicId}/${partition}`, { from, to })
  }

  /** Of a group that only transactions commit for: its offsets are those of the last ones, all of them. */
  auditSent(group: ConsumerGroup, topics: ReadonlyMap<string, Topic>): void {
    const left = new Map(this.#sentOffsets)
    for (const { topic: name, partition, offset } of group.offsets) {
      const place = `${topics.get(name)?.id}/${partition}`
      const sent = left.get(place)
      left.delete(place)
      if (sent === undefined || offset < sent.from || offset > sent.to)
        this.#report(
          `committed ${offset} of ${name}-${partition}, and a transaction ${sent?.from}..${sent?.to}`,
        )
    }
    for (const [place, { from }] of left) {
      if ([...topics.values()].some(({ id }) => place.startsWith(id)))
        this.#report(`committed ${from} of ${place} in a transaction, and has no offset there`)
    }
  }

  /** What waits for the group stays until it has committed it, unless it was deleted before `deletedTo`. */
  auditHeld(group: ConsumerGroup, topic: Topic, deletedTo: (partition: number) => number): void {
    const read = group.members.some(({ topics }) => topics.includes(topic.name))
    for (const { index, logStartOffset: start } of topic.partitions) {
      const place = `${topic.id}/${index}`
      const before = this.#starts.get(place)
      const committed = group.committed({ topic: topic.name, partition: index })?.offset
      // A seek may make it commit less again, once the records before are gone.
      const to = Math.max(committed ?? 0, before?.to ?? 0)
      this.#starts.set(place, { start, reads: before?.reads || read || committed !== undefined, to })
      if (!before?.reads || start === before.start || !topic.holdsBack) continue
      if (start <= to || start <= deletedTo(index)) continue
      if (this.#ledger.mayBegin(topic, index, before.start, start)) continue
      this.#report(`committed ${committed} of ${topic.name}-${index}, which now begins at ${start}`)
    }
  }

  passes(topicId: string, partition: number, to: number): void {
    const place = `${topicId}/${partition}`
    this.#passed.set(place, Math.max(this.#passed.get(place) ?? 0, to))
  }

  dropped(topicId: string, { partition, from, to, groups }: RecordsDroppedEvent): void {
    const mine = groups.find(({ groupId }) => groupId === this.options.groupId)
    if (mine === undefined) return
    if (mine.count < 1 || mine.count > to - from) this.#report(`lost ${mine.count} of ${from}..${to}`)
    const place = `${topicId}/${partition}`
    this.#told.set(place, [...(this.#told.get(place) ?? []), [from, to]])
  }

  #dealtWith(sent: Sent, stable: number): boolean {
    const { id, topicId, partition, offset } = sent
    if (this.finished.has(id) || this.aside.has(id)) return true
    if (offset < (this.#passed.get(`${topicId}/${partition}`) ?? 0)) return true
    // What is hidden need not be read. A transaction may be aborted, for its time is over, while its function goes on.
    return !this.#ledger.counts(sent) && (sent.fate?.state !== 'open' || offset < stable)
  }

  /** Nobody waits for more than comes after what is committed. */
  auditLag(group: ConsumerGroup, topics: ReadonlyMap<string, Topic>): void {
    for (const { topic: name, partition, lag } of group.lagByPartition()) {
      const { logStartOffset: start, highWatermark: end } = topics.get(name)!.partitions[partition]!
      const committed = group.committed({ topic: name, partition })?.offset ?? start
      if (lag < 0 || lag > end - Math.max(start, committed))
        this.#report(
          `${name}-${partition} has lag ${lag}, is committed up to ${committed}, and ends at ${end}`,
        )
    }
  }

  /** No committed offset is beyond what was handled, or outside of its log. */
  auditOffsets(group: ConsumerGroup, topics: ReadonlyMap<string, Topic>): void {
    for (const { topic: name, partition, offset } of group.offsets) {
      const topic = topics.get(name)
      const log = topic?.partitions[partition]
      if (topic === undefined || log === undefined || offset > log.highWatermark) {
        this.#report(`committed ${offset} of ${name}-${partition}, which ends at ${log?.highWatermark}`)
        continue
      }
      const stable =
        this.options.isolationLevel === 'read_committed' ? log.lastStableOffset : log.highWatermark
      for (const sent of this.#ledger.sent) {
        if (sent.topicId !== topic.id || sent.partition !== partition || sent.offset >= offset) continue
        if (sent.offset < log.logStartOffset || this.#dealtWith(sent, stable)) continue
        if (this.#ledger.mayBeGone(sent, topic)) continue
        this.#report(
          `committed ${offset} of ${name}-${partition}, and has not read ${sent.id} at ${sent.offset}`,
        )
      }
    }
  }

  /** At the end: every record that is kept was read, and of what is gone the group was told. */
  auditEnd(topics: ReadonlyMap<string, Topic>): void {
    for (const sent of this.#ledger.sent) {
      const { id, partition, offset, became, topicId } = sent
      const topic = topics.get(sent.topic)
      if (became !== 'written' || !this.options.topics.includes(sent.topic) || topic?.id !== topicId) continue
      const log = topic.partitions[partition]!
      const gone = offset < log.logStartOffset
      const aside = this.aside.get(id)
      if (this.finished.has(id) || (aside !== undefined && this.#asideEnded(aside, topics))) continue
      if (aside === undefined && this.#dealtWith(sent, log.lastStableOffset)) continue
      if (this.#ledger.mayBeGone(sent, topic)) continue
      // What it had in hand counts as read.
      if (gone && (this.#begun.has(id) || this.#unknown.has(topicId))) continue
      if (gone && this.#wasTold(`${topicId}/${partition}`, offset)) continue
      this.#report(`never ends ${id}, ${gone ? 'gone from' : 'at'} ${sent.topic}-${partition}@${offset}`)
    }
  }

  #wasTold(place: string, offset: number): boolean {
    return (this.#told.get(place) ?? []).some(([from, to]) => offset >= from && offset < to)
  }

  #asideEnded(place: string, topics: ReadonlyMap<string, Topic>): boolean {
    if (place === 'given up') return true
    const [topicId, partition, offset] = place.split('/') as [string, string, string]
    const topic = [...topics.values()].find(({ id }) => id === topicId)
    if (Number(offset) < (this.#passed.get(`${topicId}/${partition}`) ?? 0)) return true
    return topic === undefined || topic.partitions[Number(partition)]!.logStartOffset > Number(offset)
  }
}
