import { InvalidArgumentError, InvalidOptionError } from '../../errors.ts'
import type { Topic } from '../../log/topic.ts'
import { changeOptions } from '../../log/topic-changes.ts'
import type { TopicChanges } from '../../topic-definition.ts'
import { brokerConfigs } from '../broker-configs.ts'
import type { ClusterNode } from '../cluster/cluster.ts'
import { type Handler, handler } from '../handler.ts'
import { type GivenInert, resetInert, splitConfigs } from '../inert-configs.ts'
import type { ResponseOf } from '../protocol/message.ts'
import { alterConfigs } from '../protocol/messages/alter-configs.ts'
import { describeConfigs } from '../protocol/messages/describe-configs.ts'
import { incrementalAlterConfigs } from '../protocol/messages/incremental-alter-configs.ts'
import { checkResting } from '../resting-options.ts'
import {
  configSources,
  configText,
  configTypes,
  configValue,
  listed,
  parseConfig,
  type TopicConfig,
  toPolicy,
  topicConfig,
  topicConfigs,
} from '../topic-configs.ts'
import { attempt, type Wire } from '../wire.ts'

interface Resource {
  readonly resourceType: number
  readonly resourceName: string
}

interface Operation {
  readonly name: string
  /** Left out, it is set. */
  readonly configOperation?: number
}

interface AlteredResource extends Resource {
  readonly configs: readonly Operation[]
}

const topicResource = 2
const brokerResource = 4

// What is to be done with a config. (Kafka: AlterConfigOp.OpType)
const operations = ['set', 'delete', 'append', 'subtract'] as const

const deletes = ({ configOperation }: Operation) => operations[configOperation ?? 0] === 'delete'

/** What is to become of a topic's configs. */
interface Changes {
  readonly changes: TopicChanges
  readonly inert: ReadonlyMap<string, string | null>
}

type Described = NonNullable<NonNullable<ResponseOf<typeof describeConfigs>['results']>[number]['configs']>

/** The options of topics by Kafka's names, to be looked at and to be changed; the broker's are only looked at. */
export function configHandlers(wire: Wire): Handler[] {
  /** Each resource for itself: one that is refused keeps no other. */
  const alterAll = <Asked extends AlteredResource>(
    { resources, validateOnly }: { readonly resources: readonly Asked[]; readonly validateOnly: boolean },
    node: ClusterNode,
    toChanges: (topic: Topic, asked: Asked) => Changes,
  ) => {
    const twice = repeated(resources)
    const responses = resources.map(asked => {
      const { resourceType, resourceName } = asked
      const result = attempt(wire, () => {
        if (twice.has(idOf(asked))) throw new InvalidArgumentError(`'${resourceName}' is named twice`)
        if (resetsBroker(asked, node)) return
        const topic = alterable(wire, asked)
        const { changes, inert } = toChanges(topic, asked)
        const altered = topic.requireAlterable(changes, 'rests')
        checkResting(wire.engine, topic.name, altered.asked)
        if (validateOnly) return
        topic.become(altered)
        wire.inertConfigs.set(topic, inert)
      })
      return { resourceType, resourceName, ...result }
    })
    return { responses }
  }
  return [
    handler(describeConfigs, ({ resources, includeSynonyms, includeDocumentation }, { node }) => ({
      results: resources.map(({ resourceType, resourceName, configurationKeys }) => {
        let configs: Described = []
        const result = attempt(wire, () => {
          configs = describe(wire, node, { resourceType, resourceName }, includeSynonyms)
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

    // What it does not name is the default again: newer clients say what is to change, and nothing else.
    handler(alterConfigs, (request, { node }) =>
      alterAll(request, node, ({ name: topic }, { configs }) => {
        requireDistinct(configs)
        const changes: Record<string, unknown> = {}
        for (const { option } of topicConfigs) changes[option] = null
        const { meant, inert } = splitConfigs(topic, configs)
        for (const { name, value } of meant) {
          const config = topicConfig(topic, name)
          changes[config.option] = parseConfig(topic, config, requireValue(name, value))
        }
        return { changes, inert: resetInert(inert) }
      }),
    ),

    handler(incrementalAlterConfigs, (request, { node }) =>
      alterAll(request, node, (topic, { configs }) => {
        requireDistinct(configs)
        const asked = configs.map(each => ({ ...each, value: deletes(each) ? null : each.value }))
        const { meant, inert } = splitConfigs(topic.name, asked)
        for (const { name, configOperation } of configs) {
          if (inert.has(name)) requireSetOrDelete(topic, name, configOperation)
        }
        const changes = meant.map(({ name, configOperation, value }) => {
          const config = topicConfig(topic.name, name)
          return [config.option, changed(topic, config, configOperation, value)] as const
        })
        return { changes: Object.fromEntries(changes), inert }
      }),
    ),
  ]
}

function changed(topic: Topic, config: TopicConfig, operation: number, value: string | null): unknown {
  const kind = operations[operation]
  if (kind === undefined)
    throw new InvalidArgumentError(`Config '${config.name}': unknown operation ${operation}`)
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

// Those that a request names more than once: which of the changes is meant nobody knows.
function repeated(resources: readonly Resource[]): ReadonlySet<string> {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const id of resources.map(idOf)) (seen.has(id) ? twice : seen).add(id)
  return twice
}

function idOf({ resourceType, resourceName }: Resource): string {
  return `${resourceType} ${resourceName}`
}

/** @throws InvalidOptionError, InvalidArgumentError where it is no topic */
function alterable({ engine }: Wire, { resourceType, resourceName }: Resource): Topic {
  if (resourceType === topicResource) return engine.existingTopic(resourceName)
  if (resourceType !== brokerResource) throw unknownResource(resourceType)
  throw new InvalidOptionError(
    "A broker's configs cannot be altered: they are options of new Broker(...) and of its server, and stay",
  )
}

// Nothing of a broker was set while it runs, so it is no change to reset some of it, as tools do that lift throttles.
function resetsBroker({ resourceType, resourceName, configs }: AlteredResource, node: ClusterNode): boolean {
  if (resourceType !== brokerResource || !configs.every(deletes)) return false
  if (resourceName !== '') requireBroker(node, resourceName)
  return true
}

function requireBroker({ nodeId }: ClusterNode, resourceName: string): void {
  if (resourceName === String(nodeId)) return
  throw new InvalidArgumentError(`Expected broker ${nodeId}, received '${resourceName}'`)
}

function unknownResource(resourceType: number): InvalidArgumentError {
  return new InvalidArgumentError(
    `Configs of a topic (2) or a broker (4) expected, received resource type ${resourceType}`,
    {
      received: resourceType,
    },
  )
}

function describe(
  wire: Wire,
  node: ClusterNode,
  { resourceType, resourceName }: Resource,
  synonyms: boolean,
): Described {
  if (resourceType === topicResource) {
    const topic = wire.engine.existingTopic(resourceName)
    return [
      ...topicConfigs.map(config => describeTopicConfig(wire, topic, config, synonyms)),
      ...wire.inertConfigs.of(topic).map(config => describeInert(config, synonyms)),
    ]
  }
  if (resourceType !== brokerResource) throw unknownResource(resourceType)
  // Without a name it is what was set for all brokers of a cluster at once: nothing ever is.
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
): Described[number] {
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

function describeInert({ name, type, fallback, own }: GivenInert, synonyms: boolean): Described[number] {
  const sources = [
    ...(own === undefined ? [] : [{ name, value: own, source: configSources.topic }]),
    { name, value: fallback, source: configSources.default },
  ]
  return {
    name,
    value: own ?? fallback,
    configSource: sources[0]!.source,
    configType: configTypes[type],
    synonyms: synonyms ? sources : [],
    documentation: 'Kept and told, and without an effect in memory.',
  }
}

// Where its value may come from, the nearest first.
function synonymsOf(
  { engine }: Wire,
  { name: topic, asked }: Topic,
  { name, brokerName, option }: TopicConfig,
) {
  // A segment never outlives its records, whose time goes with this.
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
