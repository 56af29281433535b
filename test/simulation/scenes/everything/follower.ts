import type { Consumer } from '../../../../src/consumer/consumer.ts'
import type { Topic } from '../../../../src/log/topic.ts'
import type { AnyRecord } from '../../../../src/record.ts'
import type { Everything } from './everything.ts'
import type { GroupOptions } from './readers.ts'

/** Reads the partitions of one topic that it was told to, from their beginning, without a group. */
export class Follower {
  readonly #scene: Everything
  readonly #name: string
  readonly #topic: Topic
  readonly #isolationLevel: GroupOptions['isolationLevel']
  readonly #consumer: Consumer
  // The offset after the last record that came, by partition.
  readonly #next: number[] = []

  constructor(scene: Everything, name: string, isolationLevel: GroupOptions['isolationLevel'], topic: Topic) {
    this.#scene = scene
    this.#name = name
    this.#topic = topic
    this.#isolationLevel = isolationLevel
    const assign = [{ topic: topic.name, partition: 0 }]
    this.#consumer = scene.broker.consumer({ clientId: name, isolationLevel, assign } as never) as never
    for (const event of ['error', 'offsetReset'] as const) this.#consumer.on(event, () => {})
    const eachRecord = async (record: AnyRecord) => {
      this.#check(record)
      if (!scene.healed && scene.lot.chance(0.2)) await scene.broker.clock.sleep(20)
    }
    scene.follow(`run of ${name}`, this.#consumer.run({ eachRecord })).catch(() => {})
  }

  /** Reads all partitions from now on: what it reads already goes on where it is. */
  change(): void {
    const { partitions, name: topic } = this.#topic
    const assign = partitions.map(({ index: partition }) => ({ topic, partition }))
    this.#scene.follow(`assign of ${this.#name}`, this.#consumer.assign(assign)).catch(() => {})
  }

  // Everything that its isolation level lets it have, once.
  #check({ partition, offset }: AnyRecord): void {
    if (this.#scene.broker.topics.get(this.#topic.name)?.id !== this.#topic.id) return
    const log = this.#topic.partitions[partition]!
    const next = this.#next[partition] ?? 0
    this.#next[partition] = offset + 1
    const where = `${this.#name} reads ${log.topic}-${partition}@${offset}`
    if (offset < next) return this.#scene.report(`${where} again, after ${next - 1}`)
    const from = Math.max(next, log.logStartOffset)
    if (from >= offset) return
    const [first] = log.read(from, { maxRecords: 1, isolationLevel: this.#isolationLevel })
    if (first !== undefined && first.offset < offset)
      this.#scene.report(`${where}, and has not read ${first.offset}`)
  }
}
