import type { AnyRecord } from '../../../src/record.ts'
import type { Assignment, Delivery } from '../assignment.ts'
import type { World } from '../world.ts'

/** Records of a partition are handed out in order and without gaps within an assignment (poll-skip, nonmonotonic-poll). */
export class Order {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /** An assignment must begin at the committed offset, else where the reset policy says. */
  began({ member, groupId, topic, partition, next }: Assignment): void {
    const log = this.#world.broker.topic(topic).partitions[partition]!
    const committed = this.#world.broker.group(groupId).committed({ topic, partition })
    const { autoOffsetReset } = member.plan.options
    const reset = autoOffsetReset === 'latest' ? log.highWatermark : log.logStartOffset
    const expected = committed?.offset ?? reset
    if (next === expected) return
    this.#world.report(
      'wrong-position',
      `${member.name} begins ${topic}-${partition} at ${next}, expected ${expected}`,
    )
  }

  handedOut(assignment: Assignment, records: readonly AnyRecord[]): void {
    let { next } = assignment
    for (const { offset } of records) {
      const { member, topicId, topic, partition } = assignment
      while (next < offset && this.#world.compaction.removed(topicId, topic, partition, next)) next++
      if (offset !== next) {
        this.#world.report(
          offset < next ? 'nonmonotonic-poll' : 'poll-skip',
          `${member.name} got offset ${offset} of ${topic}-${partition}, expected ${next}`,
        )
      }
      next = offset + 1
    }
  }

  /** The first `count` records are finished, so the next one follows them, unless the position was moved. */
  finished({ assignment, records, moves }: Delivery, count: number): void {
    if (assignment.moves === moves && count > 0) assignment.next = records[count - 1]!.offset + 1
  }

  /** The position was out of range, and the reset policy moved it. */
  reset(assignment: Assignment, from: number, to: number): void {
    const { member, topic, partition, topicId } = assignment
    const found = this.#world.broker.topics.get(topic)
    if (found?.id === topicId) {
      const { logStartOffset, highWatermark } = found.partitions[partition]!
      const latest = member.plan.options.autoOffsetReset === 'latest'
      const outOfRange = from < logStartOffset || from > highWatermark
      if (!outOfRange || to !== (latest ? highWatermark : logStartOffset)) {
        const range = `${logStartOffset} to ${highWatermark}`
        this.#world.report('wrong-position', `${member.name} was reset from ${from} to ${to}, log ${range}`)
      }
    }
    assignment.next = to
    assignment.moves++
  }
}
