import type { Topic } from '../../../../src/log/topic.ts'
import { drawTopic, type Name, names, sendable } from './draws.ts'
import type { Everything } from './everything.ts'

/** The topics of the scene: made, changed, compacted, trimmed, and deleted. */
export class Topics {
  readonly #scene: Everything
  // Up to where records were deleted, by topic id and partition.
  readonly #deletedTo = new Map<string, number>()
  readonly #ids = new Map<string, Set<string>>()

  constructor(scene: Everything) {
    this.#scene = scene
    for (const name of names) this.#make(name)
  }

  /** Those that there are. */
  get all(): ReadonlyMap<string, Topic> {
    return this.#scene.broker.topics as unknown as ReadonlyMap<string, Topic>
  }

  /** The ids of all that ever had this name. */
  ids(name: string): ReadonlySet<string> {
    return this.#ids.get(name) ?? new Set()
  }

  /** Up to where records of a partition were deleted. */
  deletedTo({ id }: Topic, partition: number): number {
    return this.#deletedTo.get(`${id}/${partition}`) ?? 0
  }

  /** One that producers write to, if it is there. */
  one(): Topic | undefined {
    return this.all.get(this.#scene.lot.oneOf(sendable))
  }

  /** Makes those anew that are not there. */
  restore(): void {
    for (const name of names) if (!this.all.has(name)) this.#makeAnew(name)
  }

  delete(): void {
    const { lot, broker } = this.#scene
    const name = lot.oneOf(names)
    if (!broker.topics.has(name)) return this.#makeAnew(name)
    broker.deleteTopic(name)
    if (lot.chance(0.5)) this.#makeAnew(name)
  }

  deleteRecords(): void {
    const { lot, report } = this.#scene
    const topics = [...this.all.values()]
    if (topics.length === 0) return
    const topic = lot.oneOf(topics)
    const partition = lot.oneOf(topic.partitions)
    const { logStartOffset: start, highWatermark: end } = partition
    const before = start + lot.below(end - start + 1)
    partition.deleteRecords(before)
    this.#deletedTo.set(`${topic.id}/${partition.index}`, before)
    if (partition.logStartOffset !== before)
      report(`${topic.name} begins at ${partition.logStartOffset}, not at ${before}`)
  }

  /** Twice now and then, as what deletes its key stays for a time that begins with the first pass. */
  async compact(): Promise<void> {
    const { lot, broker, ledger } = this.#scene
    const table = this.all.get('table')
    if (table === undefined) return
    for (let left = lot.oneOf([1, 1, 2]); left > 0; left--) {
      if (lot.chance(0.5)) await this.#closeUndecided(table)
      table.compact()
      ledger.auditCompacted(table)
      if (left > 1) await broker.advance(0.6 * table.options.deleteRetentionMs)
    }
  }

  addPartitions(): void {
    const topic = this.one()
    if (topic && topic.partitions.length < 5) topic.addPartitions(topic.partitions.length + 1)
  }

  alter(): void {
    const { lot } = this.#scene
    const topic = this.all.get(lot.oneOf(['orders', 'out', 'queue']))
    topic?.alter({ retentionRecords: lot.oneOf([2, 5, 20]) })
  }

  #make(name: Name): Topic {
    const { broker, lot } = this.#scene
    const topic = broker.createTopic(name, drawTopic(lot, name)) as unknown as Topic
    this.#ids.set(name, new Set([...this.ids(name), topic.id]))
    return topic
  }

  #makeAnew(name: Name): void {
    const { broker, groups } = this.#scene
    const topic = this.#make(name)
    for (const { readers } of groups) {
      const members = broker.groups.get(readers.options.groupId)?.members ?? []
      readers.topicCreated(topic, members.length > 0)
    }
  }

  // What comes after the records of an open transaction closes their segment, which is not to be compacted yet.
  async #closeUndecided(table: Topic): Promise<void> {
    const { broker, producers, lot } = this.#scene
    producers.write(['table'])
    await broker.advance(0)
    producers.sendTo(table, lot.oneOf([2, 5]))
    await broker.advance(0)
  }
}
