import { InvalidArgumentError, InvalidOptionError } from '../../errors.ts'
import type { Topic } from '../../log/topic.ts'
import type { TopicChanges } from '../../topic-definition.ts'
import type { ClusterNode } from '../cluster/cluster-node.ts'
import { type ConfigDefinition, elementsOf } from '../config-definition.ts'
import {
  alteredTopicOf,
  type ConfigResource,
  configResources,
  groupOf,
  requireBroker,
  subscriptionOf,
  unknownResource,
} from '../config-resources.ts'
import { type DescribedConfig, describedConfigs } from '../described-configs.ts'
import { dynamicConfigs } from '../dynamic-configs.ts'
import { type Handler, handler } from '../handler.ts'
import { resetInert, splitConfigs } from '../inert-configs.ts'
import { alterConfigs } from '../protocol/messages/alter-configs.ts'
import { describeConfigs } from '../protocol/messages/describe-configs.ts'
import { incrementalAlterConfigs } from '../protocol/messages/incremental-alter-configs.ts'
import { listConfigResources } from '../protocol/messages/list-config-resources.ts'
import { checkResting } from '../resting-options.ts'
import { configText, isTopicConfig, parseConfig, topicConfig, topicConfigs } from '../topic-configs.ts'
import { attempt, type Wire } from '../wire.ts'
import { errnoOf } from '../wire-error-code.ts'

interface Operation {
  readonly name: string
  /** Left out where the config is set. */
  readonly configOperation?: number
}

interface ChangedConfig extends Required<Operation> {
  readonly value: string | null
}

interface AlteredResource extends ConfigResource {
  readonly configs: readonly (Operation & { readonly value: string | null })[]
}

/** A config that may be a list, with its present value. */
type PresentConfig = Pick<ConfigDefinition, 'type'> & { readonly value: string }

// What a request does with a config. (Kafka: AlterConfigOp.OpType)
const operations = ['set', 'delete', 'append', 'subtract'] as const

/** What is said of groups and client metrics: none of their configs is a list, as far as changes go. */
const noList = (): undefined => undefined

/** The changes of a topic's configs. */
interface Changes {
  readonly changes: TopicChanges
  readonly inert: ReadonlyMap<string, string | null>
}

/** How a request names the changes of a resource's configs. */
interface Alterations<Asked> {
  topic(topic: Topic, asked: Asked): Changes
  /** Changes the levels of a broker's loggers. @throws why it cannot */
  loggers(asked: Asked, node: ClusterNode): void
  /** The changes of another resource's configs, by name; null resets a config to its default. */
  named(
    asked: Asked,
    present: (name: string) => PresentConfig | undefined,
  ): ReadonlyMap<string, string | null>
  /** Whether configs that are not named are reset to their defaults. */
  readonly replaces: boolean
}

/** Describes and alters the configs of topics, brokers, groups and client metrics. */
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
      const own = groupConfigs.altered(groupId, alterations.named(asked, noList), alterations)
      if (!validateOnly) groupConfigs.become(groupId, own)
    }
    const alterSubscription = (asked: Asked) => {
      const { clientMetrics } = wire
      const name = subscriptionOf(asked)
      const own = clientMetrics.altered(name, alterations.named(asked, noList), alterations)
      if (!validateOnly) clientMetrics.become(name, own)
    }
    const alterBroker = (asked: Asked) => {
      const { dynamicConfigs: dynamic } = wire
      const { resourceName } = asked
      if (resourceName !== '') requireBroker(node, resourceName)
      const present = (name: string) => presentOf(wire, name, resourceName)
      const own = dynamic.altered(resourceName, alterations.named(asked, present), alterations)
      if (!validateOnly) dynamic.become(resourceName, own)
    }
    const twice = repeated(resources)
    const responses = resources.map(asked => {
      const { resourceType, resourceName } = asked
      const result = attempt(wire, () => {
        if (twice.has(idOf(asked))) throw new InvalidArgumentError(`'${resourceName}' is named twice`)
        requireDistinct(asked.configs)
        requireValues(asked.configs)
        if (resourceType === configResources.broker) alterBroker(asked)
        else if (resourceType === configResources.brokerLogger) alterations.loggers(asked, node)
        else if (resourceType === configResources.group) alterGroup(asked)
        else if (resourceType === configResources.clientMetrics) alterSubscription(asked)
        else if (resourceType === configResources.topic) alterTopic(alteredTopicOf(wire, asked), asked)
        else throw unknownResource(resourceType)
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
        // Only newer clients know loggers.
        loggers() {
          throw unknownResource(configResources.brokerLogger)
        },
        topic(_, { configs }) {
          const changes: Record<string, unknown> = {}
          for (const { option } of topicConfigs) changes[option] = null
          const { meant, inert } = splitConfigs(configs)
          for (const { name, value } of meant) {
            const config = topicConfig(name)
            changes[config.option] = parseConfig(config, value!)
          }
          return { changes, inert: resetInert(inert) }
        },
        named({ configs }) {
          return new Map(configs.map(({ name, value }) => [name, value]))
        },
        replaces: true,
      }),
    ),

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

    handler(incrementalAlterConfigs, (request, { node }) =>
      alterAll(request, node, {
        loggers({ resourceName, configs }, broker) {
          requireBroker(broker, resourceName)
          if (configs.length > 0) throw new InvalidOptionError('There are no loggers')
        },
        topic(topic, { configs }) {
          const texts = configs.map(each => {
            return { name: each.name, value: changedText(each, presentOfTopic(wire, topic, each.name)) }
          })
          const { meant, inert } = splitConfigs(texts)
          // To reset what no topic has changes nothing. (Kafka: ConfigurationControlManager)
          const named = meant.filter(({ name, value }) => value !== null || isTopicConfig(name))
          const changes = named.map(({ name, value }) => {
            const config = topicConfig(name)
            return [config.option, value === null ? null : parseConfig(config, value)] as const
          })
          return { changes: Object.fromEntries(changes), inert }
        },
        named({ configs }, present) {
          return new Map(configs.map(each => [each.name, changedText(each, present(each.name))]))
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

// The text that a config is to have; null resets it to its default.
function changedText({ name, configOperation, value }: ChangedConfig, present: PresentConfig | undefined) {
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
  const inert = wire.inertConfigs.of(topic).find(config => config.name === name)
  if (inert !== undefined) return { type: inert.type, value: inert.own ?? inert.fallback }
  if (!isTopicConfig(name)) return undefined
  const config = topicConfig(name)
  return {
    type: config.type,
    value: configText(config, topic.asked[config.option] ?? topic.options[config.option]),
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
function requireValues(configs: AlteredResource['configs']): void {
  const reset = operations.indexOf('delete')
  const missing = configs.filter(({ value, configOperation }) => value === null && configOperation !== reset)
  if (missing.length === 0) return
  const names = missing.map(({ name }) => name)
  throw new InvalidArgumentError(`Null value not supported for : ${names}`, { field: names[0] })
}

function requireDistinct(configs: readonly { readonly name: string }[]): void {
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
