import type { Admin } from './admin.ts'
import { type BrokerDescription, describeBroker } from './broker/broker-description.ts'
import type { BrokerEvents } from './broker/broker-events.ts'
import { MemoryAdmin } from './broker/memory-admin.ts'
import { MemoryEngine } from './broker/memory-engine.ts'
import { type IdleOptions, Quiescence } from './broker/quiescence.ts'
import { type Clock, type SleepClock, systemClock } from './clock.ts'
import { type Codec, codecCheck, isSameCodec } from './codec.ts'
import { Consumer } from './consumer/consumer.ts'
import type { ConsumerOptions } from './consumer/consumer-options.ts'
import { ConsumerPolicy, type ConsumerPolicyOptions, policyChecks } from './consumer/consumer-policy.ts'
import { type RedriveOptions, redrive } from './consumer/redrive.ts'
import { Draining } from './draining.ts'
import type { Unread } from './engine.ts'
import { InvalidOptionError } from './errors.ts'
import type { ConsumerGroup } from './group/consumer-group.ts'
import { systemRandom } from './ids.ts'
import type { Topic } from './log/topic.ts'
import { Producer, type ProducerOptions } from './producer/producer.ts'
import type { PubSub } from './pub-sub.ts'
import {
  type AnyTopic,
  type Merged,
  type MessageBody,
  type OpenTopics,
  type PlainTopic,
  type RecordOf,
  type TopicMap,
  type TopicOptions,
  topicMap,
  toTopicOptions,
} from './topic-definition.ts'
import { checkTopicName } from './topic-name.ts'
import {
  accepts,
  anObject,
  boolean,
  type Check,
  type Checks,
  callback,
  checkOptions,
  duration,
  either,
  integer,
  invalidOption,
  limit,
  nameList,
  objectWith,
  oneOf,
  optionsOf,
  requireArgument,
} from './validate.ts'
import { describeValue } from './value-text.ts'

export type { BrokerDescription } from './broker/broker-description.ts'
export type { BrokerEvents, RecordsDroppedEvent } from './broker/broker-events.ts'
export type { IdleOptions } from './broker/quiescence.ts'

/** How a broker is made. */
export interface BrokerOptions<Topics extends TopicMap = TopicMap>
  extends ConsumerPolicyOptions<NoInfer<keyof Topics & string>> {
  /** The topics, by name; their types flow to producers and consumers. */
  topics?: Topics | undefined
  /** Whether a topic is created when it is first named, and how; default false: a misspelt name is an error. */
  autoCreateTopics?: boolean | TopicOptions | undefined
  /** How many records all topics keep together; beyond it the oldest segment goes. Default 1,000,000; -1: no limit. */
  maxRecords?: number | undefined
  /** As `maxRecords`, in bytes: counts the topics with a codec or byte values. Default -1, no limit. */
  maxBytes?: number | undefined
  /** How long an empty group's offsets are kept, in milliseconds; default 7 days; -1 is for ever. (Kafka: offsets.retention.minutes) */
  offsetsRetentionMs?: number | undefined
  /**
   * How long a partition remembers an idempotent producer that sends nothing, in milliseconds; default 1 day.
   * (Kafka: producer.id.expiration.ms)
   */
  producerIdExpirationMs?: number | undefined
  /**
   * How long an unused transactional id is remembered, in milliseconds; default 7 days; -1 is for ever.
   * (Kafka: transactional.id.expiration.ms)
   */
  transactionalIdExpirationMs?: number | undefined
  /** The codec of every topic that has none of its own. */
  codec?: Codec<unknown> | undefined
  /** Whether topics deeply freeze values that they keep by reference, unless a topic says otherwise. Default false. */
  freeze?: boolean | undefined
  /** The clock; default the system's. */
  clock?: Clock | undefined
  /** Returns a number from 0 up to, and without, 1; default `Math.random`. */
  random?: (() => number) | undefined
}

/** How a broker is closed. */
export interface BrokerCloseOptions {
  /** How long its consumers may take, in milliseconds; default 30,000. */
  readonly timeoutMs?: number | undefined
  /** Waits first until nothing is left to do, as `idle` does, within `timeoutMs`. */
  readonly drain?: boolean | undefined
}

const closeTimeoutMs = 30_000
const week = 7 * 24 * 60 * 60 * 1000

const topicNames = nameList('topic names')

const clockMethods = objectWith('now', 'monotonic', 'setTimer', 'turn')

const aClock: Check = {
  expected: `${clockMethods.expected} and workBudget { ms, records }`,
  accepts: value => {
    if (!clockMethods.accepts(value)) return false
    const budget = (value as { readonly workBudget?: Readonly<Record<string, unknown>> }).workBudget
    return duration.accepts(budget?.ms) && duration.accepts(budget?.records)
  },
}

/** How each option of a broker is checked. */
export const brokerChecks: Checks<BrokerOptions> = {
  topics: topicMap,
  autoCreateTopics: either(boolean, anObject),
  maxRecords: limit(1),
  maxBytes: limit(1),
  offsetsRetentionMs: limit(1),
  producerIdExpirationMs: integer(1),
  transactionalIdExpirationMs: limit(1),
  codec: codecCheck,
  freeze: boolean,
  clock: aClock,
  random: callback,
  ...policyChecks,
}

const ofTopic = { instead: 'that is an option of topic()' } as const
const ofCluster = { instead: 'that is an option of connect(), of brokerlet/kafka' } as const

/** What belongs to a topic, or to a cluster. */
export const brokerWords: Readonly<Record<string, { readonly instead: string }>> = {
  partitions: ofTopic,
  retentionMs: ofTopic,
  retentionRecords: ofTopic,
  retentionBytes: ofTopic,
  cleanupPolicy: ofTopic,
  whenFull: ofTopic,
  brokers: ofCluster,
  bootstrapBrokers: ofCluster,
}

/**
 * Kafka's semantics in this process: topics, producers, consumers and groups over a log in memory.
 *
 * @example
 * const broker = new Broker({ topics: { orders: topic<Order>({ partitions: 6 }) } })
 */
export class Broker<out Topics extends TopicMap = OpenTopics> implements PubSub<Topics> {
  readonly #engine: MemoryEngine
  readonly #quiescence: Quiescence
  readonly #policy: ConsumerPolicy
  /** Administers topics, groups and offsets as on every engine: all methods are async. */
  readonly admin: Admin
  #closing: Promise<readonly Unread[]> | undefined
  // When a later close ends it, on the monotonic clock.
  #endBy = Number.POSITIVE_INFINITY
  #draining: Draining | undefined

  constructor(options: BrokerOptions<Topics> = {}) {
    checkOptions('Broker', options as BrokerOptions, brokerChecks, brokerWords)
    this.#policy = new ConsumerPolicy(options)
    const { autoCreateTopics = false } = options
    this.#engine = new MemoryEngine({
      clock: options.clock ?? systemClock,
      random: options.random ?? systemRandom,
      maxRecords: options.maxRecords ?? 1_000_000,
      maxBytes: options.maxBytes ?? -1,
      offsetsRetentionMs: options.offsetsRetentionMs ?? week,
      producerIdExpirationMs: options.producerIdExpirationMs ?? week / 7,
      transactionalIdExpirationMs: options.transactionalIdExpirationMs ?? week,
      autoCreateTopics,
      codec: options.codec as TopicOptions['codec'],
      freeze: options.freeze ?? false,
    })
    this.#quiescence = new Quiescence(this.#engine)
    this.admin = new MemoryAdmin(this.#engine)
    if (typeof autoCreateTopics === 'object') this.#engine.logConfig('(autoCreateTopics)', autoCreateTopics)
    this.declare(options.topics ?? {})
  }

  /** The options that this broker's consumers share, for the doors. @internal */
  get policy(): ConsumerPolicy {
    return this.#policy
  }

  /** The engine in memory, for the doors that open onto it. @internal */
  get engine(): MemoryEngine {
    return this.#engine
  }

  // --- topics -------------------------------------------------------------------------------------------------------

  /**
   * Makes a topic.
   *
   * @throws TopicAlreadyExistsError, InvalidTopicError, InvalidOptionError
   */
  createTopic<const Name extends string, Definition extends AnyTopic>(
    name: Name,
    definition: Definition,
  ): Topic<RecordOf<{ [N in Name]: Definition }, Name>, MessageBody<{ [N in Name]: Definition }, Name>>
  /** Makes a topic of plain options, whose values have no declared type. */
  createTopic<const Name extends string>(
    name: Name,
    options?: TopicOptions,
  ): Topic<RecordOf<{ [N in Name]: PlainTopic }, Name>, MessageBody<{ [N in Name]: PlainTopic }, Name>>
  createTopic(name: string, options: TopicOptions | AnyTopic = {}): Topic {
    return this.#engine.createTopic(name, toTopicOptions(name, options))
  }

  /**
   * Creates those of the topics that are missing; returns the same broker, typed with all of them.
   *
   * @throws InvalidOptionError where a topic exists with an option that contradicts the declared one; creates none then
   */
  declare<More extends TopicMap>(topics: More): Broker<Merged<Topics, More>> {
    if (!accepts(topicMap, topics)) throw invalidOption('declare', 'topics', topicMap.expected, topics)
    const missing: [string, TopicOptions][] = []
    for (const [name, definition] of optionsOf('declare', topics)) {
      checkTopicName(name)
      const options = toTopicOptions(name, definition as AnyTopic)
      const existing = this.#engine.topics.get(name)
      this.#engine.logConfig(name, options)
      if (existing) refuseContradiction(existing, options)
      else missing.push([name, options])
    }
    for (const [name, options] of missing) this.#engine.createTopic(name, options)
    return this as unknown as Broker<Merged<Topics, More>>
  }

  /**
   * A topic by its name.
   *
   * @throws UnknownTopicOrPartitionError, naming near matches
   */
  topic<Name extends keyof Topics & string>(
    name: Name,
  ): Topic<RecordOf<Topics, Name>, MessageBody<Topics, Name>> {
    return this.#engine.existingTopic(name) as never
  }

  /** The topics by name. */
  get topics(): ReadonlyMap<string, Topic> {
    return this.#engine.topics
  }

  /**
   * Deletes a topic, its records and its committed offsets; consumers that subscribed to it stay subscribed.
   *
   * @throws UnknownTopicOrPartitionError
   */
  deleteTopic(name: keyof Topics & string): void {
    this.#engine.deleteTopic(name)
  }

  // --- clients ------------------------------------------------------------------------------------------------------

  /**
   * Makes a producer.
   *
   * @throws InvalidOptionError, ClosedError
   */
  producer(options?: ProducerOptions): Producer<Topics> {
    this.#engine.requireOpen()
    return new Producer<Topics>(this.#engine, this.#engine.sticky, options)
  }

  /**
   * Makes a consumer; it joins its group when it starts to consume.
   *
   * @throws InvalidOptionError, ClosedError
   */
  consumer<const Name extends keyof Topics & string = keyof Topics & string>(
    options: ConsumerOptions<Name>,
  ): Consumer<RecordOf<Topics, Name>, keyof Topics & string>
  /** Never called: with a single signature, a broker of some topics is not assignable to a broker of any. @hidden */
  consumer<const Name extends keyof Topics & string = keyof Topics & string>(
    options: ConsumerOptions<Name>,
    nothing: never,
  ): Consumer<RecordOf<Topics, Name>, keyof Topics & string>
  consumer<const Name extends keyof Topics & string = keyof Topics & string>(
    options: ConsumerOptions<Name>,
  ): Consumer<RecordOf<Topics, Name>, keyof Topics & string> {
    this.#engine.requireOpen()
    return new Consumer<RecordOf<Topics, Name>, keyof Topics & string>(this.#engine, options, this.#policy)
  }

  /**
   * Sends dead letters back to the topics that they came from (or to `to`), in their order; resolves to their number.
   * It commits its progress as the group `<topic>.redrive`, whose lag is the number of dead letters that are left.
   *
   * @throws UnknownTopicOrPartitionError where a topic does not exist; dead letters sent back before stay so
   */
  redrive(options: RedriveOptions<keyof Topics & string>): Promise<number> {
    return redrive(this.#engine, options)
  }

  /**
   * A group by its id.
   *
   * @throws GroupIdNotFoundError
   */
  group(groupId: string): ConsumerGroup {
    return this.#engine.groupCoordinator.existing(groupId)
  }

  /**
   * Registers a group ahead of its first consumer. In every partition of these topics where the group has committed
   * nothing, it commits the beginning (default) or the end. The group begins there, and a topic with
   * `cleanupPolicy: 'consumed'` keeps its records for the group.
   *
   * @throws UnknownTopicOrPartitionError, InvalidGroupIdError
   * @throws UnknownMemberIdError while the group has members
   */
  createGroup(
    groupId: string,
    options: { readonly topics: readonly (keyof Topics & string)[]; readonly from?: 'beginning' | 'end' },
  ): ConsumerGroup {
    checkOptions('createGroup', options, { topics: topicNames, from: oneOf('beginning', 'end') })
    requireArgument('createGroup', 'topics', options.topics, topicNames)
    return this.#engine.groupCoordinator.create(groupId, options.topics, options.from ?? 'beginning')
  }

  /** The groups by id. */
  get groups(): ReadonlyMap<string, ConsumerGroup> {
    return this.#engine.groups
  }

  /**
   * Deletes a group and its offsets.
   *
   * @throws GroupIdNotFoundError, NonEmptyGroupError
   */
  deleteGroup(groupId: string): void {
    this.#engine.groupCoordinator.delete(groupId)
  }

  // --- as a whole ---------------------------------------------------------------------------------------------------

  /** This broker's clock; `clock.sleep(ms)` is for handlers and tests. */
  get clock(): SleepClock {
    return this.#engine.clock
  }

  /**
   * Resolves when everything that was sent is handled: every group with live, unpaused members has no lag, no handler
   * runs, no retry is due, no send waits and no rebalance is under way. What a test awaits instead of sleeping.
   *
   * @throws NeverIdleError at once when that can never happen; where a consumer crashed, its error is the cause
   * @throws TimeoutError after `timeoutMs` (default 4,000), saying what is left and which member has it
   * @throws GroupIdNotFoundError where `groups` names a group that does not exist
   */
  async idle(options: IdleOptions = {}): Promise<void> {
    this.#engine.requireOpen()
    await this.#quiescence.idle(options)
  }

  /** Topics, partitions, groups, members and lag, as plain JSON. */
  describe(): BrokerDescription {
    return describeBroker(this.#engine)
  }

  /**
   * Closes every consumer and producer that it made, then the broker itself; its records are gone. Resolves to what its
   * consumers, also those that have crashed, left unread; groups that were left on purpose before are not in it. It
   * always comes to an end, see `Consumer.close`.
   */
  async close(options: BrokerCloseOptions = {}): Promise<readonly Unread[]> {
    checkOptions('close', options, { timeoutMs: duration, drain: boolean })
    if (this.#closing === undefined) this.#closing = this.#close(options)
    else this.#hurry(options)
    return this.#closing
  }

  // A second close can only make the first one end sooner.
  #hurry({ timeoutMs, drain = false }: BrokerCloseOptions): void {
    if (timeoutMs === undefined) return
    this.#endBy = Math.min(this.#endBy, this.clock.monotonic() + timeoutMs)
    if (drain && this.#draining !== undefined) return this.#draining.within(timeoutMs)
    this.#draining?.end()
    for (const client of this.#engine.clients) void client.close({ timeoutMs })
  }

  async #close({ drain, timeoutMs = closeTimeoutMs }: BrokerCloseOptions): Promise<readonly Unread[]> {
    const until = this.clock.monotonic() + timeoutMs
    if (drain) await this.#drain(timeoutMs)
    this.#engine.refuseWaiting()
    const leftMs = () => Math.max(0, Math.min(until, this.#endBy) - this.clock.monotonic())
    const left = await this.#closeClients(leftMs())
    // From here on no client can start; those that started while the others closed are closed, too.
    this.#engine.refuse()
    const late = await this.#closeClients(leftMs())
    const stopped = [...this.#engine.groupCoordinator.stopped.values()].flatMap(group => group.left())
    this.#engine.shutDown()
    return onceEach([...left, ...late, ...stopped])
  }

  async #closeClients(timeoutMs: number): Promise<readonly Unread[]> {
    const clients = [...this.#engine.clients]
    await Promise.all(clients.map(client => client.close({ timeoutMs })))
    // Asked when all have closed: a handler, or a transaction, may have written after the reader had closed.
    return clients.flatMap(client => client.left?.() ?? [])
  }

  // Waits for the whole broker, not for each consumer by itself: the records that a handler sends are to be read, too.
  async #drain(timeoutMs: number): Promise<void> {
    const closing = new AbortController()
    const draining = new Draining(this.clock, 'the broker', () => closing.abort())
    this.#draining = draining
    try {
      await this.#quiescence.idle({ timeoutMs, signal: closing.signal })
    } catch {
      // The time is up, or the broker can never be idle: the records not read are in the report.
    } finally {
      this.#draining = undefined
      draining.end()
    }
  }

  /** `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  // --- events -------------------------------------------------------------------------------------------------------

  /** Adds a listener, which is never awaited. What it throws, or rejects with, becomes an 'error' event. */
  on<Name extends keyof BrokerEvents>(name: Name, listener: (event: BrokerEvents[Name]) => void): this {
    this.#engine.events.on(name, listener)
    return this
  }

  /** Adds a listener of the next event of that name only. */
  once<Name extends keyof BrokerEvents>(name: Name, listener: (event: BrokerEvents[Name]) => void): this {
    this.#engine.events.once(name, listener)
    return this
  }

  /** Removes a listener. */
  off<Name extends keyof BrokerEvents>(name: Name, listener: (event: BrokerEvents[Name]) => void): this {
    this.#engine.events.off(name, listener)
    return this
  }
}

// Several modules may declare one topic; their options must agree.
function refuseContradiction(existing: Topic, declared: TopicOptions): void {
  const options: Readonly<Record<string, unknown>> = {
    ...existing.options,
    partitions: existing.partitions.length,
  }
  for (const [option, value] of Object.entries(declared)) {
    const there = options[option]
    if (value === undefined || value === there || isSameCodec(value, there)) continue
    const was = describeValue(there)
    const declaredAs = describeValue(value)
    const difference =
      was === declaredAs
        ? `another ${option} than the one that it is declared with`
        : `${option} ${was}; it is declared with ${declaredAs}`
    const message = `Topic '${existing.name}' exists with ${difference}`
    throw new InvalidOptionError(message, { topic: existing.name, option, received: value })
  }
}

// A consumer that is away, or has crashed, reports the partitions that it had; a member that has read further is right.
function onceEach(left: readonly Unread[]): readonly Unread[] {
  const furthest = new Map<string, Unread>()
  for (const each of left) {
    const known = furthest.get(nameOf(each))
    if (known === undefined || known.from < each.from) furthest.set(nameOf(each), each)
  }
  return left.filter(each => each.group === undefined || furthest.get(nameOf(each)) === each)
}

function nameOf({ group, topic, partition }: Unread): string {
  return JSON.stringify([group, topic, partition])
}
