import type { Admin } from '../admin.ts'
import { errnos } from '../error-codes.ts'
import {
  describeValue,
  GroupIdNotFoundError,
  InvalidGroupIdError,
  InvalidPartitionsError,
  NonEmptyGroupError,
  TopicAlreadyExistsError,
  UnknownTopicOrPartitionError,
} from '../errors.ts'
import { groupOffsets, namedOffset, offsetList, partitionList } from '../offset-checks.ts'
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
  byTopicAndPartition,
  formatTopicPartition,
  type OffsetSpec,
  type TopicPartition,
  type TopicPartitionOffset,
} from '../topic-partition.ts'
import { name as nonEmptyName, requireArgument } from '../validate.ts'
import type { Coded } from './client-library.ts'
import { type Cluster, leaderNotAvailable } from './cluster.ts'
import { hasCode } from './cluster-error.ts'
import { type ClusterTopic, partitionsOf } from './cluster-metadata.ts'
import { consumerGroupDescribe } from './consumer-group-describe.ts'
import { byTopic, distinct } from './group-by.ts'
import { commitOffsets, fetchOffsets, firstErrno, outsider } from './group-offsets.ts'
import type { OffsetLookup } from './offset-lookup.ts'
import { retry } from './retry.ts'
import { partitionCount, toTopicConfigs } from './topic-configs.ts'

export interface KafkaAdminHost {
  readonly cluster: Cluster
  readonly lookup: OffsetLookup
  readonly replicationFactor: number
  readonly requestTimeoutMs: number
}

interface Described {
  readonly state: string
  readonly epoch: number
  readonly assignor: string
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId?: string
    readonly clientId: string
    readonly connected: boolean
    readonly assignment: readonly TopicPartition[]
  }[]
}

/** Administration of a cluster. */
export class KafkaAdmin implements Admin {
  readonly #host: KafkaAdminHost
  readonly #cluster: Cluster

  constructor(host: KafkaAdminHost) {
    this.#host = host
    this.#cluster = host.cluster
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
    try {
      await this.#cluster.askAny({
        what: `Creating topic '${name}'`,
        fields: { topic: name },
        api: this.#cluster.library.createTopicsV7,
        waits: true,
        request: () => [[topic], requestTimeoutMs, false] as const,
        ...codedBy('topics'),
      })
    } catch (error) {
      if (hasCode(error, 'TOPIC_ALREADY_EXISTS')) throw new TopicAlreadyExistsError(name)
      throw error
    }
    await this.#untilKnown(name, known => hasGrownTo(known, partitions))
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
    const topic = await this.#topicOf(name)
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

  async #topicOf(name: string): Promise<ClusterTopic | undefined> {
    try {
      return await this.#cluster.topic(name)
    } catch (error) {
      if (!hasCode(error, 'UNKNOWN_TOPIC_OR_PARTITION')) throw error
      return undefined
    }
  }

  // The brokers learn a little later what the controller has done.
  async #untilKnown(name: string, known: (topic: ClusterTopic | undefined) => boolean): Promise<void> {
    const { clock, random, apiTimeoutMs: timeoutMs } = this.#cluster
    await retry(
      `Waiting for topic '${name}'`,
      async () => {
        await this.#topicOf(name)
        await this.#cluster.refresh()
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
    await this.#cluster.askAny({
      what: `Adding partitions to topic '${topic}'`,
      fields: { topic },
      api: this.#cluster.library.createPartitionsV3,
      waits: true,
      request: () =>
        [[{ name: topic, count: total, assignments: null }], this.#host.requestTimeoutMs, false] as const,
      ...codedBy('results'),
    })
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

  async listGroups(): Promise<readonly string[]> {
    // Each broker lists the groups that it coordinates.
    const answers = await this.#cluster.askAll({
      what: 'Listing groups',
      api: this.#cluster.library.listGroupsV4,
      request: () => [[]] as const,
      errno: ({ errorCode }) => errorCode,
    })
    const ids = answers.flatMap(({ groups }) => groups.map(({ groupId }) => groupId))
    return [...new Set(ids)].sort()
  }

  async describeGroup(groupId: string): Promise<GroupSummary> {
    const { state, epoch, assignor, members } = await this.#describe(groupId)
    const committed = await fetchOffsets(this.#cluster, groupId, null)
    const owners = new Map<string, string>()
    for (const { memberId, assignment } of members) {
      for (const tp of assignment) owners.set(formatTopicPartition(tp), memberId)
    }
    const all = new Map<string, TopicPartition>([
      ...committed,
      ...members.flatMap(({ assignment }) => assignment.map(tp => [formatTopicPartition(tp), tp] as const)),
    ])
    const described = await Promise.all(
      [...all].map(async ([id, { topic, partition }]) => {
        const offset = committed.get(id)?.offset ?? null
        const lag = await this.#lag({ topic, partition }, offset)
        if (lag === undefined) return []
        return [{ topic, partition, committed: offset, lag, memberId: owners.get(id) ?? null }]
      }),
    )
    const partitions = described.flat().sort(byTopicAndPartition)
    const lag = partitions.reduce((sum, each) => sum + each.lag, 0)
    return { groupId, state, epoch, assignor, lag, members, partitions }
  }

  // Without a committed offset, lag counts from the beginning, as the default reset policy does. Undefined for a
  // partition that no longer exists, which the group may not know yet.
  async #lag(tp: TopicPartition, committed: number | null): Promise<number | undefined> {
    const { lookup } = this.#host
    try {
      const end = await lookup.offsetFor(tp, 'end', 'read_committed')
      const start = await lookup.offsetFor(tp, 'beginning', 'read_committed')
      return Math.max(0, end - Math.max(start, committed ?? 0))
    } catch (error) {
      if (error instanceof UnknownTopicOrPartitionError) return undefined
      throw error
    }
  }

  async #describe(groupId: string): Promise<Described> {
    requireGroupId(groupId)
    const { groups } = await this.#cluster.askCoordinator('group', groupId, {
      what: `Describing group '${groupId}'`,
      api: consumerGroupDescribe(this.#cluster.library),
      request: () => [[groupId]] as const,
      // This API does not know classic groups.
      errno: ({ groups: [group] }) => (group!.errorCode === groupIdNotFound ? 0 : group!.errorCode),
      message: ({ groups: [group] }) => group!.errorMessage,
    })
    const group = groups[0]!
    if (group.errorCode !== 0) return this.#describeClassic(groupId)
    const members = group.members.map(({ memberId, instanceId, clientId, assignment }) => ({
      memberId,
      clientId,
      ...(instanceId === null ? {} : { groupInstanceId: instanceId }),
      connected: true,
      assignment: assignment.flatMap(({ topicName: topic, partitions }) =>
        partitions.map(partition => ({ topic, partition })),
      ),
    }))
    return { state: group.groupState, epoch: group.groupEpoch, assignor: group.assignorName, members }
  }

  // Members of a classic group encode their assignment in a protocol of their own, so it is not read here.
  async #describeClassic(groupId: string): Promise<Described> {
    const { groups } = await this.#cluster.askCoordinator('group', groupId, {
      what: `Describing group '${groupId}'`,
      api: this.#cluster.library.describeGroupsV5,
      request: () => [[groupId], false] as const,
      errno: ({ groups: [group] }) => group!.errorCode,
    })
    const { groupState: state, protocolData: assignor, members } = groups[0]!
    if (state === 'Dead') throw notFound(groupId)
    const described = members.map(({ memberId, groupInstanceId, clientId }) => ({
      memberId,
      clientId,
      ...(groupInstanceId === null ? {} : { groupInstanceId }),
      connected: true,
      assignment: [],
    }))
    return { state, epoch: -1, assignor, members: described }
  }

  async deleteGroup(groupId: string): Promise<void> {
    requireGroupId(groupId)
    await this.#cluster.askCoordinator('group', groupId, {
      what: `Deleting group '${groupId}'`,
      api: this.#cluster.library.deleteGroupsV2,
      request: () => [[groupId]] as const,
      ...codedBy('results'),
    })
  }

  async listGroupOffsets(groupId: string): Promise<readonly TopicPartitionOffset[]> {
    await this.#describe(groupId)
    return [...(await fetchOffsets(this.#cluster, groupId, null)).values()].sort(byTopicAndPartition)
  }

  async setGroupOffsets(
    groupId: string,
    to: readonly TopicPartitionOffset[] | 'earliest' | 'latest' | { readonly timestamp: number },
  ): Promise<void> {
    requireArgument('setOffsets', 'to', to, groupOffsets)
    const offsets = await this.#offsetsOf(groupId, to)
    try {
      await commitOffsets(this.#cluster, () => outsider(groupId), offsets)
    } catch (error) {
      if (!hasCode(error, 'UNKNOWN_MEMBER_ID')) throw error
      throw notEmpty(groupId, error)
    }
  }

  async #offsetsOf(
    groupId: string,
    to: Parameters<Admin['setGroupOffsets']>[1],
  ): Promise<readonly TopicPartitionOffset[]> {
    if (isList(to)) {
      if (!nonEmptyName.accepts(groupId)) {
        throw new InvalidGroupIdError(
          `groupId expected ${nonEmptyName.expected}, received ${describeValue(groupId)}`,
        )
      }
      for (const tp of to) await this.#cluster.requirePartition(tp)
      return to
    }
    const spec = to === 'earliest' ? 'beginning' : to === 'latest' ? 'end' : to
    // Without this check, a group that has committed nothing would have nothing to set, and nothing would be refused.
    const { members } = await this.#describe(groupId)
    if (members.length > 0) throw notEmpty(groupId)
    const names = new Set((await this.listGroupOffsets(groupId)).map(({ topic }) => topic))
    const topics = await Promise.all([...names].map(name => this.#cluster.topic(name)))
    // All partitions, even those without a committed offset: they would begin elsewhere than the rest of the topic.
    return Promise.all(
      topics.flatMap(partitionsOf).map(async tp => {
        return { ...tp, offset: await this.#host.lookup.offsetFor(tp, spec, 'read_uncommitted') }
      }),
    )
  }

  async deleteGroupOffsets(groupId: string, partitions: readonly TopicPartition[]): Promise<void> {
    requireArgument('deleteOffsets', 'partitions', partitions, partitionList)
    await this.#describe(groupId)
    for (const tp of partitions) await this.#cluster.requirePartition(tp)
    await this.#cluster.askCoordinator('group', groupId, {
      what: `Deleting offsets of group '${groupId}'`,
      api: this.#cluster.library.offsetDeleteV0,
      request: () =>
        [groupId, byTopic(partitions, ({ partition }) => ({ partitionIndex: partition }))] as const,
      errno: ({ errorCode, topics }) => errorCode || firstErrno(topics),
      goesOn: isTransient,
    })
  }
}

const groupIdNotFound = 69
const topicResource = 2
const alterOperations = { set: 0, delete: 1 } as const

// Or further: another program may have added partitions at once.
function hasGrownTo(topic: ClusterTopic | undefined, partitions: number): boolean {
  return topic !== undefined && topic.partitionCount >= partitions
}

// A missing topic is a final answer where the topic must exist already.
function isTransient(error: unknown): boolean {
  return !hasCode(error, 'UNKNOWN_TOPIC_OR_PARTITION')
}

// The answer about the only thing that was asked for.
function codedBy<Name extends string>(name: Name) {
  type Response = { readonly [Key in Name]: readonly Coded[] }
  return {
    errno: (response: Response) => response[name][0]?.errorCode ?? 0,
    message: (response: Response) => response[name][0]?.errorMessage,
  }
}

// A cluster would only close the connection on a group id that is not a string.
function requireGroupId(groupId: unknown): void {
  if (typeof groupId !== 'string') throw notFound(String(groupId))
}

function notFound(groupId: string): GroupIdNotFoundError {
  return new GroupIdNotFoundError(`There is no group '${groupId}'`, { groupId })
}

function notEmpty(groupId: string, cause?: unknown): NonEmptyGroupError {
  return new NonEmptyGroupError(
    `Group '${groupId}' has members; it must be Empty before its offsets can be set`,
    cause === undefined ? { groupId } : { groupId, cause },
  )
}

function isList(to: Parameters<Admin['setGroupOffsets']>[1]): to is readonly TopicPartitionOffset[] {
  return Array.isArray(to)
}
