import type { AssignedPartition, AssignmentUpdate, Interest } from '../engine.ts'
import type { TopicPartition } from '../topic-partition.ts'
import { includedIn } from './interest.ts'

/** An update to follow, and the consumer's interest when it came. */
export interface UpdateTask {
  readonly interest: Interest
  readonly update: AssignmentUpdate
}

/** A lost membership to follow, and why it was lost. */
export interface LossTask {
  readonly lost: unknown
}

/** The updates of a group that its member has not followed yet, in order. */
export class PendingUpdates {
  #tasks: (UpdateTask | LossTask)[] = []

  get isEmpty(): boolean {
    return this.#tasks.length === 0
  }

  add(update: AssignmentUpdate, interest: Interest): void {
    if (update.lost.length > 0) this.#takeOnNoMore(update.lost)
    // In two steps: an assigned partition may be gone again before the revoked ones have been given up.
    if (update.revoked.length > 0 && update.assigned.length > 0) {
      this.#tasks.push({ interest, update: { ...update, assigned: [], settled: false } })
      this.#tasks.push({ interest, update: { ...update, lost: [], revoked: [] } })
    } else this.#tasks.push({ interest, update })
  }

  // A partition that is lost before its assignment was followed need not be taken on.
  #takeOnNoMore(lost: readonly TopicPartition[]): void {
    const topics = new Set(lost.map(({ topic }) => topic))
    const isLost = includedIn({ kind: 'assign', partitions: lost })
    for (let i = 0; i < this.#tasks.length; i++) {
      const task = this.#tasks[i]!
      // Topics may go by the thousand, each while the others are still to be followed.
      if ('lost' in task || !task.update.assigned.some(({ topic }) => topics.has(topic))) continue
      const { interest, update } = task
      const assigned = update.assigned.filter(tp => !isLost(tp))
      this.#tasks[i] = { interest, update: { ...update, assigned } }
    }
  }

  /** The membership is lost: updates that came before no longer count. */
  lose(reason: unknown): void {
    this.#tasks = [{ lost: reason }]
  }

  /** Forgets the updates, and returns them. */
  clear(): readonly (UpdateTask | LossTask)[] {
    const tasks = this.#tasks
    this.#tasks = []
    return tasks
  }

  shift(): UpdateTask | LossTask | undefined {
    return this.#tasks.shift()
  }

  /** The partitions that were assigned, and are not taken on yet. */
  *assigned(): IterableIterator<AssignedPartition> {
    for (const task of this.#tasks) if ('update' in task) yield* task.update.assigned
  }

  /** The partitions that will have to be given up. */
  *revoked(): IterableIterator<TopicPartition> {
    for (const task of this.#tasks) if ('update' in task) yield* task.update.revoked
  }
}
