import { codecCheck } from '../codec.ts'
import { InvalidOptionError } from '../errors.ts'
import type { TopicOptions } from '../topic-definition.ts'
import {
  boolean,
  type Checks,
  checkOptions,
  fraction,
  integer,
  invalidOption,
  limit,
  oneOf,
  optionError,
} from '../validate.ts'

const day = 24 * 60 * 60 * 1000

/** The largest number of partitions that a topic can have. */
export const maxPartitions = 100_000

/** A topic's options with every default filled in; this is what `topic.options` shows. */
export type LogConfig = Required<Omit<TopicOptions, 'codec' | 'schema'>> &
  Pick<TopicOptions, 'codec' | 'schema'>

/** The options that a partition goes by: how many partitions there are is for its topic to know. */
export type PartitionConfig = Omit<LogConfig, 'partitions'>

const checks: Checks<TopicOptions> = {
  partitions: integer(1, maxPartitions),
  retentionMs: limit(1),
  retentionRecords: limit(1),
  retentionBytes: limit(1),
  cleanupPolicy: oneOf('delete', 'compact', 'compact,delete', 'delete,compact', 'consumed'),
  minCompactionLagMs: integer(0),
  deleteRetentionMs: integer(0),
  minCleanableDirtyRatio: fraction,
  whenFull: oneOf('drop-oldest', 'reject', 'wait'),
  segmentMs: integer(1),
  segmentRecords: integer(1, 1 << 20),
  segmentBytes: limit(1),
  maxMessageBytes: limit(1),
  messageTimestampType: oneOf('CreateTime', 'LogAppendTime'),
  messageTimestampBeforeMaxMs: limit(0),
  messageTimestampAfterMaxMs: limit(0),
  freeze: boolean,
  codec: codecCheck,
  schema: {
    expected: 'a Standard Schema (an object with ~standard)',
    accepts: value =>
      typeof (value as { '~standard'?: { validate?: unknown } } | null)?.['~standard']?.validate ===
      'function',
  },
  keys: oneOf('string', 'bytes'),
}

/** The broker's limits, and its defaults for options that a topic leaves out. */
export interface LogDefaults {
  readonly maxRecords: number
  readonly maxBytes: number
  readonly codec: TopicOptions['codec']
  readonly freeze: boolean
}

/** Checks a topic's options and fills in what is left out. */
export function toLogConfig(topic: string, options: TopicOptions, defaults: LogDefaults): LogConfig {
  try {
    return resolve(`Topic '${topic}'`, options, defaults)
  } catch (error) {
    throw error instanceof InvalidOptionError ? Object.assign(error, { topic }) : error
  }
}

function resolve(where: string, options: TopicOptions, defaults: LogDefaults): LogConfig {
  checkOptions(where, options, checks)
  const codec = options.codec ?? defaults.codec
  const cleanupPolicy = options.cleanupPolicy ?? 'delete'
  checkPolicy(where, options, cleanupPolicy)
  const retentionMs = options.retentionMs ?? (cleanupPolicy.includes('delete') ? 7 * day : -1)
  const retentionRecords = options.retentionRecords ?? -1
  const retentionBytes = options.retentionBytes ?? -1
  if (options.freeze && codec) {
    throw optionError(where, 'freeze', 'is for values kept by reference, and a codec keeps none', {
      expected: 'no codec beside freeze',
    })
  }
  const { maxRecords, maxBytes } = defaults
  if (maxRecords !== -1 && (options.segmentRecords ?? 1) > maxRecords) {
    throw invalidOption(
      where,
      'segmentRecords',
      `at most the broker's maxRecords (${maxRecords})`,
      options.segmentRecords,
    )
  }
  const sized = codec !== undefined || retentionBytes !== -1 || (options.maxMessageBytes ?? -1) !== -1
  return Object.freeze({
    partitions: options.partitions ?? 1,
    retentionMs,
    retentionRecords,
    retentionBytes,
    cleanupPolicy,
    whenFull: options.whenFull ?? whenFullUnder[cleanupPolicy] ?? 'drop-oldest',
    minCompactionLagMs: options.minCompactionLagMs ?? 0,
    deleteRetentionMs: options.deleteRetentionMs ?? day,
    minCleanableDirtyRatio: options.minCleanableDirtyRatio ?? 0.5,
    // No segment outlives its records.
    segmentMs: Math.min(
      options.segmentMs ?? eighth(retentionMs, 7 * day),
      retentionMs === -1 ? Infinity : retentionMs,
    ),
    segmentRecords: options.segmentRecords ?? eighth(retentionRecords, eighth(maxRecords, 4096)),
    segmentBytes: options.segmentBytes ?? (sized ? eighth(retentionBytes, eighth(maxBytes, 16 << 20)) : -1),
    maxMessageBytes: options.maxMessageBytes ?? -1,
    messageTimestampType: options.messageTimestampType ?? 'CreateTime',
    messageTimestampBeforeMaxMs: options.messageTimestampBeforeMaxMs ?? -1,
    messageTimestampAfterMaxMs: options.messageTimestampAfterMaxMs ?? 60 * 60 * 1000,
    freeze: options.freeze ?? (codec === undefined && defaults.freeze),
    codec,
    schema: options.schema,
    keys: options.keys ?? 'string',
  })
}

/** Whether a topic keeps the newest value of each key. */
export function compacts({ cleanupPolicy }: Pick<LogConfig, 'cleanupPolicy'>): boolean {
  return cleanupPolicy.includes('compact')
}

/** Whether records of a topic have sizes. */
export function countsBytes({
  codec,
  retentionBytes,
  segmentBytes,
  maxMessageBytes,
}: PartitionConfig): boolean {
  return codec !== undefined || retentionBytes !== -1 || segmentBytes !== -1 || maxMessageBytes !== -1
}

// An option without effect under a policy is refused, since whoever sets it expects an effect.
const notUnder: Readonly<Record<LogConfig['cleanupPolicy'], readonly (keyof TopicOptions)[]>> = {
  delete: ['minCompactionLagMs', 'deleteRetentionMs', 'minCleanableDirtyRatio'],
  consumed: ['retentionMs', 'minCompactionLagMs', 'deleteRetentionMs', 'minCleanableDirtyRatio'],
  compact: ['retentionMs', 'retentionRecords', 'retentionBytes'],
  // It counts offsets, of which compaction leaves few.
  'compact,delete': ['retentionRecords'],
  'delete,compact': ['retentionRecords'],
}

// These policies promise to lose no record, so a writer must learn that a limit is reached.
const whenFullUnder: Readonly<Record<string, 'reject' | 'wait' | undefined>> = {
  compact: 'reject',
  consumed: 'wait',
}

type Policy = Pick<TopicOptions, 'cleanupPolicy' | 'whenFull'>

/** What decides which options of a topic have an effect; `common` are those of all topics that do not say otherwise. */
export function policyOf(options: TopicOptions, common: TopicOptions): Policy {
  const { cleanupPolicy = common.cleanupPolicy ?? 'delete', whenFull } = options
  return whenFull === undefined ? { cleanupPolicy } : { cleanupPolicy, whenFull }
}

/** Whether an option has no effect under a policy. */
export function meansNothing(
  option: keyof TopicOptions,
  { cleanupPolicy = 'delete', whenFull }: Policy,
): boolean {
  if (notUnder[cleanupPolicy]?.includes(option)) return true
  return option === 'whenFull' && whenFull === 'drop-oldest' && whenFullUnder[cleanupPolicy] !== undefined
}

/**
 * Options of a topic together with those that all topics have that do not say otherwise. What means nothing under the
 * topic's policy is left out.
 */
export function withDefaults(options: TopicOptions, common: TopicOptions): TopicOptions {
  const named = Object.entries(common)
  // What is no object of options is refused by whoever checks them.
  if (named.length === 0 || Array.isArray(options)) return options
  const policy = policyOf(options, common)
  const inherited = named.filter(([name]) => {
    const option = name as keyof TopicOptions
    return options[option] === undefined && !meansNothing(option, policy)
  })
  return { ...options, ...Object.fromEntries(inherited) }
}

function checkPolicy(where: string, options: TopicOptions, cleanupPolicy: LogConfig['cleanupPolicy']): void {
  for (const option of notUnder[cleanupPolicy]) {
    if (options[option] === undefined || options[option] === -1) continue
    throw optionError(where, option, `means nothing with cleanupPolicy '${cleanupPolicy}'`, {
      received: options[option],
    })
  }
  if (options.whenFull === 'drop-oldest' && whenFullUnder[cleanupPolicy] !== undefined) {
    const expected = `'reject' or 'wait' with cleanupPolicy '${cleanupPolicy}', which never drops unread records`
    throw invalidOption(where, 'whenFull', expected, options.whenFull)
  }
}

// An eighth of what is kept, so that dropping whole segments stays within an eighth of the limit.
function eighth(kept: number, most: number): number {
  if (kept === -1) return most
  return Math.max(1, Math.min(most, Math.floor(kept / 8)))
}
