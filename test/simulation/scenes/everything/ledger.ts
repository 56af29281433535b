import type { Partition } from '../../../../src/log/partition.ts'
import type { Topic } from '../../../../src/log/topic.ts'
import type { AnyRecord, RecordMetadata } from '../../../../src/record.ts'

/** What became of a transaction, as its producer knows. */
export interface Fate {
  state: 'open' | 'returned' | 'committed' | 'aborted'
  /** Whether its time is over, or its producer was fenced: it is aborted by now, even if its function goes on. */
  over: boolean
}

/** A record that was sent. */
export interface Sent {
  readonly id: number
  readonly topic: string
  /** Tells a topic from a later one of the same name. */
  readonly topicId: string
  readonly key: string | null
  readonly fate: Fate | undefined
  became: 'waits' | 'written' | 'refused'
  partition: number
  offset: number
}

/** What is known of one partition of one topic. */
interface Log {
  start: number
  end: number
  /** The ids of the records by their offsets; those that consumers wrote are here, too. */
  readonly ids: Map<number, number>
  /** The last offset of each key whose record counts. */
  readonly newest: Map<string, number>
}

const all = { maxRecords: 100_000 }

/** Says of a record which one it is: copies in the topics of retries and dead letters have the same headers. */
export function idOf(record: AnyRecord): number {
  return Number((record.headers as Readonly<Record<string, unknown>>).id)
}

/** What was sent, and whether the logs have it: in its place, in order, and as its transaction ended. */
export class Ledger {
  readonly sent: Sent[] = []
  readonly #logs = new Map<string, Log>()
  readonly #report: (problem: string) => void

  constructor(report: (problem: string) => void) {
    this.#report = report
  }

  send({ name, id: topicId }: Topic, key: string | null, fate: Fate | undefined): Sent {
    const id = this.sent.length
    const sent: Sent = { id, topic: name, topicId, key, fate, became: 'waits', partition: -1, offset: -1 }
    this.sent.push(sent)
    return sent
  }

  written(sent: Sent, { partition, offset }: RecordMetadata): void {
    Object.assign(sent, { became: 'written', partition, offset })
  }

  refused(sent: Sent): void {
    sent.became = 'refused'
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
        this.#put(this.#log(topicId, partition), offset, id, `${topicId}/${partition}`)
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

  #put(log: Log, offset: number, id: number, where: string): void {
    const known = log.ids.get(offset)
    if (known !== undefined && known !== id) this.#report(`${where}@${offset} had ${known}, and has ${id}`)
    log.ids.set(offset, id)
    const sent = this.sent[id]!
    if (sent.key !== null && this.counts(sent))
      log.newest.set(sent.key, Math.max(log.newest.get(sent.key) ?? -1, offset))
  }

  #auditPartition(topic: Topic, partition: Partition): void {
    const where = `${topic.name}-${partition.index}`
    const log = this.#log(topic.id, partition.index)
    const { logStartOffset: start, highWatermark: end, lastStableOffset: stable } = partition
    if (start < log.start || end < log.end || start > stable || stable > end)
      this.#report(`${where} went from ${log.start}..${log.end} to ${start}..${stable}..${end}`)
    Object.assign(log, { start, end })
    const read = (isolationLevel: 'read_committed' | 'read_uncommitted') =>
      partition.read(start, { ...all, isolationLevel }) as readonly AnyRecord[]
    const found = new Set<number>()
    let before = -1
    for (const record of read('read_uncommitted')) {
      this.#put(log, record.offset, idOf(record), where)
      found.add(record.offset)
      const id = idOf(record)
      const sent = this.sent[id]!
      if (sent.topicId !== topic.id) continue
      if (sent.became === 'refused') this.#report(`${where}@${record.offset}: ${id} was refused`)
      // Sends that wait for room keep their order.
      if (id <= before) this.#report(`${where}@${record.offset}: ${id} comes after ${before}`)
      before = id
    }
    const committed = new Set(read('read_committed').map(({ offset }) => offset))
    for (const offset of committed) {
      const { id, fate } = this.sent[log.ids.get(offset)!]!
      const copy = !this.#isPlace(id, topic.id, offset)
      if (offset >= stable || !found.has(offset)) this.#report(`${where}@${offset} cannot be committed`)
      if (!copy && (fate?.state === 'open' || fate?.state === 'aborted'))
        this.#report(`${where}@${offset}: ${id} is read as committed, and is ${fate.state}`)
    }
    for (const [offset, id] of log.ids) {
      if (offset >= start)
        this.#auditRecord(topic, partition, offset, id, found.has(offset), committed.has(offset))
    }
    this.#auditStable(topic, partition, log)
    const described = partition.countFrom(start, end, false)
    if (described !== found.size) this.#report(`${where} counts ${described}, and has ${found.size}`)
  }

  // A record that counts is there, unless a later one of its key is; one that is hidden was aborted.
  #auditRecord(
    { id: topicId, name, options }: Topic,
    { index, lastStableOffset: stable }: Partition,
    offset: number,
    id: number,
    found: boolean,
    committed: boolean,
  ): void {
    if (!this.#isPlace(id, topicId, offset)) return
    const where = `${name}-${index}@${offset}: ${id}`
    const sent = this.sent[id]!
    const compacts = options.cleanupPolicy.includes('compact')
    const superseded = compacts && this.superseded(sent)
    const aborted = sent.fate?.state === 'aborted' || sent.fate?.state === 'open'
    if (!found && !superseded && !(compacts && aborted)) this.#report(`${where} is not there`)
    if (!committed && this.counts(sent) && offset < stable && !superseded) this.#report(`${where} is hidden`)
  }

  // The log is stable up to the first record of a transaction that is open.
  #auditStable({ id: topicId, name }: Topic, partition: Partition, log: Log): void {
    const { lastStableOffset: stable, highWatermark: end, logStartOffset: start, index } = partition
    if (stable === end) return
    const open = [...log.ids].some(
      ([offset, id]) =>
        this.#isPlace(id, topicId, offset) &&
        this.sent[id]!.fate?.state === 'open' &&
        !this.sent[id]!.fate?.over &&
        (offset === stable || (stable === start && offset < start)),
    )
    if (!open) this.#report(`${name}-${index} is stable up to ${stable} of ${end}, where nothing is open`)
  }

  // Whether that is where a record was written, and not where a copy of it is.
  #isPlace(id: number, topicId: string, offset: number): boolean {
    const sent = this.sent[id]!
    return sent.topicId === topicId && (sent.offset === offset || sent.became !== 'written')
  }

  /** The id of what was written to a place. */
  at(topicId: string, partition: number, offset: number): number | undefined {
    return this.#logs.get(`${topicId}/${partition}`)?.ids.get(offset)
  }

  /** Whether a later record of its key counts. */
  superseded({ key, topicId, partition, offset }: Sent): boolean {
    return key !== null && (this.#log(topicId, partition).newest.get(key) ?? -1) > offset
  }
}
