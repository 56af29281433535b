import type { ConnectionOptions as TlsOptions } from 'node:tls'
import zlib from 'node:zlib'
import { type Codec, codecCheck } from '../codec.ts'
import { type ConsumerPolicyOptions, policyChecks } from '../consumer/consumer-policy.ts'
import { type TopicMap, topicMap, toTopicOptions } from '../topic-definition.ts'
import {
  anObject,
  boolean,
  type Check,
  checkOptions,
  duration,
  either,
  integer,
  invalidOption,
  name,
  type OtherWords,
  oneOf,
  optionError,
  requireOption,
  requireOptions,
} from '../validate.ts'
import { type ClientSaslOptions, requireSasl, saslOptions } from './client-sasl.ts'
import { largestInt32 } from './int32.ts'
import type { BrokerAddress } from './library-connection.ts'

/**
 * Which cluster to connect to, and how to use it. Times are milliseconds, sizes bytes; Kafka's names are in brackets.
 */
export interface ConnectOptions<Topics extends TopicMap = TopicMap>
  extends ConsumerPolicyOptions<NoInfer<keyof Topics & string>> {
  /** Some of the cluster's brokers, `host:port` each; they report the others. (bootstrap.servers) */
  readonly bootstrapBrokers: readonly string[]
  /** The topics, by name; their types flow to producers and consumers. All must exist, unless `createTopics` is set. */
  readonly topics?: Topics | undefined
  /** Whether to create declared topics that are missing; default false. */
  readonly createTopics?: boolean | undefined
  /** The replication factor of topics that are created; default -1, the cluster's own default. */
  readonly replicationFactor?: number | undefined
  /** The name of this client in the cluster's logs and quotas; default `brokerlet`. (client.id) */
  readonly clientId?: string | undefined
  /**
   * Speaks TLS: true, or the options of `node:tls`. Default for `servername`: each broker's own name, unless one of
   * `bootstrapBrokers` is an IP address. The options are read at each new connection: a getter (`get cert() {...}`) may
   * return another certificate by then.
   */
  readonly tls?: boolean | TlsOptions | undefined
  /** The credentials that this client authenticates with; default none. */
  readonly sasl?: ClientSaslOptions | undefined
  /** The codec of every topic that declares none; default `json`. */
  readonly codec?: Codec<unknown> | undefined
  /**
   * The compression of batches; default `none`. `zstd` needs a Node version that supports
   * it (22.15). (compression.type)
   */
  readonly compression?: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd' | undefined
  /** How often a consumer with `autoCommit` commits processed records; default 5,000. (auto.commit.interval.ms) */
  readonly autoCommitIntervalMs?: number | undefined
  /** The largest size of one batch; default 1,000,000, which brokers accept by default. (batch.size) */
  readonly batchBytes?: number | undefined
  /**
   * The largest size of one request with records, before they are compressed; a larger record is refused. Default
   * 104,857,600: brokers close the connection to whoever sends more than their `socket.request.max.bytes`, and that is its
   * default. (max.request.size)
   */
  readonly maxRequestBytes?: number | undefined
  /** How many produce requests may be in flight to one broker; default 5. (max.in.flight.requests.per.connection) */
  readonly maxInFlight?: number | undefined
  /**
   * The most bytes that may be in flight; further sends wait for up to `maxBlockMs`. Default 32 MiB. (buffer.memory)
   */
  readonly bufferMemory?: number | undefined
  /**
   * How long to try to write a record; default 120,000. One that is on its way then may still be
   * written. (delivery.timeout.ms)
   */
  readonly deliveryTimeoutMs?: number | undefined
  /**
   * How long a broker waits for records when there are none to fetch; less than `requestTimeoutMs`. Default 500, or half
   * of `requestTimeoutMs` where that is less. (fetch.max.wait.ms)
   */
  readonly fetchMaxWaitMs?: number | undefined
  /** The largest size of one fetch response; default 50 MiB. (fetch.max.bytes) */
  readonly fetchMaxBytes?: number | undefined
  /** The largest size of one partition in one fetch response; default 1 MiB. (max.partition.fetch.bytes) */
  readonly maxPartitionFetchBytes?: number | undefined
  /** How long to wait for the response to one request; default 30,000. (request.timeout.ms) */
  readonly requestTimeoutMs?: number | undefined
  /** How long to wait for a connection; default 10,000. (socket.connection.setup.timeout.ms) */
  readonly connectTimeoutMs?: number | undefined
  /**
   * How long a request to the cluster may take with all its retries; default 60,000. Only what belongs to a transaction
   * is still waited for if it is under way then, as long as `requestTimeoutMs`. `connect` tries for as long, and warns
   * after 2 s that no broker has answered. (default.api.timeout.ms)
   */
  readonly apiTimeoutMs?: number | undefined
  /** How old topic metadata may get before it is read again; default 300,000. (metadata.max.age.ms) */
  readonly metadataMaxAgeMs?: number | undefined
}

/** The options with every default filled in, without those of the consumer policy. */
export type ResolvedConnectOptions = Required<
  Omit<ConnectOptions, 'tls' | 'sasl' | 'codec' | 'bootstrapBrokers' | keyof ConsumerPolicyOptions>
> &
  Pick<ConnectOptions, 'sasl' | 'codec'> & {
    readonly bootstrapBrokers: readonly BrokerAddress[]
    readonly tls: TlsOptions | undefined
  }

const brokerList: Check = {
  expected: `an array of 'host:port', at least one`,
  accepts: value => Array.isArray(value) && value.length > 0,
}

const someTime: Check = {
  expected: 'a number of milliseconds, more than 0',
  accepts: value => typeof value === 'number' && value > 0,
}

// A URL, or several brokers in one text, would be looked for as a host until the time is over.
function toAddress(broker: unknown): BrokerAddress {
  const [, host, digits] =
    /^\[?([^\]\s,/]+?)\]?:(\d{1,5})$/.exec(typeof broker === 'string' ? broker : '') ?? []
  const port = Number(digits)
  if (host !== undefined && 0 < port && port <= 65_535) return { host, port }
  throw invalidOption('connect', 'bootstrapBrokers', `'host:port' of each broker`, broker)
}

// What KafkaJS, librdkafka and Java call them, where that is not nearly the same, or nearly the same as another option.
const otherWords: OtherWords<ConnectOptions> = {
  ssl: 'tls',
  'security.protocol': 'tls',
  brokers: 'bootstrapBrokers',
  'metadata.broker.list': 'bootstrapBrokers',
  'batch.size': 'batchBytes',
  'max.request.size': 'maxRequestBytes',
  'max.in.flight.requests.per.connection': 'maxInFlight',
  maxInFlightRequests: 'maxInFlight',
  'socket.connection.setup.timeout.ms': 'connectTimeoutMs',
  'default.api.timeout.ms': 'apiTimeoutMs',
}

const defaults = {
  createTopics: false,
  replicationFactor: -1,
  clientId: 'brokerlet',
  compression: 'none',
  autoCommitIntervalMs: 5000,
  batchBytes: 1_000_000,
  maxRequestBytes: 100 * 1024 * 1024,
  maxInFlight: 5,
  bufferMemory: 32 * 1024 * 1024,
  deliveryTimeoutMs: 120_000,
  fetchMaxBytes: 50 * 1024 * 1024,
  maxPartitionFetchBytes: 1024 * 1024,
  requestTimeoutMs: 30_000,
  connectTimeoutMs: 10_000,
  apiTimeoutMs: 60_000,
  metadataMaxAgeMs: 300_000,
} as const

/** @throws InvalidOptionError */
export function resolveConnectOptions(options: ConnectOptions): ResolvedConnectOptions {
  // A text alone is no `clientId`, as which it would pass.
  requireOptions('connect', options, ", such as { bootstrapBrokers: ['localhost:9092'] }")
  checkOptions<ConnectOptions>(
    'connect',
    options,
    {
      bootstrapBrokers: brokerList,
      topics: topicMap,
      createTopics: boolean,
      replicationFactor: either(integer(1, 32_767), { expected: '-1', accepts: value => value === -1 }),
      clientId: name,
      tls: { ...either(boolean, anObject), isSecret: true },
      sasl: saslOptions,
      codec: codecCheck,
      compression: oneOf('none', 'gzip', 'snappy', 'lz4', 'zstd'),
      autoCommitIntervalMs: duration,
      batchBytes: integer(1),
      maxRequestBytes: integer(1, largestInt32),
      maxInFlight: integer(1),
      bufferMemory: integer(1),
      deliveryTimeoutMs: someTime,
      fetchMaxWaitMs: integer(0, largestInt32),
      fetchMaxBytes: integer(1, largestInt32),
      maxPartitionFetchBytes: integer(1, largestInt32),
      requestTimeoutMs: integer(1, largestInt32),
      connectTimeoutMs: integer(1, largestInt32),
      apiTimeoutMs: someTime,
      metadataMaxAgeMs: integer(1),
      ...policyChecks,
    },
    otherWords,
  )
  requireOption('connect', 'bootstrapBrokers', options.bootstrapBrokers, brokerList)
  const { sasl, tls } = options
  if (sasl !== undefined) requireSasl(sasl)
  if (options.compression === 'zstd' && !('zstdCompressSync' in zlib && zlib.zstdCompressSync)) {
    const why = `'zstd' needs Node 22.15 or a later version, and this is ${process.version}`
    throw optionError('connect', 'compression', why)
  }
  const { requestTimeoutMs = defaults.requestTimeoutMs } = options
  const { fetchMaxWaitMs = Math.min(500, Math.floor(requestTimeoutMs / 2)) } = options
  if (fetchMaxWaitMs >= requestTimeoutMs) {
    throw optionError(
      'connect',
      'fetchMaxWaitMs',
      `has to be less than requestTimeoutMs (${requestTimeoutMs})`,
    )
  }
  const chosen = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  return {
    ...defaults,
    ...(chosen as Omit<ConnectOptions, 'tls' | 'bootstrapBrokers'>),
    bootstrapBrokers: options.bootstrapBrokers.map(toAddress),
    topics: Object.fromEntries(
      Object.entries(options.topics ?? {}).map(([topic, given]) => [
        topic,
        { options: toTopicOptions(topic, given) },
      ]),
    ),
    tls: tls === true ? {} : tls === false ? undefined : tls,
    fetchMaxWaitMs,
    requestTimeoutMs,
  }
}
