import { counted } from '../counted.ts'
import {
  InvalidOptionError,
  InvalidPartitionsError,
  InvalidRecordError,
  InvalidTimestampError,
  RecordTooLargeError,
} from '../errors.ts'
import { plainObject } from '../plain-object.ts'
import {
  type AnyRecord,
  invalidField,
  type RecordHeaders,
  type RecordKey,
  type RecordMetadata,
  unreadable,
} from '../record.ts'
import { type ByteEdge, Serde } from '../serde.ts'
import { describeError } from '../thrown.ts'
import type { TopicChanges, TopicOptions } from '../topic-definition.ts'
import { integer, invalidArgument } from '../validate.ts'
import { describeValue } from '../value-text.ts'
import { deepFreeze } from './deep-freeze.ts'
import type { EncodedBatch } from './encoded-batch.ts'
import { compacts, countsBytes, type LogConfig, maxPartitions } from './log-config.ts'
import { Partition, type PartitionHost, topicDeleted } from './partition.ts'
import { recordSize } from './record-size.ts'
import { changeOptions, type WithoutMeaning } from './topic-changes.ts'

/** The offset and the time that a batch was written with. */
export interface BatchMetadata {
  /** The offset of its first record. */
  readonly baseOffset: number
  /** The timestamp that its records were given, where the topic sets it. */
  readonly appendTime: number | undefined
}

/** What a topic needs of its broker. */
export interface TopicHost extends PartitionHost {
  readonly edge: ByteEdge
  append(topic: Topic, body: object): RecordMetadata
  partitionsAdded(topic: Topic, from: number): void
  /** The options of all topics that do not say otherwise. */
  commonOptions(): TopicOptions
  /** Options with every default filled in; `common` are those of all topics that do not say otherwise. */
  logConfig(topic: string, options: TopicOptions, common: TopicOptions): LogConfig
  altered(topic: Topic, before: LogConfig): void
}

/** A topic as it would be with other options. */
interface AlteredTopic {
  readonly asked: TopicOptions
  readonly config: LogConfig
  /** The sizes of each partition's segments, where the topic begins to count bytes. */
  readonly sizes: readonly (readonly number[])[] | undefined
}

/** A topic in memory: a name, its options and its partitions. It exists only in this process, not on a cluster. */
export class Topic<out Record extends AnyRecord = AnyRecord, in Body extends object = never> {
  readonly name: Record['topic']
  /** Kafka's topic id: a topic that is recreated under the same name has another one. */
  readonly id: string
  /** @internal */
  readonly serde: Serde
  readonly #host: TopicHost
  readonly #partitions: Partition[] = []
  #asked: TopicOptions
  #config: Readonly<LogConfig>
  #sized = false
  #plainTime = false
  #compacts = false
  #holdsBack = false
  // Whether a record without a timestamp of its own cannot be refused, and has no size.
  #takesAll = false
  #sequence = 0
  #deleted = false

  /** @hidden */
  constructor(name: string, id: string, options: TopicOptions, config: LogConfig, host: TopicHost) {
    this.name = name
    this.id = id
    this.serde = new Serde(name, config, host.edge)
    this.#host = host
    this.#asked = options
    this.#config = config
    this.#followConfig()
    this.#extend(config.partitions)
  }

  #followConfig(): void {
    this.#sized = countsBytes(this.#config)
    this.#plainTime = this.#config.messageTimestampType === 'CreateTime'
    this.#compacts = compacts(this.#config)
    this.#holdsBack = this.#config.whenFull !== 'drop-oldest'
    this.#takesAll = !this.#sized && !this.#compacts
  }

  /** The topic's options, with every default filled in. */
  get options(): Readonly<LogConfig> {
    return this.#config
  }

  /** The options that were set, at creation or since. @internal */
  get asked(): Readonly<TopicOptions> {
    return this.#asked
  }

  /** The partitions, by number. */
  get partitions(): readonly Partition[] {
    return this.#partitions
  }

  /** @internal */
  get partitionCount(): number {
    return this.#partitions.length
  }

  /**
   * Appends a record at once, as `producer.send` does, but synchronously.
   *
   * @throws InvalidRecordError where the key, value or headers do not fit the topic, or its schema is asynchronous.
   * @throws UnknownTopicOrPartitionError where the message names a partition that does not exist.
   * @throws QueueFullError where the log is full, RecordTooLargeError where the record is, InvalidTimestampError
   */
  append(body: Body): RecordMetadata {
    checkBody(this.name, body)
    return this.#host.append(this as unknown as Topic, body)
  }

  /** Returns every retained record, in the order of appends: for tests and prototypes. */
  records(): readonly Record[] {
    const all: { sequence: number; record: AnyRecord }[] = []
    for (const partition of this.#partitions) {
      for (const record of partition.read(partition.logStartOffset, {
        maxRecords: Number.MAX_SAFE_INTEGER,
      })) {
        const segment = partition.segmentFrom(record.offset)!
        all.push({ sequence: segment.sequenceAt(segment.indexFrom(record.offset)), record })
      }
    }
    if (this.#partitions.length > 1) all.sort((a, b) => a.sequence - b.sequence)
    return all.map(({ record }) => record as Record)
  }

  /**
   * Compacts the topic at once; otherwise it does so by itself in small steps. Keeps the newest value of each key,
   * removes tombstones that are past `deleteRetentionMs`, and leaves records younger than `minCompactionLagMs` alone.
   * Closes the open segments for it. Returns how many records were removed.
   *
   * @throws InvalidOptionError where the topic's `cleanupPolicy` does not compact.
   */
  compact(): number {
    this.#requireThere()
    if (!this.#compacts) {
      throw new InvalidOptionError(
        `Topic '${this.name}' is not compacted: its cleanupPolicy is '${this.options.cleanupPolicy}'`,
        { topic: this.name, option: 'cleanupPolicy', expected: "'compact' or 'compact,delete'" },
      )
    }
    let removed = 0
    for (const partition of this.#partitions) removed += partition.compact()
    this.#host.outbox.flush()
    return removed
  }

  /**
   * Adds partitions, to `total`; a key may then belong to another partition. (Kafka: CreatePartitions)
   *
   * @throws InvalidPartitionsError where `total` is not more than the present number.
   */
  addPartitions(total: number): void {
    this.requireGrowth(total)
    const from = this.#partitions.length
    this.#extend(total)
    this.#asked = { ...this.#asked, partitions: total }
    this.#config = Object.freeze({ ...this.#config, partitions: total })
    this.#host.partitionsAdded(this as unknown as Topic, from)
    this.#host.outbox.flush()
  }

  /** Throws as `addPartitions` would. @internal */
  requireGrowth(total: number): void {
    this.#requireThere()
    const check = integer(this.#partitions.length + 1, maxPartitions)
    if (!check.accepts(total)) {
      throw new InvalidPartitionsError(
        `Topic '${this.name}' has ${counted(this.#partitions.length, 'partition')}; addPartitions expected ${check.expected}, ` +
          `received ${describeValue(total)}`,
        { topic: this.name, received: total, expected: check.expected },
      )
    }
  }

  /**
   * Changes options of the topic; null restores the default. Takes effect at once: records that the new options
   * do not keep are dropped, compaction begins or ends, and sends that wait for room are tried again. An option
   * that was set earlier and has no effect under the new `cleanupPolicy` rests until the policy changes again.
   * (Kafka: IncrementalAlterConfigs)
   *
   * @example
   * broker.topic('audit').alter({ retentionMs: 60_000, maxMessageBytes: null })
   * @throws InvalidOptionError where the topic could not have been created so, or would count the bytes of records that
   * have no size; then nothing has changed.
   */
  alter(changes: TopicChanges): void {
    this.become(this.requireAlterable(changes))
  }

  /** Takes on the options that `requireAlterable` returned. @internal */
  become({ asked, config, sizes }: AlteredTopic): void {
    const before = this.#config
    this.#asked = asked
    this.#config = config
    this.#followConfig()
    for (const [i, partition] of this.#partitions.entries()) partition.alter(config, sizes?.[i])
    this.#host.altered(this as unknown as Topic, before)
    this.#host.outbox.flush()
  }

  /** Returns the topic as `alter` would make it; throws as `alter` would. @internal */
  requireAlterable(changes: TopicChanges, withoutMeaning?: WithoutMeaning): AlteredTopic {
    return this.#altered(changes, this.#host.commonOptions(), withoutMeaning)
  }

  /** Returns the topic as it would be if all topics that do not say otherwise had other options. @internal */
  requireFollows(common: TopicOptions): AlteredTopic {
    return this.#altered({}, common)
  }

  #altered(changes: TopicChanges, common: TopicOptions, withoutMeaning?: WithoutMeaning): AlteredTopic {
    this.#requireThere()
    const { asked, active } = changeOptions(this.name, this.#asked, changes, common, withoutMeaning)
    const config = this.#host.logConfig(this.name, active, common)
    return { asked, config, sizes: !this.#sized && countsBytes(config) ? this.#measure() : undefined }
  }

  // The records that were written before count, too.
  #measure(): readonly (readonly number[])[] {
    try {
      return this.#partitions.map(partition => partition.measure())
    } catch (cause) {
      throw new InvalidOptionError(
        `Topic '${this.name}' cannot begin to count bytes: it keeps a value that has none`,
        { topic: this.name, cause },
      )
    }
  }

  #extend(total: number): void {
    for (let index = this.#partitions.length; index < total; index++) {
      this.#partitions.push(new Partition(this.name, index, this.options, this.serde, this.#host))
    }
  }

  /** Releases all records; appends through this topic throw from now on. @internal */
  delete(): void {
    this.#deleted = true
    this.#takesAll = false
    for (const partition of this.#partitions) partition.delete()
  }

  #requireThere(): void {
    if (this.#deleted) throw topicDeleted(this.name)
  }

  /** Whether the topic was deleted. @internal */
  get deleted(): boolean {
    return this.#deleted
  }

  /** Whether writers must ask for room. @internal */
  get holdsBack(): boolean {
    return this.#holdsBack
  }

  /** Whether records of this topic have sizes. @internal */
  get sized(): boolean {
    return this.#sized
  }

  /** Throws where the topic cannot keep a record; returns its size, and changes nothing. @internal */
  admit(
    key: RecordKey | null,
    value: unknown,
    headers: RecordHeaders,
    timestamp: number | undefined,
    now: number,
  ): number {
    if (timestamp === undefined && this.#takesAll) return 0
    this.#requireThere()
    if (key === null && this.#compacts) throw keyMissing(this.name)
    if (timestamp !== undefined && this.#plainTime) this.#admitTimestamp(timestamp, now)
    if (!this.#sized) return 0
    return this.admitSize(recordSize({ topic: this.name, key, value, headers }), 'Record', 'value')
  }

  /** Does the same for an encoded batch, as a whole. @internal */
  admitBatch(batch: EncodedBatch, now: number): number {
    this.#requireThere()
    if (!batch.keyed && this.#compacts) throw keyMissing(this.name)
    if (this.#plainTime) {
      const latest = Math.max(now, batch.receivedAt)
      this.#admitTimestamp(batch.minTimestamp, now, latest)
      this.#admitTimestamp(batch.maxTimestamp, now, latest)
    }
    if (!this.#sized) return 0
    return this.admitSize(batch.size)
  }

  /** Returns the size of what the log takes. @throws RecordTooLargeError @internal */
  admitSize(size: number, what: string = 'Batch', field?: string): number {
    const { maxMessageBytes } = this.options
    if (maxMessageBytes === -1 || size <= maxMessageBytes) return size
    throw new RecordTooLargeError(
      `${what} for topic '${this.name}' has ${size} bytes, more than maxMessageBytes (${maxMessageBytes})`,
      { topic: this.name, field, received: size },
    )
  }

  #admitTimestamp(timestamp: number, now: number, latest: number = now): void {
    const { messageTimestampBeforeMaxMs: before, messageTimestampAfterMaxMs: after } = this.options
    const early = before !== -1 && now - timestamp > before
    if (!early && (after === -1 || timestamp - latest <= after)) return
    const rule = early ? `messageTimestampBeforeMaxMs (${before})` : `messageTimestampAfterMaxMs (${after})`
    throw new InvalidTimestampError(
      `Record for topic '${this.name}': timestamp ${timestamp} is further from now (${now}) than ${rule} allows`,
      { topic: this.name, field: 'timestamp', received: timestamp },
    )
  }

  /** Freezes an admitted value, where the topic says so; the value of a refused record must stay as it is. @internal */
  freeze(value: unknown): void {
    if (!this.options.freeze) return
    try {
      deepFreeze(value)
    } catch (cause) {
      const what = `Record for topic '${this.name}': value could not be frozen: ${describeError(cause)}`
      throw new InvalidRecordError(what, { topic: this.name, field: 'value', cause })
    }
  }

  /** Ends a transaction in one partition; returns false where the topic was deleted. @internal */
  endTransaction(partition: number, producerId: number, committed: boolean, now: number): boolean {
    if (this.#deleted) return false
    this.#partitions[partition]!.endTransaction(producerId, committed, this.#sequence++, now)
    return true
  }

  /** Writes an admitted record. @internal */
  write(
    partition: number,
    key: RecordKey | null,
    value: unknown,
    headers: RecordHeaders,
    timestamp: number | undefined,
    size: number,
    now: number,
  ): RecordMetadata {
    const time = timestamp === undefined || !this.#plainTime ? now : timestamp
    const offset = this.#partitions[partition]!.append(key, value, headers, time, this.#sequence++, size, now)
    return new WrittenAt(this.name, partition, offset, time)
  }

  /** Writes an admitted batch. @internal */
  writeBatch(partition: number, batch: EncodedBatch, size: number, now: number): BatchMetadata {
    const appendTime = this.#plainTime ? undefined : now
    const baseOffset = this.#partitions[partition]!.appendBatch(batch, appendTime, this.#sequence, size, now)
    this.#sequence += batch.count
    return { baseOffset, appendTime }
  }
}

const WrittenAt = /* @__PURE__ */ plainObject<
  RecordMetadata,
  [topic: string, partition: number, offset: number, timestamp: number]
>(function (topic, partition, offset, timestamp) {
  this.topic = topic
  this.partition = partition
  this.offset = offset
  this.timestamp = timestamp
})

// A record without a key is never superseded, so it would stay for ever (LogValidator, INVALID_RECORD).
function keyMissing(topic: string): InvalidRecordError {
  return new InvalidRecordError(
    `Record for topic '${topic}': key expected, since the topic is compacted by key; received none`,
    { topic, field: 'key', expected: 'key', received: null },
  )
}

function checkBody(topic: string, body: unknown): void {
  if (typeof body !== 'object' || body === null) {
    throw invalidArgument('append', 'message', 'a message with a value', body, { topic })
  }
  // The body may name its topic, but not another one.
  let named: unknown
  try {
    named = (body as { readonly topic?: unknown }).topic
  } catch (cause) {
    throw unreadable(topic, 'topic', cause)
  }
  if (named === undefined || named === topic) return
  throw invalidField(topic, 'topic', `'${topic}'`, named)
}
