import { expect, it } from 'vitest'
import { reconcile, TaskOwners } from '../../../src/server/streams/reconciliation.ts'
import {
  newStreamsMember,
  nothingHeld,
  type StreamsMember,
} from '../../../src/server/streams/streams-member.ts'
import { noTasks } from '../../../src/server/streams/tasks.ts'

const task = '0_0'
const has = {
  active: { active: new Map([[task, 1]]), standby: new Set<string>() },
  standby: { active: new Map(), standby: new Set([task]) },
}
const wants = {
  active: { active: new Set([task]), standby: new Set<string>() },
  standby: { active: new Set<string>(), standby: new Set([task]) },
}

function member(memberId: string, more: Partial<StreamsMember> = {}): StreamsMember {
  const made = newStreamsMember({ memberId } as Parameters<typeof newStreamsMember>[0])
  return { ...made, said: { ...made.said, processId: 'p' }, ...more }
}

// Its state directory is locked.
it.each([
  ['active', 'standby'],
  ['standby', 'active'],
  ['standby', 'standby'],
  ['active', 'active'],
] as const)('gives no thread a task as %s that is %s at another of its process', (wanted, held) => {
  const holder = member('holder', { assigned: has[held], epoch: 2 })
  const next = member('next', { target: wants[wanted] })
  expect(reconcile(next, 2, noTasks, new TaskOwners([holder, next]))).toBe(false)
  expect([next.state, next.assigned]).toEqual(['unreleased', nothingHeld])
  // Nor while it has not given it up yet.
  Object.assign(holder, { assigned: nothingHeld, revoking: has[held] })
  expect(reconcile(next, 2, noTasks, new TaskOwners([holder, next]))).toBe(false)
  holder.revoking = nothingHeld
  expect(reconcile(next, 2, noTasks, new TaskOwners([holder, next]))).toBe(true)
  expect([next.state, next.epoch]).toEqual(['stable', 2])
})

it.each([
  ['active', 'standby'],
  ['standby', 'active'],
] as const)('lets a thread go on with its own task as %s that was %s', (wanted, held) => {
  const only = member('only', { assigned: has[held], target: wants[wanted], epoch: 1 })
  const owned = held === 'standby' ? undefined : noTasks
  reconcile(only, 2, owned, new TaskOwners([only]))
  const { active, standby } = only.assigned
  expect([[...active.keys()], [...standby]]).toEqual(wanted === 'active' ? [[task], []] : [[], [task]])
})
