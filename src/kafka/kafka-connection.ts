import { isIP } from 'node:net'
import type { Admin } from '../admin.ts'
import { CloseTime, closeTimeoutMs } from '../close-time.ts'
import { json } from '../codec.ts'
import { Consumer } from '../consumer/consumer.ts'
import type { ConsumerOptions } from '../consumer/consumer-options.ts'
import { ConsumerPolicy } from '../consumer/consumer-policy.ts'
import { type RedriveOptions, redrive } from '../consumer/redrive.ts'
import { counted } from '../counted.ts'
import type { ClientCloseOptions, Unread } from '../engine.ts'
import { InvalidOptionError, UnknownTopicOrPartitionError } from '../errors.ts'
import { Producer, type ProducerOptions } from '../producer/producer.ts'
import type { PubSub } from '../pub-sub.ts'
import { type ByteEdge, Serde } from '../serde.ts'
import type { OpenTopics, RecordOf, TopicMap, TopicOptions } from '../topic-definition.ts'
import { boolean, checkOptions, duration } from '../validate.ts'
import { ifThere } from './admin-answers.ts'
import { Credentials } from './client-sasl.ts'
import { ClusterEngine } from './cluster-engine.ts'
import { type ConnectOptions, type ResolvedConnectOptions, resolveConnectOptions } from './connect-options.ts'
import { KafkaAdmin } from './kafka-admin.ts'
import { loadClientLibrary } from './load-client-library.ts'
import { requirePortable } from './topic-configs.ts'

/**
 * A connection to a cluster, with the same producers and consumers as a broker of this process. Methods that only a log
 * in memory can offer (`append`, `idle`, `describe`, reading a partition) are not here.
 */
export class KafkaConnection<out Topics extends TopicMap = OpenTopics> implements PubSub<Topics> {
  readonly #engine: ClusterEngine
  readonly #policy: ConsumerPolicy
  readonly #closeTime: CloseTime
  #closing: Promise<readonly Unread[]> | undefined
  readonly admin: Admin

  /** @hidden */
  constructor(engine: ClusterEngine, policy: ConsumerPolicy, admin: Admin) {
    this.#engine = engine
    this.#closeTime = new CloseTime(engine.clock)
    this.#policy = policy
    this.admin = admin
  }

  /**
   * Creates a producer.
   *
   * @throws InvalidOptionError, ClosedError
   */
  producer(options?: ProducerOptions): Producer<Topics> {
    this.#engine.requireOpen()
    return new Producer<Topics>(this.#engine, this.#engine.sticky, options)
  }

  /**
   * Creates a consumer; it joins its group when it starts to consume.
   *
   * @throws InvalidOptionError, ClosedError
   */
  consumer<const Name extends keyof Topics & string = keyof Topics & string>(
    options: ConsumerOptions<Name>,
  ): Consumer<RecordOf<Topics, Name>, keyof Topics & string> {
    this.#engine.requireOpen()
    return new Consumer<RecordOf<Topics, Name>, keyof Topics & string>(this.#engine, options, this.#policy)
  }

  /**
   * Sends dead letters back to the topics that they came from (or to `to`), in order, and resolves with their number.
   * Commits the moved ones for the group `<topic>.redrive`, so that its lag is the number of dead letters left.
   *
   * @throws UnknownTopicOrPartitionError where a topic does not exist; records that were moved before stay moved
   */
  redrive(options: RedriveOptions<keyof Topics & string>): Promise<number> {
    return redrive(this.#engine, options)
  }

  /**
   * Closes every consumer and producer of this connection, and the connections to the cluster; resolves with what was
   * left unread. With `drain`, each consumer first reads up to the present end of its partitions. `timeoutMs`
   * (default 30,000) limits the wait.
   */
  async close(
    options: { readonly timeoutMs?: number | undefined; readonly drain?: boolean | undefined } = {},
  ): Promise<readonly Unread[]> {
    checkOptions('close', options, { timeoutMs: duration, drain: boolean })
    if (this.#closing === undefined) this.#closing = this.#close(options)
    else if (options.timeoutMs !== undefined) this.#hurry(options.timeoutMs, options)
    return this.#closing
  }

  #hurry(timeoutMs: number, options: ClientCloseOptions): void {
    this.#closeTime.within(timeoutMs)
    void this.#closeClients(options)
  }

  async #close(options: ClientCloseOptions): Promise<readonly Unread[]> {
    this.#closeTime.within(options.timeoutMs ?? closeTimeoutMs)
    const left = await this.#closeClients(options)
    // From here on no client can be created; those created while the others closed are closed, too.
    this.#engine.refuse()
    const late = await this.#closeClients({ timeoutMs: this.#closeTime.leftMs })
    await this.#engine.shutDown(this.#closeTime.leftMs)
    return [...left, ...late]
  }

  async #closeClients(options: ClientCloseOptions): Promise<readonly Unread[]> {
    const left = await Promise.all([...this.#engine.clients].map(client => client.close(options)))
    return left.flat()
  }

  /** Calls `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

// No server hands out records of this connection.
const edge: ByteEdge = { servers: 0 }

/**
 * Connects to an Apache Kafka cluster (4.0 or later), or to a broker of another process that `serve` serves. Needs the
 * package `@platformatic/kafka`, an optional peer.
 *
 * @throws ClusterError where the peer is not installed, no broker answers, the cluster lacks an API that is needed, or
 * this client has no right to connect, or to describe a declared topic
 * @throws UnknownTopicOrPartitionError where a declared topic is missing
 * @throws InvalidOptionError where a declared topic has fewer partitions on the cluster, or an
 * option that only a log in memory has
 *
 * @example
 * import { connect } from 'brokerlet/kafka'
 *
 * const cluster = await connect({ bootstrapBrokers: ['kafka-1:9092'], topics })
 */
export async function connect<Topics extends TopicMap = OpenTopics>(
  options: ConnectOptions<Topics>,
): Promise<KafkaConnection<Topics>> {
  const resolved = resolveConnectOptions(options as ConnectOptions)
  const policy = new ConsumerPolicy(options)
  for (const [name, { options: declared }] of Object.entries(resolved.topics)) requirePortable(name, declared)
  const library = await loadClientLibrary()
  const { requestTimeoutMs, topics, codec = json } = resolved
  const engine = new ClusterEngine({
    ...resolved,
    library,
    connection: {
      connectTimeout: resolved.connectTimeoutMs,
      requestTimeout: requestTimeoutMs,
      maxInflights: Number.MAX_SAFE_INTEGER,
      ...(resolved.tls === undefined ? {} : { tls: resolved.tls, tlsServerName: isNamed(resolved) }),
    },
    credentials: resolved.sasl && new Credentials(resolved.sasl, library),
    append: resolved,
    fetch: resolved,
    serdeOf: name => {
      const declared = topics[name]?.options
      return new Serde(name, { ...declared, codec: declared?.codec ?? codec }, edge)
    },
  })
  const { cluster, lookup } = engine
  const { replicationFactor } = resolved
  const admin = new KafkaAdmin({ cluster, lookup, replicationFactor, requestTimeoutMs })
  try {
    await cluster.open()
    await requireTopics(engine, admin, resolved)
  } catch (error) {
    await engine.shutDown(0)
    throw error
  }
  return new KafkaConnection<Topics>(engine, policy, admin)
}

// What stands before several brokers goes by the name that is asked for (SNI). An IP address is no name.
function isNamed({ tls, bootstrapBrokers }: ResolvedConnectOptions): boolean {
  return tls?.servername === undefined && !bootstrapBrokers.some(({ host }) => isIP(host))
}

async function requireTopics(
  { cluster }: ClusterEngine,
  admin: KafkaAdmin,
  { topics, createTopics }: ResolvedConnectOptions,
): Promise<void> {
  const present = new Set(await cluster.topicNames())
  const absent = () => Object.keys(topics).filter(name => !present.has(name))
  // A broker that lags behind may not know yet what another one does.
  if (absent().length > 0) for (const name of await cluster.topicNames()) present.add(name)
  const missing = createTopics ? absent() : await unknownOf(absent(), cluster)
  if (missing.length > 0 && !createTopics) {
    throw new UnknownTopicOrPartitionError(
      `connect: the cluster has no topic ${missing.map(name => `'${name}'`).join(', ')}; createTopics: true creates missing topics`,
      { topic: missing[0]! },
    )
  }
  for (const name of missing) await admin.ensureTopic(name, topics[name]!)
  await cluster.requireTopics(Object.keys(topics))
  for (const [name, { options }] of Object.entries(topics)) await requirePartitions(cluster, name, options)
}

// What more than those brokers say that there is not.
async function unknownOf(names: readonly string[], cluster: ClusterEngine['cluster']): Promise<string[]> {
  const found = await Promise.all(names.map(name => ifThere(cluster.topic(name))))
  return names.filter((_, i) => found[i] === undefined)
}

// More partitions than declared do no harm: the cluster's number counts.
async function requirePartitions(
  cluster: ClusterEngine['cluster'],
  name: string,
  { partitions = 1 }: TopicOptions,
): Promise<void> {
  const { partitionCount } = await cluster.topic(name)
  if (partitionCount >= partitions) return
  throw new InvalidOptionError(
    `connect: topic '${name}' is declared with ${counted(partitions, 'partition')}, but has ${partitionCount} on the cluster`,
    { topic: name, option: 'partitions', expected: `at most ${partitionCount}`, received: partitions },
  )
}
