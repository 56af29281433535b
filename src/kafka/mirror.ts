import type { Admin } from '../admin.ts'
import { counted } from '../counted.ts'
import {
  GroupIdNotFoundError,
  IllegalStateError,
  InvalidPartitionsError,
  NonEmptyGroupError,
  UnknownTopicOrPartitionError,
} from '../errors.ts'
import type { Producer } from '../producer/producer.ts'
import type { PubSub } from '../pub-sub.ts'
import { type ConsumerRecord, headersOf } from '../record.ts'
import { didYouMean, suggest } from '../suggest.ts'
import type { OpenTopics } from '../topic-definition.ts'
import { formatTopicPartition, type TopicPartition, type TopicPartitionOffset } from '../topic-partition.ts'
import { type Check, checkOptions, integer, nameList, objectWith, requireArgument } from '../validate.ts'
import { hasCode } from './cluster-error.ts'
import { localBroker } from './local-broker.ts'
import { type MirroredOffsets, noteMirrored, targetOffset } from './mirrored-offsets.ts'

/** A partition that `mirror` reads. */
export interface MirroredPartition {
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  /** Returns the committed records from an offset on. */
  read(offset: number, options: { readonly maxRecords: number }): readonly ConsumerRecord[]
}

/** The parts of a broker in this process that `mirror` reads. */
export interface MirroredBroker {
  readonly topics: ReadonlyMap<string, { readonly partitions: readonly MirroredPartition[] }>
  readonly groups: ReadonlyMap<string, { readonly offsets: readonly TopicPartitionOffset[] }>
}

/** Which topics and groups to mirror. */
export interface MirrorOptions {
  /** The topics to copy; default all of the broker's. */
  readonly topics?: readonly string[] | undefined
  /** The groups to copy offsets of; default those that have committed offsets of these topics. */
  readonly groups?: readonly string[] | undefined
  /** How many records to read and write at once; default 500. */
  readonly maxRecords?: number | undefined
}

/** A report of what was mirrored, as plain JSON. */
export interface MirrorSummary {
  readonly topics: readonly { readonly topic: string; readonly records: number }[]
  /** The offsets that each group now has committed on the cluster. */
  readonly groups: readonly { readonly groupId: string; readonly offsets: readonly TopicPartitionOffset[] }[]
}

const producing = objectWith('producer')
const administration = objectWith('listTopics', 'describeTopic', 'setGroupOffsets')

const aBus: Check = {
  expected: 'what connect() gives: an object with admin and producer()',
  accepts: value =>
    producing.accepts(value) && administration.accepts((value as { readonly admin?: unknown }).admin),
}

// The copying of one partition.
interface Copy extends TopicPartition {
  readonly source: MirroredPartition
  readonly offsets: MirroredOffsets
  // The next source offset to read.
  next: number
  records: number
}

interface Work {
  readonly copies: ReadonlyMap<string, Copy>
  readonly groups: readonly string[]
  readonly maxRecords: number
}

/**
 * Copies the records of a broker's topics into the topics of the same names on a cluster: partition by partition, in
 * order, with keys, values, headers and timestamps. Then commits for each group the offsets on the cluster that
 * correspond to its committed offsets here. Leaves out records of aborted transactions. Records that are sent meanwhile
 * are copied too, until none is left: stop sending first. Obstacles are refused before anything is written; after a
 * later failure, delete the copied records before trying again.
 *
 * @throws UnknownTopicOrPartitionError where a topic is missing, here or on the cluster
 * @throws InvalidPartitionsError where a topic has another number of partitions on the cluster
 * @throws GroupIdNotFoundError where the broker has no such group
 * @throws NonEmptyGroupError where a group has members on the cluster
 * @throws IllegalStateError where a topic has records on the cluster, or a group offsets in
 * it; where a transaction is open
 *
 * @example
 * import { connect, mirror } from 'brokerlet/kafka'
 *
 * const bus = await connect({ bootstrapBrokers, topics, createTopics: true })
 * const { topics: copied, groups } = await mirror(broker, bus)
 */
export async function mirror(
  broker: MirroredBroker,
  // biome-ignore lint/complexity/noBannedTypes: a bus of any topics
  bus: Pick<PubSub<{}>, 'admin' | 'producer'>,
  options: MirrorOptions = {},
): Promise<MirrorSummary> {
  requireArgument('mirror', 'broker', broker, localBroker)
  requireArgument('mirror', 'bus', bus, aBus)
  checkOptions('mirror', options, {
    topics: nameList('topic names'),
    groups: nameList('group ids'),
    maxRecords: integer(1),
  })
  const topics = [...new Set(options.topics ?? broker.topics.keys())]
  const mirrored = new Set(topics)
  const groups = [...new Set(options.groups ?? groupsOf(broker, mirrored))]
  requireHere(broker, topics, groups)
  const copies = await emptyCopies(broker, bus.admin, topics)
  for (const groupId of groups) await requireUnused(bus.admin, groupId, mirrored)
  const committed = await copyAll(broker, { copies, groups, maxRecords: options.maxRecords ?? 500 }, bus)
  for (const { groupId, offsets } of committed) {
    if (offsets.length > 0) await bus.admin.setGroupOffsets(groupId, offsets)
  }
  const recordsOf = (topic: string) =>
    [...copies.values()].reduce((sum, copy) => sum + (copy.topic === topic ? copy.records : 0), 0)
  return { topics: topics.map(topic => ({ topic, records: recordsOf(topic) })), groups: committed }
}

function groupsOf(broker: MirroredBroker, topics: ReadonlySet<string>): string[] {
  const groups = [...broker.groups].filter(([, { offsets }]) =>
    offsets.some(({ topic }) => topics.has(topic)),
  )
  return groups.map(([groupId]) => groupId)
}

// --- what is refused ------------------------------------------------------------------------------------------------

function requireHere(broker: MirroredBroker, topics: readonly string[], groups: readonly string[]): void {
  for (const topic of topics) {
    if (broker.topics.has(topic)) continue
    const suggestions = suggest(topic, broker.topics.keys())
    throw new UnknownTopicOrPartitionError(
      `mirror: the broker has no topic '${topic}'${didYouMean(suggestions)}`,
      { topic, suggestions },
    )
  }
  for (const groupId of groups) {
    if (broker.groups.has(groupId)) continue
    const suggestions = suggest(groupId, broker.groups.keys())
    throw new GroupIdNotFoundError(`mirror: the broker has no group '${groupId}'${didYouMean(suggestions)}`, {
      groupId,
      suggestions,
    })
  }
}

async function emptyCopies(
  broker: MirroredBroker,
  admin: Admin,
  topics: readonly string[],
): Promise<Map<string, Copy>> {
  const present = new Set(await admin.listTopics())
  const missing = topics.filter(topic => !present.has(topic))
  if (missing.length > 0) {
    throw new UnknownTopicOrPartitionError(
      `mirror: the cluster has no topic ${missing.map(topic => `'${topic}'`).join(', ')}; connect with createTopics: true makes those that are declared`,
      { topic: missing[0]! },
    )
  }
  const copies = new Map<string, Copy>()
  for (const topic of topics) {
    const sources = broker.topics.get(topic)!.partitions
    const targets = (await admin.describeTopic(topic)).partitions
    if (targets.length !== sources.length) {
      throw new InvalidPartitionsError(
        `mirror: topic '${topic}' has ${counted(sources.length, 'partition')} here and ${targets.length} on the cluster; keys would move`,
        { topic, expected: String(sources.length), received: targets.length },
      )
    }
    for (const { partition, logStartOffset, highWatermark } of targets) {
      const tp = { topic, partition }
      // Beside existing records, consumers would read the copies twice.
      if (highWatermark > logStartOffset) {
        throw new IllegalStateError(
          `mirror: ${formatTopicPartition(tp)} has records on the cluster; delete them first: admin.deleteRecords before offset ${highWatermark}`,
          tp,
        )
      }
      const source = sources[partition]!
      requireStable(tp, source)
      const offsets = { runs: [], end: highWatermark }
      copies.set(formatTopicPartition(tp), {
        ...tp,
        source,
        offsets,
        next: source.logStartOffset,
        records: 0,
      })
    }
  }
  return copies
}

// Records after an open transaction cannot be read, and its own may yet be aborted.
function requireStable(tp: TopicPartition, { lastStableOffset, highWatermark }: MirroredPartition): void {
  if (lastStableOffset >= highWatermark) return
  throw new IllegalStateError(
    `mirror: a transaction is open in ${formatTopicPartition(tp)}, at offset ${lastStableOffset}; end it first`,
    { topic: tp.topic, partition: tp.partition, offset: lastStableOffset },
  )
}

async function requireUnused(admin: Admin, groupId: string, topics: ReadonlySet<string>): Promise<void> {
  try {
    const { members } = await admin.describeGroup(groupId)
    if (members.length > 0) {
      throw new NonEmptyGroupError(
        `mirror: group '${groupId}' has ${counted(members.length, 'member')} on the cluster; its offsets would not be theirs`,
        { groupId },
      )
    }
    const offset = (await admin.listGroupOffsets(groupId)).find(({ topic }) => topics.has(topic))
    if (offset === undefined) return
    throw new IllegalStateError(
      `mirror: group '${groupId}' has committed offset ${offset.offset} of ${formatTopicPartition(offset)} on the cluster; admin.deleteGroupOffsets forgets it`,
      { groupId, topic: offset.topic, partition: offset.partition, offset: offset.offset },
    )
  } catch (error) {
    if (!hasCode(error, 'GROUP_ID_NOT_FOUND')) throw error
  }
}

// --- what is done ---------------------------------------------------------------------------------------------------

async function copyAll(
  broker: MirroredBroker,
  { copies, groups, maxRecords }: Work,
  // biome-ignore lint/complexity/noBannedTypes: a bus of any topics
  bus: Pick<PubSub<{}>, 'producer'>,
): Promise<MirrorSummary['groups']> {
  const producer = bus.producer({ clientId: 'mirror' }) as Producer<OpenTopics>
  try {
    for (;;) {
      const left = nextRecords(copies, maxRecords)
      // Nothing is awaited between these two steps, so the offsets match the records that were copied.
      if (left === undefined)
        return groups.map(groupId => ({ groupId, offsets: translated(broker, groupId, copies) }))
      await write(left.copy, left.records, producer)
    }
  } finally {
    await producer.close()
  }
}

function nextRecords(
  copies: ReadonlyMap<string, Copy>,
  maxRecords: number,
): { readonly copy: Copy; readonly records: readonly ConsumerRecord[] } | undefined {
  for (const copy of copies.values()) {
    const { source, next } = copy
    const records = source.read(Math.max(next, source.logStartOffset), { maxRecords })
    if (records.length > 0) return { copy, records }
    requireStable(copy, source)
  }
  return undefined
}

async function write(
  copy: Copy,
  records: readonly ConsumerRecord[],
  producer: Producer<OpenTopics>,
): Promise<void> {
  const { topic, partition, offsets } = copy
  const written = await producer.sendBatch(
    records.map(record => ({
      topic,
      partition,
      key: record.key,
      value: record.value,
      headers: headersOf(record),
      timestamp: record.timestamp,
    })),
  )
  for (const [i, { offset }] of records.entries()) noteMirrored(offsets, offset, written[i]!.offset)
  copy.next = records.at(-1)!.offset + 1
  copy.records += records.length
}

function translated(
  broker: MirroredBroker,
  groupId: string,
  copies: ReadonlyMap<string, Copy>,
): readonly TopicPartitionOffset[] {
  const offsets = broker.groups.get(groupId)?.offsets ?? []
  return offsets.flatMap(committed => {
    const copy = copies.get(formatTopicPartition(committed))
    return copy === undefined ? [] : [{ ...committed, offset: targetOffset(copy.offsets, committed.offset) }]
  })
}
