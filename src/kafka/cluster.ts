import type { BrokerClock } from '../broker-clock.ts'
import { errnos } from '../error-codes.ts'
import {
  type BrokerletError,
  type ErrorFields,
  isRetriable,
  UnknownTopicOrPartitionError,
} from '../errors.ts'
import type { Serde } from '../serde.ts'
import { didYouMean, suggest } from '../suggest.ts'
import { isTopicName, requireTopicName } from '../topic-name.ts'
import type { TopicPartition } from '../topic-partition.ts'
import type { Ask } from './ask.ts'
import type { ClientLibrary } from './client-library.ts'
import { ClusterError, hasCode, toClusterError } from './cluster-error.ts'
import { ClusterMetadata, type ClusterTopic, type Leader, type Leadership } from './cluster-metadata.ts'
import { addressOf, type Connections, type ConnectionsFactory } from './connections.ts'
import { Coordinators, type CoordinatorType } from './coordinators.ts'
import { connectingTo, firstAnswer } from './first-answer.ts'
import { groupBy } from './group-by.ts'
import type { BrokerAddress } from './library-connection.ts'
import type { Api } from './library-messages.ts'
import { MetadataReader, type Watched } from './metadata-reader.ts'
import { retry } from './retry.ts'
import { SpokenVersions } from './spoken-versions.ts'

export interface ClusterOptions {
  readonly library: ClientLibrary
  readonly connections: ConnectionsFactory
  readonly bootstrapBrokers: readonly BrokerAddress[]
  readonly clock: BrokerClock
  readonly random: () => number
  /** How long one call retries, in milliseconds. */
  readonly apiTimeoutMs: number
  /** How old metadata may get, in milliseconds. */
  readonly metadataMaxAgeMs: number
  /** How values of a topic are encoded and decoded. */
  serdeOf(topic: string): Serde
}

/**
 * Knows the leaders and coordinators of a cluster, sends requests to them, and looks them up again when they change.
 */
export class Cluster {
  readonly library: ClientLibrary
  readonly clock: BrokerClock
  readonly random: () => number
  readonly apiTimeoutMs: number
  /** For requests that are answered at once. */
  readonly requests: Connections
  /** For coordinators, without heartbeats. */
  readonly #coordination: Connections
  readonly #beating: Connections
  readonly #waiting: Connections
  readonly #options: ClusterOptions
  readonly #versions: SpokenVersions
  readonly #known: ClusterMetadata
  readonly #metadata: MetadataReader
  readonly #coordinators: Coordinators
  #turn = 0
  // How many requests to any broker have failed since the last answer.
  #unanswered = 0

  constructor(options: ClusterOptions) {
    this.library = options.library
    this.clock = options.clock
    this.random = options.random
    this.apiTimeoutMs = options.apiTimeoutMs
    this.requests = options.connections.open()
    this.#coordination = options.connections.open()
    this.#beating = options.connections.open()
    this.#waiting = options.connections.open()
    this.#options = options
    this.#versions = new SpokenVersions(options.library)
    this.#known = new ClusterMetadata(topic => options.serdeOf(topic))
    const { library, clock, metadataMaxAgeMs } = options
    this.#metadata = new MetadataReader({
      library,
      clock,
      known: this.#known,
      metadataMaxAgeMs,
      askAny: ask => this.askAny(ask),
    })
    this.#coordinators = new Coordinators({ library: this.library, askOne: ask => this.#askNext(ask) })
  }

  /**
   * Reads which API versions the cluster speaks.
   *
   * @throws ClusterError where no broker answers
   */
  async open(): Promise<void> {
    const { bootstrapBrokers } = this.#options
    const what = connectingTo(bootstrapBrokers)
    const { apiKeys } = await firstAnswer(this, bootstrapBrokers, what)
    this.#versions.learn(apiKeys)
    // The rest, groups among it, is missed by whoever uses it.
    for (const api of this.#needed) this.#versions.require(api, what)
  }

  // What every program needs.
  get #needed(): readonly Api<never, unknown>[] {
    const { metadataV12, produceV9, fetchV13, listOffsetsV7, findCoordinatorV4, initProducerIdV4 } =
      this.library
    return [metadataV12, produceV9, fetchV13, listOffsetsV7, findCoordinatorV4, initProducerIdV4]
  }

  /** Whether another connection leads to the same cluster. */
  async isAlso(other: Cluster): Promise<boolean> {
    return (await other.#id()) === (await this.#id())
  }

  async #id(): Promise<string | null | undefined> {
    if (this.#known.id === undefined) await this.refresh()
    return this.#known.id
  }

  /** Whether the cluster speaks this version of an API. */
  speaks(api: Api<never, unknown>): boolean {
    return this.#versions.speak(api)
  }

  // --- topics -------------------------------------------------------------------------------------------------------

  /** Returns a topic whose metadata is known already, and that has that partition as far as is known. */
  knownTopic(name: string, partition?: number): ClusterTopic | undefined {
    return this.#known.topic(name, partition)
  }

  /** Returns the name of a topic by its id. */
  nameOf(topicId: string): string | undefined {
    return this.#known.nameOf(topicId)
  }

  /** The topics whose metadata is known: all of the cluster's while a watcher wants all. */
  get topics(): ReadonlyMap<string, ClusterTopic> {
    return this.#known.topics
  }

  /**
   * Resolves with a topic. Reads its metadata where the topic, or that partition of it, is not known yet:
   * another program may have added it.
   *
   * @throws UnknownTopicOrPartitionError where there is no such topic; names near matches
   * @throws ClusterError where this client may not know whether there is
   */
  async topic(name: string, partition = 0): Promise<ClusterTopic> {
    requireTopicName(name)
    const isKnown = () => this.knownTopic(name, partition) !== undefined
    if (isKnown()) return this.topics.get(name)!
    return this.#metadata.missing({ topic: name, partition }, async () => {
      // What is under way was asked for earlier: it may be about other topics, or from before this one was created.
      await this.#metadata.idle()
      if (!isKnown()) await this.#metadata.lookUp()
      return this.topics.get(name) ?? (await this.#lateTopic(name))
    })
  }

  /** A topic will be asked for: the next answer about others is to have it, too. */
  willAskFor(name: string): void {
    if (isTopicName(name) && this.knownTopic(name) === undefined) this.#metadata.willMiss(name)
  }

  /** @throws as `topic` */
  async requireTopics(names: readonly string[]): Promise<void> {
    for (const name of names) this.willAskFor(name)
    for (const name of names) await this.topic(name)
  }

  // A topic that no broker has known so far.
  async #lateTopic(name: string): Promise<ClusterTopic> {
    const isDescribed = await this.requireDescribable(name)
    const { topics } = await this.#metadata.answer(null)
    if (isDescribed || topics.some(topic => topic.name === name)) await this.#metadata.lookUp()
    const found = this.topics.get(name)
    if (found !== undefined) return found
    const suggestions = suggest(
      name,
      topics.flatMap(topic => (topic.name === null || topic.isInternal ? [] : [topic.name])),
    )
    throw new UnknownTopicOrPartitionError(`Unknown topic '${name}'${didYouMean(suggestions)}`, {
      topic: name,
      suggestions,
    })
  }

  /**
   * Resolves with whether a broker knows a topic of that name.
   *
   * @throws ClusterError where this client has no right to describe one, whether there is one or not
   */
  async requireDescribable(name: string): Promise<boolean> {
    // It is told only to whom names the topic: metadata of all topics leaves it out.
    const { topics } = await this.#metadata.answer([name])
    const errno = topics[0]?.errorCode
    if (errno === errnos.TOPIC_AUTHORIZATION_FAILED)
      throw this.error(errno, `Topic '${name}'`, { topic: name })
    return errno === 0
  }

  /** @throws UnknownTopicOrPartitionError */
  async requirePartition({ topic: name, partition }: TopicPartition): Promise<void> {
    const { partitionCount } = await this.topic(name, partition)
    if (partition >= 0 && partition < partitionCount) return
    throw new UnknownTopicOrPartitionError(
      `Topic '${name}' has no partition ${partition}; it has ${partitionCount}, from 0 to ${partitionCount - 1}`,
      { topic: name, partition },
    )
  }

  /** Resolves with the name of every topic, without internal ones. */
  async topicNames(): Promise<string[]> {
    const { topics } = await this.#metadata.answer(null)
    return topics.flatMap(({ name, isInternal, errorCode }) =>
      name === null || isInternal || errorCode !== 0 ? [] : [name],
    )
  }

  /** Resolves with whether a broker knows a topic of that name. */
  async isThere(name: string): Promise<boolean> {
    const { topics } = await this.#metadata.answer([name])
    return topics[0]?.errorCode === 0
  }

  /** @see MetadataReader.watch */
  watch(changed: () => void, topics: Watched): () => void {
    return this.#metadata.watch(changed, topics)
  }

  /** Reads the metadata anew; calls at the same time share one response. */
  refresh(): Promise<void> {
    return this.#metadata.refresh()
  }

  // --- asking -------------------------------------------------------------------------------------------------------

  /** Asks any broker; it forwards what only the controller can do. */
  askAny<Request extends readonly unknown[], Response>(ask: Ask<Request, Response>): Promise<Response> {
    return this.#retry(ask, () => this.#askNext(ask))
  }

  // The next broker each time, of those that answer best.
  async #askNext<Request extends readonly unknown[], Response>(
    ask: Ask<Request, Response>,
  ): Promise<Response> {
    const known = this.#known.brokers
    // A given address may be wrong, or that of a former broker: it is of use only while no known broker answers.
    const brokers = this.#unanswered < known.length ? known : [...known, ...this.#options.bootstrapBrokers]
    const connections = this.#connectionsFor(ask)
    const broker = connections.readiest(brokers, this.#turn++, ask.heard)
    const response = await connections.call(broker, ask.api, ask.request()).catch(error => {
      this.#unanswered++
      throw error
    })
    this.#unanswered = 0
    // The last one is the one that has answered last.
    ask.heard?.delete(addressOf(broker))
    ask.heard?.add(addressOf(broker))
    return this.#asked(ask, response)
  }

  #connectionsFor({ waits = false }: { readonly waits?: boolean }): Connections {
    return waits ? this.#waiting : this.requests
  }

  /** Asks every broker. */
  async askAll<Request extends readonly unknown[], Response>(
    ask: Ask<Request, Response>,
  ): Promise<Response[]> {
    // Anew for each attempt: a broker that has stopped never answers.
    return this.#retry(ask, async () => {
      await this.refresh()
      return Promise.all(
        this.#known.brokers.map(async broker =>
          this.#asked(ask, await this.requests.call(broker, ask.api, ask.request())),
        ),
      )
    })
  }

  /** Asks a coordinator; looks it up again where it has moved. */
  askCoordinator<Request extends readonly unknown[], Response>(
    type: CoordinatorType,
    key: string,
    ask: Ask<Request, Response>,
  ): Promise<Response> {
    const fields = type === 'group' ? { groupId: key } : { transactionalId: key }
    const connections = ask.beats ? this.#beating : this.#coordination
    return this.#retry(ask, async () => {
      try {
        const broker = await this.#coordinators.of(type, key)
        return this.#asked({ ...ask, fields }, await connections.call(broker, ask.api, ask.request()))
      } catch (error) {
        const isHere = hasCode(error, 'CONCURRENT_TRANSACTIONS')
        if (!isHere && isRetriable(error)) this.#coordinators.forget(type, key)
        throw error
      }
    })
  }

  /**
   * Asks the leader of each partition. Each response is about some of the partitions, in no order. There is none for a
   * partition that is gone, or goes meanwhile.
   */
  askLeaders<Request extends readonly unknown[], Response>(
    partitions: readonly TopicPartition[],
    ask: Omit<Ask<Request, Response>, 'request'> & {
      request(partitions: readonly TopicPartition[]): Readonly<Request>
    },
  ): Promise<Response[]> {
    const attempt = () => {
      const there = partitions.filter(({ topic, partition }) => this.knownTopic(topic, partition))
      const byLeader = groupBy(there, tp => this.requireLeader(tp).node)
      const asked = [...byLeader.values()].map(async led => {
        const { broker } = this.requireLeader(led[0]!)
        return this.#asked(ask, await this.#connectionsFor(ask).call(broker, ask.api, ask.request(led)))
      })
      return Promise.all(asked)
    }
    return this.#retry(
      ask,
      async () => attempt(),
      async () => {
        await this.refresh()
        return true
      },
    )
  }

  /** Returns the leader of a partition, or undefined where it has none now. */
  leader(tp: TopicPartition): Leader | undefined {
    return this.#known.leader(tp)
  }

  /** Who leads a partition, and in which epoch, or undefined where nobody does now. */
  leadership(tp: TopicPartition): Leadership | undefined {
    return this.#known.leadership(tp)
  }

  /** @throws ClusterError, a retriable one, where the partition has no leader */
  requireLeader(tp: TopicPartition): Leader {
    const leader = this.leader(tp)
    if (leader !== undefined) return leader
    throw this.noLeader(tp)
  }

  /** The error, a retriable one, for a partition that nobody leads now. */
  noLeader({ topic, partition }: TopicPartition): ClusterError {
    return new ClusterError('NETWORK_EXCEPTION', `${topic}-${partition} has no leader now`, {
      topic,
      partition,
    })
  }

  #asked<Request extends readonly unknown[], Response>(
    ask: Pick<Ask<Request, Response>, 'what' | 'fields' | 'errno' | 'message'>,
    response: Response,
  ): Response {
    const errno = ask.errno(response)
    if (errno === 0) return response
    throw this.error(errno, ask.what, ask.fields, ask.message?.(response))
  }

  /** Returns the error for one of Kafka's error codes; it is retriable where Kafka says so. */
  error(errno: number, what: string, fields?: ErrorFields, message?: string | null): BrokerletError {
    return toClusterError(this.library, errno, what, fields, message)
  }

  async #retry<T>(
    {
      what,
      api,
      since,
      outlasts = false,
      goesOn,
    }: Pick<Ask<never, unknown>, 'what' | 'api' | 'since' | 'outlasts' | 'goesOn'>,
    attempt: () => Promise<T>,
    before?: () => Promise<boolean>,
  ): Promise<T> {
    this.#versions.require(api, what)
    const { clock, random, apiTimeoutMs: timeoutMs } = this
    const worthIt = async (error: unknown) =>
      (before === undefined || (await before())) && (goesOn === undefined || (await goesOn(error)))
    return retry(what, attempt, { clock, random, timeoutMs, since, outlasts, goesOn: worthIt })
  }

  close(): void {
    this.#metadata.close()
  }
}
