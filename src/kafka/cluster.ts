import type { BrokerClock } from '../broker-clock.ts'
import type { EngineTopic } from '../engine.ts'
import { errorCodes } from '../error-codes.ts'
import { type ErrorFields, isBrokerletError, UnknownTopicOrPartitionError } from '../errors.ts'
import type { Serde } from '../serde.ts'
import { didYouMean, suggest } from '../suggest.ts'
import { requireTopicName } from '../topic-name.ts'
import type { TopicPartition } from '../topic-partition.ts'
import type { Api, BrokerAddress, ClientLibrary, MetadataResponse } from './client-library.ts'
import { ClusterError, toClusterError } from './cluster-error.ts'
import type { Connections, ConnectionsFactory } from './connections.ts'
import { groupBy } from './group-by.ts'
import { retry } from './retry.ts'

/** A topic of the cluster, as its metadata says. */
export interface ClusterTopic extends EngineTopic {
  /** Another topic of the same name has another one. */
  readonly id: string
  readonly internal: boolean
  /** The node that leads each partition; -1 is none for now. */
  readonly leaders: readonly number[]
}

export interface ClusterOptions {
  readonly library: ClientLibrary
  readonly connections: ConnectionsFactory
  readonly bootstrapBrokers: readonly BrokerAddress[]
  readonly clock: BrokerClock
  readonly random: () => number
  /** How long one call goes on trying, in milliseconds. */
  readonly apiTimeoutMs: number
  /** How old metadata gets, in milliseconds. */
  readonly metadataMaxAgeMs: number
  /** How the values of a topic are written and read. */
  serdeOf(topic: string): Serde
}

const unknownTopic = errorCodes.UNKNOWN_TOPIC_OR_PARTITION.errno

/** The kinds of coordinators that there are, by Kafka's number. */
export const coordinatorTypes = { group: 0, transaction: 1 } as const

/** What is asked of somebody in the cluster, and how its answer is read. */
export interface Ask<Request extends readonly unknown[], Response> {
  /** What errors say that was tried. */
  readonly what: string
  /** What errors speak of. */
  readonly fields?: ErrorFields
  readonly api: Api<Request, Response>
  /** Made anew for each attempt. */
  request(): Readonly<Request>
  /** The error in an answer, by Kafka's number, or 0. */
  errno(response: Response): number
  message?(response: Response): string | null | undefined
  /** Whether it is worth another attempt after a failure that could pass. Default always. */
  goesOn?(error: unknown): boolean | Promise<boolean>
}

/** Knows who leads and coordinates what, asks them, and asks anew when that has changed. */
export class Cluster {
  readonly library: ClientLibrary
  readonly clock: BrokerClock
  readonly random: () => number
  readonly apiTimeoutMs: number
  /** For what is answered at once. */
  readonly requests: Connections
  /** For coordinators, whose heartbeats must not wait behind anything. */
  readonly #coordination: Connections
  readonly #options: ClusterOptions
  #brokers = new Map<number, BrokerAddress>()
  #topics = new Map<string, ClusterTopic>()
  #names = new Map<string, string>()
  readonly #wanted = new Set<string>()
  readonly #coordinators = new Map<string, BrokerAddress>()
  readonly #watchers = new Map<() => void, boolean>()
  #refreshing: Promise<void> | undefined
  #turn = 0
  // The least and the greatest version of each API.
  #spoken: ReadonlyMap<number, readonly [number, number]> | undefined

  constructor(options: ClusterOptions) {
    this.library = options.library
    this.clock = options.clock
    this.random = options.random
    this.apiTimeoutMs = options.apiTimeoutMs
    this.requests = options.connections.open()
    this.#coordination = options.connections.open()
    this.#options = options
  }

  /**
   * Finds out what is spoken.
   *
   * @throws ClusterError where nobody answers
   */
  async open(): Promise<void> {
    const { apiKeys } = await this.askAny({
      what: 'Connecting to the cluster',
      api: this.library.apiVersionsV3,
      request: () => ['brokerlet', '1'] as const,
      errno: () => 0,
    })
    this.#spoken = new Map(
      apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, [minVersion, maxVersion]]),
    )
  }

  // A broker ends the connection of who asks what it does not speak.
  #requireSpoken({ api: { key, version } }: Api<never, unknown>, what: string): void {
    if (this.#spoken === undefined) return
    const [min, max] = this.#spoken.get(key) ?? [0, -1]
    if (min <= version && version <= max) return
    throw new ClusterError(
      'UNSUPPORTED_VERSION',
      `${what}: the cluster does not speak version ${version} of Kafka's API ${key}; Apache Kafka 4.0 does`,
    )
  }

  // --- topics -------------------------------------------------------------------------------------------------------

  /** A topic that is known already. */
  knownTopic(name: string): ClusterTopic | undefined {
    return this.#topics.get(name)
  }

  /** The name of a topic by its id. */
  nameOf(topicId: string): string | undefined {
    return this.#names.get(topicId)
  }

  /** The topics that are known: all of the cluster, for as long as somebody watches all. */
  get topics(): ReadonlyMap<string, ClusterTopic> {
    return this.#topics
  }

  /**
   * A topic, which is looked up where it is not known yet, or not known to have that partition: others may have added it.
   *
   * @throws UnknownTopicOrPartitionError where there is no such topic, naming near matches
   */
  async topic(name: string, partition = 0): Promise<ClusterTopic> {
    requireTopicName(name)
    const isKnown = () => partition < (this.#topics.get(name)?.partitionCount ?? 0)
    if (isKnown()) return this.#topics.get(name)!
    this.#wanted.add(name)
    // One under way was asked for before: it may be about other topics, or from before this one was made.
    await this.#refreshing?.catch(() => {})
    if (!isKnown()) await this.refresh()
    if (this.#topics.has(name)) return this.#topics.get(name)!
    const { topics } = await this.#metadata(null)
    // Who was asked first may have lagged behind.
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

  /** Every topic that there is, by name. */
  async topicNames(): Promise<string[]> {
    const { topics } = await this.#metadata(null)
    return topics.flatMap(({ name, isInternal, errorCode }) =>
      name === null || isInternal || errorCode !== 0 ? [] : [name],
    )
  }

  /** Calls whenever metadata has come; `all`: of all topics, else of those that were asked for. Gives the end of it. */
  watch(changed: () => void, all: boolean): () => void {
    this.#watchers.set(changed, all)
    return () => this.#watchers.delete(changed)
  }

  /** Reads the metadata anew; calls at the same time share one answer. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined
      this.#refreshLater()
    })
    return this.#refreshing
  }

  #refreshLater(): void {
    // What fails here is tried again by whoever needs it.
    this.clock.schedule('metadata', this.#options.metadataMaxAgeMs, () => {
      this.refresh().catch(() => {})
    })
  }

  async #refresh(): Promise<void> {
    const all = [...this.#watchers.values()].includes(true)
    const asked = all ? null : [...new Set([...this.#wanted, ...this.#topics.keys()])]
    const metadata = await this.#metadata(asked)
    // A broker that lags behind may not know yet what was made elsewhere: a topic is gone where two say so.
    this.#keep(this.#lacksKnown(metadata) ? await this.#metadata(asked) : metadata)
    for (const changed of [...this.#watchers.keys()]) changed()
  }

  #lacksKnown({ topics }: MetadataResponse): boolean {
    const answered = new Set(topics.map(({ name, errorCode }) => (errorCode === unknownTopic ? null : name)))
    return [...this.#topics.keys()].some(name => !answered.has(name))
  }

  #metadata(topics: readonly string[] | null): Promise<MetadataResponse> {
    return this.askAny({
      what: 'Reading metadata',
      api: this.library.metadataV12,
      request: () => [topics],
      errno: () => 0,
    })
  }

  #keep({ brokers, topics }: MetadataResponse): void {
    this.#brokers = new Map(brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]))
    const before = this.#topics
    this.#topics = new Map()
    this.#names = new Map()
    for (const { name, topicId, errorCode, isInternal, partitions } of topics) {
      if (name === null) continue
      const former = before.get(name)
      // What is not known for now is not gone.
      if (errorCode !== 0 && (errorCode === unknownTopic || former === undefined)) continue
      // Partitions are only ever added: who tells of fewer has not heard of that yet.
      const lags = former?.id === topicId && partitions.length < former.partitionCount
      if (errorCode !== 0 || lags) {
        this.#topics.set(name, former!)
        this.#names.set(former!.id, name)
        continue
      }
      const leaders: number[] = []
      for (const { partitionIndex, leaderId } of partitions) leaders[partitionIndex] = leaderId
      const serde = former?.serde ?? this.#options.serdeOf(name)
      const topic = {
        name,
        id: topicId,
        internal: isInternal,
        leaders,
        partitionCount: leaders.length,
        serde,
      }
      this.#topics.set(name, topic)
      this.#names.set(topicId, name)
    }
  }

  // --- asking -------------------------------------------------------------------------------------------------------

  /** Asks whoever answers; what is the controller's is passed on to it. */
  askAny<Request extends readonly unknown[], Response>(ask: Ask<Request, Response>): Promise<Response> {
    return this.#retry(ask, () => this.#askNext(ask))
  }

  // Another one each time.
  async #askNext<Request extends readonly unknown[], Response>(
    ask: Ask<Request, Response>,
  ): Promise<Response> {
    const brokers = [...this.#brokers.values(), ...this.#options.bootstrapBrokers]
    const broker = brokers[this.#turn++ % brokers.length]!
    return this.#asked(ask, await this.requests.call(broker, ask.api, ask.request()))
  }

  /** Asks every broker. */
  async askAll<Request extends readonly unknown[], Response>(
    ask: Ask<Request, Response>,
  ): Promise<Response[]> {
    await this.refresh()
    return this.#retry(ask, () =>
      Promise.all(
        Array.from(this.#brokers.values(), async broker =>
          this.#asked(ask, await this.requests.call(broker, ask.api, ask.request())),
        ),
      ),
    )
  }

  /** Asks a coordinator, wherever it is by then. */
  askCoordinator<Request extends readonly unknown[], Response>(
    type: keyof typeof coordinatorTypes,
    key: string,
    ask: Ask<Request, Response>,
  ): Promise<Response> {
    const fields = type === 'group' ? { groupId: key } : { transactionalId: key }
    return this.#retry(ask, async () => {
      try {
        const broker = await this.#coordinator(type, key)
        return this.#asked({ ...ask, fields }, await this.#coordination.call(broker, ask.api, ask.request()))
      } catch (error) {
        if (isBrokerletError(error) && error.retriable) this.#coordinators.delete(`${type} ${key}`)
        throw error
      }
    })
  }

  async #coordinator(type: keyof typeof coordinatorTypes, key: string): Promise<BrokerAddress> {
    const known = this.#coordinators.get(`${type} ${key}`)
    if (known !== undefined) return known
    // Tried again by who asks it, who may have reasons to go on no longer.
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
   * Asks the leaders of partitions, each for its own; the answers are of some partitions each, in no order. Of one that is
   * gone, or goes meanwhile, there is no answer.
   */
  askLeaders<Request extends readonly unknown[], Response>(
    partitions: readonly TopicPartition[],
    ask: Omit<Ask<Request, Response>, 'request'> & {
      request(partitions: readonly TopicPartition[]): Readonly<Request>
    },
  ): Promise<Response[]> {
    const attempt = () => {
      const there = partitions.filter(({ topic, partition }) => {
        return partition < (this.#topics.get(topic)?.partitionCount ?? 0)
      })
      const byLeader = groupBy(there, tp => this.requireLeader(tp).node)
      const asked = [...byLeader.values()].map(async led => {
        const { broker } = this.requireLeader(led[0]!)
        return this.#asked(ask, await this.requests.call(broker, ask.api, ask.request(led)))
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

  /** Who leads a partition, if anybody does now. */
  leader({ topic, partition }: TopicPartition): { node: number; broker: BrokerAddress } | undefined {
    const node = this.#topics.get(topic)?.leaders[partition] ?? -1
    const broker = this.#brokers.get(node)
    return broker && { node, broker }
  }

  /** @throws ClusterError, which may pass, where it has no leader */
  requireLeader(tp: TopicPartition): { node: number; broker: BrokerAddress } {
    const leader = this.leader(tp)
    if (leader !== undefined) return leader
    throw new ClusterError('NETWORK_EXCEPTION', `${tp.topic}-${tp.partition} has no leader now`, {
      topic: tp.topic,
      partition: tp.partition,
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

  /** The error for one of Kafka's numbers; it is retriable where Kafka says so. */
  error(errno: number, what: string, fields?: ErrorFields, message?: string | null): Error {
    const error = toClusterError(this.library, errno, what, fields, message)
    const name = this.library.protocolErrorsCodesById[errno]
    const retriable = this.library.protocolErrors[name ?? '']?.canRetry ?? false
    return error.retriable === retriable ? error : Object.assign(error, { retriable })
  }

  async #retry<T>(
    { what, api, goesOn }: Pick<Ask<never, unknown>, 'what' | 'api' | 'goesOn'>,
    attempt: () => Promise<T>,
    before?: () => Promise<boolean>,
  ): Promise<T> {
    this.#requireSpoken(api, what)
    const { clock, random, apiTimeoutMs: timeoutMs } = this
    const worthIt = async (error: unknown) =>
      (before === undefined || (await before())) && (goesOn === undefined || (await goesOn(error)))
    return retry(what, attempt, { clock, random, timeoutMs, goesOn: worthIt })
  }

  close(): void {
    this.clock.unschedule('metadata')
    this.#watchers.clear()
  }
}
