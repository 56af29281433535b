import { InvalidOptionError } from '../errors.ts'
import type { TopicOptions } from '../topic-definition.ts'

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
} as const

// -1 is no limit: where it is Kafka's default, or Kafka has no word for it, nothing is said.
const unlimited = new Set(['maxMessageBytes', 'messageTimestampBeforeMaxMs', 'messageTimestampAfterMaxMs'])

/** A topic's options as Kafka's configuration. Those of them that only a log in memory has are not among them. */
export function toTopicConfigs(
  name: string,
  options: TopicOptions,
): { readonly name: string; readonly value: string }[] {
  requirePortable(name, options)
  return Object.entries(configs).flatMap(([option, config]) => {
    const value = options[option as keyof typeof configs]
    if (value === undefined || (value === -1 && unlimited.has(option))) return []
    return [{ name: config, value: String(value) }]
  })
}

/**
 * Refuses what a topic of a cluster cannot have, instead of passing over it.
 *
 * @throws InvalidOptionError
 */
export function requirePortable(topic: string, options: TopicOptions): void {
  const { retentionRecords, segmentRecords, whenFull, cleanupPolicy } = options
  if (retentionRecords !== undefined && retentionRecords !== -1)
    throw onlyInMemory(topic, 'retentionRecords', 'retentionMs or retentionBytes')
  if (segmentRecords !== undefined) throw onlyInMemory(topic, 'segmentRecords', 'segmentBytes or segmentMs')
  if (whenFull !== undefined && whenFull !== 'drop-oldest')
    throw onlyInMemory(topic, 'whenFull', `'drop-oldest', which is Kafka's way`)
  if (cleanupPolicy === 'consumed')
    throw onlyInMemory(topic, 'cleanupPolicy', `'delete', 'compact' or 'compact,delete'`)
}

function onlyInMemory(topic: string, option: string, instead: string): InvalidOptionError {
  return new InvalidOptionError(
    `Topic '${topic}': option '${option}' as it stands is for a log in memory; a cluster has ${instead}`,
    { topic, option, expected: instead },
  )
}
