import type { Partition } from '../../../../src/log/partition.ts'
import type { Topic } from '../../../../src/log/topic.ts'
import type { AnyRecord, RecordMetadata } from '../../../../src/record.ts'
import { cleanTo, contentsOf, uncompacted, wrongAnswers } from '../../checkers/log-answers.ts'

/** What became of a transaction, as its producer knows. */
export interface Fate {
  state: 'open' | 'returned' | 'committed' | 'aborted'
  /** Whether its time is over, or its producer was fenced: it is aborted by now, even if its function goes on. */
  over: boolean
  /** Whether it may be over: a producer that fences may have begun, or its time ends now. */
  mayBeOver: boolean
}

/** A record that was sent. */
export interface Sent {
  readonly id: number
  readonly topic: string
  /** Tells a topic from a later one of the same name. */
  readonly topicId: string
  readonly key: string | null
  readonly fate: Fate | undefined
  /** Whether it deletes its key. */
  readonly tombstone: boolean
  became: 'waits' | 'written' | 'refused'
  partition: number
  offset: number
  /** When it was written. */
  at: number
  /** When a pass of the compaction has left it, for the first time. */
  cleanedAt: number
}

/** Where a record is. */
type Place = Pick<Sent, 'topicId' | 'partition' | 'offset'>

/** What is known of one partition of one topic. */
interface Log {
  start: number
  end: number
  /** The ids of the records by their offsets; those that consumers wrote are here, too. */
  readonly ids: Map<number, number>
  /** The last offset of each key whose record counts. */
  readonly newest: Map<string, number>
}

/** Says of a record which one it is: copies in the topics of retries and dead letters have the same headers. */
export function idOf(record: AnyRecord): number {
  return Number((record.headers as Readonly<Record<string, unknown>>).id)
}

/** What was sent, and whether the logs have it: in its place, in order, and as its transaction ended. */
export class Ledger {
  readonly sent: Sent[] = []
  readonly #logs = new Map<string, Log>()
  // The keys, by topic, that a copy may have deleted.
  readonly #deletedAgain = new Set<string>()
  readonly #report: (problem: string) => void
  readonly #now: () => number

  constructor(report: (problem: string) => void, now: () => number) {
    this.#report = report
    this.#now = now
  }

  send({ name, id: topicId }: Topic, key: string | null, fate: Fate | undefined, tombstone: boolean): Sent {
    const id = this.sent.length
    const place = { became: 'waits', partition: -1, offset: -1, at: -1, cleanedAt: -1 } as const
    const sent: Sent = { id, topic: name, topicId, key, fate, tombstone, ...place }
    this.sent.push(sent)
    return sent
  }

  written(sent: Sent, { partition, offset }: RecordMetadata): void {
    Object.assign(sent, { became: 'written', partition, offset, at: this.#now() })
  }

  refused(sent: Sent): void {
    sent.became = 'refused'
  }

  /** A record was given up. One that deletes its key may be sent back, delete it again, and be gone before it is seen. */
  deadLettered(id: number): void {
    const { tombstone, topicId, key } = this.sent[id]!
    if (tombstone) this.#deletedAgain.add(`${topicId}/${key}`)
  }

  /** Whether a record is for readers of committed records. */
  counts({ fate }: Sent): boolean {
    return fate === undefined || fate.state === 'committed'
  }

  /** Compares every log with what was sent. */
  audit(topics: Iterable<Topic>): void {
    const there = [...topics]
    for (const { topicId, partition, offset, became, id } of this.sent) {
      if (became === 'written' && there.some(topic => topic.id === topicId))
        this.#put({ topicId, partition, offset }, id, `${topicId}/${partition}`)
    }
    for (const topic of there) {
      for (const partition of topic.partitions) this.#auditPartition(topic, partition)
    }
  }

  /** How many offsets have no record that was sent. */
  ends(topics: Iterable<Topic>): number {
    let ends = 0
    for (const { id, partitions } of topics) {
      for (const { index, logStartOffset: start, highWatermark: end } of partitions) {
        const { ids } = this.#log(id, index)
        for (let offset = start; offset < end; offset++) if (!ids.has(offset)) ends++
      }
    }
    return ends
  }

  #log(topicId: string, partition: number): Log {
    const place = `${topicId}/${partition}`
    const log = this.#logs.get(place) ?? { start: 0, end: 0, ids: new Map(), newest: new Map() }
    this.#logs.set(place, log)
    return log
  }

  #put(place: Place, id: number, where: string): void {
    const { topicId, partition, offset } = place
    const log = this.#log(topicId, partition)
    const known = log.ids.get(offset)
    if (known !== undefined && known !== id) this.#report(`${where}@${offset} had ${known}, and has ${id}`)
    log.ids.set(offset, id)
    const sent = this.sent[id]!
    // A copy is written once it was read, whatever becomes of its original.
    const copy = !isPlace(sent, place)
    if (sent.key !== null && (copy || this.counts(sent)))
      log.newest.set(sent.key, Math.max(log.newest.get(sent.key) ?? -1, offset))
  }

  #auditPartition(topic: Topic, partition: Partition): void {
    const where = `${topic.name}-${partition.index}`
    const log = this.#log(topic.id, partition.index)
    const { logStartOffset: start, highWatermark: end, lastStableOffset: stable } = partition
    if (start < log.start || end < log.end || start > stable || stable > end)
      this.#report(`${where} went from ${log.start}..${log.end} to ${start}..${stable}..${end}`)
    Object.assign(log, { start, end })
    const contents = contentsOf(partition)
    for (const wrong of wrongAnswers(partition, contents)) this.#report(`${where} ${wrong}`)
    const found = new Set<number>()
    let before = -1
    for (const record of contents.found) {
      const place = { topicId: topic.id, partition: partition.index, offset: record.offset }
      this.#put(place, idOf(record), where)
      found.add(record.offset)
      const id = idOf(record)
      const sent = this.sent[id]!
      if (!isPlace(sent, place)) continue
      if (sent.became === 'refused') this.#report(`${where}@${record.offset}: ${id} was refused`)
      // Sends that wait for room keep their order.
      if (id <= before) this.#report(`${where}@${record.offset}: ${id} comes after ${before}`)
      before = id
    }
    const committed = new Set(contents.committed.map(({ offset }) => offset))
    for (const offset of committed) {
      const sent = this.sent[log.ids.get(offset)!]!
      const { id, fate } = sent
      const copy = !isPlace(sent, { topicId: topic.id, partition: partition.index, offset })
      if (!copy && (fate?.state === 'open' || fate?.state === 'aborted'))
        this.#report(`${where}@${offset}: ${id} is read as committed, and is ${fate.state}`)
    }
    for (const [offset, id] of log.ids) {
      if (offset >= start)
        this.#auditRecord(topic, partition, offset, this.sent[id]!, found.has(offset), committed.has(offset))
    }
    this.#auditStable(topic, partition, log)
    if (topic.name === 'out') this.#auditEnds(topic, partition, log)
  }

  // A record that counts is there, unless a later one of its key is; one that is hidden was aborted.
  #auditRecord(
    topic: Topic,
    { index, lastStableOffset: stable }: Partition,
    offset: number,
    sent: Sent,
    found: boolean,
    committed: boolean,
  ): void {
    if (!isPlace(sent, { topicId: topic.id, partition: index, offset })) return
    const where = `${topic.name}-${index}@${offset}: ${sent.id}`
    const mayBeGone = this.mayBeGone(sent, topic)
    const compacts = topic.options.cleanupPolicy.includes('compact')
    const aborted = sent.fate?.state === 'aborted' || sent.fate?.state === 'open'
    if (!found && !mayBeGone && !(compacts && aborted)) this.#report(`${where} is not there`)
    if (!committed && this.counts(sent) && offset < stable && !mayBeGone) this.#report(`${where} is hidden`)
  }

  // The log is stable up to the first record of a transaction that is open.
  #auditStable({ id: topicId, name }: Topic, partition: Partition, log: Log): void {
    const { lastStableOffset: stable, highWatermark: end, logStartOffset: start, index } = partition
    const open: number[] = []
    for (const [offset, id] of log.ids) {
      const sent = this.sent[id]!
      const { fate } = sent
      if (fate?.state !== 'open' || fate.over || !isPlace(sent, { topicId, partition: index, offset }))
        continue
      open.push(Math.max(start, offset))
      // Its time is not over yet, so nothing from here on is decided.
      if (!fate.mayBeOver && stable > Math.max(start, offset))
        this.#report(`${name}-${index} is stable up to ${stable}, where ${id} at ${offset} is open`)
    }
    if (stable !== end && !open.includes(stable))
      this.#report(`${name}-${index} is stable up to ${stable} of ${end}, where nothing is open`)
  }

  // Where nothing is sent back to, an offset without a record is the end of a transaction that has written there.
  #auditEnds({ id: topicId, name }: Topic, { highWatermark: end, index }: Partition, { ids }: Log): void {
    const here = ({ topicId: id, partition }: Sent) => id === topicId && partition === index
    const transactions = new Set(this.sent.filter(here).map(({ fate }) => fate))
    transactions.delete(undefined)
    const ends = end - ids.size
    if (ends > transactions.size)
      this.#report(`${name}-${index} has ${ends} ends of ${transactions.size} transactions`)
  }

  /** A compacted log was compacted just now: checks that it is, as far as it is decided. */
  auditCompacted({ name, id: topicId, partitions, options }: Topic): void {
    const now = this.#now()
    for (const partition of partitions) {
      const contents = contentsOf(partition)
      const where = `${name}-${partition.index}`
      for (const problem of uncompacted(partition, contents)) this.#report(`${where} ${problem}`)
      for (const record of contents.found) {
        const sent = this.sent[idOf(record)]!
        if (record.offset >= cleanTo(partition)) break
        const place = { topicId, partition: partition.index, offset: record.offset }
        if (!sent.tombstone || !isPlace(sent, place)) continue
        if (sent.cleanedAt === -1) sent.cleanedAt = now
        else if (now >= sent.cleanedAt + options.deleteRetentionMs)
          this.#report(
            `${where}@${record.offset} deletes its key since ${sent.cleanedAt}, and is still there`,
          )
      }
    }
  }

  /** How many copies of each record were written to topics, beside itself. */
  copies(topics: readonly Topic[]): ReadonlyMap<number, number> {
    const copies = new Map<number, number>()
    for (const { id: topicId, partitions } of topics) {
      for (const { index } of partitions) {
        for (const [offset, id] of this.#log(topicId, index).ids)
          if (!isPlace(this.sent[id]!, { topicId, partition: index, offset }))
            copies.set(id, (copies.get(id) ?? 0) + 1)
      }
    }
    return copies
  }

  /** The id of what was written to a place. */
  at(topicId: string, partition: number, offset: number): number | undefined {
    return this.#logs.get(`${topicId}/${partition}`)?.ids.get(offset)
  }

  /** Whether compaction may have left it out: a later record of its key counts, or it has deleted its key for long. */
  mayBeGone(sent: Sent, { options }: Topic): boolean {
    if (!options.cleanupPolicy.includes('compact')) return false
    if (this.#superseded(sent) || this.#deletedAgain.has(`${sent.topicId}/${sent.key}`)) return true
    return sent.tombstone && this.#now() >= sent.at + options.deleteRetentionMs
  }

  /** Whether a compacted log may go on from `from` to `to`: it has left out all in between, what was aborted, too. */
  mayBegin(topic: Topic, partition: number, from: number, to: number): boolean {
    if (!topic.options.cleanupPolicy.includes('compact')) return false
    return this.sent.every(
      sent =>
        sent.topicId !== topic.id ||
        sent.partition !== partition ||
        sent.offset < from ||
        sent.offset >= to ||
        sent.fate?.state === 'aborted' ||
        sent.fate?.over ||
        this.mayBeGone(sent, topic),
    )
  }

  #superseded({ key, topicId, partition, offset }: Sent): boolean {
    return key !== null && (this.#log(topicId, partition).newest.get(key) ?? -1) > offset
  }
}

/** Whether that is where a record was written, and not where a copy of it is. */
export function isPlace(sent: Sent, { topicId, partition, offset }: Place): boolean {
  if (sent.topicId !== topicId) return false
  return sent.became !== 'written' || (sent.partition === partition && sent.offset === offset)
}
