import { type ConfigDefinition, greatest } from './config-definition.ts'

/** A config of a broker that is no option here: the server keeps its value, and tells it. */
export interface KeptBrokerConfig extends ConfigDefinition {
  /** Kafka's default; null where it has none. */
  readonly fallback: string | null
  /** Whether it is told only where it is set. (Kafka: ConfigDef.defineInternal) */
  readonly internal?: true
  /** What it does, if it does something. */
  readonly documentation?: string
}

const number =
  (type: 'int' | 'long') =>
  (name: string, fallback: string, least = 1): KeptBrokerConfig => ({ name, type, fallback, least })
const int = number('int')
const long = number('long')
const internal = (name: string): KeptBrokerConfig => ({
  name,
  type: 'boolean',
  fallback: 'true',
  internal: true,
})

/**
 * The configs that administrators set for the threads, connections, disks and traffic between the brokers of a Kafka, and
 * for dead letters of share groups. A limit of moving replicas, for one, is set by kafka-reassign-partitions, and lifted
 * again.
 */
export const keptBrokerConfigs: readonly KeptBrokerConfig[] = [
  int('background.threads', '10'),
  {
    name: 'errors.deadletterqueue.auto.create.topics.enable',
    type: 'boolean',
    fallback: 'false',
    documentation: 'Whether the dead letter topic of a share group is made when there is something for it.',
  },
  {
    name: 'errors.deadletterqueue.topic.name.prefix',
    type: 'string',
    fallback: 'dlq.',
    documentation: 'How the name of a dead letter topic of a share group has to begin.',
  },
  { name: 'follower.fetch.last.tiered.offset.enable', type: 'boolean', fallback: 'false' },
  int('group.consumer.assignment.interval.ms', '1000', 0),
  internal('group.consumer.assignor.offload.enable'),
  int('group.coordinator.cached.buffer.max.bytes', '1048588', 524288),
  int('group.share.assignment.interval.ms', '1000', 0),
  internal('group.share.assignor.offload.enable'),
  int('group.streams.assignment.interval.ms', '1000', 0),
  internal('group.streams.assignor.offload.enable'),
  long('log.cleaner.backoff.ms', '15000', 0),
  { name: 'log.cleaner.dedupe.buffer.size', type: 'long', fallback: '134217728' },
  { name: 'log.cleaner.io.buffer.load.factor', type: 'double', fallback: '0.9' },
  int('log.cleaner.io.buffer.size', '524288', 0),
  { name: 'log.cleaner.io.max.bytes.per.second', type: 'double', fallback: '1.7976931348623157E308' },
  int('log.cleaner.threads', '1', 0),
  int('max.connection.creation.rate', greatest.int),
  int('max.connections', greatest.int),
  int('max.connections.per.ip', greatest.int, 0),
  int('num.io.threads', '8'),
  int('num.network.threads', '3'),
  int('num.recovery.threads.per.data.dir', '2'),
  int('num.replica.fetchers', '1'),
  int('remote.fetch.max.wait.ms', '500'),
  long('remote.list.offsets.request.timeout.ms', '30000'),
  long('remote.log.index.file.cache.total.size.bytes', '1073741824'),
  int('remote.log.manager.copier.thread.pool.size', '10'),
  long('remote.log.manager.copy.max.bytes.per.second', greatest.long),
  int('remote.log.manager.expiration.thread.pool.size', '10'),
  long('remote.log.manager.fetch.max.bytes.per.second', greatest.long),
  int('remote.log.manager.follower.thread.pool.size', '2'),
  int('remote.log.reader.threads', '10'),
  int('share.coordinator.cached.buffer.max.bytes', '1048588', 524288),
  { name: 'transaction.partition.verification.enable', type: 'boolean', fallback: 'true' },
]

/** The limits of moving replicas, which are told only where they are set. (Kafka: QuotaConfig) */
export const throttles: readonly KeptBrokerConfig[] = [
  'leader.replication.throttled.rate',
  'follower.replication.throttled.rate',
  'replica.alter.log.dirs.io.max.bytes.per.second',
].map(name => ({ name, type: 'long', fallback: null, least: 0 }))
