import type { RecordContext } from '../../src/consumer/run-options.ts'
import type { Delivery } from './assignment.ts'
import type { Member } from './member.ts'

/** How long a member works on the records in hand, in milliseconds; 0 is not at all. */
export function drawDuration(member: Member): number {
  const { random, healed } = member.world
  const { plan } = member
  if (healed || random.chance(plan.sync)) return 0
  const { maxPollIntervalMs = 300_000 } = plan.options
  // Only where the group does not wait for minutes before it removes the member.
  if (maxPollIntervalMs < 10_000) {
    if (random.chance(plan.stuck)) {
      member.world.log(`${member.name} is stuck`)
      return maxPollIntervalMs + random.integer(1, 3000)
    }
    if (random.chance(plan.endless)) {
      member.world.log(`${member.name} is stuck for ever`)
      member.stuckForEver = true
      return Number.POSITIVE_INFINITY
    }
  }
  return random.integer(0, plan.slowestMs)
}

/** Works for some time, now and then showing that it is alive. */
export async function work(delivery: Delivery, durationMs: number, context?: RecordContext): Promise<void> {
  const { member } = delivery.assignment
  const { world } = member
  if (context !== undefined && durationMs > 0 && world.random.chance(0.1)) {
    await world.sleep(durationMs / 2)
    context.heartbeat()
    delivery.aliveAt = world.clock.monotonic()
    await world.sleep(durationMs / 2)
    return
  }
  await world.sleep(durationMs)
}

/** What a handler does to its own partition besides its work. */
export function meddle({ assignment }: Delivery): void {
  const { member, topic, partition } = assignment
  const { random, healed, ownership } = member.world
  const { seeks, pauses } = member.plan
  if (healed) return
  if (random.chance(seeks) && ownership.held(assignment)) {
    member.seek(assignment, Math.max(0, assignment.next + random.integer(-3, 3)))
  }
  if (random.chance(pauses) && ownership.held(assignment)) {
    member.world.log(`${member.name} pauses ${topic}-${partition} in its handler`)
    member.consumer.pause([{ topic, partition }])
  }
}
