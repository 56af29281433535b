import { counted } from '../counted.ts'
import { NeverIdleError } from '../errors.ts'
import type { ConsumerGroup } from '../group/consumer-group.ts'
import { describeError } from '../thrown.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'
import { abortSignal, checkOptions, duration, nameList } from '../validate.ts'
import type { MemoryEngine } from './memory-engine.ts'

/** What `idle` waits for, and how long. */
export interface IdleOptions {
  /** How long to wait, in milliseconds; default 4,000. */
  readonly timeoutMs?: number | undefined
  /** Only these groups; default every group with live members that are not all paused. */
  readonly groups?: readonly string[] | undefined
  /** Ends the wait: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

const groupList = nameList('group ids')

/** Knows whether a broker is idle, and what keeps it from that. */
export class Quiescence {
  readonly #engine: MemoryEngine

  constructor(engine: MemoryEngine) {
    this.#engine = engine
  }

  /**
   * Resolves when every group that is waited for has no lag, no handler is running, no retry is due, no send is waiting
   * and no rebalance is under way.
   */
  idle(options: IdleOptions): Promise<void> {
    checkOptions('idle', options, { timeoutMs: duration, groups: groupList, signal: abortSignal })
    const { groups, timeoutMs, signal } = options
    const { groupCoordinator } = this.#engine
    for (const groupId of groups ?? [])
      if (!groupCoordinator.isOther(groupId)) groupCoordinator.existing(groupId)
    const named = groups && new Set(groups)
    const condition = () => this.#atRest(named)
    const explain = () => this.#explain(named)
    return this.#engine.waitUntil('the broker to be idle', condition, explain, timeoutMs, { signal })
  }

  #atRest(named: ReadonlySet<string> | undefined): boolean {
    let atRest = this.#pending(named).length === 0
    for (const group of this.#waitedFor(named)) {
      const lagging = this.#lagging(group)
      if (group.state === 'Reconciling') atRest = false
      if (lagging.length === 0) continue
      atRest = false
      // A consumer that restarts comes back, a handler that runs may end a pause, and clients come as they like.
      if (this.#busy(group.id) || group.held) continue
      const paused = this.#paused(group.id)
      if (!group.live || lagging.every(tp => paused.has(formatTopicPartition(tp))))
        throw this.#never(group, lagging)
    }
    return atRest
  }

  // The lag of a topic that no member reads any more does not count, like that of a group that was left on purpose.
  #lagging(group: ConsumerGroup): { topic: string; partition: number; lag: number }[] {
    const lagging = group.lagByPartition().filter(({ lag }) => lag > 0)
    if (lagging.length === 0 || !(group.live || group.held)) return lagging
    const read = new Set(group.members.flatMap(({ topics }) => topics))
    return lagging.filter(({ topic }) => read.has(topic))
  }

  #busy(groupId: string): boolean {
    for (const client of this.#engine.clients) {
      if (client.groupId === groupId && client.pending().length > 0) return true
    }
    return false
  }

  #pending(named: ReadonlySet<string> | undefined): string[] {
    const pending: string[] = []
    for (const client of this.#engine.clients) {
      if (named && client.groupId !== undefined && !named.has(client.groupId)) continue
      pending.push(...client.pending())
      const unread = client.unread?.() ?? 0
      if (unread > 0) pending.push(`a reader outside of a group has ${counted(unread, 'record')} to read`)
    }
    return pending
  }

  // A group that all members left on purpose, or that is all paused, is waited for only if it is named. A group whose
  // last member crashed is always waited for: its work is still to be done.
  #waitedFor(named: ReadonlySet<string> | undefined): ConsumerGroup[] {
    const all = [...this.#engine.groups.values()]
    if (named) return all.filter(({ id }) => named.has(id))
    return all.filter(
      group => this.#engine.groupCoordinator.stopped.has(group.id) || (group.live && !this.#allPaused(group)),
    )
  }

  #allPaused(group: ConsumerGroup): boolean {
    const paused = this.#paused(group.id)
    const owned = group.members.flatMap(member => member.assignment)
    return owned.length > 0 && owned.every(tp => paused.has(formatTopicPartition(tp)))
  }

  #paused(groupId: string): Set<string> {
    const paused = new Set<string>()
    for (const client of this.#engine.clients) {
      if (client.groupId === groupId)
        for (const tp of client.paused ?? []) paused.add(formatTopicPartition(tp))
    }
    return paused
  }

  #never(
    group: ConsumerGroup,
    lagging: readonly { topic: string; partition: number; lag: number }[],
  ): NeverIdleError {
    const stopped = this.#engine.groupCoordinator.stopped.get(group.id)
    const why = group.live
      ? 'the partitions are paused'
      : stopped
        ? `its last member crashed: ${describeError(stopped.cause)}`
        : 'it has no live member'
    const details = lagging.map(({ topic, partition, lag }) => `${topic}-${partition}: ${lag}`).join(', ')
    return new NeverIdleError(
      `The broker cannot become idle: group '${group.id}' has lag (${details}) and ${why}`,
      {
        groupId: group.id,
        details: lagging,
        ...(stopped ? { cause: stopped.cause } : {}),
      },
    )
  }

  #explain(named: ReadonlySet<string> | undefined): string {
    const waitedFor = this.#waitedFor(named)
    const lines = this.#pending(named)
    for (const group of waitedFor) {
      const lagging = this.#lagging(group)
      if (group.state === 'Reconciling') lines.push(`group '${group.id}' is rebalancing`)
      if (lagging.length === 0) continue
      const paused = this.#paused(group.id)
      const owners = new Map(
        group.members.flatMap(({ memberId, assignment }) =>
          assignment.map(tp => [formatTopicPartition(tp), memberId] as const),
        ),
      )
      const each = lagging.map(tp => {
        const name = formatTopicPartition(tp)
        const why = paused.has(name)
          ? ', paused'
          : this.#isDelivered(group, tp)
            ? ', delivered, not committed'
            : ''
        return `${name}: ${tp.lag} (${owners.get(name) ?? 'nobody'}${why})`
      })
      lines.push(`group '${group.id}' has lag ${each.join(', ')}`)
      for (const { groupId, unasked } of this.#engine.clients)
        if (groupId === group.id && unasked !== undefined) lines.push(unasked)
    }
    const left = [...this.#engine.groups.values()].flatMap(group => {
      const why = waitedFor.includes(group) ? undefined : this.#whyNot(group, named)
      return why === undefined ? [] : [`'${group.id}' (${why})`]
    })
    if (left.length > 0) lines.push(`not waited for: ${left.join(', ')}`)
    return lines.join('; ')
  }

  // Where a consumer commits by hand, what it was given is lag until then.
  #isDelivered(group: ConsumerGroup, { topic, partition }: TopicPartition): boolean {
    const next = group.nextOffset(topic, partition)
    return next !== undefined && this.#engine.topics.get(topic)?.partitions[partition]?.countFrom(next) === 0
  }

  #whyNot(group: ConsumerGroup, named: ReadonlySet<string> | undefined): string | undefined {
    if (group.held) return named ? 'not named' : undefined
    // Its consumer may be about to come back, and is waited for then.
    if (!group.live) return !named && this.#busy(group.id) ? undefined : 'empty'
    return named ? 'not named' : 'paused'
  }
}
