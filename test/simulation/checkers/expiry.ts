import { partitionKey } from '../assignment.ts'
import type { World } from '../world.ts'

interface Known {
  readonly topic: string
  readonly topicId: string
  readonly offset: number
  /** It was committed after this time. */
  readonly after: number
}

interface Group {
  readonly offsets: ReadonlyMap<string, Known>
  readonly epoch: number | undefined
  readonly members: number
  readonly topics: ReadonlySet<string>
  /** When it was last seen with members, and since when it has been seen without any. */
  readonly lastAlive: number
  readonly emptySince: number
}

/**
 * A group's offsets expire with `offsetsRetentionMs`: of an empty group counted from when it became empty, else, of topics
 * that no member reads, from their commit (wrong-expiry).
 */
export class Expiry {
  readonly #world: World
  readonly #retentionMs: number
  readonly #groups = new Map<string, Group>()
  #checkedAt = 0

  constructor(world: World, retentionMs: number) {
    this.#world = world
    this.#retentionMs = retentionMs
  }

  /** The group was deleted, with its offsets. */
  deleted(groupId: string): void {
    this.#groups.delete(groupId)
  }

  /** Its offsets are committed anew, perhaps as they were. */
  committed(groupId: string): void {
    const group = this.#groups.get(groupId)
    if (group === undefined) return
    const after = this.#world.clock.now()
    const offsets = new Map([...group.offsets].map(([key, known]) => [key, { ...known, after }]))
    this.#groups.set(groupId, { ...group, offsets })
  }

  check(): void {
    for (const { id } of this.#world.groups) this.#groups.set(id, this.#checkGroup(id, this.#groups.get(id)))
    this.#checkedAt = this.#world.clock.now()
  }

  #checkGroup(id: string, before: Group | undefined): Group {
    const now = this.#world.clock.now()
    const group = this.#world.group(id)
    const members = group?.members ?? []
    const topics = new Set(members.flatMap(member => member.topics))
    const offsets = this.#offsetsOf(id, before)
    const quiet = before !== undefined && before.epoch === group?.epoch && members.length === 0
    const after = {
      offsets,
      epoch: group?.epoch,
      members: members.length,
      topics,
      lastAlive: members.length > 0 ? now : (before?.lastAlive ?? now),
      emptySince: quiet ? before.emptySince : now,
    }
    for (const [key, known] of before?.offsets ?? [])
      if (!offsets.has(key)) this.#checkGone(id, key, known, before!, after)
    if (members.length === 0) for (const [key, known] of offsets) this.#checkKept(id, key, known, after)
    return after
  }

  #offsetsOf(id: string, before: Group | undefined): Map<string, Known> {
    const offsets = new Map<string, Known>()
    for (const { topic, partition, offset } of this.#world.group(id)?.offsets ?? []) {
      const topicId = this.#world.broker.topic(topic).id
      const key = partitionKey(topicId, partition)
      const known = before?.offsets.get(key)
      offsets.set(key, known?.offset === offset ? known : { topic, topicId, offset, after: this.#checkedAt })
    }
    return offsets
  }

  #checkGone(id: string, key: string, { topic, topicId, after }: Known, before: Group, now: Group): void {
    if (this.#world.broker.topics.get(topic)?.id !== topicId) return
    const time = this.#world.clock.now()
    const alive = before.epoch === now.epoch && before.topics.has(topic)
    const empty = now.epoch === before.epoch && now.members === 0 && before.members === 0
    const since = empty ? Math.max(after, before.lastAlive) : after
    if (!alive && time - since >= this.#retentionMs) return
    this.#world.report(
      'wrong-expiry',
      `${id} has lost the offset of ${topic} (${key}), committed after ${after}`,
    )
  }

  #checkKept(id: string, key: string, { after }: Known, { emptySince }: Group): void {
    const time = this.#world.clock.now()
    // It was committed before it was seen, and at the latest while there was a member.
    if (time - Math.max(emptySince, after) <= this.#retentionMs) return
    this.#world.report('wrong-expiry', `${id} is empty since ${emptySince} at least, and keeps ${key}`)
  }
}
