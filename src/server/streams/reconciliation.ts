import { entryOf } from '../entry-of.ts'
import { type HeldTasks, nothingHeld, type StreamsMember } from './streams-member.ts'
import type { Task, Tasks } from './tasks.ts'

/** Which members and processes have which tasks now, or have not given them up yet. */
export class TaskOwners {
  readonly #active = new Set<Task>()
  readonly #byProcess = new Map<string, Set<Task>>()

  constructor(members: Iterable<StreamsMember>) {
    for (const { said, assigned, revoking } of members) {
      const ofProcess = entryOf(this.#byProcess, said.processId, () => new Set())
      for (const { active, standby } of [assigned, revoking]) {
        for (const task of active.keys()) this.#active.add(task)
        for (const task of [...active.keys(), ...standby]) ofProcess.add(task)
      }
    }
  }

  isActive(task: Task): boolean {
    return this.#active.has(task)
  }

  /** Whether a process has the task, active or standby: its state directory is locked then. */
  isAt(processId: string, task: Task): boolean {
    return this.#byProcess.get(processId)?.has(task) ?? false
  }
}

/** Whether a member has all that the assignment gives it, and no more. */
export function isReconciledTo({ state, epoch }: StreamsMember, assignmentEpoch: number): boolean {
  return state === 'stable' && epoch === assignmentEpoch
}

/**
 * Leads a member one step toward its target: first it gives up tasks that are not its own any more, and only then it gets
 * tasks that others have given up. Returns whether its tasks have changed. (KIP-1071; Kafka: CurrentAssignmentBuilder)
 *
 * `owned` are the tasks that the member reports, if it reports them.
 */
export function reconcile(
  member: StreamsMember,
  assignmentEpoch: number,
  owned: Tasks | undefined,
  owners: TaskOwners,
): boolean {
  if (isReconciledTo(member, assignmentEpoch)) return false
  if (member.state !== 'unrevoked') return advance(member, member.epoch, assignmentEpoch, owned, owners)
  if (owned === undefined || hasAny(owned, member.revoking)) return false
  return advance(member, member.epoch + 1, assignmentEpoch, owned, owners)
}

function advance(
  member: StreamsMember,
  epoch: number,
  assignmentEpoch: number,
  owned: Tasks | undefined,
  owners: TaskOwners,
): boolean {
  const { assigned, target } = member
  const kept: HeldTasks = {
    active: new Map([...assigned.active].filter(([task]) => target.active.has(task))),
    standby: new Set([...assigned.standby].filter(task => target.standby.has(task))),
  }
  const revoking: HeldTasks = {
    active: new Map([...assigned.active].filter(([task]) => !target.active.has(task))),
    standby: new Set([...assigned.standby].filter(task => !target.standby.has(task))),
  }
  if (isAny(revoking) && (owned === undefined || hasAny(owned, revoking))) {
    become(member, 'unrevoked', epoch, kept, revoking)
    return true
  }
  const isTaken = (task: Task) => owners.isAt(member.said.processId, task)
  const active = [...target.active].filter(task => !kept.active.has(task))
  const standby = [...target.standby].filter(task => !kept.standby.has(task))
  const freeActive = active.filter(task => !owners.isActive(task) && !isTaken(task))
  const freeStandby = standby.filter(task => !isTaken(task))
  const waits = freeActive.length < active.length || freeStandby.length < standby.length
  const has: HeldTasks = {
    active: new Map([...kept.active, ...freeActive.map(task => [task, assignmentEpoch] as const)]),
    standby: new Set([...kept.standby, ...freeStandby]),
  }
  become(member, waits ? 'unreleased' : 'stable', assignmentEpoch, has, nothingHeld)
  return isAny(revoking) || freeActive.length > 0 || freeStandby.length > 0
}

function become(
  member: StreamsMember,
  state: StreamsMember['state'],
  epoch: number,
  assigned: HeldTasks,
  revoking: HeldTasks,
): void {
  member.state = state
  member.epochBefore = member.epoch
  member.epoch = epoch
  member.assigned = assigned
  member.revoking = revoking
}

function isAny({ active, standby }: HeldTasks): boolean {
  return active.size > 0 || standby.size > 0
}

function hasAny(owned: Tasks, { active, standby }: HeldTasks): boolean {
  return (
    [...active.keys()].some(task => owned.active.has(task)) ||
    [...standby].some(task => owned.standby.has(task))
  )
}
