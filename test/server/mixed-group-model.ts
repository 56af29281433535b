import type { MemoryEngine } from '../../src/broker/memory-engine.ts'
import type { AssignmentUpdate, Membership, MembershipListener } from '../../src/engine.ts'
import type { ErrorCode } from '../../src/error-codes.ts'
import { isBrokerletError } from '../../src/errors.ts'
import type { ClassicJoined, ClassicSynced } from '../../src/group/classic-protocol.ts'
import type { ConsumerHeartbeat } from '../../src/server/consumer-heartbeat.ts'
import { ConsumerMembers } from '../../src/server/consumer-members.ts'
import { readAssignment, readSubscription, writeAssignment } from '../../src/server/consumer-protocol.ts'
import { FirstFetches } from '../../src/server/first-fetches.ts'
import { groupCommit } from '../../src/server/group-commit.ts'
import { GroupConfigs } from '../../src/server/group-configs.ts'
import { StreamsGroups } from '../../src/server/streams/streams-groups.ts'
import type { Wire } from '../../src/server/wire.ts'
import { WireGroups } from '../../src/server/wire-groups.ts'
import { subscription } from '../helpers/consumer-protocol.ts'

// Clients of all kinds as their own code would see one group, each acting only when the test lets it: what they were told
// lies in their inboxes until then.

export const topic = 't'
export const groupId = 'g'

/** A server of one group, spoken to without a wire. */
export class Served {
  readonly engine: MemoryEngine
  readonly groups: WireGroups
  readonly members: ConsumerMembers
  readonly streamsGroups: StreamsGroups
  next = 0

  constructor(engine: MemoryEngine) {
    this.engine = engine
    this.groups = new WireGroups(engine, 0, new FirstFetches())
    this.members = new ConsumerMembers(engine, new GroupConfigs({}), new FirstFetches())
    this.streamsGroups = new StreamsGroups(engine, new GroupConfigs({}), this.groups, new FirstFetches())
  }

  /** Whether the group knows a member at all. */
  knows(memberId: string): boolean {
    const own = this.engine.groups.get(groupId)?.members ?? []
    const classic = this.groups.get(groupId)?.members ?? []
    return [...own, ...classic].some(member => member.memberId === memberId)
  }

  commit(memberId: string, generation: number, partition: number): ErrorCode | undefined {
    const wire = this as unknown as Wire
    const identity = { memberId, generation, groupInstanceId: null }
    try {
      const commit = groupCommit(wire, groupId, identity, [{ topic, partition, offset: 1 }], false)
      commit.check()
      commit.commit()
      return undefined
    } catch (error) {
      if (isBrokerletError(error)) return error.code
      throw error
    }
  }
}

/** A client, by what it believes. */
export interface Client {
  readonly kind: 'eager' | 'cooperative' | 'kip-848' | 'in-process'
  readonly memberId: string
  readonly instanceId: string | null
  /** Known to itself as a member, with nothing under way. */
  readonly settled: boolean
  /** Whether an answer is on its way that it has to wait for. */
  readonly waiting: boolean
  /** What it works on. */
  readonly holding: ReadonlySet<number>
  step(): void
  commit(partition: number): ErrorCode | undefined
  leave(): void
}

const sessionTimeoutMs = 10_000
const rebalanceTimeoutMs = 20_000

/** A client of the classic protocol: eager, or cooperative. */
export class ClassicClient implements Client {
  readonly kind: 'eager' | 'cooperative'
  readonly #served: Served
  readonly #clientId: string
  readonly instanceId: string | null
  readonly #inbox: (() => void)[] = []
  waiting = false
  #rejoin = true
  memberId = ''
  generation = -1
  readonly holding = new Set<number>()

  constructor(served: Served, kind: 'eager' | 'cooperative', instanceId: string | null) {
    this.#served = served
    this.kind = kind
    this.#clientId = `${kind}${++served.next}`
    this.instanceId = instanceId
  }

  get settled(): boolean {
    return !this.waiting && !this.#rejoin
  }

  step(): void {
    const told = this.#inbox.shift()
    if (told !== undefined) {
      this.waiting = false
      told()
    } else if (this.waiting) return
    else if (this.#rejoin) this.#join()
    else this.#heard(this.#served.groups.serving(groupId)?.heartbeat(this.#identity))
  }

  get #identity() {
    return { memberId: this.memberId, generation: this.generation, groupInstanceId: this.instanceId }
  }

  #join(): void {
    this.#rejoin = false
    this.waiting = true
    if (this.kind === 'eager') this.holding.clear()
    const owned = [...this.holding].map(partition => ({ topic, partition }))
    const name = this.kind === 'eager' ? 'range' : 'cooperative-sticky'
    this.#served.groups.join(
      groupId,
      {
        memberId: this.memberId,
        groupInstanceId: this.instanceId,
        clientId: this.#clientId,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        protocolType: 'consumer',
        protocols: [{ name, metadata: subscription([topic], owned) }],
        requireKnownMemberId: true,
        canSkipAssignment: true,
      },
      joined => this.#inbox.push(() => this.#joined(joined)),
    )
  }

  #joined(joined: ClassicJoined): void {
    if (joined.error === 'MEMBER_ID_REQUIRED') {
      this.memberId = joined.memberId
      this.#rejoin = true
    } else if (joined.error !== undefined) this.#heard(joined.error)
    else {
      if (joined.memberId === this.memberId && joined.generation < this.generation) {
        throw new Error(`${this.memberId}: generation ${joined.generation} after ${this.generation}`)
      }
      this.memberId = joined.memberId
      this.generation = joined.generation
      this.#sync(joined.leader === joined.memberId ? joined.members : [])
    }
  }

  #sync(members: ClassicJoined['members']): void {
    const group = this.#served.groups.serving(groupId)
    if (group === undefined) return this.#heard('UNKNOWN_MEMBER_ID')
    this.waiting = true
    const partitions = this.#served.engine.topics.get(topic)!.partitions.length
    const assign = this.kind === 'eager' ? assignEagerly : assignCooperatively
    const assignments = members.length > 0 ? assign(members, partitions) : []
    group.sync({ ...this.#identity, protocolType: null, protocolName: null, assignments }, synced =>
      this.#inbox.push(() => this.#synced(synced)),
    )
  }

  #synced({ error, assignment }: ClassicSynced): void {
    if (error !== undefined) return this.#heard(error)
    const given = new Set(readAssignment(assignment).map(({ partition }) => partition))
    // Cooperative: what is taken away is given up now, and said to be by joining once more.
    for (const partition of this.holding) {
      if (given.has(partition)) continue
      this.holding.delete(partition)
      this.#rejoin = true
    }
    for (const partition of given) this.holding.add(partition)
  }

  #heard(error: ErrorCode | undefined): void {
    if (error === undefined) return
    this.#rejoin = true
    if (error === 'REBALANCE_IN_PROGRESS') return
    // All is lost.
    this.holding.clear()
    this.generation = -1
    if (error !== 'ILLEGAL_GENERATION') this.memberId = ''
  }

  commit(partition: number): ErrorCode | undefined {
    return this.#served.commit(this.memberId, this.generation, partition)
  }

  leave(): void {
    this.holding.clear()
    this.#served.groups.serving(groupId)?.leave(this.memberId, null)
  }
}

type Joined = ClassicJoined['members']

function assignEagerly(members: Joined, partitions: number) {
  const lists = members.map(() => [] as number[])
  for (let partition = 0; partition < partitions; partition++)
    lists[partition % lists.length]!.push(partition)
  return assignmentsOf(members, lists)
}

// Who has more than its share gives that up first, and only what nobody has is given out.
function assignCooperatively(members: Joined, partitions: number) {
  const quota = Math.ceil(partitions / members.length)
  const free = new Set(Array.from({ length: partitions }, (_, partition) => partition))
  const lists = members.map(({ metadata }) => {
    const owned = readSubscription(metadata)!.owned.map(({ partition }) => partition)
    for (const partition of owned) {
      if (!free.delete(partition)) throw new Error(`two members have partition ${partition}`)
    }
    return owned.slice(0, quota)
  })
  for (const partition of free) lists.toSorted((a, b) => a.length - b.length)[0]!.push(partition)
  return assignmentsOf(members, lists)
}

function assignmentsOf(members: Joined, lists: readonly (readonly number[])[]) {
  return members.map(({ memberId }, i) => ({
    memberId,
    assignment: writeAssignment(lists[i]!.map(partition => ({ topic, partition }))),
  }))
}

/** A KIP-848 client: it takes its time to give partitions up. */
export class ConsumerProtocolClient implements Client {
  readonly kind = 'kip-848'
  readonly waiting = false
  readonly #served: Served
  readonly instanceId: string | null
  readonly memberId: string
  readonly holding = new Set<number>()
  #revoked: number[] = []
  #epoch = 0

  constructor(served: Served, instanceId: string | null) {
    this.#served = served
    this.memberId = `kip${++served.next}`
    this.instanceId = instanceId
  }

  get settled(): boolean {
    return this.#epoch > 0 && this.#revoked.length === 0
  }

  step(): void {
    for (const partition of this.#revoked.splice(0)) this.holding.delete(partition)
    try {
      const told = this.#served.members.heartbeat(this.#beat(this.#epoch))
      if (typeof told === 'string') return this.#lost()
      this.#epoch = told.epoch
      const given = new Set(told.assignment.map(({ partition }) => partition))
      this.#revoked = [...this.holding].filter(partition => !given.has(partition))
      for (const partition of given) this.holding.add(partition)
    } catch (error) {
      // Not now: another one has its instance id.
      if (!isBrokerletError(error) || error.code !== 'UNRELEASED_INSTANCE_ID') throw error
    }
  }

  #beat(memberEpoch: number): ConsumerHeartbeat {
    const partitions = [...this.holding].map(partition => ({ topic, partition }))
    return {
      groupId,
      memberId: this.memberId,
      memberEpoch,
      groupInstanceId: this.instanceId ?? undefined,
      rackId: undefined,
      clientId: 'kip',
      rebalanceTimeoutMs,
      interest: memberEpoch === 0 ? { kind: 'topics', names: [topic] } : undefined,
      assignor: undefined,
      partitions,
    }
  }

  #lost(): void {
    this.holding.clear()
    this.#revoked = []
    this.#epoch = 0
  }

  commit(partition: number): ErrorCode | undefined {
    return this.#served.commit(this.memberId, this.#epoch, partition)
  }

  leave(): void {
    this.holding.clear()
    // One with an instance id says that it comes back.
    if (this.#epoch > 0) this.#served.members.leave(this.#beat(this.instanceId === null ? -1 : -2))
  }
}

/** A consumer of the process: it takes its time, too. */
export class OwnClient implements Client, MembershipListener {
  readonly kind = 'in-process'
  readonly instanceId = null
  readonly waiting = false
  readonly autoCommit = false
  readonly autoOffsetReset = 'earliest'
  readonly isolationLevel = 'read_committed'
  readonly #served: Served
  readonly #updates: AssignmentUpdate[] = []
  readonly #epochs = new Map<number, number>()
  #membership: Membership | undefined
  #fenced = false
  readonly memberId: string
  readonly holding = new Set<number>()

  constructor(served: Served) {
    this.#served = served
    this.memberId = `own${++served.next}`
  }

  get settled(): boolean {
    return this.#membership !== undefined && this.#updates.length === 0
  }

  assignmentChanged(update: AssignmentUpdate): void {
    this.#updates.push(update)
  }

  fenced(): void {
    this.#fenced = true
  }

  position(): undefined {
    return undefined
  }

  step(): void {
    if (this.#fenced) {
      this.#fenced = false
      this.#membership = undefined
      this.#updates.splice(0)
      this.holding.clear()
    }
    if (this.#membership === undefined) {
      this.#membership = this.#served.engine.join(
        {
          groupId,
          memberId: this.memberId,
          clientId: 'own',
          groupInstanceId: undefined,
          interest: { kind: 'topics', names: [topic] },
          assignor: undefined,
          rebalanceTimeoutMs: Number.POSITIVE_INFINITY,
          sessionTimeoutMs: Number.POSITIVE_INFINITY,
          rejoins: false,
        },
        this,
      )
    }
    const update = this.#updates.shift()
    if (update === undefined) return
    for (const { partition } of [...update.lost, ...update.revoked]) this.holding.delete(partition)
    const released = update.revoked.map(tp => ({ ...tp, assignmentEpoch: this.#epochs.get(tp.partition)! }))
    if (released.length > 0) this.#membership.release(released)
    for (const { partition, assignmentEpoch } of update.assigned) {
      this.holding.add(partition)
      this.#epochs.set(partition, assignmentEpoch)
    }
  }

  commit(partition: number): ErrorCode | undefined {
    const assignmentEpoch = this.#epochs.get(partition)!
    try {
      void this.#membership!.commit([{ topic, partition, offset: 1, assignmentEpoch }])
      return undefined
    } catch (error) {
      if (isBrokerletError(error)) return error.code
      throw error
    }
  }

  leave(): void {
    this.holding.clear()
    void this.#membership?.leave(false)
  }
}
