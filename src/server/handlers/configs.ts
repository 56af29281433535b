import { errorCodes } from '../../error-codes.ts'
import { InvalidArgumentError, InvalidOptionError } from '../../errors.ts'
import type { Topic } from '../../log/topic.ts'
import type { TopicChanges } from '../../topic-definition.ts'
import type { ClusterNode } from '../cluster/cluster.ts'
import {
  type ConfigResource,
  configResources,
  groupOf,
  requireBroker,
  subscriptionOf,
  topicOf,
  unknownResource,
} from '../config-resources.ts'
import { type DescribedConfig, describedConfigs } from '../described-configs.ts'
import { type Handler, handler } from '../handler.ts'
import { resetInert, splitConfigs } from '../inert-configs.ts'
import { alterConfigs } from '../protocol/messages/alter-configs.ts'
import { describeConfigs } from '../protocol/messages/describe-configs.ts'
import { incrementalAlterConfigs } from '../protocol/messages/incremental-alter-configs.ts'
import { listConfigResources } from '../protocol/messages/list-config-resources.ts'
import { checkResting } from '../resting-options.ts'
import {
  configValue,
  isTopicConfig,
  listed,
  parseConfig,
  type TopicConfig,
  toPolicy,
  topicConfig,
  topicConfigs,
} from '../topic-configs.ts'
import { attempt, type Wire } from '../wire.ts'

interface Operation {
  readonly name: string
  /** Left out where the config is set. */
  readonly configOperation?: number
}

interface ChangedConfig extends Required<Operation> {
  readonly value: string | null
}

interface AlteredResource extends ConfigResource {
  readonly configs: readonly Operation[]
}

// What a request does with a config. (Kafka: AlterConfigOp.OpType)
const operations = ['set', 'delete', 'append', 'subtract'] as const

const deletes = ({ configOperation }: Operation) => operations[configOperation ?? 0] === 'delete'

/** The changes of a topic's configs. */
interface Changes {
  readonly changes: TopicChanges
  readonly inert: ReadonlyMap<string, string | null>
}

/** How a request names the changes of a resource's configs. */
interface Alterations<Asked> {
  topic(topic: Topic, asked: Asked): Changes
  /** The changes of a group's or a subscription's configs, by name; null resets a config to its default. */
  named(asked: Asked): ReadonlyMap<string, string | null>
  /** Whether configs that are not named are reset to their defaults. */
  readonly replaces: boolean
}

/** Describes and alters the configs of topics, groups and client metrics; those of the broker are only described. */
export function configHandlers(wire: Wire): Handler[] {
  /** Each resource is altered for itself: one that is refused does not keep the others from it. */
  const alterAll = <Asked extends AlteredResource>(
    { resources, validateOnly }: { readonly resources: readonly Asked[]; readonly validateOnly: boolean },
    node: ClusterNode,
    alterations: Alterations<Asked>,
  ) => {
    const alterTopic = (topic: Topic, asked: Asked) => {
      const { changes, inert } = alterations.topic(topic, asked)
      const altered = topic.requireAlterable(changes, 'rests')
      checkResting(wire.engine, topic.name, altered.asked)
      if (validateOnly) return
      topic.become(altered)
      wire.inertConfigs.set(topic, inert)
    }
    const alterGroup = (asked: Asked) => {
      const { groupConfigs } = wire
      const groupId = groupOf(asked)
      const own = groupConfigs.altered(groupId, alterations.named(asked), alterations)
      if (!validateOnly) groupConfigs.become(groupId, own)
    }
    const alterSubscription = (asked: Asked) => {
      const { clientMetrics } = wire
      const name = subscriptionOf(asked)
      const own = clientMetrics.altered(name, alterations.named(asked), alterations)
      if (!validateOnly) clientMetrics.become(name, own)
    }
    const twice = repeated(resources)
    const responses = resources.map(asked => {
      const { resourceType, resourceName } = asked
      const result = attempt(wire, () => {
        if (twice.has(idOf(asked))) throw new InvalidArgumentError(`'${resourceName}' is named twice`)
        if (resetsFixed(asked, node)) return
        if (resourceType === configResources.group) alterGroup(asked)
        else if (resourceType === configResources.clientMetrics) alterSubscription(asked)
        else alterTopic(alterable(wire, asked), asked)
      })
      return { resourceType, resourceName, ...result }
    })
    return { responses }
  }
  return [
    handler(describeConfigs, ({ resources, includeSynonyms, includeDocumentation }, { node }) => ({
      results: resources.map(({ resourceType, resourceName, configurationKeys }) => {
        let configs: readonly DescribedConfig[] = []
        const result = attempt(wire, () => {
          configs = describedConfigs(wire, node, { resourceType, resourceName }, includeSynonyms)
        })
        const wanted = configs.filter(
          ({ name }) => !configurationKeys?.length || configurationKeys.includes(name!),
        )
        return {
          resourceType,
          resourceName,
          ...result,
          configs: includeDocumentation ? wanted : wanted.map(each => ({ ...each, documentation: null })),
        }
      }),
    })),

    // Configs that it does not name are reset to their defaults; newer clients name only the changes.
    handler(alterConfigs, (request, { node }) =>
      alterAll(request, node, {
        topic({ name: topic }, { configs }) {
          requireDistinct(configs)
          const changes: Record<string, unknown> = {}
          for (const { option } of topicConfigs) changes[option] = null
          const { meant, inert } = splitConfigs(topic, configs)
          for (const { name, value } of meant) {
            const config = topicConfig(topic, name)
            changes[config.option] = parseConfig(topic, config, requireValue(name, value))
          }
          return { changes, inert: resetInert(inert) }
        },
        named({ configs }) {
          requireDistinct(configs)
          return new Map(configs.map(({ name, value }) => [name, requireValue(name, value)]))
        },
        replaces: true,
      }),
    ),

    // Lists resources with configs, of the kinds named (KIP-1142); before version 1 those of client metrics only.
    handler(listConfigResources, ({ resourceTypes }, { version }) => {
      const kinds = Object.values(configResources)
      const asked = version === 0 ? [configResources.clientMetrics] : resourceTypes
      if (asked.some(each => !kinds.some(kind => kind === each)))
        return { errorCode: errorCodes.UNSUPPORTED_VERSION.errno, configResources: [] }
      const wanted = asked.length === 0 ? kinds : kinds.filter(kind => asked.includes(kind))
      return {
        configResources: wanted.flatMap(resourceType =>
          namesOf(wire, resourceType).map(resourceName => ({ resourceName, resourceType })),
        ),
      }
    }),

    handler(incrementalAlterConfigs, (request, { node }) =>
      alterAll(request, node, {
        topic(topic, { configs }) {
          requireDistinct(configs)
          const asked = configs.map(each => ({ ...each, value: deletes(each) ? null : each.value }))
          const { meant, inert } = splitConfigs(topic.name, asked)
          for (const { name, configOperation } of configs) {
            if (inert.has(name)) requireSetOrDelete(topic, name, configOperation)
          }
          // To reset what no topic has changes nothing. (Kafka: ConfigurationControlManager)
          const named = meant.filter(each => !deletes(each) || isTopicConfig(each.name))
          const changes = named.map(({ name, configOperation, value }) => {
            const config = topicConfig(topic.name, name)
            return [config.option, changed(topic, config, configOperation, value)] as const
          })
          return { changes: Object.fromEntries(changes), inert }
        },
        named({ configs }) {
          requireDistinct(configs)
          return new Map(configs.map(each => [each.name, changedText(each)]))
        },
        replaces: false,
      }),
    ),
  ]
}

function operationOf(name: string, operation: number): (typeof operations)[number] {
  const kind = operations[operation]
  if (kind !== undefined) return kind
  throw new InvalidArgumentError(`Config '${name}': unknown operation ${operation}`)
}

function changed(topic: Topic, config: TopicConfig, operation: number, value: string | null): unknown {
  const kind = operationOf(config.name, operation)
  if (kind === 'delete') return null
  const text = requireValue(config.name, value)
  if (kind === 'set') return parseConfig(topic.name, config, text)
  if (config.type !== 'list') {
    throw new InvalidOptionError(
      `Topic '${topic.name}': config '${config.name}' is no list, so nothing can be ${kind === 'append' ? 'appended to' : 'taken from'} it`,
      { topic: topic.name, option: config.name },
    )
  }
  const before = listed(configValue(config, topic.asked, topic.options).value)
  const named = listed(text)
  return toPolicy(kind === 'append' ? [...before, ...named] : before.filter(each => !named.includes(each)))
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

// None of a group's configs is a list, nor is one of client metrics as far as changes go.
function changedText({ name, configOperation, value }: ChangedConfig): string | null {
  const kind = operationOf(name, configOperation)
  if (kind === 'delete') return null
  const text = requireValue(name, value)
  if (kind === 'set') return text
  throw new InvalidOptionError(`Can't ${kind.toUpperCase()} to key ${name} because its type is not LIST.`, {
    option: name,
  })
}

function requireSetOrDelete(topic: Topic, name: string, operation: number): void {
  const kind = operations[operation]
  if (kind === 'set' || kind === 'delete') return
  throw new InvalidOptionError(
    `Topic '${topic.name}': config '${name}' can be set and deleted, received operation ${operation}`,
    { topic: topic.name, option: name },
  )
}

function requireValue(name: string, value: string | null): string {
  if (value !== null) return value
  throw new InvalidArgumentError(`Config '${name}' expected a value, received null`, { field: name })
}

function requireDistinct(configs: readonly { readonly name: string }[]): void {
  const seen = new Set<string>()
  for (const { name } of configs) {
    if (seen.has(name)) throw new InvalidArgumentError(`Config '${name}' is named twice`)
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

/** The topic to alter. @throws InvalidOptionError, InvalidArgumentError if it is not a topic */
function alterable(wire: Wire, asked: ConfigResource): Topic {
  const { resourceType } = asked
  if (resourceType === configResources.topic) return topicOf(wire, asked)
  const why = fixed.get(resourceType)
  throw why === undefined ? unknownResource(resourceType) : new InvalidOptionError(why)
}

// Resources that can be described and never change.
const fixed: ReadonlyMap<number, string> = new Map([
  [
    configResources.broker,
    "A broker's configs cannot be altered: they are options of new Broker(...) and of its server, and stay",
  ],
  [configResources.brokerLogger, 'There are no loggers'],
])

// A broker has nothing set, so to reset some of it changes nothing; tools that lift throttles do so.
function resetsFixed(asked: AlteredResource, node: ClusterNode): boolean {
  const { resourceType, resourceName, configs } = asked
  if (resourceType === configResources.brokerLogger) requireBroker(node, resourceName)
  if (resourceType !== configResources.broker || !configs.every(deletes)) return false
  if (resourceName !== '') requireBroker(node, resourceName)
  return true
}
