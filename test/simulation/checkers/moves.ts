import type { MemberDescription } from '../../../src/group/group-description.ts'
import type { ConsumerGroup } from '../../../src/index.ts'
import { partitionKey } from '../assignment.ts'
import type { World } from '../world.ts'

interface Seen {
  readonly epoch: number
  readonly assignor: string
  /** The topics of each member. */
  readonly topics: ReadonlyMap<string, string>
  /** Of each member: its instance id if it has one, else its member id. */
  readonly places: ReadonlyMap<string, string>
  /** Whose each partition is to be. */
  readonly targets: ReadonlyMap<string, string>
}

/**
 * A single change moves no more than it has to: nothing where a static member comes back, and with `uniform` only what
 * balance needs (needless-move).
 */
export class Moves {
  readonly #world: World
  readonly #seen = new WeakMap<ConsumerGroup, Seen>()

  constructor(world: World) {
    this.#world = world
  }

  check(group: ConsumerGroup, members: readonly MemberDescription[]): void {
    const before = this.#seen.get(group)
    if (before?.epoch === group.epoch) return
    const now = describe(group, members)
    this.#seen.set(group, now)
    if (before?.epoch !== now.epoch - 1 || before.assignor !== now.assignor) return
    if (comesBack(before, now)) this.#checkSame(group, before, now)
    else if (now.assignor === 'uniform') this.#checkFewest(group, before, now)
  }

  // Only a static member that came back changes the group and leaves it as it was.
  #checkSame({ id }: ConsumerGroup, before: Seen, now: Seen): void {
    for (const [tp, memberId] of before.targets) {
      const place = before.places.get(memberId)
      const next = now.targets.get(tp)
      if (next !== undefined && now.places.get(next) === place) continue
      this.#world.report('needless-move', `${id}: ${tp} was for ${place}, who came back, and is for ${next}`)
    }
  }

  // Where all members read the same, as many stay as the even shares let them.
  #checkFewest({ id }: ConsumerGroup, before: Seen, now: Seen): void {
    const [topics] = now.topics.values()
    if (topics === undefined || [...now.topics.values()].some(each => each !== topics)) return
    const held = new Map([...now.topics.keys()].map(memberId => [memberId, 0]))
    let kept = 0
    for (const [tp, memberId] of now.targets) {
      const owner = before.targets.get(tp)
      if (owner === memberId) kept++
      if (owner !== undefined && held.has(owner)) held.set(owner, held.get(owner)! + 1)
    }
    const quota = Math.floor(now.targets.size / held.size)
    const extras = now.targets.size % held.size
    const counts = [...held.values()]
    const above = counts.filter(count => count > quota).length
    const most = counts.reduce((sum, count) => sum + Math.min(count, quota), 0) + Math.min(extras, above)
    if (kept < most)
      this.#world.report('needless-move', `${id}: ${kept} partitions stay in epoch ${now.epoch}, not ${most}`)
  }
}

// Whether the change is that another member has taken the place of one.
function comesBack(before: Seen, now: Seen): boolean {
  const list = ({ places, topics }: Seen) =>
    [...places].map(([memberId, place]) => `${place} ${topics.get(memberId)}`).sort()
  const other = [...now.places.keys()].some(memberId => !before.places.has(memberId))
  return other && list(before).join() === list(now).join()
}

function describe(group: ConsumerGroup, members: readonly MemberDescription[]): Seen {
  const targets = new Map<string, string>()
  for (const [memberId, partitions] of group.targets)
    for (const { topic, partition } of partitions) targets.set(partitionKey(topic, partition), memberId)
  return {
    epoch: group.epoch,
    assignor: group.assignor,
    topics: new Map(members.map(({ memberId, topics }) => [memberId, [...topics].sort().join(' ')])),
    places: new Map(members.map(({ memberId, groupInstanceId }) => [memberId, groupInstanceId ?? memberId])),
    targets,
  }
}
