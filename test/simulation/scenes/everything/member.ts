import type { Consumer } from '../../../../src/consumer/consumer.ts'
import type { Batch, RecordContext, RunOptions } from '../../../../src/consumer/run-options.ts'
import type { AnyRecord } from '../../../../src/record.ts'
import type { TopicPartition } from '../../../../src/topic-partition.ts'
import type { Everything, Writer } from './everything.ts'
import { idOf, type Sent } from './ledger.ts'
import type { Readers } from './readers.ts'

/** How the members of a group consume. */
export interface Manner {
  readonly kind: 'records' | 'batches' | 'transactions'
  readonly ordering: 'partition' | 'key' | 'none'
  readonly attempts: number
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
    this.#end()
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
    this.#last.delete(`${topic.id}/${tp.partition}`)
    this.consumer.seek(tp, to)
  }

  #end(): void {
    this.alive = false
    this.readers.gone(this.name)
  }

  #listen(): void {
    const { consumer, readers } = this
    for (const event of ['error', 'restarting', 'retrying', 'crashed', 'stalled'] as const)
      consumer.on(event, () => {})
    const aside = ({ record }: { record: AnyRecord }) => void readers.aside.set(idOf(record), 'given up')
    consumer.on('skipped', aside)
    consumer.on('deadLettered', aside)
    consumer.on('delayed', ({ record, to }) => {
      const topicId = this.#scene.broker.topics.get(to.topic)?.id
      readers.aside.set(idOf(record), `${topicId}/${to.partition}/${to.offset}`)
    })
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
      this.readers.given(this.name, this.#scene.topicIds(topic), partition)
  }

  async #handle(records: readonly AnyRecord[], context: RecordContext): Promise<void> {
    const { lot, healed, ledger, broker } = this.#scene
    const { ordering, attempts, kind } = this.#manner
    const sent = records.map(record => ledger.sent[idOf(record)]!)
    // A record of a retry topic comes with the place where it was first.
    const direct = context.attempt <= attempts
    for (const each of sent) this.readers.begins(this.name, each, direct)
    if (ordering === 'partition' && direct) this.#checkOrder(records, sent[0]!, context)
    if (!healed && lot.chance(0.1)) context.pause(lot.oneOf([10, 300]))
    if (!healed && lot.chance(0.4)) await broker.clock.sleep(lot.oneOf([0, 1, 30, 700]))
    if (!this.#scene.healed && lot.chance(0.2)) throw new Error('planned')
    if (kind === 'transactions') await this.#transform(sent[0]!, context)
    else if (this.alive) for (const { id } of sent) this.readers.ends(id)
  }

  #checkOrder(records: readonly AnyRecord[], { topicId }: Sent, { attempt }: RecordContext): void {
    const place = `${topicId}/${records[0]!.partition}`
    const last = this.#last.get(place) ?? -1
    const { offset } = records[0]!
    if (attempt === 1 && offset <= last)
      this.#scene.report(`${this.name} reads ${place}@${offset} after ${last}`)
    this.#last.set(place, records.at(-1)!.offset)
  }

  async #transform({ id }: Sent, context: RecordContext): Promise<void> {
    this.#writer ??= this.#scene.writer(this.name, this.#scene.lot.oneOf([100, 60_000]))
    const fate = await this.#scene.transact(this.#writer, ['out'], tx => tx.sendOffsets(context))
    if (fate.state === 'committed') this.readers.ends(id)
  }
}
