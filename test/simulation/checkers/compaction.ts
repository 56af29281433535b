import type { Topic } from '../../../src/log/topic.ts'
import type { AnyRecord } from '../../../src/record.ts'
import type { World } from '../world.ts'

/** Knows which records a compacted log may leave out. */
export class Compaction {
  readonly #world: World
  // The ids of compacted topics.
  readonly #compacted = new Set<string>()

  constructor(world: World) {
    this.#world = world
  }

  created({ id }: Topic): void {
    this.#compacted.add(id)
  }

  compacts({ id }: Pick<Topic, 'id'>): boolean {
    return this.#compacted.has(id)
  }

  /** Whether an offset belongs to a compacted log and is no longer there. */
  removed(topicId: string, topic: string, partition: number, offset: number): boolean {
    if (!this.#compacted.has(topicId)) return false
    const log = this.#world.broker.topics.get(topic)
    if (log?.id !== topicId) return true
    return recordAt(log, partition, offset)?.offset !== offset
  }
}

function recordAt(log: Topic, partition: number, offset: number): AnyRecord | undefined {
  const { logStartOffset, highWatermark } = log.partitions[partition]!
  if (offset < logStartOffset || offset >= highWatermark) return undefined
  return log.partitions[partition]!.read(offset, { maxRecords: 1 })[0] as AnyRecord | undefined
}
