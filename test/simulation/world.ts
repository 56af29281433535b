import {
  Broker,
  CommitFailedError,
  ConsumerCrashedError,
  type ConsumerGroup,
  isBrokerletError,
} from '../../src/index.ts'
import { Random } from '../../src/testing/random.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { Anomaly, type AnomalyKind } from './anomaly.ts'
import { Awake } from './checkers/awake.ts'
import { Compaction } from './checkers/compaction.ts'
import { Deadlines } from './checkers/deadlines.ts'
import { Expiry } from './checkers/expiry.ts'
import { Moves } from './checkers/moves.ts'
import { Order } from './checkers/order.ts'
import { Ownership } from './checkers/ownership.ts'
import { Progress } from './checkers/progress.ts'
import { Target } from './checkers/target.ts'
import { Written } from './checkers/written.ts'
import { Member } from './member.ts'
import { drawGroup, type GroupPlan, type Plan } from './plan.ts'
import { SimulatedFailure } from './simulated-failure.ts'
import { describe } from './text.ts'
import { Transcript } from './transcript.ts'

/** A broker under simulation, with all of its clients and all checkers. */
export class World {
  readonly random: Random
  readonly clock: VirtualClock
  readonly broker: Broker
  readonly transcript: Transcript
  readonly written: Written
  readonly compaction: Compaction
  readonly progress: Progress
  readonly order: Order
  readonly ownership: Ownership
  readonly target: Target
  readonly deadlines: Deadlines
  readonly awake: Awake
  readonly moves: Moves
  readonly expiry: Expiry
  readonly groups: readonly GroupPlan[]
  readonly members: Member[] = []
  /** Once true, nothing fails or takes time any more. */
  healed = false
  #anomaly: Anomaly | undefined
  readonly #unsettled = new Set<string>()
  #calls = 0

  constructor(seed: number) {
    this.random = new Random(seed)
    this.clock = new VirtualClock(this.random.pick([2, 10, 1000]))
    this.transcript = new Transcript(
      () => this.clock.monotonic(),
      () => this.#endless(),
    )
    const ids = new Random(seed + 1)
    const offsetsRetentionMs = this.random.pick([8000, 604_800_000])
    this.broker = new Broker({
      offsetsRetentionMs,
      clock: this.clock,
      random: ids.next,
      maxRecords: this.random.pick([100, 10_000]),
    })
    this.written = new Written(this)
    this.compaction = new Compaction(this)
    this.progress = new Progress(this)
    this.order = new Order(this)
    this.ownership = new Ownership(this)
    this.target = new Target(this)
    this.deadlines = new Deadlines(this)
    this.awake = new Awake(this)
    this.moves = new Moves(this)
    this.expiry = new Expiry(this, offsetsRetentionMs)
    const ids2 = ['g1', 'g2'].slice(0, this.random.integer(1, 2))
    this.groups = ids2.map(id => drawGroup(this.random, id, () => !this.healed))
    this.#listen()
  }

  log(line: string): void {
    this.transcript.add(line)
  }

  /** Keeps the first anomaly; the schedule ends with it. */
  report(kind: AnomalyKind, message: string): void {
    this.log(`ANOMALY ${kind}: ${message}`)
    this.#anomaly ??= new Anomaly(kind, message)
  }

  // Members that chase each other in promises leave nobody else a turn, until they are stopped.
  #endless(): void {
    this.report('restless', 'it goes round in circles')
    void this.broker.close({ timeoutMs: 0 })
  }

  sleep(ms: number): Promise<void> {
    return this.broker.clock.sleep(ms)
  }

  #names = 0

  /** The name of the next member. */
  get nextName(): string {
    return `c${++this.#names}`
  }

  join(plan: Plan, name: string): Member {
    const member = new Member(this, name, plan)
    this.members.push(member)
    this.log(`${member} joins`)
    member.start()
    return member
  }

  member(name: string): Member | undefined {
    return this.members.find(member => member.name === name)
  }

  get live(): Member[] {
    return this.members.filter(({ ended, closesBy }) => !ended && closesBy === undefined)
  }

  /** Watches a promise that has to settle; its outcome is checked elsewhere. */
  settles(what: string, promise: Promise<unknown>): void {
    const key = `${what} (${++this.#calls})`
    this.#unsettled.add(key)
    const settled = () => void this.#unsettled.delete(key)
    promise.then(settled, settled)
  }

  get unsettled(): readonly string[] {
    return [...this.#unsettled]
  }

  /** Checks an error that a client got: was it to be expected? */
  allow(error: unknown, member: Member): void {
    const cause = error instanceof Error ? error.cause : undefined
    if (error instanceof SimulatedFailure || cause instanceof SimulatedFailure) return
    if (error instanceof CommitFailedError) return
    if (member.crashed && error instanceof ConsumerCrashedError) return
    if (isBrokerletError(error)) {
      const { code } = error
      const { assignor, groupInstanceId, topics } = member.plan.options
      const closes = member.ended || member.closesBy !== undefined || member.mayEnd
      if (code === 'CLOSED' && closes) return
      if (code === 'INVALID_ASSIGNMENT' && typeof assignor === 'object') return
      if (code === 'UNRELEASED_INSTANCE_ID' && groupInstanceId !== undefined) return
      const missing =
        member.beganWithoutTopic ||
        (Array.isArray(topics) && topics.some(name => !this.broker.topics.has(name)))
      if (code === 'UNKNOWN_TOPIC_OR_PARTITION' && missing && member.consumer.memberId === undefined) return
    }
    this.report('unexpected-error', `${member.name}: ${describe(error)}`)
  }

  /** Checks what must hold at every moment. */
  check(): void {
    for (const group of this.broker.groups.values()) {
      // Described once for all checkers, since that is the main cost of a check.
      const { members } = group
      this.ownership.check(members)
      this.progress.check(group)
      this.target.check(group, members)
      this.moves.check(group, members)
      this.deadlines.check(group.id, members)
    }
    this.expiry.check()
    this.throwAnomaly()
  }

  /** Whether a polling member of the group is closing: what it is about to get counts as finished, too. */
  pollerCloses(groupId: string): boolean {
    return this.members.some(
      ({ plan, closesBy, groupId: id }) => plan.mode === 'poll' && closesBy !== undefined && id === groupId,
    )
  }

  /** The first of them. */
  get anomaly(): Anomaly | undefined {
    return this.#anomaly
  }

  throwAnomaly(): void {
    if (this.#anomaly) throw this.#anomaly
  }

  group(id: string): ConsumerGroup | undefined {
    return this.broker.groups.get(id)
  }

  #listen(): void {
    this.broker.on('memberLeft', ({ groupId, memberId, reason }) => {
      this.log(`${groupId}: '${memberId}' is out: ${reason}`)
      const member = this.members.find(({ name }) => memberId.startsWith(`${name}-`))
      if (member === undefined) return
      if (reason === 'left') this.ownership.left(member, memberId)
      this.deadlines.left(memberId, member.plan.options.sessionTimeoutMs ?? 45_000, reason)
    })
    this.broker.on('rebalanced', ({ groupId, epoch, members, moved }) =>
      this.log(`${groupId} is at rest in epoch ${epoch}: ${members} members, ${moved} moved`),
    )
    this.broker.on('recordsDropped', ({ topic, partition, from, to, reason }) =>
      this.log(`${topic}-${partition} dropped ${from}..${to} by ${reason}`),
    )
    this.broker.on('groupStopped', ({ groupId }) => this.log(`${groupId} stopped`))
    this.broker.on('error', error => {
      this.log(`broker error: ${describe(error)}`)
      if (isBrokerletError(error) && error.code === 'INVALID_ASSIGNMENT') return
      this.report('unexpected-error', `broker: ${describe(error)}`)
    })
  }
}
