import { entryOf } from '../entry-of.ts'

/** A task: the id of a subtopology and a partition of the topics that it reads, such as `0_3`. (Kafka: TaskId) */
export type Task = string

/** Tasks by their role: an active task processes records, a standby only keeps its state up to date. */
export interface Tasks {
  readonly active: ReadonlySet<Task>
  readonly standby: ReadonlySet<Task>
}

export const noTasks: Tasks = { active: new Set(), standby: new Set() }

/** Tasks as a message lists them. */
export interface TaskIds {
  readonly subtopologyId: string
  readonly partitions: readonly number[]
}

export function formatTask(subtopologyId: string, partition: number): Task {
  return `${subtopologyId}_${partition}`
}

export function partsOf(task: Task): { readonly subtopologyId: string; readonly partition: number } {
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
  const bySubtopology = new Map<string, number[]>()
  for (const task of tasks) {
    const { subtopologyId, partition } = partsOf(task)
    entryOf(bySubtopology, subtopologyId, () => []).push(partition)
  }
  return [...bySubtopology.keys()].sort().map(subtopologyId => ({
    subtopologyId,
    partitions: bySubtopology.get(subtopologyId)!.sort((a, b) => a - b),
  }))
}
