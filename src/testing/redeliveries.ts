import type { ConsumerRecord } from '../record.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'

/** Records that a group is to get once more, kept until the owner of their partition reads them. */
export class Redeliveries {
  readonly #records = new Map<string, ConsumerRecord[]>()
  readonly #readers = new Map<string, () => void>()

  /** A member starts to read the partition; `wake` is called for each record to redeliver that is added from now on. */
  reads(group: string, tp: TopicPartition, wake: () => void): void {
    this.#readers.set(idOf(group, tp), wake)
  }

  /** The member that `wake` belongs to no longer reads the partition. */
  leaves(group: string, tp: TopicPartition, wake: () => void): void {
    if (this.#readers.get(idOf(group, tp)) === wake) this.#readers.delete(idOf(group, tp))
  }

  add(group: string, record: ConsumerRecord): void {
    const id = idOf(group, record)
    const records = this.#records.get(id) ?? []
    records.push(record)
    this.#records.set(id, records)
    this.#readers.get(id)?.()
  }

  has(group: string, tp: TopicPartition): boolean {
    return this.#records.size > 0 && this.#records.has(idOf(group, tp))
  }

  take(group: string, tp: TopicPartition): ConsumerRecord | undefined {
    if (this.#records.size === 0) return undefined
    const id = idOf(group, tp)
    const records = this.#records.get(id)
    const record = records?.shift()
    if (records?.length === 0) this.#records.delete(id)
    return record
  }
}

function idOf(group: string, tp: TopicPartition): string {
  return `${group} ${formatTopicPartition(tp)}`
}
