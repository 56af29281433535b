import type { BrokerClock } from '../broker-clock.ts'
import type { EngineTopic } from '../engine.ts'
import { errnos } from '../error-codes.ts'
import {
  type BrokerletError,
  describeError,
  type ErrorFields,
  isRetriable,
  UnknownTopicOrPartitionError,
} from '../errors.ts'
import { warn } from '../events.ts'
import type { Serde } from '../serde.ts'
import { didYouMean, suggest } from '../suggest.ts'
import { requireTopicName } from '../topic-name.ts'
import type { TopicPartition } from '../topic-partition.ts'
import type { Api, BrokerAddress, ClientLibrary, MetadataResponse } from './client-library.ts'
import { ClusterError, hasCode, toClusterError } from './cluster-error.ts'
import { addressOf, type Connections, type ConnectionsFactory, isUntrusted } from './connections.ts'
import { groupBy } from './group-by.ts'
import { retry } from './retry.ts'

/** A topic of the cluster, as its metadata says. */
export interface ClusterTopic extends EngineTopic {
  /** Another topic of the same name has another one. */
  readonly id: string
  readonly internal: boolean
  /** Who leads each partition. */
  readonly leaders: readonly Leadership[]
}

/** Who leads a partition, and how often that has changed. */
export interface Leadership {
  /** -1 is none for now. */
  readonly node: number
  readonly epoch: number
}

/** The leader of a partition, to be asked under the epoch in which it leads. */
export interface Leader extends Leadership {
  readonly broker: BrokerAddress
}

export function partitionsOf({ name: topic, partitionCount }: ClusterTopic): TopicPartition[] {
  return Array.from({ length: partitionCount }, (_, partition) => ({ topic, partition }))
}

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

// How long `connect` is silent about brokers that do not answer.
const patienceMs = 2000

const unknownTopic = errnos.UNKNOWN_TOPIC_OR_PARTITION

/** Kafka's number of an error that another attempt may not meet. */
export const leaderNotAvailable = 5

/** The kinds of coordinators, with Kafka's numbers. */
export const coordinatorTypes = { group: 0, transaction: 1 } as const

/** A request to the cluster, and how to read its response. */
export interface Ask<Request extends readonly unknown[], Response> {
  /** What was tried, for error messages. */
  readonly what: string
  /** The fields of errors. */
  readonly fields?: ErrorFields
  readonly api: Api<Request, Response>
  /** Builds the request anew for each attempt. */
  request(): Readonly<Request>
  /** The error code in a response, by Kafka's number; 0 for none. */
  errno(response: Response): number
  message?(response: Response): string | null | undefined
  /** Whether it may wait for the controller or for replicas: what is answered at once must not wait behind it. */
  readonly waits?: boolean
  /** Whether it is a heartbeat: a member must not fall silent behind what takes its coordinator some time. */
  readonly beats?: boolean
  /** Since when it is tried, by the monotonic clock; default now. */
  readonly since?: number
  /** Whether a request that is under way when the time is over is still waited for; default false. */
  readonly outlasts?: boolean
  /** Whether to try again after a retriable failure. Default always. */
  goesOn?(error: unknown): boolean | Promise<boolean>
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
  #brokers = new Map<number, BrokerAddress>()
  #topics = new Map<string, ClusterTopic>()
  readonly #wanted = new Set<string>()
  readonly #coordinators = new Map<string, BrokerAddress>()
  readonly #watchers = new Map<() => void, boolean>()
  #refreshing: Promise<void> | undefined
  // Whether the metadata that is being read, or was read last, is that of all topics.
  #readsAll = false
  #turn = 0
  // How many requests to any broker have failed since the last answer.
  #unanswered = 0
  // The lowest and highest version of each API that the cluster speaks.
  #spoken: ReadonlyMap<number, readonly [number, number]> | undefined

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
  }

  /**
   * Reads which API versions the cluster speaks.
   *
   * @throws ClusterError where no broker answers
   */
  async open(): Promise<void> {
    const { bootstrapBrokers } = this.#options
    const what = `Connecting to the cluster (${bootstrapBrokers.map(addressOf).join(', ')})`
    let others = bootstrapBrokers.length - 1
    let failure = ''
    // A broker may still be starting, so that is no error yet; a wrong address should not take a minute to be seen.
    const unanswered = this.clock.setTimer(
      () => warn(`${what}: no broker has answered yet, tried for up to ${this.apiTimeoutMs} ms${failure}`),
      patienceMs,
      { name: what },
    )
    try {
      const { apiKeys } = await this.askAny({
        what,
        api: this.library.apiVersionsV3,
        request: () => ['brokerlet', '1'] as const,
        errno: ({ errorCode }) => errorCode,
        goesOn: error => {
          failure = `: ${describeError(error)}`
          // Neither a wrong certificate nor a function that returns no secret becomes right by waiting.
          return others-- > 0 || !(isUntrusted(error) || hasCode(error, 'SASL_AUTHENTICATION_FAILED'))
        },
      })
      this.#spoken = new Map(
        apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, [minVersion, maxVersion]]),
      )
      for (const api of this.#needed()) this.#requireSpoken(api, what)
    } finally {
      unanswered.cancel()
    }
  }

  // What every program needs. The rest, groups among it, is missed by whoever uses it.
  #needed(): readonly Api<never, unknown>[] {
    const { metadataV12, produceV9, fetchV13, listOffsetsV7, findCoordinatorV4, initProducerIdV4 } =
      this.library
    return [metadataV12, produceV9, fetchV13, listOffsetsV7, findCoordinatorV4, initProducerIdV4]
  }

  /** Whether the cluster speaks this version of an API: a broker closes the connection on another one. */
  speaks({ api: { key, version } }: Api<never, unknown>): boolean {
    if (this.#spoken === undefined) return true
    const [min, max] = this.#spoken.get(key) ?? [0, -1]
    return min <= version && version <= max
  }

  #requireSpoken(api: Api<never, unknown>, what: string): void {
    if (this.speaks(api)) return
    const { key, version } = api.api
    const name = this.library.protocolAPIsById[key] ?? `Kafka's API ${key}`
    const spoken = this.#spoken?.get(key)
    const others = spoken === undefined ? '' : `, only ${spoken[0]} to ${spoken[1]}`
    const why = `the cluster does not speak version ${version} of ${name}${others}; Apache Kafka 4.0 does`
    throw new ClusterError('UNSUPPORTED_VERSION', `${what}: ${why}`)
  }

  // --- topics -------------------------------------------------------------------------------------------------------

  /** Returns a topic whose metadata is known already, and that has that partition as far as is known. */
  knownTopic(name: string, partition = 0): ClusterTopic | undefined {
    const known = this.#topics.get(name)
    return known !== undefined && partition < known.partitionCount ? known : undefined
  }

  /** Returns the name of a topic by its id. */
  nameOf(topicId: string): string | undefined {
    for (const { id, name } of this.#topics.values()) if (id === topicId) return name
    return undefined
  }

  /** The topics whose metadata is known: all of the cluster's while a watcher wants all. */
  get topics(): ReadonlyMap<string, ClusterTopic> {
    return this.#topics
  }

  /**
   * Resolves with a topic. Reads its metadata where the topic, or that partition of it, is not known yet:
   * another program may have added it.
   *
   * @throws UnknownTopicOrPartitionError where there is no such topic; names near matches
   */
  async topic(name: string, partition = 0): Promise<ClusterTopic> {
    requireTopicName(name)
    const isKnown = () => this.knownTopic(name, partition) !== undefined
    if (isKnown()) return this.#topics.get(name)!
    this.#wanted.add(name)
    // A refresh under way was asked for earlier: it may be about other topics, or from before this one was created.
    await this.#refreshing?.catch(() => {})
    if (!isKnown()) await this.refresh()
    // The broker that was asked may lag behind, and not know yet that the topic has grown.
    if (!isKnown() && this.#topics.has(name)) await this.refresh()
    if (this.#topics.has(name)) return this.#topics.get(name)!
    const { topics } = await this.#metadata(null)
    // The broker that was asked first may have lagged behind.
    if (topics.some(topic => topic.name === name)) await this.refresh()
    const found = this.#topics.get(name)
    if (found !== undefined) return found
    this.#wanted.delete(name)
    const suggestions = suggest(
      name,
      topics.flatMap(topic => (topic.name === null || topic.isInternal ? [] : [topic.name])),
    )
    throw new UnknownTopicOrPartitionError(`Unknown topic '${name}'${didYouMean(suggestions)}`, {
      topic: name,
      suggestions,
    })
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
    const { topics } = await this.#metadata(null)
    return topics.flatMap(({ name, isInternal, errorCode }) =>
      name === null || isInternal || errorCode !== 0 ? [] : [name],
    )
  }

  /**
   * Calls `changed` whenever metadata was read; with `all` that is metadata of all topics, else of those that were
   * asked for. Returns a function that stops it.
   */
  watch(changed: () => void, all: boolean): () => void {
    this.#watchers.set(changed, all)
    return () => this.#watchers.delete(changed)
  }

  get #wantsAll(): boolean {
    return [...this.#watchers.values()].includes(true)
  }

  /** Reads the metadata anew; calls at the same time share one response. */
  refresh(): Promise<void> {
    // What is under way was asked for before somebody wanted all topics.
    if (this.#refreshing !== undefined && this.#wantsAll && !this.#readsAll) {
      return this.#refreshing.catch(() => {}).then(() => this.refresh())
    }
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined
      this.#refreshLater()
    })
    return this.#refreshing
  }

  #refreshLater(): void {
    // A failed refresh is tried again by the next call that needs the metadata.
    this.clock.schedule('metadata', this.#options.metadataMaxAgeMs, () => {
      this.refresh().catch(() => {})
    })
  }

  async #refresh(): Promise<void> {
    this.#readsAll = this.#wantsAll
    const asked = this.#readsAll ? null : [...new Set([...this.#wanted, ...this.#topics.keys()])]
    const metadata = await this.#metadata(asked)
    // A broker that lags behind may not know a new topic yet: a topic is gone only where two responses lack it.
    this.#keep(this.#lacksKnown(metadata) ? await this.#metadata(asked) : metadata)
    const all = this.#readsAll
    for (const [changed, wantsAll] of [...this.#watchers]) if (all || !wantsAll) changed()
  }

  #lacksKnown({ topics }: MetadataResponse): boolean {
    const answered = new Set(topics.map(({ name, errorCode }) => (errorCode === unknownTopic ? null : name)))
    return [...this.#topics.keys()].some(name => !answered.has(name))
  }

  async #metadata(topics: readonly string[] | null): Promise<MetadataResponse> {
    const metadata = await this.askAny({
      what: 'Reading metadata',
      api: this.library.metadataV12,
      // Version 2 of the library lets brokers create topics unless it is told otherwise.
      request: () => [topics, false],
      // A broker that has just begun: without brokers there is nobody to ask, and no leader.
      errno: ({ brokers }) => (brokers.length === 0 ? leaderNotAvailable : 0),
      message: () => 'the broker that was asked knows of no brokers yet',
    })
    this.#brokers = new Map(metadata.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]))
    return metadata
  }

  #keep({ topics }: MetadataResponse): void {
    const before = this.#topics
    this.#topics = new Map()
    for (const { name, topicId, errorCode, isInternal, partitions } of topics) {
      if (name === null) continue
      const former = before.get(name)
      // A topic with another error than UNKNOWN_TOPIC_OR_PARTITION is unavailable for now, not gone.
      if (errorCode !== 0 && (errorCode === unknownTopic || former === undefined)) continue
      // Partitions are only ever added: a broker that reports fewer lags behind.
      const lags = former?.id === topicId && partitions.length < former.partitionCount
      if (errorCode !== 0 || lags) {
        this.#topics.set(name, former!)
        continue
      }
      const known = former?.id === topicId ? former.leaders : []
      const leaders: Leadership[] = []
      for (const { partitionIndex, leaderId: node, leaderEpoch: epoch } of partitions) {
        // A broker that lags behind names a former leader, which may not know yet either that it is none any more. One
        // that names no epoch (-1) is believed, as Kafka's clients do.
        const last = known[partitionIndex]
        const lagsBehind = last !== undefined && epoch !== -1 && epoch < last.epoch
        leaders[partitionIndex] = lagsBehind ? last : { node, epoch }
      }
      this.#topics.set(name, {
        name,
        id: topicId,
        internal: isInternal,
        leaders,
        partitionCount: leaders.length,
        serde: former?.serde ?? this.#options.serdeOf(name),
      })
    }
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
    const known = [...this.#brokers.values()]
    // A given address may be wrong, or that of a former broker: it is of use only while no known broker answers.
    const brokers = this.#unanswered < known.length ? known : [...known, ...this.#options.bootstrapBrokers]
    const connections = this.#connectionsFor(ask)
    const broker = connections.readiest(brokers, this.#turn++)
    const response = await connections.call(broker, ask.api, ask.request()).catch(error => {
      this.#unanswered++
      throw error
    })
    this.#unanswered = 0
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
        Array.from(this.#brokers.values(), async broker =>
          this.#asked(ask, await this.requests.call(broker, ask.api, ask.request())),
        ),
      )
    })
  }

  /** Asks a coordinator; looks it up again where it has moved. */
  askCoordinator<Request extends readonly unknown[], Response>(
    type: keyof typeof coordinatorTypes,
    key: string,
    ask: Ask<Request, Response>,
  ): Promise<Response> {
    const fields = type === 'group' ? { groupId: key } : { transactionalId: key }
    const connections = ask.beats ? this.#beating : this.#coordination
    return this.#retry(ask, async () => {
      try {
        const broker = await this.#coordinator(type, key)
        return this.#asked({ ...ask, fields }, await connections.call(broker, ask.api, ask.request()))
      } catch (error) {
        const isHere = hasCode(error, 'CONCURRENT_TRANSACTIONS')
        if (!isHere && isRetriable(error)) this.#coordinators.delete(`${type} ${key}`)
        throw error
      }
    })
  }

  async #coordinator(type: keyof typeof coordinatorTypes, key: string): Promise<BrokerAddress> {
    const known = this.#coordinators.get(`${type} ${key}`)
    if (known !== undefined) return known
    // The caller retries, since it may have reasons to stop.
    const { coordinators } = await this.#askNext({
      what: `Finding the coordinator of ${type} '${key}'`,
      api: this.library.findCoordinatorV4,
      request: () => [coordinatorTypes[type], [key]] as const,
      errno: response => response.coordinators[0]!.errorCode,
      message: response => response.coordinators[0]!.errorMessage,
    })
    const { host, port } = coordinators[0]!
    this.#coordinators.set(`${type} ${key}`, { host, port })
    return { host, port }
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
  leader({ topic, partition }: TopicPartition): Leader | undefined {
    const leadership = this.#topics.get(topic)?.leaders[partition]
    const broker = leadership && this.#brokers.get(leadership.node)
    return broker && { ...leadership, broker }
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
    this.#requireSpoken(api, what)
    const { clock, random, apiTimeoutMs: timeoutMs } = this
    const worthIt = async (error: unknown) =>
      (before === undefined || (await before())) && (goesOn === undefined || (await goesOn(error)))
    return retry(what, attempt, { clock, random, timeoutMs, since, outlasts, goesOn: worthIt })
  }

  close(): void {
    this.clock.unschedule('metadata')
    this.#watchers.clear()
  }
}
