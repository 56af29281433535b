import type { BrokerClock } from '../broker-clock.ts'
import { TopicAlreadyExistsError, UnknownTopicOrPartitionError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { Ids } from '../ids.ts'
import type { LogCleaner } from '../log/log-cleaner.ts'
import { type LogConfig, type LogDefaults, toLogConfig, withDefaults } from '../log/log-config.ts'
import type { LogManager } from '../log/log-manager.ts'
import type { Partition } from '../log/partition.ts'
import { Topic, type TopicHost } from '../log/topic.ts'
import type { Outbox } from '../outbox.ts'
import type { StickyRoundRobin } from '../producer/partitioner.ts'
import type { RecordMetadata } from '../record.ts'
import type { ByteEdge } from '../serde.ts'
import { didYouMean, suggest } from '../suggest.ts'
import type { TopicOptions } from '../topic-definition.ts'
import { checkTopicName, requireTopicName } from '../topic-name.ts'
import type { TopicPartition } from '../topic-partition.ts'
import { describeValue } from '../value-text.ts'
import type { BrokerEvents } from './broker-events.ts'
import type { GroupCoordinator } from './group-coordinator.ts'
import type { GroupProgress } from './group-progress.ts'

/** What helps where there is no topic of a name. */
export const howToCreate = "; declare it in 'topics' of the broker or make it with createTopic()"

/** What a broker gives to topics that do not say otherwise. */
export interface TopicDefaults extends LogDefaults {
  readonly autoCreateTopics: boolean | TopicOptions
}

/** What topics need of the broker that owns them. */
export interface TopicRegistryHost {
  readonly byName: Map<string, Topic>
  readonly byId: Map<string, Topic>
  readonly clock: BrokerClock
  readonly events: Events<BrokerEvents>
  readonly outbox: Outbox
  readonly ids: Ids
  readonly edge: ByteEdge
  readonly log: LogManager
  readonly cleaner: LogCleaner
  readonly sticky: StickyRoundRobin
  readonly groups: GroupCoordinator
  readonly progress: GroupProgress
  /** @throws ClosedError */
  requireOpen(): void
  append(topic: Topic, body: object): RecordMetadata
  /**
   * Says that there is room again, or an offset was committed, in this partition or anywhere: sends that wait for room
   * may try again.
   */
  freed(partition?: Partition): void
  /** Says that a topic was altered or deleted, of which sends that wait to write to it have to hear. */
  changed(topic: Topic): void
  touch(): void
}

/** Creates, finds, alters and deletes the topics of a broker, and tells its groups, logs and listeners. */
export class TopicRegistry {
  readonly #host: TopicRegistryHost
  readonly #defaults: TopicDefaults
  readonly #topicHost: TopicHost
  #commonOptions: TopicOptions = {}
  // Most sends name the topic of the send before, by the same string, and so need no lookup.
  #lastTopic: Topic | undefined

  constructor(host: TopicRegistryHost, defaults: TopicDefaults) {
    this.#host = host
    this.#defaults = defaults
    this.#topicHost = this.#makeTopicHost()
  }

  /** Takes no more sends. */
  close(): void {
    this.#lastTopic = undefined
  }

  /** A topic's options with this broker's defaults filled in, and those of all topics that do not say otherwise. */
  logConfig(name: string, options: TopicOptions, common: TopicOptions = this.#commonOptions): LogConfig {
    return toLogConfig(name, withDefaults(options, common), this.#defaults)
  }

  /** The options of all topics that do not say otherwise; none until they are altered. */
  get commonOptions(): TopicOptions {
    return this.#commonOptions
  }

  /**
   * Alters these options, and with them all topics, at once.
   *
   * @throws InvalidOptionError where a topic cannot be so; then nothing has changed
   */
  alterCommonOptions(options: TopicOptions): void {
    const altered = this.topicsWith(options)
    this.#commonOptions = options
    this.#host.outbox.together(() => {
      for (const [topic, becomes] of altered) topic.become(becomes)
    })
  }

  /** All topics as they would be with other common options; throws as `alterCommonOptions` would. */
  topicsWith(options: TopicOptions): readonly (readonly [Topic, ReturnType<Topic['requireFollows']>])[] {
    this.#host.requireOpen()
    this.logConfig('(default)', {}, options)
    return [...this.#host.byName.values()].map(topic => [topic, topic.requireFollows(options)])
  }

  /** The configuration that a new topic would have; refuses what `create` would refuse. */
  check(name: string, options: TopicOptions): LogConfig {
    this.#host.requireOpen()
    checkTopicName(name)
    if (this.#host.byName.has(name)) throw new TopicAlreadyExistsError(name)
    return this.logConfig(name, options)
  }

  create(name: string, options: TopicOptions): Topic {
    const { byName, byId, ids, events, groups } = this.#host
    const config = this.check(name, options)
    const topic = new Topic(name, ids.uuid(), options, config, this.#topicHost) as unknown as Topic
    byName.set(name, topic)
    byId.set(topic.id, topic)
    events.emit('topicCreated', { topic: name, partitions: config.partitions })
    groups.topicChanged(name)
    this.#host.outbox.flush()
    return topic
  }

  #makeTopicHost(): TopicHost {
    const { clock, edge, log, cleaner, progress, events, groups, outbox, freed, append, touch } = this.#host
    return {
      edge,
      now: () => clock.now(),
      outbox,
      commonOptions: () => this.#commonOptions,
      logConfig: (name, options, common) => this.logConfig(name, options, common),
      segmentAdded: (partition, segment, timestamp) => log.segmentAdded(partition, segment, timestamp),
      bytesCounted: bytes => log.appended(0, bytes),
      segmentsDropped: (partition, segments) => {
        log.segmentsDropped(partition, segments)
        freed(partition)
      },
      recordsFreed: (records, bytes) => {
        log.appended(-records, -bytes)
        freed()
      },
      consumedBefore: partition => progress.consumedBefore(partition),
      offsetCommitted: partition => this.#offsetCommitted(partition),
      freed,
      segmentsReplaced: (partition, segments, compacted) => {
        log.segmentsReplaced(partition, segments, compacted)
        freed(partition)
        touch()
      },
      cleaner,
      trimmed: (partition, from, to, reason) => {
        progress.trimmed(partition, from, to, reason)
        // Groups that have not read what goes have less to read.
        touch()
      },
      append,
      partitionsAdded: (topic, from) => {
        events.emit('partitionsAdded', { topic: topic.name, from, to: topic.partitionCount })
        groups.topicChanged(topic.name)
      },
      altered: (topic, before) => this.#altered(topic, before),
    }
  }

  #altered(altered: Topic, before: LogConfig): void {
    const { name: topic, partitions, options } = altered
    const { log, events } = this.#host
    this.#host.changed(altered)
    log.retentionAltered(partitions)
    for (const partition of partitions) this.#offsetCommitted(partition)
    // Bytes that were not counted before may be too many now.
    log.makeRoom(0, 0)
    const changed = (Object.keys(options) as (keyof LogConfig)[]).filter(
      each => options[each] !== before[each],
    )
    if (changed.length > 0) events.emit('topicAltered', { topic, options: changed })
    this.#host.touch()
  }

  #offsetCommitted(partition: Partition): void {
    if (partition.keepsUnreadOnly && !this.#host.progress.holdsBack(partition)) {
      partition.dropConsumed(partition.consumedBefore)
    }
    this.#host.freed(partition)
  }

  /** Says that a group is gone, or no longer reads these topics: records kept for it alone may go. */
  unregistered(topics: Iterable<Topic>): void {
    for (const topic of topics) {
      if (topic.holdsBack) for (const partition of topic.partitions) this.#offsetCommitted(partition)
    }
  }

  /** @throws UnknownTopicOrPartitionError */
  delete(name: string): void {
    const { byName, byId, sticky, events, groups, progress } = this.#host
    const topic = this.existing(name)
    byName.delete(name)
    byId.delete(topic.id)
    sticky.forget(name)
    events.emit('topicDeleted', { topic: name })
    groups.topicDeleted(name)
    progress.topicDeleted(name)
    groups.topicChanged(name)
    topic.delete()
    this.#host.changed(topic)
    this.#host.freed()
    this.#host.outbox.flush()
    this.#host.touch()
  }

  /** The topic, which must exist; `otherwise` is what helps where no topic has nearly that name. */
  existing(name: string, otherwise = ''): Topic {
    const { byName } = this.#host
    this.#host.requireOpen()
    const topic = byName.get(name)
    if (topic) return topic
    requireTopicName(name)
    const suggestions = suggest(name, byName.keys())
    const help = suggestions.length > 0 ? didYouMean(suggestions) : otherwise
    throw new UnknownTopicOrPartitionError(`Unknown topic '${name}'${help}`, {
      topic: name,
      suggestions,
    })
  }

  /** The topic, created if it does not exist and topics are created automatically. */
  get(name: string): Topic {
    const last = this.#lastTopic
    if (last !== undefined && last.name === name && !last.deleted) return last
    this.#host.requireOpen()
    const topic = this.#host.byName.get(name)
    if (topic !== undefined) {
      this.#lastTopic = topic
      return topic
    }
    const { autoCreateTopics } = this.#defaults
    if (autoCreateTopics === false) return this.existing(name, `${howToCreate}, or set 'autoCreateTopics'`)
    return this.create(name, autoCreateTopics === true ? {} : autoCreateTopics)
  }

  /** A partition, which must exist. */
  partition({ topic, partition }: TopicPartition): Partition {
    const { partitions } = this.existing(topic)
    const found = partitions[partition]
    if (found) return found
    throw new UnknownTopicOrPartitionError(
      `Topic '${topic}' has no partition ${describeValue(partition)}; it has ${partitions.length}, ` +
        `from 0 to ${partitions.length - 1}`,
      { topic, partition },
    )
  }
}
