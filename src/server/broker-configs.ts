import type { ClusterNode } from './cluster/cluster-node.ts'
import type { ConfigType } from './config-definition.ts'
import { keptBrokerConfigs } from './kept-broker-configs.ts'
import { keptConfigs, withoutEffect } from './kept-configs.ts'
import { shareGroupMaxSize } from './share/share-groups.ts'
import { configText, topicConfigs } from './topic-configs.ts'
import type { Wire } from './wire.ts'
import { wireDefaults } from './wire-options.ts'

/** A config of the broker, by Kafka's name: an option of `new Broker` or of its server, or what new topics begin with. */
export interface BrokerConfig {
  readonly name: string
  /** Null where it has none. */
  readonly value: string | null
  /** What it is where no option says otherwise; left out where there is no such value. */
  readonly fallback?: string | null
  readonly type: ConfigType
  /** Whether it is told only where it is set. */
  readonly internal?: true
  readonly documentation: string
}

const minute = 60_000
const greatestInt = 2 ** 31 - 1

/** How many partitions a topic gets if its creator does not say. (Kafka: num.partitions) */
export function defaultPartitions({ engine }: Wire): number {
  const { autoCreateTopics } = engine.settings
  const made = typeof autoCreateTopics === 'object' ? autoCreateTopics : {}
  return made.partitions ?? engine.logConfig('(default)', {}).partitions
}

/** A broker's configs, but for what administrators have set. */
export function brokerConfigs(wire: Wire, node: ClusterNode): BrokerConfig[] {
  return [...fixedConfigs(wire, node), ...topicDefaults(wire), ...keptDefaults()]
}

// They are set when the broker is created, and do not change.
function fixedConfigs(wire: Wire, { nodeId, rack }: ClusterNode): BrokerConfig[] {
  const { engine, maxFrameBytes, fetchMaxBytes, initialRebalanceDelayMs } = wire
  const { settings } = engine
  const int = (name: string, value: number, documentation: string, fallback?: number): BrokerConfig => ({
    name,
    value: String(value),
    ...(fallback === undefined ? {} : { fallback: String(fallback) }),
    type: 'int',
    documentation,
  })
  const boolean = (name: string, value: boolean, documentation: string, fallback: boolean): BrokerConfig => ({
    name,
    value: String(value),
    fallback: String(fallback),
    type: 'boolean',
    documentation,
  })
  const list = (name: string, value: string, documentation: string): BrokerConfig => ({
    name,
    value,
    fallback: value,
    type: 'list',
    documentation,
  })
  const groupSize = (kind: string) =>
    int(`group.${kind}max.size`, greatestInt, 'A group has no greatest size.', greatestInt)
  return [
    int('node.id', nodeId, 'The number of this broker.'),
    int('broker.id', nodeId, 'The number of this broker.', -1),
    {
      name: 'broker.rack',
      value: rack,
      fallback: null,
      type: 'string',
      documentation: 'The rack of this broker.',
    },
    boolean(
      'auto.create.topics.enable',
      settings.autoCreateTopics !== false,
      'Whether a topic is made when it is first named.',
      false,
    ),
    boolean('delete.topic.enable', true, 'Whether topics can be deleted.', true),
    boolean(
      'auto.leader.rebalance.enable',
      wire.cluster.autoLeaderRebalance,
      'Whether a preferred leader that starts leads again.',
      true,
    ),
    int(
      'num.partitions',
      defaultPartitions(wire),
      'How many partitions a topic has where nobody says so.',
      1,
    ),
    int(
      'default.replication.factor',
      wire.cluster.defaultReplicationFactor,
      'How many brokers have each partition of a topic where nobody says so.',
      1,
    ),
    int(
      'socket.request.max.bytes',
      maxFrameBytes,
      'The largest request, in bytes.',
      wireDefaults.maxFrameBytes,
    ),
    int(
      'fetch.max.bytes',
      fetchMaxBytes,
      'How much one fetch gets at most, in bytes.',
      wireDefaults.fetchMaxBytes,
    ),
    int(
      'transaction.max.timeout.ms',
      wire.maxTransactionTimeoutMs,
      'How long a transaction may take at most, in milliseconds.',
      wireDefaults.maxTransactionTimeoutMs,
    ),
    int(
      'group.initial.rebalance.delay.ms',
      initialRebalanceDelayMs,
      'How long the first join of an empty group waits for others, in milliseconds.',
      wireDefaults.initialRebalanceDelayMs,
    ),
    ...['', 'consumer.', 'streams.'].map(groupSize),
    int(
      'group.share.max.size',
      wire.shareGroups.maxSize,
      'How many members a share group has at most.',
      shareGroupMaxSize,
    ),
    list('group.streams.assignors', 'sticky', 'Who can deal the tasks of a streams group out.'),
    list(
      'group.streams.rack.aware.assignment.tags',
      '',
      'The client tags that each member of a streams group is to have.',
    ),
    ...wire.groupConfigs.ofBroker.map(({ name, value, documentation, fallback }) =>
      int(name, value, documentation, fallback),
    ),
    int(
      'offsets.retention.minutes',
      settings.offsetsRetentionMs === -1 ? -1 : Math.ceil(settings.offsetsRetentionMs / minute),
      "How long an empty group's offsets are kept, in minutes; -1 is for ever.",
      7 * 24 * 60,
    ),
    int(
      'transactional.id.expiration.ms',
      settings.transactionalIdExpirationMs,
      'How long a transactional id that is not used is remembered, in milliseconds; -1 is for ever.',
      7 * 24 * 60 * minute,
    ),
    int(
      'producer.id.expiration.ms',
      settings.producerIdExpirationMs,
      'How long a partition knows a producer that has fallen silent, in milliseconds.',
      24 * 60 * minute,
    ),
  ]
}

function topicDefaults({ dynamicConfigs }: Wire): BrokerConfig[] {
  return topicConfigs.map(config => {
    const value = configText(config, dynamicConfigs.unaltered[config.option])
    return { ...config, name: config.brokerName, value, fallback: value }
  })
}

function keptDefaults(): BrokerConfig[] {
  const ofTopics = keptConfigs.flatMap(({ brokerName, unset, fallback, type, documentation }) =>
    brokerName === undefined
      ? []
      : [
          {
            name: brokerName,
            type,
            fallback: unset ? null : fallback,
            ...(documentation && { documentation }),
          },
        ],
  )
  return [...ofTopics, ...keptBrokerConfigs].map(config => ({
    documentation: withoutEffect,
    ...config,
    value: config.fallback,
  }))
}
