import type { InvalidOptionError } from '../errors.ts'
import type { TopicChanges, TopicOptions } from '../topic-definition.ts'
import { anything, type Check, type Checks, checkOptions, integer, optionError } from '../validate.ts'
import { largestInt32 } from './int32.ts'

/** How many partitions a topic may be asked to have. */
export const partitionCount: Check = integer(1, largestInt32)

type Configurable = keyof typeof configs

/** What no config of a cluster stands for: it is asked for by itself, refused below, or the client's own. */
type WithoutConfig =
  | 'partitions'
  | 'retentionRecords'
  | 'segmentRecords'
  | 'whenFull'
  | 'freeze'
  | 'codec'
  | 'schema'
  | 'keys'

const configs = {
  retentionMs: 'retention.ms',
  retentionBytes: 'retention.bytes',
  cleanupPolicy: 'cleanup.policy',
  minCompactionLagMs: 'min.compaction.lag.ms',
  deleteRetentionMs: 'delete.retention.ms',
  minCleanableDirtyRatio: 'min.cleanable.dirty.ratio',
  segmentMs: 'segment.ms',
  segmentBytes: 'segment.bytes',
  maxMessageBytes: 'max.message.bytes',
  messageTimestampType: 'message.timestamp.type',
  messageTimestampBeforeMaxMs: 'message.timestamp.before.max.ms',
  messageTimestampAfterMaxMs: 'message.timestamp.after.max.ms',
} as const satisfies Record<Exclude<keyof TopicOptions, WithoutConfig>, string>

// For these options -1 means no limit, which Kafka's configs cannot express: the default comes nearest.
const unlimited = new Set<string>([
  'maxMessageBytes',
  'segmentBytes',
  'messageTimestampBeforeMaxMs',
  'messageTimestampAfterMaxMs',
])

// The cluster checks the values, but a request can hold no other number of partitions.
const known: Checks<TopicOptions> = {
  partitions: partitionCount,
  retentionMs: anything,
  retentionRecords: anything,
  retentionBytes: anything,
  cleanupPolicy: anything,
  whenFull: anything,
  minCompactionLagMs: anything,
  deleteRetentionMs: anything,
  minCleanableDirtyRatio: anything,
  segmentMs: anything,
  segmentRecords: anything,
  segmentBytes: anything,
  maxMessageBytes: anything,
  messageTimestampType: anything,
  messageTimestampBeforeMaxMs: anything,
  messageTimestampAfterMaxMs: anything,
  freeze: anything,
  codec: anything,
  schema: anything,
  keys: anything,
}

/** A topic config of Kafka; null restores the default. */
export interface TopicConfigValue {
  readonly name: string
  readonly value: string | null
}

/**
 * Returns the options of a topic, or changes to them, as Kafka's topic configs.
 *
 * @throws InvalidOptionError for an option that a topic of a cluster cannot have
 */
export function toTopicConfigs(topic: string, options: TopicChanges): TopicConfigValue[] {
  requirePortable(topic, options)
  return Object.entries(options).flatMap(([option, value]) => {
    const name = configs[option as Configurable]
    if (name === undefined || value === undefined) return []
    const unset = value === null || (value === -1 && unlimited.has(option))
    return [{ name, value: unset ? null : String(value) }]
  })
}

/**
 * Refuses options that only a log in memory has, instead of ignoring them.
 *
 * @throws InvalidOptionError
 */
export function requirePortable(topic: string, options: TopicChanges): void {
  try {
    checkOptions(`Topic '${topic}'`, options as TopicOptions, known)
  } catch (error) {
    throw Object.assign(error as Error, { topic })
  }
  const { retentionRecords, segmentRecords, whenFull, cleanupPolicy } = options
  if (typeof retentionRecords === 'number' && retentionRecords !== -1)
    throw onlyInMemory(topic, 'retentionRecords', 'retentionMs and retentionBytes')
  if (typeof segmentRecords === 'number')
    throw onlyInMemory(topic, 'segmentRecords', 'segmentBytes and segmentMs')
  if (typeof whenFull === 'string' && whenFull !== 'drop-oldest')
    throw onlyInMemory(topic, 'whenFull', `'drop-oldest', which is Kafka's way`)
  if (cleanupPolicy === 'consumed')
    throw onlyInMemory(topic, 'cleanupPolicy', `'delete', 'compact' and 'compact,delete'`)
}

function onlyInMemory(topic: string, option: string, instead: string): InvalidOptionError {
  const why = `as it stands is for a log in memory; a cluster has ${instead}`
  return optionError(`Topic '${topic}'`, option, why, { topic, expected: instead })
}
