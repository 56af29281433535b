import {
  Broker,
  type BrokerCloseOptions,
  type BrokerOptions,
  brokerChecks,
  brokerWords,
  type IdleOptions,
} from '../broker.ts'
import type { Consumer } from '../consumer/consumer.ts'
import type { ConsumerOptions } from '../consumer/consumer-options.ts'
import { counted } from '../counted.ts'
import type { Unread } from '../engine.ts'
import { IllegalStateError, OffsetOutOfRangeError } from '../errors.ts'
import { warn } from '../events.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import { isTopicPartition } from '../offset-checks.ts'
import { Producer, type ProducerOptions } from '../producer/producer.ts'
import { didYouMean, suggest } from '../suggest.ts'
import type { OpenTopics, RecordOf, TopicMap } from '../topic-definition.ts'
import { formatTopicPartition, type TopicPartitionOffset } from '../topic-partition.ts'
import {
  abortSignal,
  anything,
  type Check,
  type Checks,
  checkOptions,
  duration,
  finiteDuration,
  integer,
  name,
  objectWith,
  requireArgument,
  requireOption,
} from '../validate.ts'
import { FaultPlan } from './fault-plan.ts'
import { Moment } from './moment.ts'
import { Redeliveries } from './redeliveries.ts'
import { RunnerClock, type RunnerTimers } from './runner-clock.ts'
import { seededRandom } from './seeded-random.ts'
import { watchStandstill } from './standstill.ts'
import { type TestBench, TestClient } from './test-client.ts'
import type { TestClock } from './test-clock.ts'
import { TestConsumer } from './test-consumer.ts'
import { TestEngine } from './test-engine.ts'
import { type Goal, TimeKeeper } from './time-keeper.ts'
import { Timeline } from './timeline.ts'
import { observe } from './timeline-observer.ts'
import { realDelay } from './turns.ts'
import { VirtualClock } from './virtual-clock.ts'

/**
 * Options of a test broker: those of a broker, except for the clock and the random source, which
 * the test broker brings itself.
 */
export interface TestBrokerOptions<Topics extends TopicMap = TopicMap>
  extends Omit<BrokerOptions<Topics>, 'clock' | 'random'> {
  /** The seed of the random source that ids, jitter and other random choices are drawn from; default 1. */
  seed?: number | undefined
  /** The fake timers of the test runner, `vi` or `jest`: the broker then runs on the runner's clock. */
  timers?: RunnerTimers | undefined
  /** How many of the latest entries the timeline keeps at least; default 100,000. */
  timelineEntries?: number | undefined
}

/** Limits of `advanceUntilIdle`. */
export interface AdvanceUntilIdleOptions {
  /** Waits only for these groups; default all groups, as `idle` does. */
  readonly groups?: readonly string[] | undefined
  /**
   * How far the broker's time may move, in milliseconds; default a day, or until a consumer has restarted 60 times and
   * handled nothing in between, has lost its partitions 60 times and committed nothing in between, or has failed 8,000
   * times at a record.
   */
  readonly limitMs?: number | undefined
  /**
   * How long, in real milliseconds, to wait for handlers that await something other than the broker's time, and for
   * clients of a server; default 4,000.
   */
  readonly realTimeoutMs?: number | undefined
}

/** The consumers that `crash` stops. */
export interface CrashTarget {
  readonly group: string
  /** A member id, client id or `groupInstanceId`; default every consumer of the group. */
  readonly member?: string | undefined
}

const day = 24 * 60 * 60 * 1000
const moveNevertheless = "with 'limitMs' how far time may move nevertheless"
// Less than the 5 s after which a test runner ends a test without a word about why.
const realMs = 4000
const closeRealMs = 1000

/** Refuses an option for what a broker of tests, or whatever runs one, brings itself. */
export function hasItsOwn(what: string): Check {
  return { expected: `nothing: ${what} has its own`, accepts: () => false }
}

const own = hasItsOwn('a test broker')

const runners = objectWith('advanceTimersByTime', 'advanceTimersToNextTimer', 'getTimerCount')

/** How each option of a test broker is checked. */
export const testBrokerChecks: Checks<TestBrokerOptions & { clock?: unknown; random?: unknown }> = {
  ...brokerChecks,
  clock: own,
  random: own,
  seed: integer(0),
  timers: {
    ...runners,
    // Mock timers of node:test leave `performance` real, by which a broker measures durations.
    expected: `${runners.expected}, as vi and jest have them; with node:test leave it out and use the broker's own time`,
  },
  timelineEntries: integer(1),
}

const redelivered: Check = {
  expected: '{ group, topic, partition, offset } with whole numbers, 0 or more',
  accepts: value => isTopicPartition(value) && name.accepts(value.group) && integer(0).accepts(value.offset),
}

/**
 * A broker for tests. Its time stands still until the test moves it, its randomness comes from a seed, faults happen
 * where they are planned, and its timeline keeps what happened.
 *
 * @example
 * const broker = new TestBroker({ topics: { orders: topic<Order>() } })
 * startBilling(broker)
 * await broker.producer().send({ topic: 'orders', value: order })
 * await broker.idle()
 */
export class TestBroker<out Topics extends TopicMap = OpenTopics> extends Broker<Topics> {
  /** The faults that are planned. */
  readonly faults: FaultPlan
  /** Everything that happened on this broker, in order. */
  readonly timeline: Timeline
  readonly #testClock: TestClock
  readonly #timeKeeper: TimeKeeper
  readonly #bench: TestBench
  readonly #consumers = new Set<TestConsumer>()
  // Whether somebody has been told what is left open.
  #leftTold = false

  constructor(options: TestBrokerOptions<Topics> = {}) {
    checkOptions('TestBroker', options, testBrokerChecks, brokerWords)
    const { seed = 1, timers, timelineEntries = 100_000, ...rest } = options
    const clock = timers === undefined ? new VirtualClock() : new RunnerClock(timers)
    super({ ...rest, clock, random: seededRandom(seed) })
    this.#testClock = clock
    const consumers = this.#consumers
    this.timeline = new Timeline(
      () => clock.now(),
      timelineEntries,
      group => void this.group(group),
    )
    const moment = new Moment(clock, this.timeline, () => this.engine.log.records)
    this.#timeKeeper = new TimeKeeper(
      clock,
      moment,
      () => [...consumers].map(({ processing }) => processing),
      () => [...this.engine.served].flatMap(left => left()),
    )
    const watch = (what: string) => watchStandstill(this.#bench, what)
    this.faults = new FaultPlan(this.engine.clock, this.timeline, this.engine, watch)
    this.#bench = {
      faults: this.faults,
      timeline: this.timeline,
      moment,
      redeliveries: new Redeliveries(),
      joining: undefined,
      silenced: () => this.silenced,
      heard: answer => this.heard(answer),
      written: answer => this.written(answer),
      now: () => clock.now(),
      pending: () => clock.pending,
      served: () => this.served,
    }
    this.engine.conditions.watcher = (what, explain) => watchStandstill(this.#bench, what, explain)
    observe({ engine: this.engine, topics: this.topics, timeline: this.timeline, bench: this.#bench })
  }

  /** Whether clients of a server may be at work. @internal */
  get served(): boolean {
    return this.engine.served.size > 0
  }

  // --- clients ------------------------------------------------------------------------------------------------------

  override producer(options?: ProducerOptions): Producer<Topics> {
    this.engine.requireOpen()
    const { clientId = 'producer' } = options ?? {}
    const engine = new TestEngine(this.engine, new TestClient(this.#bench, { clientId }))
    return new Producer<Topics>(engine, this.engine.sticky, options)
  }

  override consumer<const Name extends keyof Topics & string = keyof Topics & string>(
    options: ConsumerOptions<Name>,
  ): Consumer<RecordOf<Topics, Name>, keyof Topics & string> {
    this.engine.requireOpen()
    const {
      clientId = 'consumer',
      groupId: group,
      groupInstanceId,
      autoCommit,
    } = this.policy.forConsumer((options ?? {}) as ConsumerOptions)
    const client = new TestClient(this.#bench, { clientId, group, groupInstanceId, autoCommit })
    const consumer = new TestConsumer<RecordOf<Topics, Name>, keyof Topics & string>(
      this.engine,
      client,
      options,
      this.policy,
    )
    // A test may make ever new consumers, and each wait looks at all of them.
    for (const each of this.#consumers) if (each.over) this.#consumers.delete(each)
    this.#consumers.add(consumer as unknown as TestConsumer)
    this.consumerMade(consumer as unknown as TestConsumer)
    return consumer
  }

  /**
   * Whether the code that runs now belongs to a simulated process that died, so that its requests go unanswered.
   * @internal
   */
  protected get silenced(): boolean {
    return false
  }

  /** The answer that the code that runs now hears: a simulation overrides this for a process that dies first. @internal */
  protected heard<T>(answer: Promise<T>): Promise<T> {
    return answer
  }

  /** The same for the answer to a write. @internal */
  protected written<T>(answer: MaybePromise<T>): MaybePromise<T> {
    return answer
  }

  /** What to do where the broker never becomes idle. A simulation waits by itself, and says something else. @internal */
  protected get neverIdleAdvice(): string {
    return `Name with 'groups' which groups to wait for, or say ${moveNevertheless}`
  }

  /** @internal */
  protected consumerMade(_consumer: TestConsumer): void {
    // A simulation overrides this to know which service made the consumer.
  }

  // --- time ---------------------------------------------------------------------------------------------------------

  /**
   * The broker's time, in epoch milliseconds: it starts at 2020-01-01T00:00Z, or is the runner's clock with `timers`.
   */
  get now(): number {
    return this.#testClock.now()
  }

  /** The names of the pending timers, the next one to fire first. */
  get pendingTimers(): readonly string[] {
    return this.#testClock.pending.map(({ name: timer }) => timer)
  }

  /**
   * Moves time forward by `ms` milliseconds. Every timer due on the way fires in order, and
   * promises settle between two timers.
   *
   * @throws IllegalStateError where the runner's fake timers hold promises back; the message names `doNotFake`
   * @throws NeverIdleError where time cannot move, because what happens at one moment has no end, such as a handler that
   * sends to its own topic for ever; the message shows the last of it
   */
  async advance(ms: number): Promise<void> {
    requireArgument('advance', 'ms', ms, finiteDuration)
    await this.#timeKeeper.advance(ms)
  }

  /**
   * Moves time from timer to timer until the broker is idle. Handlers that await something other than the broker's time
   * are waited for in real time. The timeline notes each of them (`outside`), because such a run does not replay
   * exactly. Clients of a server are waited for in real time, too; time moves on once they make no more progress.
   *
   * @throws NeverIdleError where nothing is left that could make the broker idle; without `limitMs` also where a
   * consumer does nothing but restart or lose its partitions, or fails at a record for ever; the cause is why
   * @throws TimeoutError after `limitMs`, or `realTimeoutMs`
   */
  async advanceUntilIdle(options: AdvanceUntilIdleOptions = {}): Promise<void> {
    checkOptions('advanceUntilIdle', options, {
      groups: anything,
      limitMs: duration,
      realTimeoutMs: duration,
    })
    await this.#untilIdle(options.groups, this.#limits(options, this.neverIdleAdvice))
  }

  /**
   * Resolves when everything that was sent is handled, without moving time; see `Broker.idle`. Here
   * `timeoutMs` is real time, and only passes while handlers await something other than the broker's time, or
   * clients of a server are at work.
   *
   * @throws NeverIdleError at once where only moving time could make the broker idle; the message names the timers, and says when they are due
   */
  override async idle(options: IdleOptions = {}): Promise<void> {
    this.engine.requireOpen()
    checkOptions('idle', options, { timeoutMs: duration, groups: anything, signal: abortSignal })
    const { groups, timeoutMs = realMs, signal } = options
    await this.#untilIdle(groups, { limitMs: undefined, realTimeoutMs: timeoutMs, signal })
  }

  // A handler that always fails is tried again until the limit: the test would end before, and not say why.
  #limits({ groups, limitMs, realTimeoutMs = realMs }: AdvanceUntilIdleOptions, advice: string) {
    if (limitMs !== undefined) return { limitMs, realTimeoutMs }
    for (const consumer of this.#consumers) consumer.countAnew()
    const requireProgress = (what: string) => {
      for (const consumer of this.#consumers)
        if (groups?.includes(consumer.client.group ?? '') ?? true) consumer.requireProgress(what, advice)
    }
    return { limitMs: day, realTimeoutMs, requireProgress }
  }

  async #untilIdle(
    groups: readonly string[] | undefined,
    limits: Omit<Goal, 'what' | 'reached' | 'explain'>,
  ): Promise<void> {
    const watched = groups === undefined ? {} : { groups }
    const over = new AbortController()
    let ended: { readonly error?: unknown } | undefined
    const watch = () => {
      ended = undefined
      return super.idle({ ...watched, timeoutMs: Number.POSITIVE_INFINITY, signal: over.signal }).then(
        () => {
          ended = {}
        },
        error => {
          ended = { error }
        },
      )
    }
    let idle = watch()
    const reached = async () => {
      if (ended === undefined) return false
      // It may have been so for a moment only, before a service went on: what counts is what is so at rest.
      idle = watch()
      await this.#testClock.settle()
      if (ended !== undefined && 'error' in ended) throw ended.error
      return ended !== undefined
    }
    const explain = async () => {
      const why = await super.idle({ ...watched, timeoutMs: 0 }).then(
        () => '',
        error => String((error as { readonly details?: unknown }).details ?? error),
      )
      return [why, ...this.faults.held].filter(each => each !== '').join('; ')
    }
    try {
      await this.#timeKeeper.until({ what: 'the broker to be idle', reached, explain, ...limits })
    } finally {
      over.abort()
      await idle
    }
  }

  /**
   * Resolves with the first `count` records of a topic; moves time until the topic holds that many.
   *
   * @throws NeverIdleError, TimeoutError as `advanceUntilIdle`
   */
  async collect<Name extends keyof Topics & string>(
    topicName: Name,
    count: number,
    options: Omit<AdvanceUntilIdleOptions, 'groups'> = {},
  ): Promise<readonly RecordOf<Topics, Name>[]> {
    const topic = this.topic(topicName)
    requireArgument('collect', 'count', count, integer(0))
    checkOptions('collect', options, { limitMs: duration, realTimeoutMs: duration })
    const what = `${counted(count, 'record')} of topic '${topicName}'`
    const reached = () => topic.records().length >= count
    const explain = async () => `it has ${topic.records().length}`
    await this.#timeKeeper.until({
      what,
      reached,
      explain,
      ...this.#limits(options, `Say ${moveNevertheless}`),
    })
    return topic.records().slice(0, count)
  }

  // --- what goes wrong ----------------------------------------------------------------------------------------------

  /**
   * Stops consumers as if their process had died: they finish, commit and report nothing more, and no hook is called.
   * Their group notices when their session expires (`sessionTimeoutMs`).
   *
   * @throws IllegalStateError where there is no such consumer, or it has ended
   */
  crash(target: Consumer | CrashTarget): void {
    const consumers =
      target instanceof TestConsumer
        ? [this.#requireLive(target as unknown as TestConsumer)]
        : this.#find(target as CrashTarget)
    for (const consumer of consumers) {
      consumer.client.note({ kind: 'crashed' })
      consumer.client.crashed = true
      consumer.vanish()
      this.#consumers.delete(consumer)
    }
    this.engine.outbox.flush()
  }

  #requireLive(consumer: TestConsumer): TestConsumer {
    if (this.#consumers.has(consumer) && !consumer.ended) return consumer
    const { member } = consumer.client
    throw new IllegalStateError(`crash: consumer '${member}' has ended, or belongs to another broker`, {
      memberId: member,
    })
  }

  #find(target: CrashTarget): TestConsumer[] {
    checkOptions('crash', target, { group: name, member: name })
    requireOption('crash', 'group', target.group, name)
    const { group, member } = target
    const found = [...this.#consumers].filter(
      ({ client, ended }) =>
        !ended && client.group === group && (member === undefined || client.names.includes(member)),
    )
    if (found.length > 0) return found
    const which = member === undefined ? `group '${group}'` : `'${member}' in group '${group}'`
    const groups = this.engine.groupCoordinator.groups
    const meant = groups.has(group) ? '' : didYouMean(suggest(group, groups.keys()))
    throw new IllegalStateError(`crash: there is no consumer of ${which}${meant}`, { groupId: group })
  }

  /**
   * Delivers a record to a group once more. The member that owns the partition gets it before the next
   * record, or once it has read that far; no other record is repeated.
   *
   * @throws GroupIdNotFoundError, UnknownTopicOrPartitionError, OffsetOutOfRangeError where the log does not hold it
   */
  redeliver(what: TopicPartitionOffset & { readonly group: string }): void {
    requireArgument('redeliver', 'what', what, redelivered)
    const { group, topic, partition, offset } = what
    this.engine.groupCoordinator.existing(group)
    const log = this.engine.partition({ topic, partition })
    const [record] = log.segmentFrom(offset) === undefined ? [] : log.fetch(offset, 1)
    if (record?.offset !== offset) {
      throw new OffsetOutOfRangeError(
        `redeliver: ${formatTopicPartition(what)} holds no record at offset ${offset}; it holds ${log.logStartOffset} to ${log.highWatermark}`,
        { topic, partition, offset },
      )
    }
    this.timeline.record({ kind: 'redelivering', group, topic, partition, offset })
    this.#bench.redeliveries.add(group, record)
  }

  // --- the end ------------------------------------------------------------------------------------------------------

  /**
   * What is still running, and which faults hold something back or were never met, a
   * sentence each: for the end of a test.
   */
  get leftOpen(): readonly string[] {
    this.#leftTold = true
    const running = [...this.#consumers].flatMap(({ processing }) => processing.pending)
    return [...running, ...this.faults.held, ...this.faults.neverMet]
  }

  /**
   * Removes every fault and closes the broker, moving time as far as that takes. First waits for handlers that await
   * something other than the broker's time, as long as one of them ends within a second of real time. Warns of a fault
   * that nothing has met, for a group that there never was, and nearly, unless `leftOpen` has told it.
   */
  override async close(options: BrokerCloseOptions = {}): Promise<readonly Unread[]> {
    if (!this.#leftTold) for (const each of this.faults.misspelt) warn(each)
    this.#leftTold = true
    this.faults.clear()
    let closed = false
    const closing = super.close(options).finally(() => {
      closed = true
    })
    const ended = closing.catch(() => {})
    const outside = this.#timeKeeper.waitPatiently(closeRealMs)
    while (!closed) {
      await this.#testClock.settle()
      if (closed || (await outside())) continue
      if (!(await this.#testClock.advanceToNext(Number.POSITIVE_INFINITY))) await realDelay(1)
    }
    await ended
    return closing
  }
}
