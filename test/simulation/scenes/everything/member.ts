import type { Consumer } from '../../../../src/consumer/consumer.ts'
import type { ConsumerEvents } from '../../../../src/consumer/consumer-events.ts'
import type { Batch, RecordContext, RunOptions } from '../../../../src/consumer/run-options.ts'
import { partitionForKey } from '../../../../src/producer/partitioner.ts'
import type { AnyRecord } from '../../../../src/record.ts'
import type { TopicPartition } from '../../../../src/topic-partition.ts'
import type { Everything } from './everything.ts'
import { type Fate, idOf, isPlace, type Sent } from './ledger.ts'
import { Poller } from './poller.ts'
import type { Writer } from './producers.ts'
import type { Readers } from './readers.ts'

type GivenUp = Pick<ConsumerEvents['skipped'], 'record' | 'attempts'>
type Written = Pick<ConsumerEvents['deadLettered'], 'record' | 'to'>

/** How the members of a group consume. */
export interface Manner {
  readonly kind: 'records' | 'batches' | 'transactions'
  readonly attempts: number
  /** How long the records of its retry topic wait, if it has one. */
  readonly laterMs: number | undefined
  readonly run: Omit<RunOptions<AnyRecord, string>, 'eachRecord' | 'eachBatch' | 'batch'>
}

/** A consumer of a group, which fails, sleeps, pauses and seeks as its scene draws. */
export class Member {
  readonly name: string
  readonly readers: Readers
  readonly consumer: Consumer
  alive = true
  readonly #scene: Everything
  readonly #manner: Manner
  readonly #last = new Map<string, number>()
  #writer: Writer | undefined
  #poller: Poller | undefined

  constructor(scene: Everything, name: string, readers: Readers, manner: Manner) {
    this.name = name
    this.readers = readers
    this.#scene = scene
    this.#manner = manner
    const { groupId, topics, isolationLevel } = readers.options
    this.consumer = scene.broker.consumer({
      groupId,
      topics: topics as string[],
      isolationLevel,
      clientId: name,
      autoCommit: manner.kind !== 'transactions',
      maxPollRecords: scene.lot.oneOf([1, 3, 500]),
      maxPollIntervalMs: scene.lot.oneOf([500, 300_000]),
      sessionTimeoutMs: 2000,
      onAssigned: partitions => this.#assigned(partitions),
      onRevoked: partitions => this.#given(partitions),
      onLost: partitions => this.#given(partitions),
    }) as unknown as Consumer
    this.#listen()
    void this.consumer.done.then(
      () => this.#end(),
      () => this.#end(),
    )
  }

  start(): void {
    const { kind, run } = this.#manner
    const handlers =
      kind === 'batches'
        ? { eachBatch: (batch: Batch, context: RecordContext) => this.#handle(batch.records, context) }
        : { eachRecord: (record: AnyRecord, context: RecordContext) => this.#handle([record], context) }
    this.#scene
      .follow(`run of ${this.name}`, this.consumer.run({ ...run, ...handlers } as never))
      .catch(() => {
        this.#scene.follow(`close of ${this.name}`, this.consumer.close()).catch(() => {})
      })
  }

  /** Dies. */
  crash(): void {
    this.#scene.broker.crash(this.consumer as never)
    this.#poller?.crash()
    this.#end()
  }

  /** No transaction takes in what another group has polled any more. */
  async endPolling(): Promise<void> {
    const poller = this.#poller
    this.#poller = undefined
    await poller?.close()
  }

  seek(): void {
    const { lot, broker } = this.#scene
    const [tp] = [lot.oneOf(this.consumer.assignment)]
    if (tp === undefined) return
    const topic = broker.topics.get(tp.topic)
    const log = topic?.partitions[tp.partition]
    if (topic === undefined || log === undefined) return
    const to = lot.oneOf(['beginning', 'end', log.logStartOffset, lot.below(log.highWatermark + 1)] as const)
    const end = typeof to === 'number' ? to : to === 'end' ? log.highWatermark : 0
    this.readers.passes(topic.id, tp.partition, end)
    // For readers of what is committed the end is before the first open transaction.
    this.#last.set(`${topic.id}/${tp.partition}`, Math.min(end, log.lastStableOffset) - 1)
    this.consumer.seek(tp, to)
  }

  #end(): void {
    this.alive = false
    void this.endPolling()
    this.readers.gone(this.name)
  }

  #listen(): void {
    const { consumer, readers } = this
    const { attempts, laterMs } = this.#manner
    for (const event of ['error', 'restarting', 'retrying', 'crashed', 'stalled', 'parked'] as const)
      consumer.on(event, () => {})
    const allAttempts = laterMs === undefined ? attempts : attempts + 1
    const aside = (event: GivenUp) => {
      this.#checkAttempts(event, allAttempts)
      readers.aside.set(idOf(event.record), 'given up')
    }
    consumer.on('skipped', aside)
    consumer.on('deadLettered', event => {
      aside(event)
      this.#checkCopy(event)
      this.#scene.audit.deadLettered(idOf(event.record))
    })
    consumer.on('delayed', event => {
      const { record, to } = event
      this.#checkAttempts(event, attempts)
      this.#checkCopy(event)
      const topicId = this.#scene.broker.topics.get(to.topic)?.id
      readers.aside.set(idOf(record), `${topicId}/${to.partition}/${to.offset}`)
    })
  }

  // Where its topic is gone, a record is not tried any more.
  #checkAttempts({ record, attempts }: GivenUp, expected: number): void {
    const { topics, report } = this.#scene
    if (topics.ids(record.topic).size > 1 || !topics.all.has(record.topic)) return
    if (attempts !== expected)
      report(`${this.name} gives ${idOf(record)} up after ${attempts} attempts, not ${expected}`)
  }

  // A copy goes where its key goes; one of the topic's name may have had another width.
  #checkCopy({ record: { key, partition }, to }: Written): void {
    const { topics, report } = this.#scene
    const there = topics.all.get(to.topic)
    if (there === undefined || topics.ids(to.topic).size > 1) return
    const { length } = there.partitions
    const place = key === null ? partition % length : partitionForKey(String(key), length)
    if (to.partition !== place)
      report(`${this.name} writes key ${key} to ${to.topic}-${to.partition}, not ${place}`)
  }

  #assigned(partitions: readonly TopicPartition[]): void {
    const { members } = this.#scene.broker.group(this.readers.options.groupId)
    for (const { topic, partition } of partitions) {
      const id = this.#scene.broker.topics.get(topic)?.id
      if (id === undefined) continue
      this.#last.delete(`${id}/${partition}`)
      const owned = (owner: string) =>
        members.some(
          ({ clientId, assignment }) =>
            clientId === owner && assignment.some(tp => tp.topic === topic && tp.partition === partition),
        )
      this.readers.assigned(this.name, id, partition, owned)
    }
  }

  #given(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions)
      this.readers.given(this.name, this.#scene.topics.ids(topic), partition)
  }

  async #handle(records: readonly AnyRecord[], context: RecordContext): Promise<void> {
    const { ledger, broker } = this.#scene
    const sent = records.map(record => ledger.sent[idOf(record)]!)
    this.#check(records, sent, context)
    try {
      await this.#work(records, context)
    } catch (error) {
      // A batch fails with its first record.
      this.readers.fails(sent[0]!, context.attempt, broker.now)
      throw error
    }
    if (!this.alive || this.#manner.kind === 'transactions') return
    for (const [i, { id }] of sent.entries()) this.readers.ends(id, this.#placeOf(records[i]!))
  }

  async #work(records: readonly AnyRecord[], context: RecordContext): Promise<void> {
    const { lot, broker } = this.#scene
    if (!this.#scene.healed && lot.chance(0.1)) context.pause(lot.oneOf([10, 300]))
    if (!this.#scene.healed && lot.chance(0.4)) await broker.clock.sleep(lot.oneOf([0, 1, 30, 700]))
    // Some fail nearly always, so that all that can become of a record does.
    const often = idOf(records[0]!) % 8 === 0
    if (!this.#scene.healed && lot.chance(often ? 0.8 : 0.2)) throw new Error('planned')
    if (this.#manner.kind === 'transactions') await this.#transform(records[0]!, context)
  }

  #placeOf({ topic, partition, offset }: AnyRecord): string {
    return `${this.#scene.broker.topics.get(topic)?.id}/${partition}/${offset}`
  }

  #check(records: readonly AnyRecord[], sent: readonly Sent[], { attempt }: RecordContext): void {
    const { broker } = this.#scene
    const { attempts, laterMs } = this.#manner
    const [record] = records
    const topic = broker.topics.get(record!.topic)
    if (topic === undefined) return
    const later = attempt > attempts
    const own = sent.filter((each, i) => isPlace(each, { ...records[i]!, topicId: topic.id }))
    // A record of a retry topic comes with the place where it was first.
    if (!later) for (const each of own) this.readers.begins(this.name, each)
    // What was redriven is a copy, which comes anew.
    if (own[0] !== sent[0]) return
    // The first one in its retry topic waits for long; those of a parked record do not.
    const delayMs = later ? (attempt === attempts + 1 && laterMs) || 0 : 50
    this.readers.checkAttempt(this.name, sent[0]!, attempt, broker.now, delayMs)
    if (later) return
    if (this.consumer.paused.some(tp => tp.topic === record!.topic && tp.partition === record!.partition))
      this.#scene.report(`${this.name} reads ${sent[0]!.id} of ${topic.name}, which is paused`)
    this.readers.checkOrder(this.name, sent[0]!, topic as never)
    if (this.readers.options.ordering === 'partition') this.#checkPlace(records, sent[0]!, attempt)
  }

  #checkPlace(records: readonly AnyRecord[], { topicId }: Sent, attempt: number): void {
    const place = `${topicId}/${records[0]!.partition}`
    const last = this.#last.get(place) ?? -1
    const { offset } = records[0]!
    if (attempt === 1 && offset <= last)
      this.#scene.report(`${this.name} reads ${place}@${offset} after ${last}`)
    this.#last.set(place, records.at(-1)!.offset)
  }

  // Writes what comes of the record, and commits it, and also what another group has polled.
  async #transform(record: AnyRecord, context: RecordContext): Promise<void> {
    const { lot } = this.#scene
    const { topic, partition, offset } = record
    const topicId = this.#scene.broker.topics.get(topic)?.id
    this.#writer ??= this.#scene.producers.writer(this.name, lot.oneOf([100, 60_000]))
    if (!this.#scene.healed) this.#poller ??= new Poller(this.#scene, `${this.name}-poller`)
    const polled = await this.#poller?.poll()
    let left = false
    let fate: Fate
    try {
      fate = await this.#scene.producers.transact(this.#writer, ['out'], async tx => {
        await tx.sendOffsets(context)
        await polled?.send(tx)
        if (polled === undefined || this.#scene.healed || !lot.chance(0.1)) return
        left = true
        await this.endPolling()
      })
    } catch (error) {
      await polled?.rewind()
      throw error
    }
    if (fate.state !== 'committed') return
    if (left) this.#scene.report(`${this.name} commits what a consumer has polled that had left`)
    this.readers.sentOffsets(topicId!, partition, offset + 1, offset + 1)
    polled?.committed()
    this.readers.ends(idOf(record), this.#placeOf(record))
  }
}
