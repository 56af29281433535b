import type { Consumer } from '../../../../src/consumer/consumer.ts'
import { isBrokerletError, json } from '../../../../src/index.ts'
import type { Topic } from '../../../../src/log/topic.ts'
import type { Producer } from '../../../../src/producer/producer.ts'
import type { Transaction } from '../../../../src/producer/transaction.ts'
import { TestBroker } from '../../../../src/testing/index.ts'
import type { TopicOptions } from '../../../../src/topic-definition.ts'
import { Lot } from '../../../helpers/lot.ts'
import type { Scene } from '../../scene.ts'
import { Follower } from './follower.ts'
import { type Fate, Ledger } from './ledger.ts'
import { type Manner, Member } from './member.ts'
import { type GroupOptions, Readers } from './readers.ts'

const isolationLevels = ['read_committed', 'read_uncommitted'] as const

const names = ['orders', 'table', 'queue', 'out', 'retry', 'letters'] as const
type Name = (typeof names)[number]

/** The topics whose records may become dead letters. */
const sources = new Set<string>(['orders', 'table', 'queue'])

/** How many transactional ids the scene has, beside those of its consumers. */
const writers = 5

interface Group {
  readonly readers: Readers
  readonly manner: Manner
}

/** A producer of transactions. */
export interface Writer {
  readonly producer: Producer<never>
  readonly transactionalId: string
  readonly timeoutMs: number
}

interface Running {
  readonly writer: Writer
  readonly fate: Fate
  /** When its time is over, once it has begun. */
  until: number
  fenced: boolean
}

interface Message {
  readonly topic: string
  readonly key: string | null
  readonly partition?: number
  readonly value: unknown
  readonly headers: Record<string, string>
}

/** Everything at once on one broker, as a seed decides. */
export class Everything implements Scene {
  readonly problems: string[] = []
  readonly lot: Lot
  readonly broker: TestBroker
  readonly ledger: Ledger
  /** Whether nothing fails any more. */
  healed = false
  /** The group that is polled within the transactions of another one. */
  readonly polling: Readers
  readonly #groups: readonly Group[]
  // How often each record became a dead letter.
  readonly #letters = new Map<number, number>()
  // Up to where records were deleted, by topic id and partition.
  readonly #deletedTo = new Map<string, number>()
  readonly #members: Member[] = []
  readonly #unsettled = new Set<string>()
  readonly #topicIds = new Map<string, Set<string>>()
  readonly #writers: (Writer | undefined)[] = Array.from({ length: writers })
  readonly #running = new Set<Running>()
  #followers = 0
  readonly #fenced = new Set<Writer>()
  #calls = 0

  constructor(seed: number) {
    const lot = new Lot(seed)
    this.lot = lot
    this.ledger = new Ledger(
      problem => this.report(problem),
      () => this.broker.now,
    )
    this.broker = new TestBroker({
      seed,
      ...(lot.chance(0.4) && { maxRecords: lot.oneOf([40, 80]) }),
      ...(lot.chance(0.3) && { codec: json }),
    })
    this.broker.on('error', () => {})
    this.broker.on('recordsDropped', event => {
      const { id } = this.broker.topic(event.topic)
      for (const { readers } of this.#groups) readers.dropped(id, event)
    })
    this.#groups = this.#drawGroups()
    this.polling = this.#readers({
      groupId: 'd',
      topics: ['table', 'out'],
      isolationLevel: 'read_committed',
      ordering: 'partition',
    })
    for (const name of names) this.#create(name)
  }

  get transcript(): string {
    return String(this.broker.timeline)
  }

  report(problem: string): void {
    if (!this.problems.includes(problem)) this.problems.push(problem)
  }

  topicIds(name: string): ReadonlySet<string> {
    return this.#topicIds.get(name) ?? new Set()
  }

  /** A call ends, at the latest with the broker; what it rejects with is an error of ours. */
  follow<T>(what: string, call: Promise<T>): Promise<T> {
    const name = `${what} (${++this.#calls})`
    this.#unsettled.add(name)
    call.then(
      () => this.#unsettled.delete(name),
      error => {
        this.#unsettled.delete(name)
        if (!isBrokerletError(error) && error.message !== 'planned') this.report(`${name}: ${error.stack}`)
      },
    )
    return call
  }

  async run(): Promise<void> {
    for (const group of this.#groups) this.#join(group)
    await this.broker.advance(0)
    const steps = this.lot.oneOf([20, 60])
    for (let step = 0; step < steps && this.problems.length === 0; step++) {
      await this.#step()
      this.#audit()
    }
    if (this.problems.length === 0) await this.#heal()
    await this.#close()
  }

  // --- what happens -------------------------------------------------------------------------------------------------

  async #step(): Promise<void> {
    const { lot } = this
    const step = lot.below(100)
    if (step < 32) this.#send()
    else if (step < 44) this.#writeSome()
    else if (step < 50) this.#join(lot.oneOf(this.#groups))
    else if (step < 53) this.#member()?.crash()
    else if (step < 56) this.#leave()
    else if (step < 58) this.#seeker()?.seek()
    else if (step < 60) this.#member()?.consumer.pause()
    else if (step < 62) this.#member()?.consumer.resume()
    else if (step < 65) this.#deleteRecords()
    else if (step < 69) await this.#compact()
    else if (step < 72) this.#deleteTopic()
    else if (step < 74) this.#addPartitions()
    else if (step < 76) this.#alter()
    else if (step < 79) this.#redrive()
    else if (step < 81) this.#read()
    else if (step < 83) void this.#commitFromOutside()
    await this.broker.advance(lot.oneOf([0, 0, 1, 10, 50, 200, 1000, 3000]))
  }

  #message(topic: Topic, fate?: Fate): Message {
    const { lot } = this
    const key = topic.name === 'table' || lot.chance(0.5) ? lot.oneOf(['a', 'b', 'c', 'd']) : null
    const tombstone = topic.name === 'table' && lot.chance(0.2)
    const { id } = this.ledger.send(topic, key, fate, tombstone)
    // Transactions meet in the first partition.
    const partition = fate
      ? lot.chance(0.6) && { partition: 0 }
      : lot.chance(0.3) && { partition: lot.below(topic.partitions.length) }
    return {
      topic: topic.name,
      key,
      ...partition,
      value: tombstone ? null : { id },
      headers: { id: String(id) },
    }
  }

  #topic(): Topic | undefined {
    const some = ['orders', 'table', 'queue', 'out'] as const
    return this.broker.topics.get(this.lot.oneOf(some))
  }

  #send(): void {
    const { lot } = this
    const mostly = this.#topic()
    if (mostly === undefined) return
    const count = lot.oneOf([1, 1, 2, 4, 9])
    const messages = Array.from({ length: count }, () =>
      this.#message((lot.chance(0.2) && this.#topic()) || mostly),
    )
    // Of a batch that names a partition that there is not, nothing is written.
    if (lot.chance(0.1)) messages[messages.length - 1] = { ...messages.at(-1)!, partition: 99 }
    this.#sendAll(messages)
  }

  #sendAll(messages: readonly Message[]): void {
    const { lot, ledger } = this
    const sent = messages.map(({ headers }) => ledger.sent[Number(headers.id)]!)
    const call = this.broker.producer().sendBatch(messages as never, { timeoutMs: lot.oneOf([0, 50, 1500]) })
    this.follow('send', call).then(
      all => all.forEach((metadata, i) => void ledger.written(sent[i]!, metadata)),
      () => sent.forEach(each => void ledger.refused(each)),
    )
  }

  // Several at once, so that some of them are open when another ends.
  #writeSome(): void {
    const { lot } = this
    const topics = lot.chance(0.5) ? this.#drawTopics() : undefined
    for (let left = lot.oneOf([1, 1, 4]); left > 0; left--) this.#write(topics)
  }

  // Now and then a new producer fences the one of its id, which may not know it.
  #write(topics: readonly string[] = this.#drawTopics()): void {
    const { lot } = this
    const i = lot.below(writers)
    const begins = this.#writers[i] === undefined || lot.chance(0.2)
    if (begins) {
      const fenced = this.#writers[i]
      if (fenced) this.#fenced.add(fenced)
      this.#writers[i] = this.writer(`writer-${i}`, lot.oneOf([100, 1000, 60_000]))
      for (const running of this.#running)
        if (running.writer.transactionalId === `writer-${i}`) running.fenced = true
    }
    // A new one fences with its first transaction.
    const old = begins ? undefined : lot.oneOf([...this.#fenced])
    const writer = old && lot.chance(0.2) ? old : this.#writers[i]!
    this.transact(writer, topics).catch(() => {})
  }

  #drawTopics(): string[] {
    return this.lot.some(() => this.lot.oneOf(['orders', 'table', 'queue', 'out']))
  }

  writer(transactionalId: string, timeoutMs: number): Writer {
    const producer = this.broker.producer({ transactionalId, transactionTimeoutMs: timeoutMs })
    return { producer: producer as never, transactionalId, timeoutMs }
  }

  /** Writes a transaction; it takes its time, and is aborted now and then. */
  async transact(
    writer: Writer,
    topics: readonly string[],
    before?: (tx: Transaction<never>) => Promise<void>,
  ): Promise<Fate> {
    const { lot, ledger, broker } = this
    const fate: Fate = { state: 'open', over: this.#fenced.has(writer), mayBeOver: true }
    const running = { writer, fate, until: Number.POSITIVE_INFINITY, fenced: false }
    this.#running.add(running)
    const call = writer.producer.transaction(async tx => {
      running.until = broker.now + writer.timeoutMs
      fate.mayBeOver = fate.over || running.fenced
      await before?.(tx)
      for (const name of topics) {
        const topic = broker.topics.get(name)
        if (topic === undefined) throw new Error('planned')
        const message = this.#message(topic, fate)
        const sent = ledger.sent[Number(message.headers.id)]!
        const written = tx.send(message as never)
        written.then(
          metadata => ledger.written(sent, metadata),
          () => ledger.refused(sent),
        )
        await written
        if (!this.healed && lot.chance(0.5)) await broker.clock.sleep(lot.oneOf([0, 20, 150, 1500]))
      }
      if (!this.healed && lot.chance(0.2)) throw new Error('planned')
      fate.state = 'returned'
    })
    try {
      await this.follow('transaction', call)
      fate.state = 'committed'
      if (fate.over) this.report(`${writer.transactionalId} commits what is over`)
    } catch (error) {
      fate.state = 'aborted'
      throw error
    } finally {
      this.#running.delete(running)
    }
    return fate
  }

  #join({ readers, manner }: Group): void {
    if (this.#members.filter(member => member.alive && member.readers === readers).length >= 3) return
    const member = new Member(this, `${readers.options.groupId}${this.#members.length}`, readers, manner)
    this.#members.push(member)
    member.start()
  }

  #live(): Member[] {
    return this.#members.filter(({ alive }) => alive)
  }

  #member(): Member | undefined {
    return this.lot.oneOf(this.#live())
  }

  // A seek makes a group read again, which would be twice for transactions.
  #seeker(): Member | undefined {
    return this.lot.oneOf(this.#live().filter(({ readers }) => readers.options.groupId !== 'b'))
  }

  #leave(): void {
    const member = this.#member()
    const options = this.lot.oneOf([
      {},
      { timeoutMs: 0 },
      { timeoutMs: 100 },
      { drain: true, timeoutMs: 2000 },
    ])
    if (member) this.follow(`close of ${member.name}`, member.consumer.close(options)).catch(() => {})
  }

  #deleteRecords(): void {
    const topics = [...this.broker.topics.values()]
    if (topics.length === 0) return
    const partition = this.lot.oneOf(this.lot.oneOf(topics).partitions)
    const { logStartOffset: start, highWatermark: end } = partition
    const before = start + this.lot.below(end - start + 1)
    partition.deleteRecords(before)
    this.#deletedTo.set(`${this.broker.topic(partition.topic).id}/${partition.index}`, before)
    if (partition.logStartOffset !== before)
      this.report(`${partition.topic} begins at ${partition.logStartOffset}, not at ${before}`)
  }

  #deleteTopic(): void {
    const name = this.lot.oneOf(names)
    if (!this.broker.topics.has(name)) return this.#create(name)
    this.broker.deleteTopic(name)
    if (this.lot.chance(0.5)) this.#create(name)
  }

  // Twice now and then, as what deletes its key stays for a time that begins with the first pass.
  async #compact(): Promise<void> {
    const { lot, broker } = this
    const table = broker.topics.get('table') as unknown as Topic | undefined
    if (table === undefined) return
    for (let left = lot.oneOf([1, 1, 2]); left > 0; left--) {
      if (lot.chance(0.5)) await this.#closeUndecided(table)
      table.compact()
      this.ledger.auditCompacted(table)
      if (left > 1) await broker.advance(0.6 * table.options.deleteRetentionMs)
    }
  }

  // What comes after the records of an open transaction closes their segment, which is not to be compacted yet.
  async #closeUndecided(table: Topic): Promise<void> {
    this.#write(['table'])
    await this.broker.advance(0)
    this.#sendAll(Array.from({ length: this.lot.oneOf([2, 5]) }, () => this.#message(table)))
    await this.broker.advance(0)
  }

  #redrive(): void {
    const { lot } = this
    const options = lot.oneOf([{}, {}, { maxRecords: 2 }, { filter: () => lot.chance(0.5) }])
    this.follow('redrive', this.broker.redrive({ from: 'letters', ...options })).catch(() => {})
  }

  // A reader of partitions of its own choice, which it changes while it reads.
  #read(): void {
    const { lot, broker } = this
    const topic = this.#topic()
    if (topic === undefined) return
    const follower = new Follower(this, `f${this.#followers++}`, lot.oneOf(isolationLevels), topic)
    void broker.clock.sleep(lot.oneOf([0, 500, 3000])).then(() => follower.change())
  }

  // Nobody commits for a group but its members, while there are any.
  async #commitFromOutside(): Promise<void> {
    const { lot, broker } = this
    const { groupId } = lot.oneOf(this.#groups).readers.options
    const log = broker.topics.get('orders')?.partitions[0]
    if (log === undefined) return
    const tp = { topic: 'orders', partition: 0 }
    const outside = broker.consumer({
      groupId,
      assign: [tp],
      autoCommit: false,
    } as never) as unknown as Consumer
    outside.on('error', () => {})
    const commit = async () => {
      await outside.ready()
      const members = broker.groups.get(groupId)?.members.length ?? 0
      if (members === 0) return
      await outside.commit([{ ...tp, offset: log.logStartOffset }])
      this.report(`a consumer outside commits for ${groupId}, which has ${members} members`)
    }
    await this.follow('commit from outside', commit()).catch(() => {})
    await this.follow('close of a consumer outside', outside.close())
  }

  #addPartitions(): void {
    const topic = this.#topic()
    if (topic && topic.partitions.length < 5) topic.addPartitions(topic.partitions.length + 1)
  }

  #alter(): void {
    const { lot } = this
    const topic = this.broker.topics.get(lot.oneOf(['orders', 'out', 'queue']))
    topic?.alter({ retentionRecords: lot.oneOf([2, 5, 20]) })
  }

  // --- what there is ------------------------------------------------------------------------------------------------

  #create(name: Name): void {
    const topic = this.broker.createTopic(name, this.#drawTopic(name))
    this.#topicIds.set(name, new Set([...this.topicIds(name), topic.id]))
    for (const { readers } of this.#groups) {
      const members = this.broker.groups.get(readers.options.groupId)?.members ?? []
      readers.topicCreated(topic, this.#members.length === 0 || members.length > 0)
    }
  }

  #drawTopic(name: Name): TopicOptions {
    const { lot } = this
    const partitions = lot.oneOf([1, 2, 3])
    const segmentRecords = lot.oneOf([2, 5])
    const retentionMs = lot.oneOf([500, 5000])
    if (name === 'table') {
      const minCleanableDirtyRatio = lot.oneOf([0, 0.5])
      const deleteRetentionMs = lot.oneOf([0, 2000, 20_000])
      const compact = { partitions, segmentRecords, minCleanableDirtyRatio, deleteRetentionMs }
      if (lot.chance(0.5)) return { ...compact, cleanupPolicy: 'compact' }
      return { ...compact, cleanupPolicy: 'compact,delete', retentionMs }
    }
    if (name === 'queue') {
      const full: TopicOptions[] = [
        { retentionRecords: 3, whenFull: 'wait' },
        { retentionRecords: 4, whenFull: 'reject' },
        { cleanupPolicy: 'consumed' },
        { cleanupPolicy: 'consumed', retentionRecords: 4 },
      ]
      return { partitions, ...lot.oneOf(full) }
    }
    if (name === 'letters' || name === 'retry') return { partitions, segmentRecords }
    const kept: TopicOptions[] = [
      {},
      {},
      { retentionRecords: lot.oneOf([4, 15]) },
      { retentionMs, segmentRecords },
    ]
    return { partitions, ...lot.oneOf([...kept, { segmentRecords }]) }
  }

  #readers(options: GroupOptions): Readers {
    return new Readers(options, this.ledger, problem => this.report(problem))
  }

  #drawGroups(): readonly Group[] {
    const { lot } = this
    const attempts = lot.oneOf([1, 2])
    const ordering = lot.oneOf(['partition', 'key', 'none'] as const)
    const deadLetter = { deadLetter: 'letters' } as const
    const byKey = ['skip', 'restart', deadLetter, 'park-key', 'park-key'] as const
    const onFailure = lot.oneOf(ordering === 'key' ? byKey : (['skip', 'restart', deadLetter] as const))
    const parked = onFailure === 'park-key' && { parkedDelayMs: 300 }
    const run = { onFailure, ...parked, ordering, concurrency: lot.oneOf([1, 3]) }
    const laterMs = () => (lot.chance(0.6) ? lot.oneOf([0, 500]) : undefined)
    const topics = ['orders', 'table', 'queue']
    const kind = lot.oneOf(['records', 'batches'] as const)
    const isolationLevel = () => lot.oneOf(isolationLevels)
    // Two of them may share the retry topic.
    return [
      this.#group(
        { groupId: 'a', topics, ordering, isolationLevel: isolationLevel() },
        { kind: 'records', attempts, laterMs: laterMs(), run },
      ),
      this.#group(
        { groupId: 'b', topics: ['orders'], ordering: 'partition', isolationLevel: 'read_committed' },
        { kind: 'transactions', attempts: 3, laterMs: undefined, run: {} },
      ),
      this.#group(
        { groupId: 'c', topics: [...topics, 'out'], ordering: 'partition', isolationLevel: isolationLevel() },
        { kind, attempts: 3, laterMs: kind === 'records' ? laterMs() : undefined, run: {} },
      ),
    ]
  }

  #group(options: GroupOptions, manner: Manner): Group {
    const { attempts, laterMs } = manner
    const later = laterMs === undefined ? {} : { topics: [{ topic: 'retry', delayMs: laterMs }] }
    const run = { ...manner.run, retry: { attempts, delayMs: 50, ...later } }
    return { readers: this.#readers(options), manner: { ...manner, run } }
  }

  // --- what must be so ----------------------------------------------------------------------------------------------

  #audit(): void {
    const { broker, ledger } = this
    const topics = broker.topics as unknown as ReadonlyMap<string, Topic>
    for (const { fate, until, fenced } of this.#running)
      if (fate.state === 'open') {
        fate.over ||= fenced || broker.now > until
        fate.mayBeOver ||= fenced || broker.now >= until
      }
    ledger.audit(topics.values())
    for (const { readers } of this.#groups) {
      const group = broker.groups.get(readers.options.groupId)
      if (group === undefined) continue
      readers.auditOffsets(group, topics)
      for (const topic of topics.values()) {
        const deletedTo = (partition: number) => this.#deletedTo.get(`${topic.id}/${partition}`) ?? 0
        readers.auditHeld(group, topic, deletedTo)
      }
    }
    this.#auditTransactionOffsets(topics)
    this.#auditCopies(topics)
    const { records, maxRecords, topics: described } = broker.describe()
    const kept = described
      .flatMap(({ partitions }) => partitions)
      .reduce((sum, each) => sum + each.records, 0)
    if (records < kept) this.report(`the broker counts ${records}, and its topics ${kept}`)
    // The end of a transaction is written also where there is no room for it.
    const ends = ledger.ends(topics.values())
    if (maxRecords !== -1 && records > maxRecords + ends)
      this.report(`${records} records and ${ends} ends of transactions, and at most ${maxRecords}`)
  }

  async #rest(): Promise<void> {
    try {
      await this.broker.advanceUntilIdle()
    } catch (error) {
      this.report(`not idle: ${error}`)
    }
  }

  // What was sent back is not sent back a second time.
  async #redriveAll(): Promise<void> {
    for (const again of [false, true]) {
      const call = this.follow('redrive', this.broker.redrive({ from: 'letters' }))
      call.then(count => again && count > 0 && this.report(`${count} dead letters are sent back again`))
      await this.#rest()
    }
  }

  // While one is being committed, either is right.
  #auditTransactionOffsets(topics: ReadonlyMap<string, Topic>): void {
    if ([...this.#running].some(({ fate }) => fate.state === 'returned')) return
    const transforming = this.#groups.find(({ manner }) => manner.kind === 'transactions')!
    for (const readers of [transforming.readers, this.polling]) {
      const group = this.broker.groups.get(readers.options.groupId)
      if (group) readers.auditSent(group, topics)
    }
  }

  // What is written to the topics that producers write to, and is not what they wrote, was sent back once.
  #auditCopies(topics: ReadonlyMap<string, Topic>): void {
    const written = [...topics.values()].filter(({ name }) => sources.has(name))
    for (const [id, copies] of this.ledger.copies(written)) {
      const letters = this.#letters.get(id) ?? 0
      if (copies > letters) this.report(`${id} was sent back ${copies} times, and given up ${letters} times`)
    }
  }

  /** A record was given up, and written to the topic of dead letters. */
  deadLettered(id: number): void {
    this.#letters.set(id, (this.#letters.get(id) ?? 0) + 1)
  }

  async #heal(): Promise<void> {
    const { broker } = this
    this.healed = true
    for (const member of this.#members) member.endPolling()
    for (const name of names) if (!broker.topics.has(name)) this.#create(name)
    for (const { consumer } of this.#live()) consumer.resume()
    for (const group of this.#groups) this.#join(group)
    await this.#rest()
    await this.#redriveAll()
    this.#audit()
    const topics = broker.topics as unknown as ReadonlyMap<string, Topic>
    for (const { readers } of this.#groups) {
      const { groupId } = readers.options
      const lag = broker.groups.get(groupId)?.lag()
      if (lag !== 0) this.report(`${groupId} has lag ${lag}`)
      readers.auditEnd(topics)
      if (groupId !== 'b') continue
      for (const [place, times] of readers.times)
        if (times > 1) this.report(`${place} came out ${times} times`)
    }
    for (const topic of topics.values()) {
      for (const { index, lastStableOffset, highWatermark } of topic.partitions)
        if (lastStableOffset !== highWatermark) this.report(`${topic.name}-${index} is not stable`)
    }
  }

  async #close(): Promise<void> {
    await this.broker.close({ timeoutMs: 100 })
    await this.broker.advance(300_000)
    if (this.problems.length > 0) return
    for (const what of this.#unsettled) this.report(`never ends: ${what}`)
    for (const timer of this.broker.pendingTimers) this.report(`timer left: ${timer}`)
  }
}
