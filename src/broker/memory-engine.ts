import { BrokerClock } from '../broker-clock.ts'
import type { Clock } from '../clock.ts'
import { Conditions, type WaitOptions } from '../conditions.ts'
import type {
  Engine,
  EngineClient,
  FetchPosition,
  FetchSession,
  GroupStoppedEvent,
  JoinRequest,
  Membership,
  MembershipListener,
  ProducerRecord,
  SendWait,
  Unread,
} from '../engine.ts'
import { ClosedError, InvalidRecordError } from '../errors.ts'
import { Events } from '../events.ts'
import type { ConsumerGroup } from '../group/consumer-group.ts'
import { offsetAt } from '../group/group-log.ts'
import { Ids } from '../ids.ts'
import type { EncodedBatch } from '../log/encoded-batch.ts'
import { LogCleaner } from '../log/log-cleaner.ts'
import type { LogConfig } from '../log/log-config.ts'
import { LogManager } from '../log/log-manager.ts'
import type { Partition } from '../log/partition.ts'
import type { BatchMetadata, Topic } from '../log/topic.ts'
import { forgetPromise, isPromise, type MaybePromise } from '../maybe-promise.ts'
import { Outbox } from '../outbox.ts'
import { StickyRoundRobin } from '../producer/partitioner.ts'
import { toProducerRecord } from '../producer/producer-record.ts'
import type { IsolationLevel, RecordMetadata } from '../record.ts'
import type { ByteEdge } from '../serde.ts'
import type { TopicOptions } from '../topic-definition.ts'
import type { OffsetAndMetadata, OffsetSpec, TopicPartition } from '../topic-partition.ts'
import { type TransactionalSession, TransactionCoordinator } from '../transaction/transaction-coordinator.ts'
import { type BrokerEvents, brokerEventNames } from './broker-events.ts'
import { GroupCoordinator, type GroupCoordinatorHost } from './group-coordinator.ts'
import { GroupProgress } from './group-progress.ts'
import { type BatchTarget, LogWriter } from './log-writer.ts'
import { MemoryFetchSession } from './memory-fetch-session.ts'
import { MemoryTransactionalProducer } from './memory-transactions.ts'
import { type Closable, closeBeforeExit, forgetAtExit } from './process-exit.ts'
import { howToCreate, type TopicDefaults, TopicRegistry, type TopicRegistryHost } from './topic-registry.ts'

// More producer ids in a millisecond than clients ask for.
const idsPerMs = 1000

/** The settings of an engine in memory. */
export interface MemoryEngineOptions extends TopicDefaults {
  readonly producerIdExpirationMs: number
  readonly clock: Clock
  readonly random: () => number
  readonly offsetsRetentionMs: number
  readonly transactionalIdExpirationMs: number
}

/** The log, the groups and their offsets in this process, as clients need them. */
export class MemoryEngine implements Engine, Closable {
  readonly name: string = 'broker'
  readonly clock: BrokerClock
  readonly random: () => number
  readonly outbox: Outbox = new Outbox()
  readonly events: Events<BrokerEvents>
  readonly conditions: Conditions
  readonly topics: Map<string, Topic> = new Map()
  readonly topicsById: Map<string, Topic> = new Map()
  readonly clients: Set<EngineClient> = new Set()
  readonly sticky: StickyRoundRobin = new StickyRoundRobin()
  /** How many servers hand values out as bytes. */
  readonly edge: ByteEdge = { servers: 0 }
  /** What clients of servers have left to do, as sentences: they take real time, whatever the broker's clock. */
  readonly served: Set<() => readonly string[]> = new Set()
  readonly log: LogManager
  readonly groupCoordinator: GroupCoordinator
  readonly #registry: TopicRegistry
  readonly #writer: LogWriter
  readonly #transactions: TransactionCoordinator
  readonly #progress: GroupProgress
  readonly #options: MemoryEngineOptions
  readonly #ids: Ids
  #nextProducerId: number
  #closed = false

  constructor(options: MemoryEngineOptions) {
    this.#options = options
    this.clock = new BrokerClock(options.clock)
    this.#nextProducerId = firstProducerId(this.clock.now())
    this.random = options.random
    this.#ids = new Ids(options.random)
    this.events = new Events(brokerEventNames, this.outbox, 'Broker', this)
    this.groupCoordinator = new GroupCoordinator(this.#groupCoordinatorHost())
    const { readers, others } = this.groupCoordinator
    this.#progress = new GroupProgress(readers, others, this.events)
    this.conditions = new Conditions(this.clock)
    this.log = new LogManager(options.maxRecords, options.maxBytes, this.clock, this.outbox)
    this.#transactions = new TransactionCoordinator({
      clock: this.clock,
      outbox: this.outbox,
      transactionalIdExpirationMs: options.transactionalIdExpirationMs,
      newProducerId: () => this.newProducerId(),
      ended: controls => {
        this.log.appended(controls, 0)
        this.touch()
      },
    })
    this.#writer = new LogWriter({
      clock: this.clock,
      outbox: this.outbox,
      log: this.log,
      requireOpen: () => this.requireOpen(),
      readers: partition => this.#progress.readers(partition),
      track: client => this.track(client),
      untrack: client => this.untrack(client),
    })
    this.#registry = new TopicRegistry(this.#topicRegistryHost(), options)
  }

  /** The options that it was made with. */
  get settings(): MemoryEngineOptions {
    return this.#options
  }

  requireOpen(): void {
    if (this.#closed) throw closedError()
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Takes no more calls; clients that are still open can only close. */
  refuse(): void {
    this.#closed = true
    this.#registry.close()
  }

  /** Ends the core once its clients are closed. */
  shutDown(): void {
    this.events.emit('closed', {})
    this.clock.close()
    this.conditions.close(closedError)
    this.outbox.flush()
  }

  #groupCoordinatorHost(): GroupCoordinatorHost {
    const { offsetsRetentionMs, autoCreateTopics } = this.#options
    return {
      clock: this.clock,
      outbox: this.outbox,
      events: this.events,
      ids: this.#ids,
      topics: this.topics,
      offsetsRetentionMs,
      createsTopics: autoCreateTopics !== false,
      requireOpen: () => this.requireOpen(),
      topic: name => this.topic(name),
      existingTopic: name => this.existingTopic(name),
      partition: tp => this.partition(tp),
      unregistered: topics => this.#registry.unregistered(topics),
      touch: () => this.touch(),
      waitUntil: (...args) => this.waitUntil(...args),
    }
  }

  #topicRegistryHost(): TopicRegistryHost {
    return {
      byName: this.topics,
      byId: this.topicsById,
      clock: this.clock,
      events: this.events,
      outbox: this.outbox,
      ids: this.#ids,
      edge: this.edge,
      log: this.log,
      cleaner: new LogCleaner(this.clock),
      sticky: this.sticky,
      groups: this.groupCoordinator,
      progress: this.#progress,
      requireOpen: () => this.requireOpen(),
      append: (topic, body) => this.#appendTo(topic, body),
      freed: partition => this.#writer.freed(partition),
      changed: topic => this.#writer.topicChanged(topic),
      touch: () => this.touch(),
    }
  }

  // --- topics -------------------------------------------------------------------------------------------------------

  /** A topic's options with this broker's defaults filled in. */
  logConfig(name: string, options: TopicOptions): LogConfig {
    return this.#registry.logConfig(name, options)
  }

  /** The options of all topics that do not say otherwise; none until they are altered. */
  get commonOptions(): TopicOptions {
    return this.#registry.commonOptions
  }

  /** Alters these options, and with them all topics, or throws and changes nothing. */
  alterCommonOptions(options: TopicOptions): void {
    this.#registry.alterCommonOptions(options)
  }

  /** Throws as `alterCommonOptions` would. */
  requireCommonOptions(options: TopicOptions): void {
    this.#registry.topicsWith(options)
  }

  /** The configuration that a new topic would have; refuses what `createTopic` would refuse. */
  checkTopic(name: string, options: TopicOptions): LogConfig {
    return this.#registry.check(name, options)
  }

  createTopic(name: string, options: TopicOptions): Topic {
    return this.#registry.create(name, options)
  }

  deleteTopic(name: string): void {
    this.#registry.delete(name)
  }

  /** The topic, which must exist. */
  existingTopic(name: string): Topic {
    return this.#registry.existing(name, howToCreate)
  }

  topic(name: string): Topic {
    return this.#registry.get(name)
  }

  partition(tp: TopicPartition): Partition {
    return this.#registry.partition(tp)
  }

  offsetFor(tp: TopicPartition, spec: OffsetSpec, isolationLevel: IsolationLevel): number {
    return offsetAt(this.partition(tp), spec, isolationLevel)
  }

  // --- writing ------------------------------------------------------------------------------------------------------

  append(record: ProducerRecord, wait?: SendWait): MaybePromise<RecordMetadata> {
    return this.#writer.append(record, wait)
  }

  appendBatch(records: readonly ProducerRecord[], wait?: SendWait): MaybePromise<RecordMetadata[]> {
    return this.#writer.appendBatch(records, wait)
  }

  /** The next free producer id, for an idempotent producer without a transactional one. (Kafka: InitProducerId) */
  newProducerId(): number {
    return this.#nextProducerId++
  }

  initTransactions(
    transactionalId: string,
    timeoutMs: number,
    unheard?: boolean,
  ): MemoryTransactionalProducer {
    this.requireOpen()
    const session = this.#transactions.init(transactionalId, timeoutMs, unheard)
    this.outbox.flush()
    return new MemoryTransactionalProducer(
      {
        coordinator: this.#transactions,
        writer: this.#writer,
        outbox: this.outbox,
        requireOpen: () => this.requireOpen(),
      },
      session,
    )
  }

  /** The producers with a transactional id, and what has become of their transactions. */
  get transactionalSessions(): Iterable<TransactionalSession> {
    return this.#transactions.sessions
  }

  /** The epoch of the producer that has a transactional id, or undefined where the id is not known. */
  producerEpoch(transactionalId: string): number | undefined {
    return this.#transactions.session(transactionalId)?.producerEpoch
  }

  /** Writes a batch to one partition as it is; see `LogWriter`. */
  appendEncoded(target: BatchTarget, batch: EncodedBatch, wait?: SendWait): MaybePromise<BatchMetadata> {
    return this.#writer.appendEncoded(target, batch, wait)
  }

  #appendTo(topic: Topic, body: object): RecordMetadata {
    const record = toProducerRecord(topic, body, undefined, this.sticky)
    if (isPromise(record)) {
      forgetPromise(record)
      throw new InvalidRecordError(
        `Record for topic '${topic.name}': its schema is asynchronous, which append cannot wait for; use producer.send`,
        { topic: topic.name, field: 'value' },
      )
    }
    if (record.key === null) this.sticky.advance(topic.name)
    // Without a wait the writer answers at once, or throws.
    return this.#writer.append(record, undefined) as RecordMetadata
  }

  // --- groups -------------------------------------------------------------------------------------------------------

  /** The groups by id. */
  get groups(): ReadonlyMap<string, ConsumerGroup> {
    return this.groupCoordinator.groups
  }

  join(request: JoinRequest, listener: MembershipListener): Membership {
    return this.groupCoordinator.join(request, listener)
  }

  committed(groupId: string, tp: TopicPartition): OffsetAndMetadata | null {
    this.requireOpen()
    return this.groups.get(groupId)?.committed(tp) ?? null
  }

  consumerStopped(event: GroupStoppedEvent, left: () => readonly Unread[]): void {
    this.groupCoordinator.consumerStopped(event, left)
  }

  // --- clients ------------------------------------------------------------------------------------------------------

  fetch<Position extends FetchPosition>(
    wake: () => void,
    isolationLevel: IsolationLevel,
  ): FetchSession<Position> {
    return new MemoryFetchSession<Position>(this.topics, wake, isolationLevel)
  }

  track(client: EngineClient): void {
    if (this.clients.size === 0) closeBeforeExit(this)
    this.clients.add(client)
    this.touch()
  }

  untrack(client: EngineClient): void {
    this.clients.delete(client)
    if (this.clients.size === 0) forgetAtExit(this)
    this.touch()
  }

  /** Rejects the sends that wait for room, and those that would wait from now on. */
  refuseWaiting(): void {
    this.#writer.refuseWaiting()
  }

  closeAtExit(): void {
    this.#writer.stopWaiting()
    for (const client of this.clients) {
      client.close({ hold: false }).catch(error => this.events.emit('error', error))
    }
    this.outbox.flush()
  }

  touch(): void {
    this.conditions.touch()
  }

  waitUntil(
    what: string,
    condition: () => boolean,
    explain: () => string,
    timeoutMs: number | undefined,
    options: Omit<WaitOptions, 'timeoutMs'> = {},
  ): Promise<void> {
    return this.conditions.wait(what, condition, explain, { ...options, timeoutMs })
  }
}

function closedError(): ClosedError {
  return new ClosedError('The broker is closed')
}

/**
 * The first producer id, above those that earlier brokers have given: where a server is restarted, clients may go on
 * with their ids, and a batch of one producer would count as a duplicate of another's with the same id.
 */
function firstProducerId(now: number): number {
  return Math.max(1, Math.floor(now * idsPerMs))
}
