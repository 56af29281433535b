import { InvalidArgumentError, InvalidOptionError } from '../../errors.ts'
import type { Topic } from '../../log/topic.ts'
import type { ClusterNode } from '../cluster/cluster-node.ts'
import { type ConfigChanges, type ConfigDefinition, elementsOf } from '../config-definition.ts'
import {
  alteredTopicOf,
  type ConfigResource,
  configResources,
  groupOf,
  requireBroker,
  subscriptionOf,
  unknownResource,
} from '../config-resources.ts'
import { describedConfigs } from '../described-configs.ts'
import { dynamicConfigs } from '../dynamic-configs.ts'
import { type Handler, handler } from '../handler.ts'
import { inTurns } from '../in-turns.ts'
import { resetKept, splitConfigs } from '../kept-configs.ts'
import { alterConfigs } from '../protocol/messages/alter-configs.ts'
import { describeConfigs } from '../protocol/messages/describe-configs.ts'
import { incrementalAlterConfigs } from '../protocol/messages/incremental-alter-configs.ts'
import { listConfigResources } from '../protocol/messages/list-config-resources.ts'
import { configText, isTopicConfig, toOptions, topicConfig, topicConfigs } from '../topic-configs.ts'
import { attempt, attemptToFind, type Wire } from '../wire.ts'
import { errnoOf } from '../wire-error-code.ts'

/** A config as IncrementalAlterConfigs names it. */
interface AskedConfig {
  readonly name: string
  readonly configOperation: number
  readonly value: string | null
}

interface AskedResource extends ConfigResource {
  readonly configs: readonly AskedConfig[]
}

/** A config that may be a list, with its present value. */
type PresentConfig = Pick<ConfigDefinition, 'type'> & { readonly value: string }
type Present = (name: string) => PresentConfig | undefined

// What a request does with a config. (Kafka: AlterConfigOp.OpType)
const operations = ['set', 'delete', 'append', 'subtract'] as const

/** What is said of groups and client metrics: none of their configs is a list, as far as changes go. */
const noList: Present = () => undefined

/** Describes and alters the configs of topics, brokers, groups and client metrics. */
export function configHandlers(wire: Wire): Handler[] {
  return [
    handler(describeConfigs, async ({ resources, includeSynonyms, includeDocumentation }, { node }) => ({
      results: await inTurns(
        wire.engine.clock,
        resources,
        ({ resourceType, resourceName, configurationKeys }) => {
          const resource = { resourceType, resourceName }
          const { found, ...result } = attemptToFind(wire, () =>
            describedConfigs(wire, node, resource, includeSynonyms),
          )
          const wanted = found.filter(
            ({ name }) => !configurationKeys?.length || configurationKeys.includes(name!),
          )
          return {
            ...resource,
            ...result,
            configs: includeDocumentation ? wanted : wanted.map(each => ({ ...each, documentation: null })),
          }
        },
      ),
    })),

    // Configs that it does not name are reset to their defaults; newer clients name only the changes.
    handler(alterConfigs, ({ resources, validateOnly }, { node }) => {
      const set = operations.indexOf('set')
      const asked = resources.map(({ configs, ...resource }) => ({
        ...resource,
        configs: configs.map(config => ({ ...config, configOperation: set })),
      }))
      return alterAll(wire, node, asked, { replaces: true, validateOnly })
    }),

    // Lists resources with configs, of the kinds named (KIP-1142); before version 1 those of client metrics only.
    handler(listConfigResources, ({ resourceTypes }, { version }) => {
      const kinds = Object.values(configResources)
      const asked = version === 0 ? [configResources.clientMetrics] : resourceTypes
      if (asked.some(each => !kinds.some(kind => kind === each)))
        return { errorCode: errnoOf('UNSUPPORTED_VERSION'), configResources: [] }
      const wanted = asked.length === 0 ? kinds : kinds.filter(kind => asked.includes(kind))
      return {
        configResources: wanted.flatMap(resourceType =>
          namesOf(wire, resourceType).map(resourceName => ({ resourceName, resourceType })),
        ),
      }
    }),

    handler(incrementalAlterConfigs, ({ resources, validateOnly }, { node }) =>
      alterAll(wire, node, resources, { replaces: false, validateOnly }),
    ),
  ]
}

interface Altering {
  /** Whether configs that are not named are reset to their defaults. */
  readonly replaces: boolean
  readonly validateOnly: boolean
}

// Each resource is altered for itself: one that is refused does not keep the others from it.
async function alterAll(wire: Wire, node: ClusterNode, resources: readonly AskedResource[], how: Altering) {
  const twice = repeated(resources)
  const responses = await inTurns(wire.engine.clock, resources, asked => {
    const { resourceType, resourceName } = asked
    const result = attempt(wire, () => {
      if (twice.has(idOf(asked))) throw new InvalidArgumentError(`'${resourceName}' is named twice`)
      requireDistinct(asked.configs)
      requireValues(asked.configs)
      alter(wire, node, asked, how)
    })
    return { resourceType, resourceName, ...result }
  })
  return { responses }
}

/** @throws BrokerletError if it cannot be altered so */
function alter(
  wire: Wire,
  node: ClusterNode,
  asked: AskedResource,
  { replaces, validateOnly }: Altering,
): void {
  const { resourceType, resourceName, configs } = asked
  const changes = (present: Present): ConfigChanges => ({
    named: new Map(configs.map(each => [each.name, changedText(each, present(each.name))])),
    replaces,
  })
  switch (resourceType) {
    case configResources.topic:
      return alterTopic(wire, alteredTopicOf(wire, asked), changes, validateOnly)
    case configResources.broker: {
      const { dynamicConfigs: dynamic } = wire
      if (resourceName !== '') requireBroker(node, resourceName)
      const own = dynamic.altered(
        resourceName,
        changes(name => presentOf(wire, name, resourceName)),
      )
      if (!validateOnly) dynamic.become(resourceName, own)
      return
    }
    case configResources.group: {
      const groupId = groupOf(asked)
      const own = wire.groupConfigs.altered(groupId, changes(noList))
      if (!validateOnly) wire.groupConfigs.become(groupId, own)
      return
    }
    case configResources.clientMetrics: {
      const name = subscriptionOf(asked)
      const own = wire.clientMetrics.altered(name, changes(noList))
      if (!validateOnly) wire.clientMetrics.become(name, own)
      return
    }
    case configResources.brokerLogger:
      // Only newer clients know loggers.
      if (replaces) throw unknownResource(resourceType)
      requireBroker(node, resourceName)
      if (configs.length > 0) throw new InvalidOptionError('There are no loggers')
      return
    default:
      throw unknownResource(resourceType)
  }
}

function alterTopic(
  wire: Wire,
  topic: Topic,
  changesFrom: (present: Present) => ConfigChanges,
  validateOnly: boolean,
): void {
  const { named, replaces } = changesFrom(name => presentOfTopic(wire, topic, name))
  const { meant, kept } = splitConfigs([...named].map(([name, value]) => ({ name, value })))
  // To reset what no topic has changes nothing. (Kafka: ConfigurationControlManager)
  const options = toOptions(meant.filter(({ name, value }) => value !== null || isTopicConfig(name)))
  const others = replaces ? topicConfigs.map(({ option }) => [option, null] as const) : []
  const altered = topic.requireAlterable({ ...Object.fromEntries(others), ...options }, 'rests')
  if (validateOnly) return
  topic.become(altered)
  wire.keptConfigs.set(topic, replaces ? resetKept(kept) : kept)
}

function operationOf(name: string, operation: number): (typeof operations)[number] {
  const kind = operations[operation]
  if (kind !== undefined) return kind
  throw new InvalidArgumentError(`Config '${name}': unknown operation ${operation}`)
}

// The text that a config is to have; null resets it to its default.
function changedText({ name, configOperation, value }: AskedConfig, present: PresentConfig | undefined) {
  const kind = operationOf(name, configOperation)
  if (kind === 'delete') return null
  const text = value!
  if (kind === 'set') return text
  if (present?.type !== 'list') {
    const message = `Can't ${kind.toUpperCase()} to key ${name} because its type is not LIST.`
    throw new InvalidOptionError(message, { option: name })
  }
  const before = elementsOf(present.value)
  const given = elementsOf(text.trim())
  const after = kind === 'append' ? [...before, ...given] : before.filter(each => !given.includes(each))
  return [...new Set(after)].join()
}

function presentOfTopic(wire: Wire, topic: Topic, name: string): PresentConfig | undefined {
  const kept = wire.keptConfigs.of(topic).find(config => config.name === name)
  if (kept !== undefined) return { type: kept.type, value: kept.own ?? kept.fallback }
  if (!isTopicConfig(name)) return undefined
  const config = topicConfig(name)
  // Where it has none of its own, a list begins with Kafka's default, whatever is set for brokers.
  return {
    type: config.type,
    value: configText(config, topic.asked[config.option] ?? wire.dynamicConfigs.unaltered[config.option]),
  }
}

function presentOf(
  { dynamicConfigs: dynamic }: Wire,
  name: string,
  broker: string,
): PresentConfig | undefined {
  const config = dynamicConfigs.get(name)
  return config && { type: config.type, value: dynamic.valueOf(name, broker) }
}

// The resources of a kind that have configs.
function namesOf(
  { engine, cluster, groupConfigs, clientMetrics }: Wire,
  resourceType: number,
): readonly string[] {
  switch (resourceType) {
    case configResources.topic:
      return [...engine.topics.keys()]
    case configResources.broker:
    case configResources.brokerLogger:
      return cluster.running.map(({ nodeId }) => String(nodeId))
    case configResources.group:
      return groupConfigs.groupIds
    case configResources.clientMetrics:
      return clientMetrics.names
    default:
      return []
  }
}

// Only what is reset has no value. What that means is looked at later. (Kafka: ConfigAdminManager.preprocess)
function requireValues(configs: readonly AskedConfig[]): void {
  const reset = operations.indexOf('delete')
  const missing = configs.filter(({ value, configOperation }) => value === null && configOperation !== reset)
  if (missing.length === 0) return
  const names = missing.map(({ name }) => name)
  throw new InvalidArgumentError(`Null value not supported for : ${names}`, { field: names[0] })
}

function requireDistinct(configs: readonly AskedConfig[]): void {
  const seen = new Set<string>()
  for (const { name } of configs) {
    if (seen.has(name))
      throw new InvalidArgumentError(`Error due to duplicate config keys: '${name}' is named twice`)
    seen.add(name)
  }
}

// The resources that a request names more than once: it is unknown which of the changes is meant.
function repeated(resources: readonly ConfigResource[]): ReadonlySet<string> {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const id of resources.map(idOf)) (seen.has(id) ? twice : seen).add(id)
  return twice
}

function idOf({ resourceType, resourceName }: ConfigResource): string {
  return `${resourceType} ${resourceName}`
}
