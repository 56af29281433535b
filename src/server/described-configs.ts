import type { Topic } from '../log/topic.ts'
import { changeOptions } from '../log/topic-changes.ts'
import { brokerConfigs } from './broker-configs.ts'
import type { DescribedSubscriptionConfig } from './client-metrics.ts'
import type { ClusterNode } from './cluster/cluster.ts'
import {
  type ConfigResource,
  configResources,
  groupOf,
  requireBroker,
  subscriptionOf,
  topicOf,
  unknownResource,
} from './config-resources.ts'
import type { GivenInert } from './inert-configs.ts'
import type { ResponseOf } from './protocol/message.ts'
import type { describeConfigs } from './protocol/messages/describe-configs.ts'
import {
  type ConfigType,
  configSources,
  configText,
  configTypes,
  configValue,
  type TopicConfig,
  topicConfigs,
} from './topic-configs.ts'
import type { Wire } from './wire.ts'

/** A config as a client is told of it. */
export type DescribedConfig = NonNullable<
  NonNullable<ResponseOf<typeof describeConfigs>['results']>[number]['configs']
>[number]

/** A value of a config, and where it is from. */
interface ConfigSource {
  readonly name: string
  readonly value: string
  readonly source: number
}

interface SourcedConfig {
  readonly name: string
  readonly type: ConfigType
  /** All its values; the first one counts. */
  readonly sources: readonly ConfigSource[]
  readonly documentation: string
}

/** All configs of a resource. @throws BrokerletError if it has none, or does not exist */
export function describedConfigs(
  wire: Wire,
  node: ClusterNode,
  resource: ConfigResource,
  synonyms: boolean,
): DescribedConfig[] {
  const { resourceType, resourceName } = resource
  switch (resourceType) {
    case configResources.topic: {
      const topic = topicOf(wire, resource)
      return [
        ...topicConfigs.map(config => describeTopicConfig(wire, topic, config, synonyms)),
        ...wire.inertConfigs.of(topic).map(config => describeInert(config, synonyms)),
      ]
    }
    case configResources.broker:
      return describeBroker(wire, node, resourceName, synonyms)
    case configResources.group:
      return wire.groupConfigs.of(groupOf(resource)).map(config => describeSources(config, synonyms))
    case configResources.brokerLogger:
      requireBroker(node, resourceName)
      return []
    case configResources.clientMetrics:
      return wire.clientMetrics
        .of(subscriptionOf(resource))
        .map(config => describeSubscription(config, synonyms))
    default:
      throw unknownResource(resourceType)
  }
}

function describeBroker(
  wire: Wire,
  node: ClusterNode,
  resourceName: string,
  synonyms: boolean,
): DescribedConfig[] {
  // An empty name means the defaults of all brokers in a cluster: nothing is ever set there.
  if (resourceName === '') return []
  requireBroker(node, resourceName)
  return brokerConfigs(wire, node).map(({ name, value, type, documentation }) => ({
    name,
    value,
    readOnly: true,
    configSource: configSources.broker,
    configType: configTypes[type],
    synonyms: synonyms ? [{ name, value, source: configSources.broker }] : [],
    documentation,
  }))
}

function describeTopicConfig(
  wire: Wire,
  topic: Topic,
  config: TopicConfig,
  synonyms: boolean,
): DescribedConfig {
  const { name, type, documentation } = config
  const { value, configSource } = configValue(config, topic.asked, topic.options)
  return {
    name,
    value,
    configSource,
    configType: configTypes[type],
    synonyms: synonyms ? synonymsOf(wire, topic, config) : [],
    documentation,
  }
}

// A default has no synonym here. (Kafka: ConfigHelper)
function describeSubscription(
  { name, type, value, source, documentation }: DescribedSubscriptionConfig,
  synonyms: boolean,
): DescribedConfig {
  const own = source !== configSources.default
  return {
    name,
    value,
    configSource: source,
    configType: configTypes[type],
    synonyms: synonyms && own ? [{ name, value, source }] : [],
    documentation,
  }
}

function describeInert({ name, type, fallback, own }: GivenInert, synonyms: boolean): DescribedConfig {
  const sources = [
    ...(own === undefined ? [] : [{ name, value: own, source: configSources.topic }]),
    { name, value: fallback, source: configSources.default },
  ]
  const documentation = 'Kept and told, and without an effect in memory.'
  return describeSources({ name, type, sources, documentation }, synonyms)
}

function describeSources(
  { name, type, sources, documentation }: SourcedConfig,
  synonyms: boolean,
): DescribedConfig {
  const { value, source } = sources[0]!
  return {
    name,
    value,
    configSource: source,
    configType: configTypes[type],
    synonyms: synonyms ? [...sources] : [],
    documentation,
  }
}

// Where its value may come from, the nearest first.
function synonymsOf(
  { engine }: Wire,
  { name: topic, asked }: Topic,
  { name, brokerName, option }: TopicConfig,
) {
  // segment.ms may not exceed retention.ms, so it is left out with that.
  const without = { [option]: null, ...(option === 'retentionMs' ? { segmentMs: null } : {}) }
  const { active } = changeOptions(topic, asked, without)
  const fallback = {
    name: brokerName,
    value: configText(engine.logConfig(topic, active)[option]),
    source: configSources.default,
  }
  const own = asked[option]
  return own === undefined
    ? [fallback]
    : [{ name, value: configText(own), source: configSources.topic }, fallback]
}
