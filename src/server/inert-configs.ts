import { InvalidOptionError } from '../errors.ts'
import type { Topic } from '../log/topic.ts'
import { type ConfigType, checkNumber } from './topic-configs.ts'

/** A topic config of Kafka that has no effect in memory, where there are no replicas, no disk and no recompression. */
interface InertConfig {
  readonly name: string
  readonly type: ConfigType
  /** Kafka's default. */
  readonly fallback: string
  /** All its values, if they are few. */
  readonly values?: readonly string[]
  readonly least?: number
  readonly most?: number
}

// Services set these configs when they create topics; their values are told back to them.
const inertConfigs: readonly InertConfig[] = [
  {
    name: 'compression.gzip.level',
    type: 'int',
    fallback: '-1',
    values: ['-1', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  },
  { name: 'compression.lz4.level', type: 'int', fallback: '9', least: 1, most: 17 },
  {
    name: 'compression.type',
    type: 'string',
    fallback: 'producer',
    values: ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'],
  },
  { name: 'compression.zstd.level', type: 'int', fallback: '3', least: -131072, most: 22 },
  { name: 'file.delete.delay.ms', type: 'long', fallback: '60000', least: 0 },
  { name: 'flush.messages', type: 'long', fallback: '9223372036854775807', least: 1 },
  { name: 'flush.ms', type: 'long', fallback: '9223372036854775807', least: 0 },
  { name: 'follower.replication.throttled.replicas', type: 'list', fallback: '' },
  { name: 'index.interval.bytes', type: 'int', fallback: '4096', least: 0 },
  { name: 'leader.replication.throttled.replicas', type: 'list', fallback: '' },
  { name: 'local.retention.bytes', type: 'long', fallback: '-2', least: -2 },
  { name: 'local.retention.ms', type: 'long', fallback: '-2', least: -2 },
  { name: 'max.compaction.lag.ms', type: 'long', fallback: '9223372036854775807', least: 1 },
  { name: 'min.insync.replicas', type: 'int', fallback: '1', least: 1 },
  { name: 'preallocate', type: 'boolean', fallback: 'false' },
  { name: 'remote.log.copy.disable', type: 'boolean', fallback: 'false' },
  { name: 'remote.log.delete.on.disable', type: 'boolean', fallback: 'false' },
  { name: 'remote.storage.enable', type: 'boolean', fallback: 'false' },
  { name: 'segment.index.bytes', type: 'int', fallback: '10485760', least: 4 },
  { name: 'segment.jitter.ms', type: 'long', fallback: '0', least: 0 },
  { name: 'unclean.leader.election.enable', type: 'boolean', fallback: 'false' },
]

/** An inert config, with the value that a topic was given; undefined if it has the default. */
export interface GivenInert extends InertConfig {
  readonly own: string | undefined
}

/** What a request says of a topic's configs: those that mean something here, and the values of the others. */
export interface SplitConfigs<Named> {
  readonly meant: readonly Named[]
  /** By name; null resets a config to its default. */
  readonly inert: ReadonlyMap<string, string | null>
}

/** @throws InvalidOptionError if a value is not of its config's type */
export function splitConfigs<Named extends { readonly name: string; readonly value: string | null }>(
  topic: string,
  configs: readonly Named[],
): SplitConfigs<Named> {
  const inert = new Map<string, string | null>()
  const meant = configs.filter(({ name, value }) => {
    const config = inertConfigs.find(each => each.name === name)
    if (config === undefined) return true
    inert.set(name, value === null ? null : parseInert(topic, config, value))
    return false
  })
  return { meant, inert }
}

/** Resets every inert config, except those that are named, which get their value. */
export function resetInert(named: ReadonlyMap<string, string | null>): ReadonlyMap<string, string | null> {
  return new Map([...inertConfigs.map(({ name }) => [name, null] as const), ...named])
}

/** The values of inert configs that topics were given. */
export class InertConfigs {
  readonly #values = new WeakMap<Topic, Map<string, string>>()

  /** Stores values; null resets a config to its default. */
  set(topic: Topic, changes: ReadonlyMap<string, string | null>): void {
    const values = this.#values.get(topic) ?? new Map<string, string>()
    for (const [name, value] of changes) {
      if (value === null) values.delete(name)
      else values.set(name, value)
    }
    this.#values.set(topic, values)
  }

  /** All inert configs of a topic. */
  of(topic: Topic): readonly GivenInert[] {
    return inertWith(this.#values.get(topic))
  }
}

/** All inert configs, with the values that a topic was given. */
export function inertWith(values: ReadonlyMap<string, string | null> | undefined): readonly GivenInert[] {
  return inertConfigs.map(config => ({ ...config, own: values?.get(config.name) ?? undefined }))
}

/** Checks a value, and returns its text as it is told back. */
function parseInert(topic: string, config: InertConfig, value: string): string {
  const { name, type, values, least = -Infinity, most = Infinity } = config
  const text = value.trim()
  if (type === 'boolean') return oneOf(topic, name, ['true', 'false'], text.toLowerCase())
  if (values !== undefined) return oneOf(topic, name, values, text)
  if (type !== 'string' && type !== 'list') checkNumber(topic, config, text)
  if (Number(text) < least) throw unexpected(topic, name, `at least ${least}`, text)
  if (Number(text) > most) throw unexpected(topic, name, `at most ${most}`, text)
  return text
}

function oneOf(topic: string, name: string, values: readonly string[], text: string): string {
  if (values.includes(text)) return text
  throw unexpected(topic, name, values.join(' or '), text)
}

function unexpected(topic: string, name: string, expected: string, text: string): InvalidOptionError {
  return new InvalidOptionError(
    `Topic '${topic}': config '${name}' expected ${expected}, received '${text}'`,
    { topic, option: name, expected, received: text },
  )
}
