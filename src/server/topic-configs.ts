import { InvalidOptionError } from '../errors.ts'
import type { LogConfig } from '../log/log-config.ts'
import { didYouMean, suggest } from '../suggest.ts'
import type { TopicChanges, TopicOptions } from '../topic-definition.ts'

/** Kafka's numbers of config types. (Kafka: ConfigDef.Type) */
export const configTypes = { boolean: 1, string: 2, int: 3, long: 5, double: 6, list: 7 } as const

export type ConfigType = keyof typeof configTypes

/** Kafka's numbers of where a config's value comes from. (Kafka: DescribeConfigsResponse.ConfigSource) */
export const configSources = { topic: 1, broker: 4, default: 5, clientMetrics: 7, group: 8 } as const

/** The config that stands for a topic's option on the wire. */
export interface TopicConfig {
  readonly name: string
  /** The broker's config that gives the default. */
  readonly brokerName: string
  readonly option: keyof TopicChanges
  readonly type: ConfigType
  readonly documentation: string
}

export const topicConfigs: readonly TopicConfig[] = [
  {
    name: 'cleanup.policy',
    brokerName: 'log.cleanup.policy',
    option: 'cleanupPolicy',
    type: 'list',
    documentation: 'What becomes of old records: delete drops them, compact keeps the newest of each key.',
  },
  {
    name: 'retention.ms',
    brokerName: 'log.retention.ms',
    option: 'retentionMs',
    type: 'long',
    documentation: 'How long a record is kept at least, in milliseconds; -1 is for ever.',
  },
  {
    name: 'retention.bytes',
    brokerName: 'log.retention.bytes',
    option: 'retentionBytes',
    type: 'long',
    documentation:
      'A partition drops its oldest segment while the rest is at least this large; -1 is no limit.',
  },
  {
    name: 'segment.ms',
    brokerName: 'log.roll.ms',
    option: 'segmentMs',
    type: 'long',
    documentation: 'A segment is closed at this age, in milliseconds.',
  },
  {
    name: 'segment.bytes',
    brokerName: 'log.segment.bytes',
    option: 'segmentBytes',
    type: 'int',
    documentation: 'A segment is closed at this size, in bytes; -1 where no bytes are counted.',
  },
  {
    name: 'max.message.bytes',
    brokerName: 'message.max.bytes',
    option: 'maxMessageBytes',
    type: 'int',
    documentation:
      'The largest batch of a client, or record of the process (its key, value and headers), in bytes; -1 is no limit.',
  },
  {
    name: 'min.compaction.lag.ms',
    brokerName: 'log.cleaner.min.compaction.lag.ms',
    option: 'minCompactionLagMs',
    type: 'long',
    documentation: 'How long a record stays uncompacted at least, in milliseconds.',
  },
  {
    name: 'delete.retention.ms',
    brokerName: 'log.cleaner.delete.retention.ms',
    option: 'deleteRetentionMs',
    type: 'long',
    documentation: 'How long compaction leaves a tombstone where it is, in milliseconds.',
  },
  {
    name: 'min.cleanable.dirty.ratio',
    brokerName: 'log.cleaner.min.cleanable.ratio',
    option: 'minCleanableDirtyRatio',
    type: 'double',
    documentation: 'Which share of a log has to be uncompacted before it is worth a pass, 0 to 1.',
  },
  {
    name: 'message.timestamp.type',
    brokerName: 'log.message.timestamp.type',
    option: 'messageTimestampType',
    type: 'string',
    documentation:
      "Whether a record keeps its producer's timestamp (CreateTime) or gets the broker's (LogAppendTime).",
  },
  {
    name: 'message.timestamp.before.max.ms',
    brokerName: 'log.message.timestamp.before.max.ms',
    option: 'messageTimestampBeforeMaxMs',
    type: 'long',
    documentation: "How far a producer's timestamp may lie in the past, in milliseconds; -1 is no limit.",
  },
  {
    name: 'message.timestamp.after.max.ms',
    brokerName: 'log.message.timestamp.after.max.ms',
    option: 'messageTimestampAfterMaxMs',
    type: 'long',
    documentation: "How far a producer's timestamp may lie in the future, in milliseconds; -1 is no limit.",
  },
]

export function isTopicConfig(name: string): boolean {
  return topicConfigs.some(config => config.name === name)
}

/** @throws InvalidOptionError where no topic has such a config here */
export function topicConfig(topic: string, name: string): TopicConfig {
  const known = topicConfigs.find(config => config.name === name)
  if (known !== undefined) return known
  const suggestions = suggest(
    name,
    topicConfigs.map(config => config.name),
  )
  throw new InvalidOptionError(`Topic '${topic}': unknown config '${name}'${didYouMean(suggestions)}`, {
    topic,
    option: name,
    suggestions,
  })
}

/** Parses a config's text. @throws InvalidOptionError if it ought to be a number and is not */
export function parseConfig(topic: string, { name, type }: TopicConfig, text: string): unknown {
  const value = text.trim()
  if (type === 'string') return value
  if (type === 'list') return toPolicy(listed(value))
  checkNumber(topic, { name, type }, value)
  return type === 'long' ? Math.min(Number(value), Number.MAX_SAFE_INTEGER) : Number(value)
}

/** @throws InvalidOptionError where a text is no number of a config's type */
export function checkNumber(
  topic: string,
  { name, type }: Pick<TopicConfig, 'name' | 'type'>,
  text: string,
): void {
  const expected = type === 'double' ? expectedNumber(text) : expectedInteger(text, type === 'int' ? 32 : 64)
  if (expected === undefined) return
  throw new InvalidOptionError(
    `Topic '${topic}': config '${name}' expected ${expected}, received '${text}'`,
    { topic, option: name, expected, received: text },
  )
}

function expectedNumber(text: string): string | undefined {
  return text !== '' && Number.isFinite(Number(text)) ? undefined : 'a number'
}

function expectedInteger(text: string, bits: number): string | undefined {
  if (!/^[+-]?\d+$/.test(text)) return 'a whole number'
  const value = BigInt(text.replace('+', ''))
  return BigInt.asIntN(bits, value) === value ? undefined : `a whole number of ${bits} bits`
}

const greatestLong = '9223372036854775807'

// Kafka's greatest long stands for no limit. It is more than a number holds exactly here.
export function configText(value: unknown): string {
  return value === Number.MAX_SAFE_INTEGER ? greatestLong : String(value)
}

/** The elements of a list. */
export function listed(text: string): string[] {
  return text
    .split(',')
    .map(each => each.trim())
    .filter(each => each !== '')
}

/** A cleanup.policy as the option spells it; on the wire its elements come in any order. */
export function toPolicy(elements: readonly string[]): string {
  return [...new Set(elements)].sort().join(',')
}

/** Turns the configs of a new topic, none of which is null, into options. @throws InvalidOptionError */
export function toOptions(
  topic: string,
  given: readonly { readonly name: string; readonly value: string | null }[],
): TopicOptions {
  const options: Record<string, unknown> = {}
  for (const { name, value } of given) {
    const config = topicConfig(topic, name)
    if (value !== null) options[config.option] = parseConfig(topic, config, value)
  }
  return options
}

/** A config's value and its source: what was asked for, even while it rests under the present policy. */
export function configValue(
  { option }: TopicConfig,
  asked: TopicOptions,
  options: LogConfig,
): { readonly value: string; readonly configSource: number } {
  const own = asked[option]
  if (own !== undefined) return { value: configText(own), configSource: configSources.topic }
  return { value: configText(options[option]), configSource: configSources.default }
}
