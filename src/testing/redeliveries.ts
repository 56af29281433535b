import type { FetchPosition } from '../engine.ts'
import type { ConsumerRecord } from '../record.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'

// A reader without a group gets nothing once more.
type Group = string | undefined

/** Records that a group is to get once more, kept until the owner of their partition reads them. */
export class Redeliveries {
  readonly #records = new Map<string, ConsumerRecord[]>()
  readonly #readers = new Map<string, () => void>()

  /** A member starts to read the partition; `wake` is called for each record to redeliver that is added from now on. */
  reads(group: Group, tp: TopicPartition, wake: () => void): void {
    this.#readers.set(idOf(group, tp), wake)
  }

  /** The member that `wake` belongs to no longer reads the partition. */
  leaves(group: Group, tp: TopicPartition, wake: () => void): void {
    if (this.#readers.get(idOf(group, tp)) === wake) this.#readers.delete(idOf(group, tp))
  }

  add(group: string, record: ConsumerRecord): void {
    const id = idOf(group, record)
    const records = this.#records.get(id) ?? []
    records.push(record)
    this.#records.set(id, records)
    this.#readers.get(id)?.()
  }

  /** The topic is gone, and its records with it: what has its name later has other records. */
  forget(topic: string): void {
    for (const [id, [record]] of this.#records) if (record?.topic === topic) this.#records.delete(id)
  }

  /** Whether there is one for a reader at this position: a record that it has not read yet comes once before. */
  has(group: Group, at: FetchPosition): boolean {
    return this.#next(group, at) !== undefined
  }

  take(group: Group, at: FetchPosition): ConsumerRecord | undefined {
    const next = this.#next(group, at)
    if (next === undefined) return undefined
    const { id, records, record } = next
    if (records.length === 1) this.#records.delete(id)
    else records.splice(records.indexOf(record), 1)
    return record
  }

  #next(group: Group, at: FetchPosition) {
    if (this.#records.size === 0) return undefined
    const id = idOf(group, at)
    const records = this.#records.get(id)
    const record = records?.find(({ offset }) => offset < at.fetchPosition)
    return records && record && { id, records, record }
  }
}

function idOf(group: Group, tp: TopicPartition): string {
  return `${group ?? ''} ${formatTopicPartition(tp)}`
}
