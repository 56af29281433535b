import { entryOf } from '../entry-of.ts'
import { type HeldTasks, nothingHeld, type StreamsMember } from './streams-member.ts'
import type { Task, Tasks } from './tasks.ts'

/** Which members and processes have which tasks now, or have not given them up yet. */
export class TaskOwners {
  readonly #active = new Map<Task, string>()
  readonly #standby = new Map<Task, Set<string>>()

  constructor(members: Iterable<StreamsMember>) {
    for (const { said, assigned, revoking } of members) {
      for (const { active, standby } of [assigned, revoking]) {
        for (const task of active.keys()) this.#active.set(task, said.processId)
        for (const task of standby) entryOf(this.#standby, task, () => new Set()).add(said.processId)
      }
    }
  }

  isActive(task: Task): boolean {
    return this.#active.has(task)
  }

  isActiveAt(processId: string, task: Task): boolean {
    return this.#active.get(task) === processId
  }

  isStandbyAt(processId: string, task: Task): boolean {
    return this.#standby.get(task)?.has(processId) ?? false
  }
}

/** Whether a member has all that the assignment gives it, and no more. */
export function isReconciledTo({ state, epoch }: StreamsMember, assignmentEpoch: number): boolean {
  return state === 'stable' && epoch === assignmentEpoch
}

/**
 * Leads a member one step toward its target: first it gives up tasks that are not its own any more, and only then it gets
 * tasks that others have given up. A task whose role changes stays where it is. Returns whether its tasks have changed.
 * (KIP-1071; Kafka: CurrentAssignmentBuilder)
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
  if (!hasReleased(owned, member.revoking)) return false
  return advance(member, member.epoch + 1, assignmentEpoch, owned, owners)
}

function advance(
  member: StreamsMember,
  epoch: number,
  assignmentEpoch: number,
  owned: Tasks | undefined,
  owners: TaskOwners,
): boolean {
  const { assigned, target, said } = member
  const active = [...target.active].filter(task => !assigned.active.has(task))
  const standby = [...target.standby].filter(task => !assigned.standby.has(task))
  const freeActive = active.filter(task => {
    const isLocked = owners.isStandbyAt(said.processId, task) && !assigned.standby.has(task)
    return !owners.isActive(task) && !isLocked
  })
  const freeStandby = standby.filter(task => {
    const isLocked = owners.isActiveAt(said.processId, task) && !assigned.active.has(task)
    return !owners.isStandbyAt(said.processId, task) && !isLocked
  })
  // A standby that becomes active is one until then, and an active task that becomes a standby is one at once.
  const promoted = [...assigned.standby].filter(task => target.active.has(task))
  const demoted = freeStandby.filter(task => assigned.active.has(task))
  const keptActive = new Map([...assigned.active].filter(([task]) => target.active.has(task)))
  const keptStandby = [...[...assigned.standby].filter(task => target.standby.has(task)), ...demoted]
  const revoking: HeldTasks = {
    active: new Map([...assigned.active].filter(([task]) => !target.active.has(task))),
    standby: new Set(
      [...assigned.standby].filter(task => !target.standby.has(task) && !target.active.has(task)),
    ),
  }
  if (!hasReleased(owned, revoking)) {
    const kept = { active: keptActive, standby: new Set([...keptStandby, ...promoted]) }
    return become(member, 'unrevoked', epoch, kept, revoking)
  }
  const waits = freeActive.length < active.length || freeStandby.length < standby.length
  const has: HeldTasks = {
    active: new Map([...keptActive, ...freeActive.map(task => [task, assignmentEpoch] as const)]),
    standby: new Set([
      ...keptStandby,
      ...freeStandby,
      ...promoted.filter(task => !freeActive.includes(task)),
    ]),
  }
  return become(member, waits ? 'unreleased' : 'stable', assignmentEpoch, has, nothingHeld)
}

function become(
  member: StreamsMember,
  state: StreamsMember['state'],
  epoch: number,
  assigned: HeldTasks,
  revoking: HeldTasks,
): boolean {
  const before = member.assigned
  member.state = state
  member.epochBefore = member.epoch
  member.epoch = epoch
  member.assigned = assigned
  member.revoking = revoking
  return !hasSame(before.active, assigned.active) || !hasSame(before.standby, assigned.standby)
}

interface Keyed {
  readonly size: number
  has(task: Task): boolean
  keys(): Iterable<Task>
}

function hasSame(some: Keyed, others: Keyed): boolean {
  return some.size === others.size && [...some.keys()].every(task => others.has(task))
}

// A member that does not report its tasks may have them all.
function hasReleased(owned: Tasks | undefined, { active, standby }: HeldTasks): boolean {
  if (active.size + standby.size === 0) return true
  if (owned === undefined) return false
  return (
    [...active.keys()].every(task => !owned.active.has(task)) &&
    [...standby].every(task => !owned.standby.has(task))
  )
}
