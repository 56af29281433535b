import type { Admin } from './admin.ts'
import { type BrokerDescription, describeBroker } from './broker/broker-description.ts'
import type { BrokerEvents } from './broker/broker-events.ts'
import { type BrokerOptions, brokerChecks, brokerWords, toEngineOptions } from './broker/broker-options.ts'
import { MemoryAdmin } from './broker/memory-admin.ts'
import { MemoryEngine } from './broker/memory-engine.ts'
import { type IdleOptions, Quiescence } from './broker/quiescence.ts'
import { type BrokerCloseOptions, Shutdown } from './broker/shutdown.ts'
import type { SleepClock } from './clock.ts'
import { isSameCodec } from './codec.ts'
import { Consumer } from './consumer/consumer.ts'
import type { ConsumerOptions } from './consumer/consumer-options.ts'
import { ConsumerPolicy } from './consumer/consumer-policy.ts'
import { type RedriveOptions, redrive } from './consumer/redrive.ts'
import type { Unread } from './engine.ts'
import { InvalidOptionError } from './errors.ts'
import type { ConsumerGroup } from './group/consumer-group.ts'
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
  boolean,
  checkOptions,
  duration,
  invalidOption,
  nameList,
  oneOf,
  optionsOf,
  requireArgument,
} from './validate.ts'
import { describeValue } from './value-text.ts'

export type { BrokerDescription } from './broker/broker-description.ts'
export type { BrokerEvents, RecordsDroppedEvent } from './broker/broker-events.ts'
export { type BrokerOptions, brokerChecks, brokerWords } from './broker/broker-options.ts'
export type { IdleOptions } from './broker/quiescence.ts'
export type { BrokerCloseOptions } from './broker/shutdown.ts'

const topicNames = nameList('topic names')

/**
 * Kafka's semantics in this process: topics, producers, consumers and groups over a log in memory.
 *
 * @example
 * const broker = new Broker({ topics: { orders: topic<Order>({ partitions: 6 }) } })
 */
export class Broker<out Topics extends TopicMap = OpenTopics> implements PubSub<Topics> {
  readonly #engine: MemoryEngine
  readonly #quiescence: Quiescence
  readonly #shutdown: Shutdown
  readonly #policy: ConsumerPolicy
  /** Administers topics, groups and offsets as on every engine: all methods are async. */
  readonly admin: Admin

  constructor(options: BrokerOptions<Topics> = {}) {
    checkOptions('Broker', options as BrokerOptions, brokerChecks, brokerWords)
    this.#policy = new ConsumerPolicy(options)
    this.#engine = new MemoryEngine(toEngineOptions(options as BrokerOptions))
    this.#quiescence = new Quiescence(this.#engine)
    this.#shutdown = new Shutdown(this.#engine, this.#quiescence)
    this.admin = new MemoryAdmin(this.#engine)
    const { autoCreateTopics } = options
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
    return this.#shutdown.close(options)
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
  const options: Readonly<Record<string, unknown>> = { ...existing.options }
  for (const [option, value] of Object.entries(declared)) {
    const there = options[option]
    if (value === undefined || isSameCodec(value, there)) continue
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
