import type { ClusterNode } from './cluster/cluster.ts'
import { type ConfigType, topicConfigs } from './topic-configs.ts'
import type { Wire } from './wire.ts'

/** A config of the broker, by Kafka's name: an option of `new Broker` or of its server, or what new topics begin with. */
export interface BrokerConfig {
  readonly name: string
  readonly value: string
  readonly type: ConfigType
  readonly documentation: string
}

const minute = 60_000

/** How many partitions a topic gets if its creator does not say. (Kafka: num.partitions) */
export function defaultPartitions({ engine }: Wire): number {
  const { autoCreateTopics } = engine.settings
  const made = typeof autoCreateTopics === 'object' ? autoCreateTopics : {}
  return made.partitions ?? engine.logConfig('(default)', {}).partitions
}

/** A broker's configs. They are set when it is created, and do not change. */
export function brokerConfigs(wire: Wire, { nodeId }: ClusterNode): BrokerConfig[] {
  const { engine, maxFrameBytes, fetchMaxBytes, initialRebalanceDelayMs } = wire
  const { settings } = engine
  const defaults = engine.logConfig('(default)', {})
  const config = (name: string, type: ConfigType, value: unknown, documentation: string): BrokerConfig => ({
    name,
    value: String(value),
    type,
    documentation,
  })
  const int = (name: string, value: number, documentation: string) =>
    config(name, 'int', value, documentation)
  return [
    int('node.id', nodeId, 'The number of this broker.'),
    config(
      'auto.create.topics.enable',
      'boolean',
      settings.autoCreateTopics !== false,
      'Whether a topic is made when it is first named.',
    ),
    int('num.partitions', defaultPartitions(wire), 'How many partitions a topic has where nobody says so.'),
    int('socket.request.max.bytes', maxFrameBytes, 'The largest request, in bytes.'),
    int('fetch.max.bytes', fetchMaxBytes, 'How much one fetch gets at most, in bytes.'),
    int(
      'group.initial.rebalance.delay.ms',
      initialRebalanceDelayMs,
      'How long the first join of an empty group waits for others, in milliseconds.',
    ),
    ...wire.groupConfigs.ofBroker.map(({ name, value, documentation }) => int(name, value, documentation)),
    int(
      'offsets.retention.minutes',
      settings.offsetsRetentionMs === -1 ? -1 : Math.ceil(settings.offsetsRetentionMs / minute),
      "How long an empty group's offsets are kept, in minutes; -1 is for ever.",
    ),
    int(
      'transactional.id.expiration.ms',
      settings.transactionalIdExpirationMs,
      'How long a transactional id that is not used is remembered, in milliseconds; -1 is for ever.',
    ),
    int(
      'producer.id.expiration.ms',
      settings.producerIdExpirationMs,
      'How long a partition knows a producer that has fallen silent, in milliseconds.',
    ),
    ...topicConfigs.map(({ brokerName, option, type, documentation }) =>
      config(brokerName, type, defaults[option], documentation),
    ),
  ]
}
