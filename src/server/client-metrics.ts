import { InvalidArgumentError, InvalidOptionError } from '../errors.ts'
import {
  type ConfigChanges,
  type ConfigDefinition,
  type ConfigSource,
  changedTexts,
  configSources,
} from './config-definition.ts'
import { wholeName } from './whole-name.ts'

interface SubscriptionConfig extends ConfigDefinition {
  readonly fallback: string
  readonly documentation: string
}

/** A config of a subscription, with its own value, if it has one. */
interface DescribedSubscriptionConfig extends SubscriptionConfig {
  readonly sources: readonly ConfigSource[]
}

// (Kafka: ClientMetricsConfigs)
const configs: readonly SubscriptionConfig[] = [
  {
    name: 'interval.ms',
    type: 'int',
    fallback: '300000',
    documentation:
      'How often clients are to push their metrics, in milliseconds. Kept and told; nobody is asked.',
  },
  {
    name: 'match',
    type: 'list',
    fallback: '',
    documentation: 'Which clients are meant. Kept and told; nobody is asked.',
  },
  {
    name: 'metrics',
    type: 'list',
    fallback: '',
    documentation: 'Which metrics are meant. Kept and told; nobody is asked.',
  },
]

const [shortestInterval, longestInterval] = [100, 3_600_000]
const selectors: ReadonlySet<string> = new Set([
  'client_id',
  'client_instance_id',
  'client_software_name',
  'client_software_version',
  'client_source_address',
  'client_source_port',
])

/**
 * The subscriptions to metrics of clients (KIP-714), as administrators set them. No client is asked for its metrics: as
 * at a Kafka without a plugin for them, the APIs for that are not there.
 */
export class ClientMetrics {
  readonly #given = new Map<string, ReadonlyMap<string, string>>()

  /** The names of the subscriptions. */
  get names(): readonly string[] {
    return [...this.#given.keys()]
  }

  /** A subscription's own configs after some changes. @throws InvalidArgumentError, InvalidOptionError if it cannot be so */
  altered(name: string, changes: ConfigChanges): ReadonlyMap<string, string> {
    const own = changedTexts(this.#given.get(name), changes, (_, value) => value.trim())
    check(own)
    return own
  }

  become(name: string, own: ReadonlyMap<string, string>): void {
    if (own.size === 0) this.#given.delete(name)
    else this.#given.set(name, own)
  }

  /** All configs of a subscription, whether there is one of that name or not. */
  of(name: string): readonly DescribedSubscriptionConfig[] {
    const own = this.#given.get(name)
    return configs.map(config => {
      const { name: option } = config
      const value = own?.get(option)
      // A default has no synonym here. (Kafka: ConfigHelper)
      const sources =
        value === undefined ? [] : [{ name: option, value, source: configSources.clientMetrics }]
      return { ...config, sources }
    })
  }
}

// Names first, then numbers, and patterns last. (Kafka: ClientMetricsConfigs.validate)
function check(own: ReadonlyMap<string, string>): void {
  for (const name of own.keys()) {
    if (configs.some(config => config.name === name)) continue
    throw new InvalidArgumentError(`Client metrics have no config '${name}'`, { option: name })
  }
  checkInterval(own.get('interval.ms'))
  checkMatch(own.get('match'))
}

function checkInterval(text: string | undefined): void {
  if (text === undefined) return
  const told = { option: 'interval.ms', received: text }
  if (!/^[+-]?\d+$/.test(text)) {
    throw new InvalidOptionError(`interval.ms expected a whole number, received '${text}'`, told)
  }
  if (Number(text) >= shortestInterval && Number(text) <= longestInterval) return
  const message = `interval.ms expected ${shortestInterval} to ${longestInterval}, received ${text}`
  throw new InvalidArgumentError(message, told)
}

function checkMatch(text: string | undefined): void {
  if (text === undefined || text === '' || text.split(',').every(selects)) return
  const message = `match expected some of ${[...selectors].join(', ')}, each with = and a pattern, received '${text}'`
  throw new InvalidOptionError(message, { option: 'match', received: text })
}

function selects(text: string): boolean {
  const [selector = '', pattern, ...rest] = text.split('=').map(part => part.trim())
  return (
    selectors.has(selector) && pattern !== undefined && rest.length === 0 && wholeName(pattern) !== undefined
  )
}
