import { InvalidOptionError } from '../errors.ts'
import type { Topic } from '../log/topic.ts'
import { type ConfigDefinition, greatest, parseConfigText } from './config-definition.ts'
import { entryOf } from './entry-of.ts'

/**
 * A topic config of Kafka that is no option of a topic here: there is no disk and no recompression. The server keeps its
 * value, and tells it. Some do something all the same, elsewhere than in the log.
 */
export interface KeptConfig extends ConfigDefinition {
  /** Kafka's default. */
  readonly fallback: string
  /** The broker's config that gives the default, if there is one. */
  readonly brokerName?: string
  /** Whether that config of the broker has no default of its own. */
  readonly unset?: true
  /** What it does, if it does something. */
  readonly documentation?: string
}

const gzipLevels = (text: string) =>
  text === '-1' || (Number(text) >= 1 && Number(text) <= 9)
    ? undefined
    : 'Value must be between 1 and 9 or equal to -1'

const throttledReplicas = (name: string): KeptConfig => ({
  name,
  type: 'list',
  fallback: '',
  check: text =>
    text === '*' || text.split(',').every(each => /^(\d+:\d+)?$/.test(each))
      ? undefined
      : `${name} must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...`,
})

// The largest array of Java, all but a few bytes.
const mostBufferBytes = 2 ** 31 - 9
const compression = ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer']

/** What is told of a config that changes nothing. */
export const withoutEffect = 'Kept and told, and without an effect in memory.'

/** Services set these configs when they create topics; their values are told back to them. */
export const keptConfigs: readonly KeptConfig[] = [
  ofBroker('compression.gzip.level', { type: 'int', fallback: '-1', check: gzipLevels }),
  ofBroker('compression.lz4.level', { type: 'int', fallback: '9', least: 1, most: 17 }),
  ofBroker('compression.type', { type: 'string', fallback: 'producer', values: compression }),
  ofBroker('compression.zstd.level', { type: 'int', fallback: '3', least: -131072, most: 22 }),
  {
    name: 'errors.deadletterqueue.group.enable',
    type: 'boolean',
    fallback: 'false',
    documentation: 'Whether share groups may write to this topic what they give up (KIP-1191).',
  },
  {
    name: 'file.delete.delay.ms',
    brokerName: 'log.segment.delete.delay.ms',
    type: 'long',
    fallback: '60000',
    least: 0,
  },
  {
    name: 'flush.messages',
    brokerName: 'log.flush.interval.messages',
    type: 'long',
    fallback: greatest.long,
    least: 1,
  },
  {
    name: 'flush.ms',
    brokerName: 'log.flush.interval.ms',
    unset: true,
    type: 'long',
    fallback: greatest.long,
    least: 0,
  },
  throttledReplicas('follower.replication.throttled.replicas'),
  {
    name: 'index.interval.bytes',
    brokerName: 'log.index.interval.bytes',
    type: 'int',
    fallback: '4096',
    least: 0,
  },
  throttledReplicas('leader.replication.throttled.replicas'),
  {
    name: 'local.retention.bytes',
    brokerName: 'log.local.retention.bytes',
    type: 'long',
    fallback: '-2',
    least: -2,
  },
  {
    name: 'local.retention.ms',
    brokerName: 'log.local.retention.ms',
    type: 'long',
    fallback: '-2',
    least: -2,
  },
  {
    name: 'max.compaction.lag.ms',
    brokerName: 'log.cleaner.max.compaction.lag.ms',
    type: 'long',
    fallback: greatest.long,
    least: 1,
  },
  ofBroker('max.decompressed.message.bytes', {
    type: 'int',
    fallback: String(mostBufferBytes),
    least: 1,
    most: mostBufferBytes,
    documentation: 'The largest record of a batch that was compressed, in bytes.',
  }),
  ofBroker('min.insync.replicas', {
    type: 'int',
    fallback: '1',
    least: 1,
    documentation:
      'With several brokers: how many replicas have to be in sync for a write that asks for all.',
  }),
  { name: 'preallocate', brokerName: 'log.preallocate', type: 'boolean', fallback: 'false' },
  {
    name: 'remote.copy.lag.bytes',
    brokerName: 'log.remote.copy.lag.bytes',
    type: 'long',
    fallback: '-1',
    least: -1,
  },
  {
    name: 'remote.copy.lag.ms',
    brokerName: 'log.remote.copy.lag.ms',
    type: 'long',
    fallback: '0',
    least: -1,
  },
  { name: 'remote.log.copy.disable', type: 'boolean', fallback: 'false' },
  { name: 'remote.log.delete.on.disable', type: 'boolean', fallback: 'false' },
  { name: 'remote.storage.enable', type: 'boolean', fallback: 'false' },
  {
    name: 'segment.index.bytes',
    brokerName: 'log.index.size.max.bytes',
    type: 'int',
    fallback: '10485760',
    least: 4,
  },
  {
    name: 'segment.jitter.ms',
    brokerName: 'log.roll.jitter.ms',
    unset: true,
    type: 'long',
    fallback: '0',
    least: 0,
  },
  ofBroker('unclean.leader.election.enable', {
    type: 'boolean',
    fallback: 'false',
    documentation: 'With several brokers: whether a replica that was not in sync may lead.',
  }),
]

/** A config that the broker has under the same name. */
function ofBroker(name: string, config: Omit<KeptConfig, 'name' | 'brokerName'>): KeptConfig {
  return { ...config, name, brokerName: name }
}

/** A kept config, with the value that a topic was given; undefined if it has the default. */
export interface GivenKept extends KeptConfig {
  readonly own: string | undefined
}

/** What a request says of a topic's configs: those that are options of the topic, and the values of the others. */
export interface SplitConfigs<Named> {
  readonly meant: readonly Named[]
  /** By name; null resets a config to its default. */
  readonly kept: ReadonlyMap<string, string | null>
}

/** @throws InvalidOptionError if a value is not of its config's type */
export function splitConfigs<Named extends { readonly name: string; readonly value: string | null }>(
  configs: readonly Named[],
): SplitConfigs<Named> {
  const kept = new Map<string, string | null>()
  const meant = configs.filter(({ name, value }) => {
    const config = keptConfigs.find(each => each.name === name)
    if (config === undefined) return true
    kept.set(name, value === null ? null : parseKept(config, value))
    return false
  })
  return { meant, kept }
}

/** Resets every kept config, except those that are named, which get their value. */
export function resetKept(named: ReadonlyMap<string, string | null>): ReadonlyMap<string, string | null> {
  return new Map([...keptConfigs.map(({ name }) => [name, null] as const), ...named])
}

/** The values of kept configs that topics were given. */
export class KeptConfigs {
  readonly #values = new WeakMap<Topic, Map<string, string>>()

  /** Stores values; null resets a config to its default. */
  set(topic: Topic, changes: ReadonlyMap<string, string | null>): void {
    const values = entryOf(this.#values, topic, () => new Map())
    for (const [name, value] of changes) {
      if (value === null) values.delete(name)
      else values.set(name, value)
    }
  }

  /** The value of one config, if the topic was given one. */
  valueOf(topic: Topic, name: string): string | undefined {
    return this.#values.get(topic)?.get(name)
  }

  /** All kept configs of a topic. */
  of(topic: Topic): readonly GivenKept[] {
    return keptWith(this.#values.get(topic))
  }
}

/** All kept configs, with the values that a topic was given. */
export function keptWith(values: ReadonlyMap<string, string | null> | undefined): readonly GivenKept[] {
  return keptConfigs.map(config => ({ ...config, own: values?.get(config.name) ?? undefined }))
}

function parseKept(config: KeptConfig, value: string): string {
  const text = parseConfigText(config, value)
  if (config.name !== 'remote.storage.enable' || text === 'false') return text
  throw new InvalidOptionError(
    'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.',
    { option: config.name, received: text },
  )
}
