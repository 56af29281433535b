import { InvalidOptionError } from '../errors.ts'
import type { ConfigDefinition } from './config-definition.ts'
import { toShareOffsetReset } from './share-offset-reset.ts'

/** The defaults that a server may set for all groups; times in milliseconds. */
export interface GroupDefaults {
  readonly consumerSessionTimeoutMs?: number | undefined
  readonly consumerHeartbeatIntervalMs?: number | undefined
  readonly shareSessionTimeoutMs?: number | undefined
  readonly shareHeartbeatIntervalMs?: number | undefined
  readonly shareRecordLockDurationMs?: number | undefined
  readonly shareDeliveryCountLimit?: number | undefined
  readonly streamsSessionTimeoutMs?: number | undefined
  readonly streamsHeartbeatIntervalMs?: number | undefined
  readonly initialRebalanceDelayMs?: number | undefined
}

/** A config of groups, by Kafka's name. (Kafka: GroupConfig) */
export interface GroupConfig extends ConfigDefinition {
  /** The server's option for its default. */
  readonly option?: keyof GroupDefaults
  /** Kafka's default. */
  readonly fallback: string
  /** The broker's config for the default, if its name is another one, and there is no range. */
  readonly inherited?: string
  /** Whether it is told only where it is set. (Kafka: ConfigDef.defineInternal) */
  readonly internal?: true
  /** The range of values for a group, if the broker has a config for the default. */
  readonly range?: readonly [min: number, max: number]
  /** The ends of the range that are configs of the broker, too; left out if both are. */
  readonly bounds?: readonly Bound[]
  readonly documentation: string
}

/** An end of what a group may say. */
export type Bound = 'min' | 'max'

export const groupConfigs: readonly GroupConfig[] = [
  {
    name: 'consumer.session.timeout.ms',
    option: 'consumerSessionTimeoutMs',
    type: 'int',
    fallback: '45000',
    least: 1,
    range: [45_000, 60_000],
    documentation:
      'How long a member that sends heartbeats to its group (KIP-848) may be silent, in milliseconds.',
  },
  {
    name: 'consumer.heartbeat.interval.ms',
    option: 'consumerHeartbeatIntervalMs',
    type: 'int',
    fallback: '5000',
    least: 1,
    range: [5000, 15_000],
    documentation: 'How often such a member is to be heard, in milliseconds.',
  },
  {
    name: 'consumer.assignment.interval.ms',
    type: 'int',
    fallback: '1000',
    least: 0,
    range: [0, 15_000],
    documentation: 'Kept and told, and without an effect: a group assigns at once.',
  },
  offload('consumer'),
  {
    name: 'share.session.timeout.ms',
    option: 'shareSessionTimeoutMs',
    type: 'int',
    fallback: '45000',
    least: 1,
    range: [45_000, 60_000],
    documentation: 'How long a member of a share group may be silent, in milliseconds.',
  },
  {
    name: 'share.heartbeat.interval.ms',
    option: 'shareHeartbeatIntervalMs',
    type: 'int',
    fallback: '5000',
    least: 1,
    range: [5000, 15_000],
    documentation: 'How often a member of a share group is to be heard, in milliseconds.',
  },
  {
    name: 'share.record.lock.duration.ms',
    option: 'shareRecordLockDurationMs',
    type: 'int',
    fallback: '30000',
    least: 1000,
    range: [15_000, 60_000],
    documentation:
      'How long a record that a member of a share group has acquired is its own, in milliseconds.',
  },
  {
    name: 'share.delivery.count.limit',
    option: 'shareDeliveryCountLimit',
    type: 'int',
    fallback: '5',
    least: 2,
    range: [2, 10],
    documentation: 'How often a share group delivers a record at most.',
  },
  {
    name: 'share.partition.max.record.locks',
    type: 'int',
    fallback: '2000',
    least: 100,
    range: [100, 4000],
    documentation: 'How many records of a partition a share group has under way at most.',
  },
  {
    name: 'share.auto.offset.reset',
    type: 'string',
    fallback: 'latest',
    check: text =>
      toShareOffsetReset(text) === undefined
        ? "The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'"
        : undefined,
    documentation:
      'Where a share group begins to read: earliest, latest, or by_duration: with an ISO 8601 duration, so long ago.',
  },
  {
    name: 'share.isolation.level',
    type: 'string',
    fallback: 'read_uncommitted',
    values: ['read_committed', 'read_uncommitted'],
    documentation: 'Whether a share group gets records of transactions that are not committed.',
  },
  {
    name: 'share.renew.acknowledge.enable',
    type: 'boolean',
    fallback: 'true',
    documentation: 'Whether members of a share group may renew their acquisition of a record.',
  },
  {
    name: 'share.assignment.interval.ms',
    type: 'int',
    fallback: '1000',
    least: 0,
    range: [0, 15_000],
    documentation: 'Kept and told, and without an effect: a share group assigns at once.',
  },
  offload('share'),
  {
    name: 'streams.session.timeout.ms',
    option: 'streamsSessionTimeoutMs',
    type: 'int',
    fallback: '45000',
    least: 1,
    range: [45_000, 60_000],
    documentation: 'How long a member of a streams group may be silent, in milliseconds.',
  },
  {
    name: 'streams.heartbeat.interval.ms',
    option: 'streamsHeartbeatIntervalMs',
    type: 'int',
    fallback: '5000',
    least: 1,
    range: [5000, 15_000],
    documentation: 'How often a member of a streams group is to be heard, in milliseconds.',
  },
  {
    name: 'streams.num.standby.replicas',
    type: 'int',
    fallback: '0',
    least: 0,
    range: [0, 2],
    bounds: ['max'],
    documentation: 'How many standbys each task of a streams group has that has tables.',
  },
  {
    name: 'streams.initial.rebalance.delay.ms',
    option: 'initialRebalanceDelayMs',
    type: 'int',
    fallback: '3000',
    least: 0,
    range: [0, 2 ** 31 - 1],
    bounds: [],
    documentation: 'How long the first join of an empty streams group waits for others, in milliseconds.',
  },
  {
    name: 'streams.assignment.interval.ms',
    type: 'int',
    fallback: '1000',
    least: 0,
    range: [0, 15_000],
    documentation: 'Kept and told, and without an effect: a streams group assigns at once.',
  },
  offload('streams'),
  {
    name: 'errors.deadletterqueue.topic.name',
    type: 'string',
    fallback: '',
    documentation:
      'The topic for the records that a share group gives up (KIP-1191); without a name they are gone.',
  },
  {
    name: 'errors.deadletterqueue.copy.record.enable',
    type: 'boolean',
    fallback: 'false',
    documentation: 'Whether the key and value of such a record are copied, or only said where it is.',
  },
  {
    name: 'streams.assignor.name',
    type: 'string',
    fallback: 'sticky',
    inherited: 'group.streams.assignors',
    check: text =>
      text === 'sticky'
        ? undefined
        : 'It is not a registered task assignor. Registered assignors are: [sticky].',
    documentation: 'Who deals the tasks of a streams group out. There is only one.',
  },
  {
    name: 'streams.rack.aware.assignment.tags',
    type: 'list',
    distinct: true,
    fallback: '',
    inherited: 'group.streams.rack.aware.assignment.tags',
    documentation:
      'The client tags that each member of a streams group is to have. The sticky assignor does not look at them.',
  },
  {
    name: 'streams.task.offset.interval.ms',
    type: 'int',
    fallback: '60000',
    least: 1,
    range: [15_000, 2 ** 31 - 1],
    internal: true,
    documentation: 'How often a member of a streams group is to say how far its tasks are, in milliseconds.',
  },
  {
    name: 'streams.num.warmup.replicas',
    type: 'int',
    fallback: '2',
    least: 0,
    range: [0, 20],
    internal: true,
    documentation: 'Kept and told, and without an effect: Kafka 4.4 does not assign warm-up tasks yet.',
  },
  {
    name: 'streams.acceptable.recovery.lag',
    type: 'long',
    fallback: '10000',
    least: 0,
    internal: true,
    documentation:
      'How many records a member of a streams group may be behind to take a task over. It is told that.',
  },
]

// Whether a broker assigns in another thread.
function offload(kind: 'consumer' | 'share' | 'streams'): GroupConfig {
  return {
    name: `${kind}.assignor.offload.enable`,
    type: 'boolean',
    fallback: 'true',
    internal: true,
    documentation: 'Kept and told where it is set, and without an effect: there is one thread.',
  }
}

/** The broker's config that gives the default, such as `group.consumer.session.timeout.ms`; its own name where there is none. */
export function fallbackName({ name, range, internal, inherited }: GroupConfig): string {
  return inherited ?? (range === undefined && !internal ? name : `group.${name}`)
}

/** The broker's config for an end of the range, such as `group.consumer.min.session.timeout.ms`. */
export function boundName({ name }: GroupConfig, bound: Bound): string {
  // For 'num.standby.replicas' Kafka's name is 'max.standby.replicas'.
  return `group.${name.replace('.', `.${bound}.`).replace('.num.', '.')}`
}

/** The range for a group: Kafka's default range, extended to the server's own value. */
export function boundsOf({ option, range }: GroupConfig, defaults: GroupDefaults): readonly [number, number] {
  const own = option && defaults[option]
  const [min, max] = range!
  return own === undefined ? [min, max] : [Math.min(min, own), Math.max(max, own)]
}

/** @throws InvalidOptionError if the value is outside the broker's range */
export function checkBounds(config: GroupConfig, text: string, defaults: GroupDefaults): void {
  if (config.range === undefined) return
  const [min, max] = boundsOf(config, defaults)
  const refuse = (expected: string, bound: Bound, than: number): never => {
    throw new InvalidOptionError(
      `${config.name} must be ${expected} than or equal to ${boundName(config, bound)} (${than}), received ${text}`,
      { option: config.name, received: text },
    )
  }
  if (Number(text) < min) refuse('greater', 'min', min)
  if (Number(text) > max) refuse('less', 'max', max)
}

/** Refuses a dead letter topic with a name of Kafka's own topics. @throws InvalidOptionError */
export function checkDeadLetterTopic(name: string | undefined): void {
  if (name?.startsWith('__') !== true) return
  const option = 'errors.deadletterqueue.topic.name'
  throw new InvalidOptionError(`${option}: DLQ topic name must not start with '__'`, {
    option,
    received: name,
  })
}
