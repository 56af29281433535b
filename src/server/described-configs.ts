import type { LogConfig } from '../log/log-config.ts'
import { changeOptions } from '../log/topic-changes.ts'
import type { TopicOptions } from '../topic-definition.ts'
import { brokerConfigs } from './broker-configs.ts'
import type { ClusterNode } from './cluster/cluster-node.ts'
import { type ConfigSource, type ConfigType, configSources, configTypes } from './config-definition.ts'
import {
  type ConfigResource,
  configResources,
  groupOf,
  requireBroker,
  subscriptionOf,
  topicOf,
  unknownResource,
} from './config-resources.ts'
import { dynamicConfigs } from './dynamic-configs.ts'
import type { DescribedGroupConfig } from './group-configs.ts'
import { type GivenKept, withoutEffect } from './kept-configs.ts'
import type { ResponseOf } from './protocol/message.ts'
import type { describeConfigs } from './protocol/messages/describe-configs.ts'
import { configText, ownOption, type TopicConfig, toldConfigs } from './topic-configs.ts'
import type { Wire } from './wire.ts'

/** A config as a client is told of it. */
export type DescribedConfig = NonNullable<
  NonNullable<ResponseOf<typeof describeConfigs>['results']>[number]['configs']
>[number]

/** A config with all its values. */
interface SourcedConfig {
  readonly name: string
  readonly type: ConfigType
  /** Where its value may come from, the nearest first. */
  readonly sources: readonly ConfigSource[]
  /** Its value where there is no source, if there is one. */
  readonly fallback?: string | null
  readonly readOnly?: boolean
  /** Whether it is told only where it is set. */
  readonly internal?: true
  readonly documentation: string | null
}

/** A topic, or one that is only asked about. */
interface ConfiguredTopic {
  readonly name: string
  readonly asked: TopicOptions
  readonly options: LogConfig
}

/** All configs of a resource. @throws BrokerletError if it has none, or does not exist */
export function describedConfigs(
  wire: Wire,
  node: ClusterNode,
  resource: ConfigResource,
  synonyms: boolean,
): DescribedConfig[] {
  return sourcedConfigs(wire, node, resource)
    .filter(
      ({ internal, sources }) => !internal || sources.some(({ source }) => source !== configSources.default),
    )
    .map(config => describe(config, synonyms))
}

function sourcedConfigs(wire: Wire, node: ClusterNode, resource: ConfigResource): SourcedConfig[] {
  const { resourceType, resourceName } = resource
  switch (resourceType) {
    case configResources.topic: {
      const topic = topicOf(wire, resource)
      return configsOfTopic(wire, topic, wire.keptConfigs.of(topic))
    }
    case configResources.broker:
      return resourceName === '' ? configsOfAllBrokers(wire, node) : configsOfBroker(wire, node, resourceName)
    case configResources.group:
      return wire.groupConfigs.of(groupOf(resource)).map(config => withDynamic(wire, config))
    case configResources.brokerLogger:
      requireBroker(node, resourceName)
      return []
    case configResources.clientMetrics:
      return [...wire.clientMetrics.of(subscriptionOf(resource))]
    default:
      throw unknownResource(resourceType)
  }
}

/** All configs of a topic, or of one that is only asked about, with those that are only kept. */
export function configsOfTopic(
  wire: Wire,
  topic: ConfiguredTopic,
  kept: readonly GivenKept[],
): SourcedConfig[] {
  return [
    ...toldConfigs(topic.asked).map(config => ofTopic(wire, topic, config)),
    ...kept.map(config => ofKept(wire, config)),
  ]
}

function ofTopic(wire: Wire, topic: ConfiguredTopic, config: TopicConfig): SourcedConfig {
  const { name, brokerName } = config
  const own = ownOption(config, topic.asked)
  const set = wire.dynamicConfigs.sourcesOf(brokerName)
  const sources = [...set]
  if (own !== undefined)
    sources.unshift({ name, value: configText(config, own), source: configSources.topic })
  if (name !== brokerName) {
    const common =
      set.length > 0 ? wire.dynamicConfigs.unaltered[config.option] : withoutOwn(wire, topic, config)
    sources.push({ name: brokerName, value: configText(config, common), source: configSources.default })
  }
  return { ...config, sources }
}

// What the topic would have without an option of its own.
function withoutOwn(
  { engine }: Wire,
  { name, asked, options }: ConfiguredTopic,
  { option }: TopicConfig,
): unknown {
  if (asked[option] === undefined) return options[option]
  const { active } = changeOptions(name, asked, { [option]: null }, engine.commonOptions)
  return engine.logConfig(name, active)[option]
}

function ofKept(
  { dynamicConfigs: dynamic }: Wire,
  { name, brokerName, unset, type, fallback, own, documentation = withoutEffect }: GivenKept,
): SourcedConfig {
  const sources: ConfigSource[] = own === undefined ? [] : [{ name, value: own, source: configSources.topic }]
  if (brokerName !== undefined) sources.push(...dynamic.sourcesOf(brokerName))
  if (brokerName !== undefined && !unset) {
    sources.push({ name: brokerName, value: fallback, source: configSources.default })
  }
  return { name, type, sources, fallback, documentation }
}

function configsOfBroker(wire: Wire, node: ClusterNode, resourceName: string): SourcedConfig[] {
  requireBroker(node, resourceName)
  const { dynamicConfigs: dynamic } = wire
  const told = brokerConfigs(wire, node).map(({ value, fallback, ...config }): SourcedConfig => {
    const { name } = config
    const sources = dynamic.sourcesOf(name, resourceName)
    if (value !== null && value !== fallback) sources.push({ name, value, source: configSources.server })
    if (typeof fallback === 'string') sources.push({ name, value: fallback, source: configSources.default })
    return { ...config, sources, fallback: null, readOnly: !dynamicConfigs.has(name) }
  })
  const known = new Set(told.map(({ name }) => name))
  const others = [...dynamic.namesOf(resourceName), ...dynamic.namesOf('')].filter(name => !known.has(name))
  return [...told, ...[...new Set(others)].map(name => ofName(wire, name, resourceName))]
}

// Only what is set for all brokers.
function configsOfAllBrokers(wire: Wire, node: ClusterNode): SourcedConfig[] {
  const documentation = new Map(brokerConfigs(wire, node).map(config => [config.name, config.documentation]))
  return wire.dynamicConfigs
    .namesOf('')
    .map(name => ({ ...ofName(wire, name, ''), documentation: documentation.get(name) ?? null }))
}

function ofName({ dynamicConfigs: dynamic }: Wire, name: string, broker: string): SourcedConfig {
  const { type } = dynamicConfigs.get(name)!
  return { name, type, sources: dynamic.sourcesOf(name, broker), documentation: null }
}

// What is set for all groups by a config of the brokers, behind what the group has of its own.
function withDynamic({ dynamicConfigs: dynamic }: Wire, config: DescribedGroupConfig): SourcedConfig {
  const own = config.sources.filter(({ source }) => source === configSources.group)
  const others = config.sources.filter(({ source }) => source !== configSources.group)
  return { ...config, sources: [...own, ...dynamic.sourcesOf(others[0]!.name), ...others] }
}

function describe(
  { name, type, sources, fallback = null, readOnly = false, documentation }: SourcedConfig,
  synonyms: boolean,
): DescribedConfig {
  return {
    name,
    value: sources[0]?.value ?? fallback,
    readOnly,
    configSource: sources[0]?.source ?? configSources.default,
    configType: configTypes[type],
    synonyms: synonyms ? [...sources] : [],
    documentation,
  }
}
