import { InvalidOptionError } from '../errors.ts'
import {
  type ConfigChanges,
  type ConfigSource,
  changedTexts,
  configSources,
  parseConfigText,
  unknownConfig,
} from './config-definition.ts'
import {
  type Bound,
  boundName,
  boundsOf,
  checkBounds,
  checkDeadLetterTopic,
  fallbackName,
  type GroupConfig,
  type GroupDefaults,
  groupConfigs,
} from './group-config.ts'
import { keptBrokerConfigs } from './kept-broker-configs.ts'
import { type ShareOffsetReset, toShareOffsetReset } from './share-offset-reset.ts'

/** The values of a group's configs that count. */
export interface ResolvedGroupConfig {
  /** How long a KIP-848 member may be silent. */
  readonly consumerSessionTimeoutMs: number
  /** The heartbeat interval that such a member is told. */
  readonly consumerHeartbeatIntervalMs: number
  readonly shareSessionTimeoutMs: number
  readonly shareHeartbeatIntervalMs: number
  /** How long a record that a member has acquired stays locked for it. */
  readonly shareRecordLockDurationMs: number
  /** How often a record is delivered at most. */
  readonly shareDeliveryCountLimit: number
  /** How many records of a partition are in flight at most. */
  readonly sharePartitionMaxRecordLocks: number
  /** Where the group begins in a partition that it has not read before. */
  readonly shareAutoOffsetReset: ShareOffsetReset
  readonly shareIsolationLevel: 'read_uncommitted' | 'read_committed'
  /** Whether a member may renew what it has acquired (KIP-1222). */
  readonly shareRenewAcknowledgeEnable: boolean
  readonly streamsSessionTimeoutMs: number
  readonly streamsHeartbeatIntervalMs: number
  readonly streamsNumStandbyReplicas: number
  /** How long the first join of an empty streams group waits for others. */
  readonly streamsInitialRebalanceDelayMs: number
  /** Where a share group writes what it gives up (KIP-1191); empty if nowhere. */
  readonly errorsDeadletterqueueTopicName: string
  /** Whether such a record is copied, or only said where it is. */
  readonly errorsDeadletterqueueCopyRecordEnable: boolean
  /** The client tags that its members are to have, with commas between them. */
  readonly streamsRackAwareAssignmentTags: string
  /** How often a member is to say how far its tasks are. */
  readonly streamsTaskOffsetIntervalMs: number
  /** How many records a member may be behind to take a task over. */
  readonly streamsAcceptableRecoveryLag: number
  readonly streamsAssignorName: string
}

/** A config of a group with all its values; the first one counts. */
export interface DescribedGroupConfig extends GroupConfig {
  readonly sources: readonly ConfigSource[]
}

/** The texts of a group's own values, by the name of the config. */
export type OwnGroupConfigs = ReadonlyMap<string, string>

// Those are kept for all groups where administrators set them, and listed there.
const dynamicNames = new Set(keptBrokerConfigs.map(({ name }) => name))

interface Given {
  readonly own: OwnGroupConfigs
  readonly resolved: ResolvedGroupConfig
}

// A member whose heartbeats are further apart than its session would be removed before the next one.
const sessions = [
  ['consumer.session.timeout.ms', 'consumer.heartbeat.interval.ms'],
  ['share.session.timeout.ms', 'share.heartbeat.interval.ms'],
  ['streams.session.timeout.ms', 'streams.heartbeat.interval.ms'],
] as const

/**
 * The configs that administrators set for single groups (KIP-848, KIP-932). They may be set before the group exists,
 * and outlast it.
 */
export class GroupConfigs {
  readonly #defaults: GroupDefaults
  readonly #unchanged: ResolvedGroupConfig
  readonly #given = new Map<string, Given>()

  constructor(defaults: GroupDefaults) {
    this.#defaults = defaults
    this.#unchanged = this.#resolve(new Map())
  }

  get(groupId: string): ResolvedGroupConfig {
    return this.#given.get(groupId)?.resolved ?? this.#unchanged
  }

  /** The groups that have configs of their own. */
  get groupIds(): readonly string[] {
    return [...this.#given.keys()]
  }

  /**
   * A group's own configs after some changes.
   *
   * @throws InvalidOptionError if Kafka has no such config, or a group may not have that value
   */
  altered(groupId: string, changes: ConfigChanges): OwnGroupConfigs {
    const own = changedTexts(this.#given.get(groupId)?.own, changes, (name, value) =>
      parseConfigText(existing(name), value),
    )
    for (const [name, text] of own) checkBounds(existing(name), text, this.#defaults)
    for (const [session, heartbeat] of sessions) this.#requireGreater(own, session, heartbeat)
    checkDeadLetterTopic(own.get('errors.deadletterqueue.topic.name'))
    return own
  }

  become(groupId: string, own: OwnGroupConfigs): void {
    if (own.size === 0) this.#given.delete(groupId)
    else this.#given.set(groupId, { own, resolved: this.#resolve(own) })
  }

  /** All group configs, with the values that count for a group. */
  of(groupId: string): readonly DescribedGroupConfig[] {
    const own = this.#given.get(groupId)?.own
    return groupConfigs.map(config => {
      const { name, fallback } = config
      const inherited = fallbackName(config)
      const text = own?.get(name)
      const served = this.#served(config)
      return {
        ...config,
        sources: [
          ...(text === undefined ? [] : [{ name, value: text, source: configSources.group }]),
          ...(served === undefined ? [] : [{ name: inherited, value: served, source: configSources.server }]),
          { name: inherited, value: fallback, source: configSources.default },
        ],
      }
    })
  }

  /** The broker's configs for the default, minimum and maximum of group configs, but for those that have no effect. */
  get ofBroker(): readonly {
    readonly name: string
    readonly value: number
    readonly fallback: number
    readonly documentation: string
  }[] {
    return groupConfigs.flatMap(config => {
      const { name, range, documentation, fallback, internal } = config
      if (range === undefined || internal) return []
      const [least, most] = boundsOf(config, this.#defaults)
      const bound = (end: Bound) => ({
        name: boundName(config, end),
        value: end === 'min' ? least : most,
        fallback: range[end === 'min' ? 0 : 1],
        documentation: `The ${end === 'min' ? 'least' : 'most'} that a group may have as its ${name}.`,
      })
      const value = Number(this.#served(config) ?? fallback)
      const { bounds = ['min', 'max'] } = config
      const own = { name: fallbackName(config), value, fallback: Number(fallback), documentation }
      return [...(dynamicNames.has(own.name) ? [] : [own]), ...bounds.map(bound)]
    })
  }

  // The server's own value, if it has one.
  #served({ option }: GroupConfig): string | undefined {
    const served = option && this.#defaults[option]
    return served === undefined ? undefined : String(served)
  }

  #requireGreater(own: OwnGroupConfigs, session: string, heartbeat: string): void {
    if (!own.has(session) && !own.has(heartbeat)) return
    const text = this.#textsWith(own)
    if (Number(text(session)) > Number(text(heartbeat))) return
    throw new InvalidOptionError(
      `${session} must be greater than ${heartbeat} (${text(heartbeat)}), received ${text(session)}`,
      { option: session, received: text(session) },
    )
  }

  #textsWith(own: OwnGroupConfigs): (name: string) => string {
    return name => {
      const config = existing(name)
      return own.get(name) ?? this.#served(config) ?? config.fallback
    }
  }

  #resolve(own: OwnGroupConfigs): ResolvedGroupConfig {
    const text = this.#textsWith(own)
    const int = (name: string) => Number(text(name))
    return {
      consumerSessionTimeoutMs: int('consumer.session.timeout.ms'),
      consumerHeartbeatIntervalMs: int('consumer.heartbeat.interval.ms'),
      shareSessionTimeoutMs: int('share.session.timeout.ms'),
      shareHeartbeatIntervalMs: int('share.heartbeat.interval.ms'),
      shareRecordLockDurationMs: int('share.record.lock.duration.ms'),
      shareDeliveryCountLimit: int('share.delivery.count.limit'),
      sharePartitionMaxRecordLocks: int('share.partition.max.record.locks'),
      shareAutoOffsetReset: toShareOffsetReset(text('share.auto.offset.reset'))!,
      shareIsolationLevel:
        text('share.isolation.level') === 'read_committed' ? 'read_committed' : 'read_uncommitted',
      shareRenewAcknowledgeEnable: text('share.renew.acknowledge.enable') === 'true',
      streamsSessionTimeoutMs: int('streams.session.timeout.ms'),
      streamsHeartbeatIntervalMs: int('streams.heartbeat.interval.ms'),
      streamsNumStandbyReplicas: int('streams.num.standby.replicas'),
      streamsInitialRebalanceDelayMs: int('streams.initial.rebalance.delay.ms'),
      errorsDeadletterqueueTopicName: text('errors.deadletterqueue.topic.name'),
      errorsDeadletterqueueCopyRecordEnable: text('errors.deadletterqueue.copy.record.enable') === 'true',
      streamsRackAwareAssignmentTags: text('streams.rack.aware.assignment.tags'),
      streamsTaskOffsetIntervalMs: int('streams.task.offset.interval.ms'),
      streamsAcceptableRecoveryLag: int('streams.acceptable.recovery.lag'),
      streamsAssignorName: text('streams.assignor.name'),
    }
  }
}

function existing(name: string): GroupConfig {
  const known = groupConfigs.find(config => config.name === name)
  if (known !== undefined) return known
  throw unknownConfig('group', name, groupConfigs)
}
