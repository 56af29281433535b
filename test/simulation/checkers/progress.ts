import type { ConsumerGroup } from '../../../src/index.ts'
import { type Assignment, type Delivery, partitionKey } from '../assignment.ts'
import type { World } from '../world.ts'

/** The progress of a group on one partition: by offset, whether it is finished or need not be. */
class PartitionProgress {
  readonly #done: boolean[] = []
  #lowest = 0

  markDone(offset: number): void {
    this.#done[offset] = true
  }

  /** Excuses the offsets that the group was told to leave out. */
  excuse(to: number): void {
    for (let offset = this.#lowest; offset < to; offset++) this.#done[offset] = true
  }

  /** The lowest offset that is neither done, nor excused, nor trimmed, nor compacted away. */
  lowestUnfinished(logStartOffset: number, removed: (offset: number) => boolean): number {
    this.#lowest = Math.max(this.#lowest, logStartOffset)
    while (this.#done[this.#lowest] || removed(this.#lowest)) this.#lowest++
    return this.#lowest
  }
}

/** Every record is finished by every group (unseen), and no commit passes an unfinished one (commit-past-processed). */
export class Progress {
  readonly #world: World
  readonly #partitions = new Map<string, PartitionProgress>()

  constructor(world: World) {
    this.#world = world
  }

  #of(groupId: string, topicId: string, partition: number): PartitionProgress {
    const key = `${groupId}|${partitionKey(topicId, partition)}`
    let progress = this.#partitions.get(key)
    if (progress === undefined) {
      progress = new PartitionProgress()
      this.#partitions.set(key, progress)
    }
    return progress
  }

  /** The first `count` records of a delivery are finished. */
  finished({ assignment, records }: Delivery, count: number): void {
    const { groupId, topicId, partition } = assignment
    const progress = this.#of(groupId, topicId, partition)
    for (let i = 0; i < count; i++) progress.markDone(records[i]!.offset)
  }

  skipped({ groupId, topicId, partition }: Assignment, offset: number): void {
    this.#of(groupId, topicId, partition).markDone(offset)
  }

  /** The group continues at an offset because it was told to: by a seek, or a reset to the end. */
  moved(groupId: string, topicId: string, partition: number, to: number): void {
    this.#of(groupId, topicId, partition).excuse(to)
  }

  /** An assignment begins; with the reset policy latest, existing records are excused. */
  began({ member, groupId, topicId, partition, next }: Assignment): void {
    if (member.plan.options.autoOffsetReset === 'latest') this.moved(groupId, topicId, partition, next)
  }

  /** The lowest offset that the group must not have committed past. */
  lowestUnfinished(groupId: string, topic: string, partition: number): number {
    const { id, partitions } = this.#world.broker.topic(topic)
    const { logStartOffset, highWatermark } = partitions[partition]!
    const removed = (offset: number) =>
      offset < highWatermark && this.#world.compaction.removed(id, topic, partition, offset)
    return this.#of(groupId, id, partition).lowestUnfinished(logStartOffset, removed)
  }

  check(group: ConsumerGroup): void {
    for (const { topic, partition, offset } of group.offsets) {
      const log = this.#world.broker.topics.get(topic)?.partitions[partition]
      if (log === undefined) {
        this.#world.report('commit-past-processed', `${group.id} kept ${topic}-${partition}, which is gone`)
        continue
      }
      const lowest = this.lowestUnfinished(group.id, topic, partition)
      if (offset <= lowest) continue
      // The record counts as finished by now, since its poller is about to get it; if not, it will be unseen.
      if (this.#world.pollerCloses(group.id)) continue
      this.#world.report(
        'commit-past-processed',
        `${group.id} committed ${offset} of ${topic}-${partition} and has not finished ${lowest}`,
      )
    }
  }

  /** At the end: no record is left unfinished. */
  checkAllSeen(group: ConsumerGroup): void {
    for (const [topic, { partitions }] of this.#world.broker.topics) {
      for (const { index, highWatermark } of partitions) {
        const lowest = this.lowestUnfinished(group.id, topic, index)
        if (lowest >= highWatermark) continue
        this.#world.report(
          'unseen',
          `${group.id} never finished offset ${lowest} of ${topic}-${index}, which ends at ${highWatermark}`,
        )
      }
    }
  }
}
