import { entryOf } from '../entry-of.ts'
import { LowestFirst } from './lowest-first.ts'
import { ProcessLoad } from './process-load.ts'
import { byPartition, bySubtopology, formatTask, type Task, type TaskParts, type Tasks } from './tasks.ts'

/** A member, and the tasks that it has. */
export interface AssignableMember {
  readonly memberId: string
  readonly processId: string
  readonly previous: Tasks
  /** How far the tasks are of which it has state. */
  readonly offsets?: ReadonlyMap<Task, number>
}

/** A subtopology whose tasks are assigned. */
export interface AssignableSubtopology {
  readonly subtopologyId: string
  readonly tasks: number
  /** Whether it has state that a standby can keep up to date. */
  readonly stateful: boolean
}

/** A task, with what it is made of. */
interface Part extends TaskParts {
  readonly task: Task
}

interface Place {
  readonly memberId: string
  readonly process: ProcessLoad
}

/** Who has state of a task. */
interface Candidate extends Place {
  readonly isStandby: boolean
  readonly offset: number
}

/**
 * Assigns tasks. A task stays with its member, or goes to a member that has its standby, or other state of it, as long as
 * that member does not get more than its share. All other tasks go to the process with the fewest tasks for each of its
 * members. A standby is never in the process of the active task or of another standby. (Kafka: StickyTaskAssignor)
 */
export function assignSticky(
  members: readonly AssignableMember[],
  subtopologies: readonly AssignableSubtopology[],
  standbyReplicas: number,
): ReadonlyMap<string, Tasks> {
  const dealing = new Dealing(members, subtopologies, standbyReplicas)
  dealing.dealActive()
  if (standbyReplicas > 0) dealing.dealStandby()
  return dealing.assignment
}

class Dealing {
  readonly #places = new Map<string, Place>()
  readonly #processes = new Map<string, ProcessLoad>()
  readonly #wasActive = new Map<Task, Place>()
  readonly #candidates = new Map<Task, Candidate[]>()
  readonly #active: readonly Part[]
  readonly #stateful: readonly Part[]
  readonly #standbyReplicas: number
  readonly #activeShare: Share
  readonly #share: Share

  constructor(
    members: readonly AssignableMember[],
    subtopologies: readonly AssignableSubtopology[],
    standbyReplicas: number,
  ) {
    this.#standbyReplicas = standbyReplicas
    for (const each of members) this.#enter(each)
    // A standby is better than what was left behind, and what is further on is better.
    for (const each of this.#candidates.values()) {
      each.sort((a, b) => Number(b.isStandby) - Number(a.isStandby) || b.offset - a.offset)
    }
    this.#active = subtopologies.flatMap(tasksOf)
    this.#stateful = subtopologies.filter(({ stateful }) => stateful).flatMap(tasksOf)
    const standbys = this.#stateful.length * standbyReplicas
    this.#activeShare = new Share(this.#active.length, members.length)
    this.#share = new Share(this.#active.length + standbys, members.length)
  }

  #enter({ memberId, processId, previous, offsets = new Map() }: AssignableMember): void {
    const process = entryOf(this.#processes, processId, () => new ProcessLoad())
    process.addMember(memberId)
    const place = { memberId, process }
    this.#places.set(memberId, place)
    for (const task of previous.active) this.#wasActive.set(task, place)
    for (const task of new Set([...previous.standby, ...offsets.keys()])) {
      const candidate = { ...place, isStandby: previous.standby.has(task), offset: offsets.get(task) ?? 0 }
      entryOf(this.#candidates, task, () => []).push(candidate)
    }
  }

  get assignment(): ReadonlyMap<string, Tasks> {
    return new Map([...this.#places].map(([memberId, { process }]) => [memberId, process.tasksOf(memberId)]))
  }

  // By partition first: if members have too many tasks, they keep tasks of all subtopologies evenly.
  dealActive(): void {
    const stays = ({ task }: Part) => this.#keep(task, 'active', this.#wasActive.get(task))
    const follows = ({ task }: Part) =>
      this.#keep(task, 'active', this.#leastLoadedOf(this.#candidates.get(task)))
    const moved = [...this.#active].sort(byPartition).filter(each => !stays(each))
    const left = moved.filter(each => !follows(each)).sort(bySubtopology)
    const byLoad = this.#byLoad
    for (const { task } of left) this.#give(task, 'active', byLoad)
  }

  dealStandby(): void {
    const left: (Part & { readonly count: number })[] = []
    for (const part of [...this.#stateful].sort((a, b) => byPartition(b, a))) {
      let count = this.#standbyReplicas
      while (count > 0 && this.#keepStandby(part.task)) count--
      left.push({ ...part, count })
    }
    const byLoad = this.#byLoad
    for (const { task, count } of left.sort((a, b) => bySubtopology(b, a))) {
      // With too few processes there are fewer standbys than asked for.
      for (let i = 0; i < count; i++) this.#give(task, 'standby', byLoad)
    }
  }

  get #byLoad(): LowestFirst<ProcessLoad> {
    return new LowestFirst(this.#processes.values(), ({ load }) => load)
  }

  #keepStandby(task: Task): boolean {
    const free = (place: Place | undefined) => (place?.process.has(task) ? undefined : place)
    if (this.#keep(task, 'standby', free(this.#wasActive.get(task)))) return true
    const others = this.#candidates.get(task)?.filter(({ process }) => !process.has(task))
    return this.#keep(task, 'standby', this.#leastLoadedOf(others))
  }

  #leastLoadedOf(places: readonly Place[] | undefined): Place | undefined {
    let least: Place | undefined
    for (const place of places ?? []) if (least === undefined || isLessLoaded(place, least)) least = place
    return least
  }

  #keep(task: Task, role: 'active' | 'standby', place: Place | undefined): boolean {
    if (place === undefined) return false
    const share = role === 'active' ? this.#activeShare : this.#share
    if (place.process.countOf(place.memberId) >= share.each) return false
    this.#add(task, role, place)
    return true
  }

  // If there is a process to give it to.
  #give(task: Task, role: 'active' | 'standby', byLoad: LowestFirst<ProcessLoad>): void {
    const process = byLoad.find(each => !each.has(task))
    if (process !== undefined) this.#add(task, role, { process, memberId: process.leastLoaded })
  }

  #add(task: Task, role: 'active' | 'standby', { process, memberId }: Place): void {
    process.add(memberId, task, role)
    const count = process.countOf(memberId)
    if (role === 'active') this.#activeShare.has(count)
    this.#share.has(count)
  }
}

function isLessLoaded({ process, memberId }: Place, other: Place): boolean {
  return (
    process.load < other.process.load && process.countOf(memberId) < other.process.countOf(other.memberId)
  )
}

/** How many tasks each member may have. A member that has reached its share leaves the rest to the others. */
class Share {
  #tasks: number
  #members: number

  constructor(tasks: number, members: number) {
    this.#tasks = tasks
    this.#members = members
  }

  get each(): number {
    return this.#members === 0 ? 0 : Math.ceil(this.#tasks / this.#members)
  }

  /** A member got one more task, and has this many now. */
  has(count: number): void {
    if (count !== this.each) return
    this.#members--
    this.#tasks -= count
  }
}

function tasksOf({ subtopologyId, tasks }: AssignableSubtopology): Part[] {
  return Array.from({ length: tasks }, (_, partition) => ({
    task: formatTask(subtopologyId, partition),
    subtopologyId,
    partition,
  }))
}
