import type { Consumer } from '../../src/consumer/consumer.ts'
import type { CloseOptions } from '../../src/consumer/consumer-control.ts'
import { ConsumerCrashedError, type ConsumerGroup } from '../../src/index.ts'
import type { AnyRecord } from '../../src/record.ts'
import type { OffsetSpec, TopicPartition } from '../../src/topic-partition.ts'
import { type Assignment, type Delivery, partitionKey } from './assignment.ts'
import { startHandler } from './handler.ts'
import type { Plan } from './plan.ts'
import { startReader } from './reader.ts'
import { SimulatedFailure } from './simulated-failure.ts'
import { at, describe, list } from './text.ts'
import type { World } from './world.ts'

/** A consumer of a schedule: it behaves by its plan, and tells the checkers what it sees. */
export class Member {
  readonly name: string
  readonly plan: Plan
  readonly world: World
  readonly consumer: Consumer
  /** Whether it was closed, has crashed, or could never start. */
  ended = false
  /** Whether a topic that it names did not exist when it began; it may exist by the time it gets the error. */
  beganWithoutTopic = false
  /** Whether it has a record in hand that it will never finish. */
  stuckForEver = false
  /** Whether it died. */
  crashed = false
  /** Whether a call of `poll` is under way. */
  polling = false
  /** Whether something has failed that may end it: its consumer then closes by itself, at any time. */
  mayEnd = false
  /** When a close releases the records in hand, once it is closing. */
  closesBy: number | undefined
  readonly #assignments = new Map<string, Assignment>()
  readonly #inHand = new Set<Delivery>()
  // The assignments with a record that waits for its next attempt.
  readonly #retries = new Set<Assignment>()
  #failedMoves = 0
  #hooks = 0

  constructor(world: World, name: string, plan: Plan) {
    this.name = name
    this.plan = plan
    this.world = world
    this.consumer = world.broker.consumer({
      ...plan.options,
      clientId: name,
      onAssigned: partitions => this.#onAssigned(partitions),
      onRevoked: partitions => this.#onRevoked(partitions),
      onLost: partitions => this.#onLost(partitions),
    }) as unknown as Consumer
    this.#listen()
  }

  get groupId(): string {
    return this.plan.options.groupId!
  }

  get #group(): ConsumerGroup | undefined {
    return this.world.broker.groups.get(this.groupId)
  }

  /** Whether it pulls records, instead of having a handler called. */
  get pulls(): boolean {
    return this.plan.mode !== 'eachRecord' && this.plan.mode !== 'eachBatch'
  }

  /** Whether it is ready for the next record, and only lacks one. */
  get waits(): boolean {
    const { mode, lingerMs } = this.plan
    if (this.#inHand.size > 0) return false
    // A pulling member gets nothing before it has its whole assignment.
    if (this.pulls && (this.#hooks > 0 || this.#group?.state !== 'Stable')) return false
    return mode === 'poll' ? this.polling : mode !== 'eachBatch' || lingerMs === 0
  }

  /** Whether a record of the assignment failed and waits to come again. */
  retries(assignment: Assignment): boolean {
    return this.#retries.has(assignment)
  }

  /** The partitions that it owns and may be asked about. */
  get held(): Assignment[] {
    return [...this.#assignments.values()].filter(
      assignment =>
        this.world.ownership.held(assignment) &&
        this.consumer.assignment.some(
          tp => tp.topic === assignment.topic && tp.partition === assignment.partition,
        ),
    )
  }

  /** The partitions that it owned once, and no longer owns. */
  get given(): Assignment[] {
    const { memberId } = this.consumer
    const owned = this.#group?.members.find(member => member.memberId === memberId)?.assignment ?? []
    return [...this.#assignments.values()].filter(
      ({ topic, partition, over }) =>
        over !== undefined && !owned.some(tp => tp.topic === topic && tp.partition === partition),
    )
  }

  start(): void {
    const { topics } = this.plan.options
    this.beganWithoutTopic = Array.isArray(topics) && topics.some(name => !this.world.broker.topics.has(name))
    if (this.pulls) startReader(this)
    else startHandler(this)
    this.consumer.done.then(
      () => this.#end(),
      () => this.#end(),
    )
  }

  /** The member could not join. */
  refused(error: unknown): void {
    this.world.log(`${this.name} could not start: ${describe(error)}`)
    this.world.allow(error, this)
    if (this.closesBy === undefined) void this.close({})
    this.ended = true
  }

  async close(options: CloseOptions): Promise<void> {
    this.closesBy ??= this.world.clock.monotonic() + (options.timeoutMs ?? 30_000)
    // Records that `poll` returned count as finished once the consumer is closed, and so do those it is about to
    // return.
    if (this.plan.mode === 'poll') this.#finishAll()
    const closed = this.consumer.close(options)
    this.world.settles(`close of ${this.name}`, closed)
    await closed
  }

  /** Dies: it finishes and reports nothing more, and its group notices when its session expires. */
  crash(): void {
    this.closesBy = this.world.clock.monotonic()
    this.crashed = true
    if (this.consumer.memberId !== undefined) this.world.deadlines.died(this.consumer.memberId)
    for (const delivery of this.#inHand) this.world.ownership.ended(delivery)
    this.#inHand.clear()
    this.consumer.vanish()
    this.#end()
  }

  #end(): void {
    this.ended = true
    for (const assignment of this.#assignments.values()) assignment.over ??= 'closed'
  }

  // --- records ------------------------------------------------------------------------------------------------------

  /** Records of one partition were handed out. */
  take(records: readonly AnyRecord[], pulled: boolean): Delivery {
    const { topic, partition, offset } = records[0]!
    const { written, order, ownership } = this.world
    const topicId = written.topicIdOf(records[0]!)
    for (const record of records) written.seen(record)
    this.world.log(`${this.name} gets ${topic}-${partition} ${offset}..${records.at(-1)!.offset}`)
    let assignment = this.#assignments.get(partitionKey(topicId, partition))
    if (assignment === undefined) {
      this.world.report('not-fetchable', `${this.name} got ${topic}-${partition} before it was assigned`)
      assignment = this.#assign({ topic, partition }, topicId, offset)
    }
    // Pulled records may be lost on their last step to the caller.
    if (!pulled || assignment.over === undefined) order.handedOut(assignment, records)
    const aliveAt = this.world.clock.monotonic()
    const delivery = { assignment, records, moves: assignment.moves, aliveAt, pulled }
    ownership.taken(delivery)
    this.#retries.delete(assignment)
    this.#inHand.add(delivery)
    return delivery
  }

  /** The first `count` records are finished, and the others are dropped. */
  finish(delivery: Delivery, count: number = delivery.records.length): void {
    if (!this.#inHand.delete(delivery)) return
    this.world.progress.finished(delivery, count)
    this.world.order.finished(delivery, count)
    this.world.ownership.ended(delivery)
  }

  #finishAll(): void {
    for (const delivery of this.#inHand) this.finish(delivery)
  }

  fail(delivery: Delivery, finished: number, what: string): SimulatedFailure {
    const { assignment, records } = delivery
    this.#failedMoves = delivery.moves
    this.mayEnd ||= this.plan.onFailure === 'stop'
    this.finish(delivery, finished)
    const offset = records[finished]!.offset
    this.world.log(`${this.name} fails at ${assignment.topic}-${assignment.partition} ${offset}`)
    return new SimulatedFailure(what)
  }

  // --- controls -----------------------------------------------------------------------------------------------------

  seek({ topic, topicId, partition }: Assignment, to: OffsetSpec): void {
    const tp = { topic, partition }
    this.consumer.seek(tp, to)
    const position = this.consumer.position(tp)
    this.world.log(`${this.name} seeks ${topic}-${partition} to ${position}`)
    const assignment = this.#assignments.get(partitionKey(topicId, partition))!
    assignment.next = position
    assignment.moves++
    this.world.progress.moved(this.groupId, topicId, partition, position)
  }

  /** Commits an offset; the commit must be accepted under the assignment in which it was read, and under no other. */
  async commit(assignment: Assignment, offset: number): Promise<void> {
    const { topic, partition } = assignment
    const held = this.world.ownership.held(assignment)
    // Between the end of onRevoked and the release, either answer is right.
    const releasing = assignment.over === 'revoked' && this.world.ownership.owned(assignment)
    try {
      await this.consumer.commit([{ topic, partition, offset }])
    } catch (error) {
      this.world.log(`${this.name} may not commit ${topic}-${partition} ${offset}: ${describe(error)}`)
      if (held && this.closesBy === undefined && !this.ended) {
        this.world.report(
          'refused-commit',
          `${this.name}, ${topic}-${partition} ${offset}: ${describe(error)}`,
        )
      }
      return
    }
    this.world.log(`${this.name} commits ${topic}-${partition} ${offset}`)
    if (held || releasing) return
    this.world.report(
      'stale-commit',
      `${this.name} committed ${topic}-${partition} ${offset} after losing it`,
    )
  }

  /** Commits the finished records. */
  async commitFinished(): Promise<void> {
    if (this.plan.mode === 'poll') this.#finishAll()
    try {
      await this.consumer.commit()
    } catch (error) {
      this.world.allow(error, this)
    }
  }

  // --- hooks and events ---------------------------------------------------------------------------------------------

  #assign(tp: TopicPartition, topicId: string, next: number): Assignment {
    const { topic, partition } = tp
    const { groupId } = this
    const memberId = this.consumer.memberId!
    const rest = { next, moves: 0, over: undefined }
    const assignment = { member: this, memberId, groupId, topic, topicId, partition, ...rest }
    this.#assignments.set(partitionKey(topicId, partition), assignment)
    return assignment
  }

  #onAssigned(partitions: readonly TopicPartition[]): unknown {
    this.world.log(`${this.name} is assigned ${list(partitions)}`)
    for (const tp of partitions) {
      const topic = this.world.broker.topics.get(tp.topic)
      if (topic === undefined) continue
      const assignment = this.#assign(tp, topic.id, this.consumer.position(tp))
      this.world.order.began(assignment)
      this.world.progress.began(assignment)
    }
    return this.#hook('onAssigned')
  }

  #onRevoked(partitions: readonly TopicPartition[]): unknown {
    this.world.log(`${this.name} gives up ${list(partitions)}`)
    const assignments = this.#find(partitions)
    for (const assignment of assignments) this.world.ownership.revoked(assignment)
    const done = () => {
      for (const assignment of assignments) assignment.over ??= 'revoked'
    }
    let result: Promise<void> | undefined
    try {
      result = this.#hook('onRevoked')
    } finally {
      if (result === undefined) done()
    }
    return result?.finally(done)
  }

  #onLost(partitions: readonly TopicPartition[]): unknown {
    this.world.log(`${this.name} lost ${list(partitions)}`)
    for (const assignment of this.#find(partitions)) assignment.over ??= 'lost'
    return this.#hook('onLost')
  }

  // There may be two assignments of a partition whose topic was deleted meanwhile.
  #find(partitions: readonly TopicPartition[]): Assignment[] {
    return partitions.flatMap(({ topic, partition }) => {
      const found = [...this.#assignments.values()].filter(
        each => each.topic === topic && each.partition === partition && each.over === undefined,
      )
      return found.slice(0, 1)
    })
  }

  #hook(name: string): Promise<void> | undefined {
    const { random, healed } = this.world
    const { slowHooks, slowestHookMs, hooksFail } = this.plan
    if (healed) return undefined
    const failure = random.chance(hooksFail) ? new SimulatedFailure(`${name} of ${this.name}`) : undefined
    if (random.chance(slowHooks)) return this.#slowly(random.integer(1, slowestHookMs), failure)
    if (failure) this.#failHook(failure)
    return undefined
  }

  #failHook(failure: Error): never {
    // The error is thrown into a loop, which ends.
    this.mayEnd ||= this.plan.mode === 'for await' || this.plan.mode === 'batches'
    throw failure
  }

  async #slowly(ms: number, failure: Error | undefined): Promise<void> {
    this.#hooks++
    await this.world.sleep(ms)
    this.#hooks--
    if (failure) this.#failHook(failure)
  }

  #listen(): void {
    const { consumer, world, name } = this
    consumer.on('error', error => world.allow(error, this))
    consumer.on('retrying', ({ record, delayMs }) => {
      world.log(`${name} retries ${at(record)} in ${delayMs} ms`)
      this.#retries.add(this.#assignmentOf(record))
    })
    consumer.on('skipped', ({ record }) => this.#skipped(record))
    consumer.on('revoked', ({ partitions }) => {
      const memberId = consumer.memberId!
      for (const tp of partitions) world.deadlines.released({ memberId, ...tp })
    })
    consumer.on('restarting', ({ delayMs, error }) => {
      world.log(`${name} restarts in ${delayMs} ms`)
      world.allow(error, this)
    })
    consumer.on('crashed', ({ error }) => {
      world.log(`${name} crashed: ${describe(error)}`)
      world.allow(error instanceof ConsumerCrashedError ? error.cause : error, this)
      this.#end()
    })
    consumer.on('closed', () => {
      world.log(`${name} is closed`)
      this.#end()
    })
    consumer.on('offsetReset', event => {
      world.log(`${name} is reset on ${event.topic}-${event.partition} from ${event.from} to ${event.to}`)
      const [assignment] = this.#find([event])
      if (assignment === undefined) return
      if (this.plan.options.autoOffsetReset === 'latest') {
        world.progress.moved(this.groupId, assignment.topicId, event.partition, event.to)
      }
      world.order.reset(assignment, event.from!, event.to)
    })
  }

  #skipped(record: AnyRecord): void {
    this.world.log(`${this.name} skips ${at(record)}`)
    const assignment = this.#assignmentOf(record)
    this.world.progress.skipped(assignment, record.offset)
    if (assignment.moves === this.#failedMoves) assignment.next = record.offset + 1
  }

  #assignmentOf(record: AnyRecord): Assignment {
    const topicId = this.world.written.topicIdOf(record)
    return this.#assignments.get(partitionKey(topicId, record.partition))!
  }

  /** Its group and its plan, for a transcript. */
  toString(): string {
    const { mode, options } = this.plan
    const topics = options.topics instanceof RegExp ? String(options.topics) : `[${options.topics}]`
    const place = options.groupInstanceId === undefined ? '' : ` as ${options.groupInstanceId}`
    return `${this.name} of ${this.#group?.id ?? this.groupId}${place}, ${mode} of ${topics}`
  }
}
