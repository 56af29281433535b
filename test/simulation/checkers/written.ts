import type { AnyRecord, RecordMetadata } from '../../../src/record.ts'
import { partitionKey } from '../assignment.ts'
import type { World } from '../world.ts'

interface Acknowledged {
  readonly id: number
  readonly topicId: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/**
 * What was sent, and where it is. A record has one place (duplicate) and a place one record (inconsistent-offsets); an
 * acknowledged record is in the log (lost-write), in the order in which it was sent (nonmonotonic-send).
 */
export class Written {
  readonly #world: World
  // The place by the record's id, which is its value; and the id by place.
  readonly #places = new Map<number, string>()
  readonly #ids = new Map<string, number>()
  readonly #topicIds = new Map<number, string>()
  readonly #keys = new Map<number, string | undefined>()
  // The last record of each key in a partition.
  readonly #newest = new Map<string, number>()
  readonly #acknowledged: Acknowledged[] = []
  // The last record of each partition, of all that were sent to it, as there is one sender.
  readonly #last = new Map<string, Acknowledged>()
  #next = 0

  constructor(world: World) {
    this.#world = world
  }

  /** Returns the value of the next record of a topic; values grow in the order of sending. */
  value(topicId: string, key: string | undefined): number {
    this.#topicIds.set(++this.#next, topicId)
    this.#keys.set(this.#next, key)
    return this.#next
  }

  acknowledged(id: number, { topic, partition, offset }: RecordMetadata): void {
    this.#place(id, topic, partition, offset)
    const topicId = this.#topicIds.get(id)!
    const acknowledged = { id, topicId, topic, partition, offset }
    this.#acknowledged.push(acknowledged)
    const key = partitionKey(topicId, partition)
    const keyed = `${key}/${this.#keys.get(id)}`
    this.#newest.set(keyed, Math.max(this.#newest.get(keyed) ?? 0, offset))
    const last = this.#last.get(key)
    if (last !== undefined && last.id < id !== last.offset < offset) {
      this.#world.report(
        'nonmonotonic-send',
        `records ${last.id} and ${id} of ${topic}-${partition} are at ${last.offset} and ${offset}`,
      )
    }
    if (last === undefined || last.id < id) this.#last.set(key, acknowledged)
  }

  /** Returns the id of the topic that a record was sent to. */
  topicIdOf({ value }: AnyRecord): string {
    return this.#topicIds.get(value as number)!
  }

  seen(record: AnyRecord): void {
    this.#place(record.value as number, record.topic, record.partition, record.offset)
  }

  /** At the end: every record that was not trimmed is in the log. */
  checkAllThere(): void {
    const { broker, compaction } = this.#world
    for (const { id, topicId, topic, partition, offset } of this.#acknowledged) {
      const log = broker.topics.get(topic)
      if (log?.id !== topicId) continue
      const { logStartOffset, highWatermark } = log.partitions[partition]!
      if (offset < logStartOffset) continue
      if (
        this.#superseded(id, topicId, partition, offset) &&
        compaction.removed(topicId, topic, partition, offset)
      )
        continue
      const where = `record ${id} of ${topic}-${partition} at ${offset}`
      if (offset >= highWatermark) {
        this.#world.report('lost-write', `${where}: the log ends at ${highWatermark}`)
        continue
      }
      const found = log.partitions[partition]!.read(offset, { maxRecords: 1 })[0] as AnyRecord | undefined
      if (found?.value !== id)
        this.#world.report('lost-write', `${where}: ${found?.value ?? 'nothing'} is there`)
    }
  }

  // Whether a later record of its key was written.
  #superseded(id: number, topicId: string, partition: number, offset: number): boolean {
    return this.#newest.get(`${partitionKey(topicId, partition)}/${this.#keys.get(id)}`)! > offset
  }

  #place(id: number, topic: string, partition: number, offset: number): void {
    const topicId = this.#topicIds.get(id)
    const where = `record ${id} of ${topic}-${partition} at ${offset}`
    if (topicId === undefined) return this.#world.report('inconsistent-offsets', `${where} was never sent`)
    const place = `${partitionKey(topicId, partition)}/${offset}`
    const known = this.#places.get(id)
    const other = this.#ids.get(place)
    if (known === place) return
    if (other !== undefined)
      return this.#world.report('inconsistent-offsets', `${where}: record ${other} was there`)
    if (known !== undefined) return this.#world.report('duplicate', `${where}: it was at ${known}`)
    this.#places.set(id, place)
    this.#ids.set(place, id)
  }
}
