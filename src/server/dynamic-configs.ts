import type { Broker } from '../broker.ts'
import { InvalidArgumentError, InvalidOptionError, isBrokerletError } from '../errors.ts'
import type { LogConfig } from '../log/log-config.ts'
import type { TopicOptions } from '../topic-definition.ts'
import {
  type ConfigChanges,
  type ConfigDefinition,
  type ConfigSource,
  changedTexts,
  configSources,
  parseConfigText,
} from './config-definition.ts'
import { sharedByCopies } from './copies.ts'
import { entryOf } from './entry-of.ts'
import { keptBrokerConfigs, throttles } from './kept-broker-configs.ts'
import { keptConfigs } from './kept-configs.ts'
import { requireTiers } from './tiered-retention.ts'
import { configText, parseConfig, topicConfigs } from './topic-configs.ts'

/** The configs of a broker that administrators may set. (Kafka: DynamicBrokerConfig.ALL_DYNAMIC_CONFIGS) */
export const dynamicConfigs: ReadonlyMap<string, ConfigDefinition> = new Map(
  [
    ...topicConfigs.map(config => ({ ...config, name: config.brokerName })),
    ...keptConfigs.flatMap(({ brokerName, ...config }) =>
      brokerName === undefined ? [] : [{ ...config, name: brokerName }],
    ),
    ...keptBrokerConfigs,
    ...throttles,
  ].map(config => [config.name, config]),
)

/** The name under which the configs of all brokers are set. */
const allBrokers = ''

type Texts = ReadonlyMap<string, string>

/** What the servers of a broker share. */
interface Shared {
  /** What is set, by the broker's number; for all brokers under the empty name. */
  readonly given: Map<string, Texts>
  readonly unaltered: LogConfig
}

/**
 * The configs that administrators set for single brokers, and for all. They last as long as the broker of this process,
 * as what they set for topics does.
 */
export class DynamicConfigs {
  readonly #engine: Broker['engine']
  readonly #firstBroker: string
  readonly #given: Map<string, Texts>

  /** What topics have by default where nothing is set. */
  readonly unaltered: LogConfig

  /** With one log behind all brokers, what is set for the first of them counts for its topics. */
  constructor(engine: Broker['engine'], firstBroker: string) {
    const { given, unaltered } = sharedOf(engine)
    this.#engine = engine
    this.#firstBroker = firstBroker
    this.#given = given
    this.unaltered = unaltered
  }

  /** What is set of one config, for a broker and for all, the nearest first. */
  sourcesOf(name: string, broker: string = this.#firstBroker): ConfigSource[] {
    const at = (resource: string, source: number): ConfigSource[] => {
      const value = this.#given.get(resource)?.get(name)
      return value === undefined ? [] : [{ name, value, source }]
    }
    const ofAll = at(allBrokers, configSources.allBrokers)
    return broker === allBrokers ? ofAll : [...at(broker, configSources.broker), ...ofAll]
  }

  /** The value that a list has, before elements are added or taken: its own, or the default. */
  valueOf(name: string, broker: string): string {
    return this.#given.get(broker)?.get(name) ?? this.#fallbackOf(name)
  }

  /** The names of what is set for a broker; for all of them if the name is empty. */
  namesOf(broker: string): readonly string[] {
    return [...(this.#given.get(broker)?.keys() ?? [])]
  }

  /**
   * What is set for a broker, or for all, after some changes.
   *
   * @throws InvalidArgumentError, InvalidOptionError if it cannot be so
   */
  altered(broker: string, changes: ConfigChanges): Texts {
    const own = changedTexts(this.#given.get(broker), changes, parse)
    refuseInvalid(() => this.#engine.requireCommonOptions(this.#commonWith(broker, own)))
    requireTiers(name => Number(this.#valueWith(broker, own, name)))
    // The broker has looked at the values by now: this is its controller's.
    requireSameReplicas(broker, changes)
    return own
  }

  /** Takes on what `altered` returned; what topics have by default takes effect at once. */
  become(broker: string, own: Texts): void {
    this.#engine.alterCommonOptions(this.#commonWith(broker, own))
    this.#given.set(broker, own)
  }

  #commonWith(broker: string, own: Texts): TopicOptions {
    const texts = this.#textsWith(broker, own, this.#firstBroker)
    return Object.fromEntries(
      topicConfigs.flatMap(config => {
        const text = texts.get(config.brokerName)
        return text === undefined ? [] : [[config.option, parseConfig(config, text)]]
      }),
    )
  }

  // What counts for a broker, once a config is set for it or for all.
  #textsWith(broker: string, own: Texts, counted: string): Texts {
    const given = new Map(this.#given).set(broker, own)
    return new Map([...(given.get(allBrokers) ?? []), ...(given.get(counted) ?? [])])
  }

  #valueWith(broker: string, own: Texts, name: string): string {
    const counted = broker === allBrokers ? this.#firstBroker : broker
    return this.#textsWith(broker, own, counted).get(name) ?? this.#fallbackOf(name)
  }

  // Empty where no topic has such a config: none of those is a list, nor about tiers.
  #fallbackOf(name: string): string {
    const config = topicConfigs.find(each => each.brokerName === name)
    if (config !== undefined) return configText(config, this.unaltered[config.option])
    return keptConfigs.find(each => each.brokerName === name)?.fallback ?? ''
  }
}

const byEngine = sharedByCopies<Broker['engine'], Shared>('dynamicConfigs')

function sharedOf(engine: Broker['engine']): Shared {
  return entryOf(byEngine, engine, () => ({
    // Kafka sets this for all brokers, where it has the feature eligible.leader.replicas.version. (KIP-966)
    given: new Map([[allBrokers, new Map([[minReplicas, '1']])]]),
    unaltered: engine.logConfig('(default)', {}),
  }))
}

const minReplicas = 'min.insync.replicas'

// (Kafka: ConfigurationControlManager, with the feature eligible.leader.replicas.version)
function requireSameReplicas(broker: string, { named, replaces }: ConfigChanges): void {
  const change = named.get(minReplicas)
  if (broker !== allBrokers && change !== undefined) {
    throw new InvalidOptionError('Broker-level min.insync.replicas cannot be altered while ELR is enabled.')
  }
  if (broker === allBrokers && (change === null || (replaces && change === undefined))) {
    throw new InvalidOptionError('Cluster-level min.insync.replicas cannot be removed while ELR is enabled.')
  }
}

// A broker refuses its own configs by another error than those of a topic.
function parse(name: string, value: string): string {
  const config = dynamicConfigs.get(name)
  if (config === undefined) {
    throw new InvalidArgumentError(`Cannot update these configs dynamically: [${name}]`, { option: name })
  }
  // What a topic is given twice it has once, and brokers do not take it. (Kafka: DynamicConfig.Broker.validate)
  return refuseInvalid(() => parseConfigText({ ...config, distinct: true }, value))
}

function refuseInvalid<T>(act: () => T): T {
  try {
    return act()
  } catch (error) {
    if (!isBrokerletError(error) || error.code !== 'INVALID_CONFIG') throw error
    throw new InvalidArgumentError(error.message, { cause: error })
  }
}
