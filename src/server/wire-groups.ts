import type { Broker } from '../broker.ts'
import type { EngineClient } from '../engine.ts'
import { type ErrorCode, errorCodes } from '../error-codes.ts'
import { ClassicGroup, type ClassicIdentity } from '../group/classic-group.ts'
import { Ids } from '../ids.ts'
import { formatTopicPartition, type TopicPartition } from '../topic-partition.ts'
import { readAssignment } from './consumer-protocol.ts'

/** The groups whose members come over the wire. What they commit is the group's of the broker. */
export class WireGroups {
  readonly #engine: Broker['engine']
  readonly #initialRebalanceDelayMs: number
  readonly #ids: Ids
  readonly #groups = new Map<string, ClassicGroup>()
  readonly #clients = new Map<string, EngineClient>()

  constructor(engine: Broker['engine'], initialRebalanceDelayMs: number) {
    this.#engine = engine
    this.#initialRebalanceDelayMs = initialRebalanceDelayMs
    this.#ids = new Ids(engine.random)
    engine.holders.add(this.holds)
  }

  readonly holds = (groupId: string): boolean => {
    const state = this.#groups.get(groupId)?.state
    return state !== undefined && state !== 'Empty'
  }

  get all(): Iterable<ClassicGroup> {
    return this.#groups.values()
  }

  get(groupId: string): ClassicGroup | undefined {
    return this.#groups.get(groupId)
  }

  /** The group, made where there is none; refused where members of this process hold it. */
  forJoin(groupId: string): ClassicGroup | ErrorCode {
    if (groupId === '') return 'INVALID_GROUP_ID'
    if ((this.#engine.groups.get(groupId)?.members.length ?? 0) > 0) return 'INCONSISTENT_GROUP_PROTOCOL'
    let group = this.#groups.get(groupId)
    if (group === undefined) {
      group = new ClassicGroup(groupId, {
        clock: this.#engine.clock,
        initialRebalanceDelayMs: this.#initialRebalanceDelayMs,
        newMemberId: clientId => this.#ids.memberId(clientId),
        changed: () => this.#changed(),
      })
      this.#groups.set(groupId, group)
      this.#track(group)
    }
    return group
  }

  /** Whether a commit counts; a group that nobody has joined takes those of anybody who names no generation. */
  checkCommit(groupId: string, identity: ClassicIdentity): ErrorCode | undefined {
    const group = this.#groups.get(groupId)
    if (group !== undefined) return group.checkCommit(identity)
    if (identity.generation >= 0) return 'UNKNOWN_MEMBER_ID'
    return (this.#engine.groups.get(groupId)?.members.length ?? 0) > 0 ? 'UNKNOWN_MEMBER_ID' : undefined
  }

  delete(groupId: string): void {
    const group = this.#groups.get(groupId)
    if (group === undefined) return
    group.delete()
    this.#groups.delete(groupId)
    this.#untrack(groupId)
  }

  #changed(): void {
    this.#engine.touch()
  }

  // Counts for `idle`: what a member was given and has not committed is work that somebody does.
  #track(group: ClassicGroup): void {
    const client: EngineClient = {
      groupId: group.id,
      pending: () => this.#pending(group),
      paused: [],
      unread: () => 0,
      close: async () => [],
    }
    this.#clients.set(group.id, client)
    this.#engine.track(client)
  }

  #untrack(groupId: string): void {
    const client = this.#clients.get(groupId)
    if (client !== undefined) this.#engine.untrack(client)
    this.#clients.delete(groupId)
  }

  #pending(group: ClassicGroup): string[] {
    if (group.members.length === 0) return []
    if (group.state !== 'Stable') return [`group '${group.id}' of the wire is rebalancing`]
    return group.members.flatMap(({ memberId, assignment }) =>
      readAssignment(assignment).flatMap(tp => {
        const lag = this.#lag(group.id, tp)
        return lag === 0
          ? []
          : [
              `${memberId} of group '${group.id}': ${lag} records of ${formatTopicPartition(tp)} delivered, not committed`,
            ]
      }),
    )
  }

  #lag(groupId: string, { topic, partition }: TopicPartition): number {
    const log = this.#engine.topics.get(topic)?.partitions[partition]
    if (log === undefined) return 0
    const committed = this.#engine.groups.get(groupId)?.committed({ topic, partition })
    return log.countFrom(committed?.offset ?? 0)
  }

  /** No client is served any more. */
  close(): void {
    for (const groupId of [...this.#groups.keys()]) this.delete(groupId)
    this.#engine.holders.delete(this.holds)
  }
}

export function errnoOf(code: ErrorCode | undefined): number {
  return code === undefined ? 0 : errorCodes[code].errno
}
