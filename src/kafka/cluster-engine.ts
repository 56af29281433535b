import { BrokerClock } from '../broker-clock.ts'
import { systemClock } from '../clock.ts'
import { Conditions } from '../conditions.ts'
import { Deadline, lastWordDeadline } from '../deadline.ts'
import type {
  Engine,
  EngineClient,
  FetchPosition,
  JoinRequest,
  Membership,
  MembershipListener,
  ProducerRecord,
  SendWait,
} from '../engine.ts'
import { type BrokerletError, ClosedError } from '../errors.ts'
import { Ids, systemRandom } from '../ids.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import { Outbox } from '../outbox.ts'
import { StickyRoundRobin } from '../producer/partitioner.ts'
import type { IsolationLevel, RecordMetadata } from '../record.ts'
import type { Serde } from '../serde.ts'
import type { OffsetAndMetadata, OffsetSpec, TopicPartition } from '../topic-partition.ts'
import { optionError } from '../validate.ts'
import { Appender, type AppendLimits } from './appender.ts'
import type { ClientLibrary } from './client-library.ts'
import type { Credentials } from './client-sasl.ts'
import { Cluster } from './cluster.ts'
import type { ClusterTopic } from './cluster-metadata.ts'
import { type Connections, ConnectionsFactory } from './connections.ts'
import { ClusterFetchSession, type FetchLimits } from './fetch-session.ts'
import { GroupMembership } from './group-membership.ts'
import { CommittedLookup } from './group-offsets.ts'
import type { BrokerAddress, LibraryConnectionOptions } from './library-connection.ts'
import { LocalMembership } from './local-membership.ts'
import { OffsetLookup } from './offset-lookup.ts'
import type { ProducerIdentity } from './partition-queue.ts'
import { RecordSend } from './produced-record.ts'
import { SendBuffer } from './send-buffer.ts'
import { ClusterTransactionalProducer } from './transactional-producer.ts'

// How long brokers may take to read the last bytes of connections that are closed.
const lastBytesMs = 1000

const lastEpoch = 32_767

// A later epoch of the same producer id refuses what is still on its way under the ones before, so that it comes neither
// late nor out of order. Its clients may choose it themselves, unlike a producer id. (As Java's producer, KIP-360)
function nextEpoch(before: ProducerIdentity | undefined): ProducerIdentity | undefined {
  if (before === undefined || before.producerEpoch >= lastEpoch) return undefined
  return { producerId: before.producerId, producerEpoch: before.producerEpoch + 1 }
}

/** The settings of an engine on a cluster. */
export interface ClusterEngineOptions {
  readonly library: ClientLibrary
  readonly clientId: string
  readonly bootstrapBrokers: readonly BrokerAddress[]
  readonly connection: Omit<LibraryConnectionOptions, 'sasl'>
  readonly credentials: Credentials | undefined
  readonly append: AppendLimits
  readonly fetch: FetchLimits
  readonly bufferMemory: number
  readonly apiTimeoutMs: number
  readonly metadataMaxAgeMs: number
  readonly autoCommitIntervalMs: number
  serdeOf(topic: string): Serde
}

/** The logs and groups of a cluster, as clients need them. */
export class ClusterEngine implements Engine {
  readonly name: string = 'cluster'
  readonly clock: BrokerClock = new BrokerClock(systemClock)
  readonly random: () => number = systemRandom
  readonly outbox: Outbox = new Outbox()
  readonly sticky: StickyRoundRobin = new StickyRoundRobin()
  readonly clients: Set<EngineClient> = new Set()
  readonly cluster: Cluster
  readonly lookup: OffsetLookup
  readonly #conditions = new Conditions(this.clock)
  readonly #ids = new Ids(systemRandom)
  readonly #options: ClusterEngineOptions
  readonly #connections: ConnectionsFactory
  readonly #producing: Connections
  readonly #appender: Appender
  readonly #buffer: SendBuffer
  // The joins and leaves that groups have not answered yet.
  readonly #passages = new Set<Promise<unknown>>()
  #closed = false

  constructor(options: ClusterEngineOptions) {
    const { clock, random } = this
    this.#options = options
    this.#connections = new ConnectionsFactory(
      options.library,
      clock,
      options.clientId,
      options.connection,
      options.credentials,
      options.bootstrapBrokers,
    )
    this.cluster = new Cluster({ ...options, connections: this.#connections, clock, random })
    this.lookup = new OffsetLookup(this.cluster)
    this.#producing = this.#connections.open()
    this.#appender = new Appender({
      cluster: this.cluster,
      connections: this.#producing,
      limits: options.append,
      identity: async before => nextEpoch(before) ?? this.#producerIdentity(),
    })
    this.#buffer = new SendBuffer(this.#appender, clock, options.bufferMemory)
  }

  get closed(): boolean {
    return this.#closed
  }

  requireOpen(): void {
    if (this.#closed) throw new ClosedError('The connection to the cluster is closed')
  }

  /** Takes no more calls: remaining clients can only close. */
  refuse(): void {
    this.#closed = true
  }

  /** Closes all connections once the clients are closed; waits up to `timeoutMs` for records in flight. */
  async shutDown(timeoutMs: number): Promise<void> {
    this.refuse()
    const deadline = new Deadline(this.clock, timeoutMs, 'closing of the connections to the cluster')
    const reason = new ClosedError('The connection to the cluster was closed')
    await this.#membersGone(timeoutMs)
    await Promise.race([this.#buffer.through(), deadline.passed])
    await Promise.race([this.#appender.abandon(reason), deadline.passed])
    deadline.cancel()
    this.cluster.close()
    this.clock.close()
    const late = new Deadline(this.clock, lastBytesMs, 'last bytes to the cluster')
    await this.#connections.close(late.passed)
    late.cancel()
  }

  // Whose consumer closed while it joined leaves as soon as it is let in. Its group has to hear that, or would count it as
  // a member until its session is over.
  async #membersGone(timeoutMs: number): Promise<void> {
    const deadline = lastWordDeadline(this.clock)
    deadline.within(timeoutMs)
    let late = false
    void deadline.passed.then(() => {
      late = true
    })
    while (this.#passages.size > 0 && !late) {
      await Promise.race([Promise.allSettled(this.#passages), deadline.passed])
      await this.clock.turn()
    }
    deadline.cancel()
  }

  #passing<T>(passage: Promise<T>): Promise<T> {
    const over = () => void this.#passages.delete(passage)
    this.#passages.add(passage)
    passage.then(over, over)
    return passage
  }

  // --- writing ------------------------------------------------------------------------------------------------------

  topic(name: string, partition = 0): MaybePromise<ClusterTopic> {
    this.requireOpen()
    return this.cluster.knownTopic(name, partition) ?? this.cluster.topic(name, partition)
  }

  willSendTo(topic: string): void {
    this.cluster.willAskFor(topic)
  }

  append(record: ProducerRecord, wait: SendWait): Promise<RecordMetadata> {
    return this.appendBatch([record], wait).then(([metadata]) => metadata!)
  }

  appendBatch(records: readonly ProducerRecord[], wait: SendWait): Promise<RecordMetadata[]> {
    this.requireOpen()
    const { maxRequestBytes } = this.#options.append
    const send = new RecordSend(records, this.clock.now(), this.clock.monotonic(), maxRequestBytes)
    return this.#buffer.append(send, wait)
  }

  #producerIdentity() {
    return this.cluster.askAny({
      what: 'Asking for a producer id',
      api: this.#options.library.initProducerIdV4,
      request: () => [null, 0, -1n, -1] as const,
      errno: ({ errorCode }) => errorCode,
    })
  }

  async initTransactions(transactionalId: string, timeoutMs: number): Promise<ClusterTransactionalProducer> {
    this.requireOpen()
    const { cluster } = this
    const host = {
      cluster,
      connections: this.#producing,
      limits: this.#options.append,
      requireOpen: () => this.requireOpen(),
    }
    const producer = new ClusterTransactionalProducer(host, transactionalId, timeoutMs)
    await producer.init()
    return producer
  }

  // --- reading ------------------------------------------------------------------------------------------------------

  join(request: JoinRequest, listener: MembershipListener): Promise<Membership> {
    return this.#passing(this.#join(request, listener))
  }

  async #join(request: JoinRequest, listener: MembershipListener): Promise<Membership> {
    this.requireOpen()
    const { groupId, assignor, interest, rejoins } = request
    const memberId = request.memberId ?? this.#ids.memberId(request.clientId)
    const host = {
      cluster: this.cluster,
      outbox: this.outbox,
      autoCommitIntervalMs: this.#options.autoCommitIntervalMs,
      passing: <T>(passage: Promise<T>) => this.#passing(passage),
    }
    if (groupId === undefined || interest.kind === 'assign') {
      const membership = new LocalMembership(host, memberId, request, listener)
      await membership.join(rejoins)
      return membership
    }
    if (typeof assignor === 'object') {
      const why = `on a cluster is 'uniform' or 'range', or one that its brokers have by name`
      throw optionError('Consumer', 'assignor', why)
    }
    const membership = new GroupMembership(host, memberId, groupId, request, listener)
    await membership.join()
    return membership
  }

  committed(groupId: string, tp: TopicPartition): Promise<OffsetAndMetadata | null> {
    return new CommittedLookup(this.cluster, groupId).find(tp)
  }

  fetch<Position extends FetchPosition>(
    wake: () => void,
    isolationLevel: IsolationLevel,
    failing: (error: BrokerletError) => void = () => {},
  ): ClusterFetchSession<Position> {
    const { cluster, lookup } = this
    const connections = this.#connections.open()
    const limits = this.#options.fetch
    const touch = () => this.touch()
    const host = { cluster, lookup, limits, isolationLevel, connections, touch, failing }
    return new ClusterFetchSession(host, wake)
  }

  offsetFor(tp: TopicPartition, spec: OffsetSpec, isolationLevel: IsolationLevel): MaybePromise<number> {
    return typeof spec === 'number' ? spec : this.lookup.offsetFor(tp, spec, isolationLevel)
  }

  // --- clients ------------------------------------------------------------------------------------------------------

  track(client: EngineClient): void {
    this.clients.add(client)
  }

  untrack(client: EngineClient): void {
    this.clients.delete(client)
    this.touch()
  }

  /** Only the group knows whether it has members elsewhere; the consumer itself reports that it crashed. */
  consumerStopped(): void {
    this.touch()
  }

  touch(): void {
    this.#conditions.touch()
  }

  waitUntil(
    what: string,
    condition: () => boolean,
    explain: () => string,
    timeoutMs: number | undefined,
  ): Promise<void> {
    return this.#conditions.wait(what, condition, explain, { timeoutMs })
  }
}
