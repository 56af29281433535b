import { healthyPlan } from '../plan.ts'
import type { World } from '../world.ts'

// In steps, more time than any stuck handler, slow hook or session takes, and than most restarts take.
const stepMs = 5000
const steps = 40

/**
 * At the end nothing fails any more, every group has a healthy member, and all must come to rest (restless, unseen).
 */
export async function checkRest(world: World): Promise<void> {
  world.healed = true
  world.log('all is healed')
  for (const { consumer } of world.live) consumer.resume()
  for (const group of world.groups) world.join(healthyPlan(group), `h-${group.id}`)
  for (let step = 0; step < steps && !(step > 0 && atRest(world)); step++) {
    await world.clock.advance(stepMs)
    for (const member of world.live) {
      if (member.plan.options.autoCommit === false) await settle(world, member.commitFinished())
    }
    world.check()
  }
  for (const { id } of world.groups) checkGroup(world, id)
  world.written.checkAllThere()
  world.throwAnomaly()
  await checkIdle(world)
  await checkClose(world)
}

function atRest(world: World): boolean {
  return world.groups.every(({ id }) => {
    const group = world.group(id)
    return group?.state === 'Stable' && group.lag() === 0
  })
}

async function settle(world: World, promise: Promise<unknown>): Promise<void> {
  world.settles('commit at the end', promise)
  await world.clock.settle()
}

function checkGroup(world: World, id: string): void {
  const group = world.group(id)
  if (group?.state !== 'Stable') world.report('restless', `${id} is ${group?.state}`)
  else if (group.lag() > 0) {
    const lags = group.lagByPartition().filter(({ lag }) => lag > 0)
    world.report('restless', `${id} has lag ${lags.map(tp => `${tp.topic}-${tp.partition}: ${tp.lag}`)}`)
  }
  if (group) world.progress.checkAllSeen(group)
  world.throwAnomaly()
}

async function checkIdle(world: World): Promise<void> {
  // A member that never finishes its records keeps the broker from being idle, as it should.
  if (world.members.some(({ stuckForEver }) => stuckForEver)) return
  const idle = outcome(world.broker.idle({ timeoutMs: 90_000 }))
  await world.clock.settle()
  if (!idle.ended) await world.clock.advance(90_000)
  if (!idle.ended || idle.error) world.report('restless', `not idle: ${idle.error}`)
  world.throwAnomaly()
}

async function checkClose(world: World): Promise<void> {
  const closed = outcome(world.broker.close())
  for (const member of world.live) member.closesBy = world.clock.monotonic() + 30_000
  await world.clock.advance(31_000)
  if (!closed.ended || closed.error) world.report('restless', `the broker does not close: ${closed.error}`)
  for (const { ended, name, stuckForEver, consumer } of world.members) {
    // A member that could not join has nothing to end, and gets the error when it polls again.
    const never = stuckForEver && consumer.memberId === undefined
    if (!ended && !never) world.report('restless', `${name} is not done`)
  }
  await world.clock.advance(70_000)
  for (const what of world.unsettled) world.report('restless', `not settled: ${what}`)
  if (world.clock.waiting.length > 0)
    world.report('restless', `timers left: ${world.clock.waiting.join(', ')}`)
  world.throwAnomaly()
}

interface Outcome {
  ended: boolean
  error: unknown
}

// The outcome of a promise, for a caller that only moves time and looks.
function outcome(promise: Promise<unknown>): Outcome {
  const result: Outcome = { ended: false, error: undefined }
  const follow = async () => {
    try {
      await promise
    } catch (error) {
      result.error = error
    }
    result.ended = true
  }
  void follow()
  return result
}
