import type { AssignmentUpdate } from '../engine.ts'
import type { TopicPartition } from '../topic-partition.ts'
import type { ResolvedConsumerOptions } from './consumer-options.ts'

type Interest = ResolvedConsumerOptions['interest']

/** An update to follow, and what was read when it came. */
export interface UpdateTask {
  readonly interest: Interest
  readonly update: AssignmentUpdate
}

/** The membership is gone, and why. */
export interface LossTask {
  readonly lost: unknown
}

/** What a group has said and its member has not followed yet, in order. */
export class PendingUpdates {
  #tasks: (UpdateTask | LossTask)[] = []

  get isEmpty(): boolean {
    return this.#tasks.length === 0
  }

  add(update: AssignmentUpdate, interest: Interest): void {
    for (const tp of update.lost) this.#tasks = this.#tasks.map(task => withoutAssigned(task, tp))
    // In two steps: what is assigned may be gone again by the time that the rest has been given up.
    if (update.revoked.length > 0 && update.assigned.length > 0) {
      this.#tasks.push({ interest, update: { ...update, assigned: [], settled: false } })
      this.#tasks.push({ interest, update: { ...update, lost: [], revoked: [] } })
    } else this.#tasks.push({ interest, update })
  }

  /** The membership is gone: nothing of what was said before counts any more. */
  lose(reason: unknown): void {
    this.#tasks = [{ lost: reason }]
  }

  clear(): void {
    this.#tasks = []
  }

  shift(): UpdateTask | LossTask | undefined {
    return this.#tasks.shift()
  }

  /** What will have to be given up. */
  *revoked(): IterableIterator<TopicPartition> {
    for (const task of this.#tasks) if ('update' in task) yield* task.update.revoked
  }
}

// Of a partition that is gone before its assignment was followed nothing is left to follow.
function withoutAssigned(
  task: UpdateTask | LossTask,
  { topic, partition }: TopicPartition,
): UpdateTask | LossTask {
  if ('lost' in task) return task
  const { interest, update } = task
  const assigned = update.assigned.filter(tp => tp.topic !== topic || tp.partition !== partition)
  return assigned.length === update.assigned.length ? task : { interest, update: { ...update, assigned } }
}
