import type { AnyRecord, RecordMetadata } from '../../../src/record.ts'
import { partitionKey } from '../assignment.ts'
import type { World } from '../world.ts'

/** What was sent and where it is: nobody may see a record at another place (lost-write). */
export class Written {
  readonly #world: World
  // By the record's id, which is its value; and the other way round.
  readonly #places = new Map<number, string>()
  readonly #ids = new Map<string, number>()
  readonly #topicIds = new Map<number, string>()
  #next = 0

  constructor(world: World) {
    this.#world = world
  }

  /** A value for the next record of that topic. */
  value(topicId: string): number {
    this.#topicIds.set(++this.#next, topicId)
    return this.#next
  }

  acknowledged(id: number, { topic, partition, offset }: RecordMetadata): void {
    this.#place(id, topic, partition, offset)
  }

  /** The topic that a record was sent to. */
  topicIdOf({ value }: AnyRecord): string {
    return this.#topicIds.get(value as number)!
  }

  seen(record: AnyRecord): void {
    this.#place(record.value as number, record.topic, record.partition, record.offset)
  }

  #place(id: number, topic: string, partition: number, offset: number): void {
    const topicId = this.#topicIds.get(id)
    if (topicId === undefined) return this.#world.report('lost-write', `record ${id} was never sent`)
    const place = `${partitionKey(topicId, partition)}/${offset}`
    const known = this.#places.get(id)
    const other = this.#ids.get(place)
    if (known === place) return
    if (known !== undefined || other !== undefined) {
      const text = `record ${id} of ${topic}-${partition} at ${offset}`
      return this.#world.report(
        'lost-write',
        `${text}: it was at ${known ?? 'no place'}, and there was ${other ?? 'nothing'}`,
      )
    }
    this.#places.set(id, place)
    this.#ids.set(place, id)
  }
}
