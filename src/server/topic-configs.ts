import type { TopicChanges, TopicOptions } from '../topic-definition.ts'
import {
  type ConfigDefinition,
  doubleText,
  greatest,
  parseConfigText,
  unknownConfig,
} from './config-definition.ts'

/** The config that stands for a topic's option on the wire. */
export interface TopicConfig extends ConfigDefinition {
  /** The broker's config that gives the default. */
  readonly brokerName: string
  readonly option: keyof TopicChanges
  /** What is told where the option has no limit (-1), if Kafka has another word for that. */
  readonly unlimited?: string
  readonly documentation: string
}

const leastSegmentBytes = 1024 * 1024

// A topic that keeps nothing is a mistake.
const limit = (text: string) =>
  text === '-1' || Number(text) >= 1 ? undefined : 'Value must be at least 1, or -1 for no limit'

export const topicConfigs: readonly TopicConfig[] = [
  {
    name: 'cleanup.policy',
    brokerName: 'log.cleanup.policy',
    option: 'cleanupPolicy',
    type: 'list',
    values: ['compact', 'delete', 'consumed'],
    check: text =>
      text === '' || text.split(',').some(each => each === 'consumed' && each !== text)
        ? 'compact, delete, both, or consumed expected'
        : undefined,
    documentation: 'What becomes of old records: delete drops them, compact keeps the newest of each key.',
  },
  {
    name: 'retention.ms',
    brokerName: 'log.retention.ms',
    option: 'retentionMs',
    type: 'long',
    least: -1,
    check: limit,
    documentation: 'How long a record is kept at least, in milliseconds; -1 is for ever.',
  },
  {
    name: 'retention.bytes',
    brokerName: 'log.retention.bytes',
    option: 'retentionBytes',
    type: 'long',
    check: limit,
    documentation:
      'A partition drops its oldest segment while the rest is at least this large; -1 is no limit.',
  },
  {
    name: 'segment.ms',
    brokerName: 'log.roll.ms',
    option: 'segmentMs',
    type: 'long',
    least: 1,
    documentation: 'A segment is closed at this age, in milliseconds.',
  },
  {
    name: 'segment.bytes',
    brokerName: 'log.segment.bytes',
    option: 'segmentBytes',
    type: 'int',
    least: leastSegmentBytes,
    unlimited: greatest.int,
    documentation: 'A segment is closed at this size, in bytes.',
  },
  {
    name: 'max.message.bytes',
    brokerName: 'message.max.bytes',
    option: 'maxMessageBytes',
    type: 'int',
    least: 0,
    check: text => (text === '0' ? 'Value must be at least 1' : undefined),
    unlimited: greatest.int,
    documentation:
      'The largest batch of a client, or record of the process (its key, value and headers), in bytes.',
  },
  {
    name: 'min.compaction.lag.ms',
    brokerName: 'log.cleaner.min.compaction.lag.ms',
    option: 'minCompactionLagMs',
    type: 'long',
    least: 0,
    documentation: 'How long a record stays uncompacted at least, in milliseconds.',
  },
  {
    name: 'delete.retention.ms',
    brokerName: 'log.cleaner.delete.retention.ms',
    option: 'deleteRetentionMs',
    type: 'long',
    least: 0,
    documentation: 'How long compaction leaves a tombstone where it is, in milliseconds.',
  },
  {
    name: 'min.cleanable.dirty.ratio',
    brokerName: 'log.cleaner.min.cleanable.ratio',
    option: 'minCleanableDirtyRatio',
    type: 'double',
    least: 0,
    most: 1,
    documentation: 'Which share of a log has to be uncompacted before it is worth a pass, 0 to 1.',
  },
  {
    name: 'message.timestamp.type',
    brokerName: 'log.message.timestamp.type',
    option: 'messageTimestampType',
    type: 'string',
    values: ['CreateTime', 'LogAppendTime'],
    documentation:
      "Whether a record keeps its producer's timestamp (CreateTime) or gets the broker's (LogAppendTime).",
  },
  {
    name: 'message.timestamp.before.max.ms',
    brokerName: 'log.message.timestamp.before.max.ms',
    option: 'messageTimestampBeforeMaxMs',
    type: 'long',
    least: 0,
    unlimited: greatest.long,
    documentation: "How far a producer's timestamp may lie in the past, in milliseconds.",
  },
  {
    name: 'message.timestamp.after.max.ms',
    brokerName: 'log.message.timestamp.after.max.ms',
    option: 'messageTimestampAfterMaxMs',
    type: 'long',
    least: 0,
    unlimited: greatest.long,
    documentation: "How far a producer's timestamp may lie in the future, in milliseconds.",
  },
]

// Segments shorter than Kafka allows, for tests of what happens between segments; told only where a topic has it.
// (Kafka: LogConfig.INTERNAL_SEGMENT_BYTES_CONFIG)
const shortSegments: TopicConfig = {
  name: 'internal.segment.bytes',
  brokerName: 'internal.segment.bytes',
  option: 'segmentBytes',
  type: 'int',
  least: 1,
  documentation: 'A segment is closed at this size, in bytes, where that is less than segment.bytes may be.',
}

/** The configs that are told of a topic. */
export function toldConfigs(asked: TopicOptions): readonly TopicConfig[] {
  return hasShortSegments(asked) ? [...topicConfigs, shortSegments] : topicConfigs
}

/** The option that a topic was given for a config. */
export function ownOption(config: TopicConfig, asked: TopicOptions): unknown {
  if (config.option === 'segmentBytes' && hasShortSegments(asked) !== (config === shortSegments))
    return undefined
  return asked[config.option]
}

function hasShortSegments({ segmentBytes = -1 }: TopicOptions): boolean {
  return segmentBytes !== -1 && segmentBytes < leastSegmentBytes
}

export function isTopicConfig(name: string): boolean {
  return name === shortSegments.name || topicConfigs.some(config => config.name === name)
}

/** @throws InvalidOptionError where no topic has such a config here */
export function topicConfig(name: string): TopicConfig {
  const known = [...topicConfigs, shortSegments].find(config => config.name === name)
  if (known !== undefined) return known
  throw unknownConfig('topic', name, topicConfigs)
}

/** Parses a config's text. @throws InvalidOptionError if it is not one of its values */
export function parseConfig(config: TopicConfig, given: string): unknown {
  const text = parseConfigText(config, given)
  if (text === config.unlimited) return -1
  if (config.type === 'list' || config.type === 'string') return text
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER)
}

/** The text of an option's value. */
export function configText({ type, unlimited }: TopicConfig, value: unknown): string {
  if (value === -1 && unlimited !== undefined) return unlimited
  if (value === Number.MAX_SAFE_INTEGER) return greatest.long
  return type === 'double' ? doubleText(value as number) : String(value)
}

/** The options for some configs of a topic; null resets one to its default. @throws InvalidOptionError */
export function toOptions(
  given: readonly { readonly name: string; readonly value: string | null }[],
): TopicChanges {
  return Object.fromEntries(
    given.map(({ name, value }) => {
      const config = topicConfig(name)
      return [config.option, value === null ? null : parseConfig(config, value)]
    }),
  )
}
