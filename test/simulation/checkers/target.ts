import type { MemberDescription } from '../../../src/group/group-description.ts'
import type { ConsumerGroup } from '../../../src/index.ts'
import { partitionKey } from '../assignment.ts'
import type { World } from '../world.ts'

/** A group's epoch grows with every change, and its target is legal and, for `uniform`, balanced. */
export class Target {
  readonly #world: World
  readonly #seen = new WeakMap<ConsumerGroup, { epoch: number; members: string }>()

  constructor(world: World) {
    this.#world = world
  }

  check(group: ConsumerGroup, members: readonly MemberDescription[]): void {
    const { epoch, id } = group
    const described = members.map(({ memberId, topics }) => `${memberId}:${topics}`).join(' ')
    const before = this.#seen.get(group)
    this.#seen.set(group, { epoch, members: described })
    if (before !== undefined && epoch < before.epoch) {
      this.#world.report('epoch', `${id} went from epoch ${before.epoch} back to ${epoch}`)
    }
    if (before !== undefined && epoch === before.epoch && described !== before.members) {
      this.#world.report(
        'epoch',
        `${id} changed from '${before.members}' to '${described}' in epoch ${epoch}`,
      )
    }
    if (group.state === 'Stable') this.#checkStable(group, members)
  }

  #checkStable(group: ConsumerGroup, members: readonly MemberDescription[]): void {
    const { id } = group
    const owned = new Set<string>()
    for (const { memberId, topics, assignment } of members) {
      for (const { topic, partition } of assignment) {
        owned.add(partitionKey(topic, partition))
        if (topics.includes(topic)) continue
        this.#world.report('illegal-target', `'${memberId}' has ${topic}-${partition} and does not read it`)
      }
    }
    for (const topic of new Set(members.flatMap(({ topics }) => topics))) {
      for (const { index } of this.#world.broker.topic(topic).partitions) {
        if (owned.has(partitionKey(topic, index))) continue
        this.#world.report('illegal-target', `${id} is Stable and nobody has ${topic}-${index}`)
      }
    }
    if (group.assignor === 'uniform') this.#checkBalanced(id, members)
  }

  #checkBalanced(id: string, members: readonly MemberDescription[]): void {
    for (const from of members) {
      for (const to of members) {
        if (from.assignment.length - to.assignment.length < 2) continue
        if (!from.assignment.some(({ topic }) => to.topics.includes(topic))) continue
        this.#world.report(
          'unbalanced',
          `${id}: '${from.memberId}' has ${from.assignment.length}, '${to.memberId}' ${to.assignment.length}`,
        )
      }
    }
  }
}
