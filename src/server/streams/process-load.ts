import { LowestFirst } from './lowest-first.ts'
import type { Task } from './tasks.ts'

/** The tasks that are assigned to one process, whose threads are members. (Kafka: ProcessState) */
export class ProcessLoad {
  readonly #members = new Map<string, { active: Set<Task>; standby: Set<Task> }>()
  readonly #tasks = new Set<Task>()
  #byCount: LowestFirst<string> | undefined

  addMember(memberId: string): void {
    this.#members.set(memberId, { active: new Set(), standby: new Set() })
    this.#byCount = undefined
  }

  /** The number of tasks for each member. */
  get load(): number {
    return this.#tasks.size / this.#members.size
  }

  /** Whether the process has the task, active or standby: no two of its members may have it. */
  has(task: Task): boolean {
    return this.#tasks.has(task)
  }

  countOf(memberId: string): number {
    const { active, standby } = this.#members.get(memberId)!
    return active.size + standby.size
  }

  tasksOf(memberId: string): { readonly active: ReadonlySet<Task>; readonly standby: ReadonlySet<Task> } {
    return this.#members.get(memberId)!
  }

  add(memberId: string, task: Task, role: 'active' | 'standby'): void {
    this.#members.get(memberId)![role].add(task)
    this.#tasks.add(task)
  }

  /** The member with the fewest tasks. */
  get leastLoaded(): string {
    this.#byCount ??= new LowestFirst(this.#members.keys(), memberId => this.countOf(memberId))
    return this.#byCount.find()!
  }
}
