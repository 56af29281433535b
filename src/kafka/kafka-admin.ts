import type { Admin } from '../admin.ts'
import { errnos } from '../error-codes.ts'
import { InvalidPartitionsError, TopicAlreadyExistsError } from '../errors.ts'
import { namedOffset, offsetList, partitionList } from '../offset-checks.ts'
import type { GroupSummary, TopicSummary } from '../summaries.ts'
import {
  type AnyTopic,
  checkTopicChanges,
  type TopicChanges,
  type TopicOptions,
  toTopicOptions,
} from '../topic-definition.ts'
import { checkTopicName, requireTopicName } from '../topic-name.ts'
import {
  formatTopicPartition,
  type OffsetSpec,
  type TopicPartition,
  type TopicPartitionOffset,
} from '../topic-partition.ts'
import { requireArgument } from '../validate.ts'
import { describeValue } from '../value-text.ts'
import { codedBy, ifThere, isTransient, mayBeDone } from './admin-answers.ts'
import type { Ask } from './ask.ts'
import type { Cluster } from './cluster.ts'
import { hasCode } from './cluster-error.ts'
import { type ClusterTopic, partitionsOf } from './cluster-metadata.ts'
import { byTopic, distinct } from './group-by.ts'
import { firstErrno } from './group-offsets.ts'
import { KafkaGroupAdmin } from './kafka-group-admin.ts'
import { leaderNotAvailable } from './metadata-reader.ts'
import type { OffsetLookup } from './offset-lookup.ts'
import { retry } from './retry.ts'
import { partitionCount, toTopicConfigs } from './topic-configs.ts'

export interface KafkaAdminHost {
  readonly cluster: Cluster
  readonly lookup: OffsetLookup
  readonly replicationFactor: number
  readonly requestTimeoutMs: number
}

type Known = (topic: ClusterTopic | undefined) => boolean

/** Administration of a cluster. */
export class KafkaAdmin implements Admin {
  readonly #host: KafkaAdminHost
  readonly #cluster: Cluster
  readonly #groups: KafkaGroupAdmin

  constructor(host: KafkaAdminHost) {
    this.#host = host
    this.#cluster = host.cluster
    this.#groups = new KafkaGroupAdmin(host.cluster, host.lookup)
  }

  // --- topics -------------------------------------------------------------------------------------------------------

  async createTopic(name: string, options: TopicOptions | AnyTopic = {}): Promise<void> {
    checkTopicName(name)
    const given = toTopicOptions(name, options)
    const { partitions = 1 } = given
    const { replicationFactor, requestTimeoutMs } = this.#host
    const topic = {
      name,
      numPartitions: partitions,
      replicationFactor,
      assignments: [],
      configs: toTopicConfigs(name, given).filter(({ value }) => value !== null),
    }
    const wasThere = await this.#cluster.isThere(name)
    try {
      await this.#change(
        {
          what: `Creating topic '${name}'`,
          fields: { topic: name },
          api: this.#cluster.library.createTopicsV7,
          request: () => [[topic], requestTimeoutMs, false] as const,
          ...codedBy('topics'),
        },
        async () => !wasThere && (await this.#onceKnown(name, made => made !== undefined)) === partitions,
      )
    } catch (error) {
      if (hasCode(error, 'TOPIC_ALREADY_EXISTS')) throw new TopicAlreadyExistsError(name)
      throw error
    }
    try {
      await this.#untilKnown(name, known => hasGrownTo(known, partitions))
    } catch (error) {
      // It is there: a client may have the right to create a topic, and not to describe it.
      if (!hasCode(error, 'TOPIC_AUTHORIZATION_FAILED')) throw error
    }
  }

  /** Creates a topic that is missing; accepts one that another program creates at the same time. */
  async ensureTopic(name: string, options: TopicOptions | AnyTopic): Promise<void> {
    try {
      await this.createTopic(name, options)
    } catch (error) {
      if (!(error instanceof TopicAlreadyExistsError)) throw error
      await this.#untilKnown(name, topic => topic !== undefined)
    }
  }

  async deleteTopic(name: string): Promise<void> {
    requireTopicName(name)
    if (this.#cluster.knownTopic(name) !== undefined) await this.#cluster.refresh()
    const topic = await ifThere(this.#cluster.topic(name))
    // Where the answer to the first attempt was lost, another program may have created one of the same name since. So the
    // next ones are about the id, and one that is unknown by then was deleted.
    const again = topic && { name: null, topicId: topic.id }
    let asked: typeof again
    const { responses } = await this.#cluster.askAny({
      what: `Deleting topic '${name}'`,
      fields: { topic: name },
      api: this.#cluster.library.deleteTopicsV6,
      waits: true,
      request: () => [[asked ?? { name }], this.#host.requestTimeoutMs] as const,
      errno: ({ responses: [deleted] }) =>
        asked !== undefined && deleted!.errorCode === errnos.UNKNOWN_TOPIC_ID ? 0 : deleted!.errorCode,
      message: ({ responses: [deleted] }) => deleted!.errorMessage,
      goesOn: error => {
        asked = again
        return isTransient(error)
      },
    })
    const { topicId } = asked ?? responses[0]!
    // Another program may create one of the same name at once.
    await this.#untilKnown(name, known => known?.id !== topicId)
  }

  // Where the answer to an attempt was lost, the next one may be refused because that one has done it: what was not there
  // before, and is there now as it was asked for, counts as done here.
  async #change<Request extends readonly unknown[], Response>(
    ask: Ask<Request, Response>,
    isDone: () => Promise<boolean>,
  ): Promise<void> {
    let isLost = false
    const goesOn = (error: unknown) => {
      isLost ||= mayBeDone(error)
      return true
    }
    try {
      await this.#cluster.askAny({ ...ask, waits: true, goesOn })
    } catch (error) {
      const isThere = hasCode(error, 'TOPIC_ALREADY_EXISTS') || hasCode(error, 'INVALID_PARTITIONS')
      if (!isLost || !isThere || !(await isDone())) throw error
    }
  }

  async #countOf(name: string): Promise<number | undefined> {
    await ifThere(this.#cluster.topic(name))
    await this.#cluster.refresh()
    return this.#cluster.knownTopic(name)?.partitionCount
  }

  // The number of its partitions by then.
  async #onceKnown(name: string, known: Known): Promise<number | undefined> {
    await this.#untilKnown(name, known)
    return this.#cluster.knownTopic(name)?.partitionCount
  }

  // The brokers learn a little later what the controller has done.
  async #untilKnown(name: string, known: Known): Promise<void> {
    const { clock, random, apiTimeoutMs: timeoutMs } = this.#cluster
    await retry(
      `Waiting for topic '${name}'`,
      async () => {
        await this.#countOf(name)
        const topic = this.#cluster.knownTopic(name)
        const led = topic?.leaders.every(({ node }) => node >= 0) ?? true
        if (!led || !known(topic))
          throw this.#cluster.error(leaderNotAvailable, `Topic '${name}'`, { topic: name })
      },
      { clock, random, timeoutMs },
    )
  }

  async listTopics(): Promise<readonly string[]> {
    return (await this.#cluster.topicNames()).sort()
  }

  async describeTopic(name: string): Promise<TopicSummary> {
    const topic = await this.#cluster.topic(name)
    const { lookup } = this.#host
    const partitions = partitionsOf(topic).map(async tp => {
      const [logStartOffset, end, lastStableOffset] = await Promise.all([
        lookup.offsetFor(tp, 'beginning', 'read_uncommitted'),
        lookup.offsetFor(tp, 'end', 'read_uncommitted'),
        lookup.offsetFor(tp, 'end', 'read_committed'),
      ])
      // The response that came last may know of more records than the one before.
      const highWatermark = Math.max(end, lastStableOffset)
      // A cluster counts no records, and this request no bytes: the distance of the offsets is the nearest number.
      const records = Math.max(0, highWatermark - logStartOffset)
      const { partition } = tp
      return { partition, logStartOffset, highWatermark, lastStableOffset, records, bytes: 0 }
    })
    return { name, id: topic.id, partitions: await Promise.all(partitions) }
  }

  async addPartitions(topic: string, total: number): Promise<void> {
    if (!partitionCount.accepts(total)) {
      throw new InvalidPartitionsError(
        `Topic '${topic}': addPartitions expected ${partitionCount.expected}, received ${describeValue(total)}`,
        { topic, expected: partitionCount.expected, received: total },
      )
    }
    await this.#cluster.topic(topic)
    const before = (await this.#countOf(topic)) ?? total
    await this.#change(
      {
        what: `Adding partitions to topic '${topic}'`,
        fields: { topic },
        api: this.#cluster.library.createPartitionsV3,
        request: () =>
          [[{ name: topic, count: total, assignments: null }], this.#host.requestTimeoutMs, false] as const,
        ...codedBy('results'),
      },
      async () =>
        before < total && (await this.#onceKnown(topic, grown => hasGrownTo(grown, total))) === total,
    )
    await this.#untilKnown(topic, known => hasGrownTo(known, total))
  }

  async alterTopic(name: string, changes: TopicChanges): Promise<void> {
    checkTopicChanges(name, changes)
    const configs = toTopicConfigs(name, changes)
    await this.#cluster.topic(name)
    if (configs.length === 0) return
    const altered = configs.map(({ name: config, value }) => ({
      name: config,
      configOperation: value === null ? alterOperations.delete : alterOperations.set,
      value,
    }))
    await this.#cluster.askAny({
      what: `Altering topic '${name}'`,
      fields: { topic: name },
      api: this.#cluster.library.incrementalAlterConfigsV1,
      waits: true,
      request: () =>
        [[{ resourceType: topicResource, resourceName: name, configs: altered }], false] as const,
      ...codedBy('responses'),
    })
  }

  async deleteRecords(before: readonly TopicPartitionOffset[]): Promise<void> {
    requireArgument('deleteRecords', 'before', before, offsetList)
    for (const tp of before) await this.#cluster.requirePartition(tp)
    const offsets = new Map<string, number>()
    // Of several offsets for one partition, a cluster takes the last one, not the highest.
    for (const tp of before) {
      const id = formatTopicPartition(tp)
      offsets.set(id, Math.max(tp.offset, offsets.get(id) ?? 0))
    }
    await this.#cluster.askLeaders(distinct(before), {
      what: `Deleting records of ${before.map(formatTopicPartition).join(', ')}`,
      ...(before.length === 1 ? { fields: before[0]! } : {}),
      api: this.#cluster.library.deleteRecordsV2,
      waits: true,
      request: led => [
        byTopic(led, tp => ({
          partitionIndex: tp.partition,
          offset: BigInt(offsets.get(formatTopicPartition(tp))!),
        })),
        this.#host.requestTimeoutMs,
      ],
      errno: ({ topics }) => firstErrno(topics),
    })
    for (const tp of before) await this.#cluster.requirePartition(tp)
  }

  async listOffsets(
    partitions: readonly TopicPartition[],
    at: Exclude<OffsetSpec, number>,
  ): Promise<readonly (TopicPartition & { readonly offset: number | null })[]> {
    requireArgument('listOffsets', 'partitions', partitions, partitionList)
    requireArgument('listOffsets', 'at', at, namedOffset)
    const found = partitions.map(async ({ topic, partition }) => {
      const offset = await this.#host.lookup.find({ topic, partition }, at, 'read_uncommitted')
      return { topic, partition, offset }
    })
    return Promise.all(found)
  }

  // --- groups -------------------------------------------------------------------------------------------------------

  listGroups(): Promise<readonly string[]> {
    return this.#groups.listGroups()
  }

  describeGroup(groupId: string): Promise<GroupSummary> {
    return this.#groups.describeGroup(groupId)
  }

  deleteGroup(groupId: string): Promise<void> {
    return this.#groups.deleteGroup(groupId)
  }

  listGroupOffsets(groupId: string): Promise<readonly TopicPartitionOffset[]> {
    return this.#groups.listGroupOffsets(groupId)
  }

  setGroupOffsets(groupId: string, to: Parameters<Admin['setGroupOffsets']>[1]): Promise<void> {
    return this.#groups.setGroupOffsets(groupId, to)
  }

  deleteGroupOffsets(groupId: string, partitions: readonly TopicPartition[]): Promise<void> {
    return this.#groups.deleteGroupOffsets(groupId, partitions)
  }
}

const topicResource = 2
const alterOperations = { set: 0, delete: 1 } as const

// Or further: another program may have added partitions at once.
function hasGrownTo(topic: ClusterTopic | undefined, partitions: number): boolean {
  return topic !== undefined && topic.partitionCount >= partitions
}
