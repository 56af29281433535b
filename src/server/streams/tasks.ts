import { entryOf } from '../entry-of.ts'

/** A task: the id of a subtopology and a partition of the topics that it reads, such as `0_3`. (Kafka: TaskId) */
export type Task = string

/** Tasks by their role: an active task processes records, a standby only keeps its state up to date. */
export interface Tasks {
  readonly active: ReadonlySet<Task>
  readonly standby: ReadonlySet<Task>
}

export const noTasks: Tasks = { active: new Set(), standby: new Set() }

/** What a task is made of. */
export interface TaskParts {
  readonly subtopologyId: string
  readonly partition: number
}

/** Tasks as a message lists them. */
export interface TaskIds {
  readonly subtopologyId: string
  readonly partitions: readonly number[]
}

export function formatTask(subtopologyId: string, partition: number): Task {
  return `${subtopologyId}_${partition}`
}

export function partsOf(task: Task): TaskParts {
  const at = task.lastIndexOf('_')
  return { subtopologyId: task.slice(0, at), partition: Number(task.slice(at + 1)) }
}

export function fromTaskIds(taskIds: readonly TaskIds[]): Set<Task> {
  return new Set(
    taskIds.flatMap(({ subtopologyId, partitions }) =>
      partitions.map(partition => formatTask(subtopologyId, partition)),
    ),
  )
}

/** Lists tasks in the order of subtopologies and partitions. */
export function toTaskIds(tasks: Iterable<Task>): TaskIds[] {
  const byId = new Map<string, number[]>()
  for (const { subtopologyId, partition } of Array.from(tasks, partsOf).sort(bySubtopology)) {
    entryOf(byId, subtopologyId, () => []).push(partition)
  }
  return [...byId].map(([subtopologyId, partitions]) => ({ subtopologyId, partitions }))
}

/** In the order of partitions, then of subtopologies. */
export function byPartition(a: TaskParts, b: TaskParts): number {
  return a.partition - b.partition || compareIds(a, b)
}

/** In the order of subtopologies, then of partitions. */
export function bySubtopology(a: TaskParts, b: TaskParts): number {
  return compareIds(a, b) || a.partition - b.partition
}

function compareIds({ subtopologyId: a }: TaskParts, { subtopologyId: b }: TaskParts): number {
  return a === b ? 0 : a < b ? -1 : 1
}
