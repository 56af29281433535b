import type { Admin } from '../admin.ts'
import { errnos } from '../error-codes.ts'
import { GroupIdNotFoundError, InvalidGroupIdError, NonEmptyGroupError } from '../errors.ts'
import { groupOffsets, partitionList } from '../offset-checks.ts'
import type { GroupSummary } from '../summaries.ts'
import {
  byTopicAndPartition,
  formatTopicPartition,
  type TopicPartition,
  type TopicPartitionOffset,
} from '../topic-partition.ts'
import { name as nonEmptyName, requireArgument } from '../validate.ts'
import { describeValue } from '../value-text.ts'
import { codedBy, ifThere, isTransient, mayBeDone } from './admin-answers.ts'
import type { Cluster } from './cluster.ts'
import { hasCode } from './cluster-error.ts'
import { type ClusterTopic, partitionsOf } from './cluster-metadata.ts'
import { consumerGroupDescribe } from './consumer-group-describe.ts'
import { byTopic } from './group-by.ts'
import { commitOffsets, fetchOffsets, firstErrno, outsider } from './group-offsets.ts'
import type { OffsetLookup } from './offset-lookup.ts'

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

type GroupAdmin = Pick<
  Admin,
  | 'listGroups'
  | 'describeGroup'
  | 'deleteGroup'
  | 'listGroupOffsets'
  | 'setGroupOffsets'
  | 'deleteGroupOffsets'
>

/** Administration of the groups of a cluster. */
export class KafkaGroupAdmin implements GroupAdmin {
  readonly #cluster: Cluster
  readonly #lookup: OffsetLookup

  constructor(cluster: Cluster, lookup: OffsetLookup) {
    this.#cluster = cluster
    this.#lookup = lookup
  }

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
    const committed = await fetchOffsets(this.#cluster, groupId)
    const owners = new Map<string, string>()
    for (const { memberId, assignment } of members) {
      for (const tp of assignment) owners.set(formatTopicPartition(tp), memberId)
    }
    const all = new Map<string, TopicPartition>([
      ...committed,
      ...members.flatMap(({ assignment }) => assignment.map(tp => [formatTopicPartition(tp), tp] as const)),
    ])
    const there = new Set((await this.#existing(all.values())).map(({ name }) => name))
    const described = await Promise.all(
      [...all].map(async ([id, { topic, partition }]) => {
        const offset = committed.get(id)?.offset ?? null
        const lag = there.has(topic) ? await this.#lag({ topic, partition }, offset) : undefined
        if (lag === undefined) return []
        return [{ topic, partition, committed: offset, lag, memberId: owners.get(id) ?? null }]
      }),
    )
    const partitions = described.flat().sort(byTopicAndPartition)
    const lag = partitions.reduce((sum, each) => sum + each.lag, 0)
    return { groupId, state, epoch, assignor, lag, members, partitions }
  }

  // Without a committed offset, lag counts from the beginning, as the default reset policy does. Undefined for a
  // partition that is gone by now.
  async #lag(tp: TopicPartition, committed: number | null): Promise<number | undefined> {
    const end = await ifThere(this.#lookup.offsetFor(tp, 'end', 'read_committed'))
    const start = await ifThere(this.#lookup.offsetFor(tp, 'beginning', 'read_committed'))
    if (end === undefined || start === undefined) return undefined
    return Math.max(0, end - Math.max(start, committed ?? 0))
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
    const wasThere = await this.#isThere(groupId)
    let isLost = false
    await this.#cluster.askCoordinator('group', groupId, {
      what: `Deleting group '${groupId}'`,
      api: this.#cluster.library.deleteGroupsV2,
      request: () => [[groupId]] as const,
      ...codedBy('results'),
      // Where the answer to the first attempt was lost, the next one may not find what that one has deleted.
      errno: ({ results: [deleted] }) =>
        wasThere && isLost && deleted!.errorCode === groupIdNotFound ? 0 : deleted!.errorCode,
      goesOn: error => {
        isLost ||= mayBeDone(error)
        return true
      },
    })
  }

  async #isThere(groupId: string): Promise<boolean> {
    try {
      await this.#describe(groupId)
      return true
    } catch (error) {
      if (!hasCode(error, 'GROUP_ID_NOT_FOUND')) throw error
      return false
    }
  }

  async listGroupOffsets(groupId: string): Promise<readonly TopicPartitionOffset[]> {
    await this.#describe(groupId)
    return [...(await fetchOffsets(this.#cluster, groupId)).values()].sort(byTopicAndPartition)
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
        const { expected } = nonEmptyName
        throw new InvalidGroupIdError(`groupId expected ${expected}, received ${describeValue(groupId)}`, {
          expected,
          received: groupId,
        })
      }
      for (const tp of to) await this.#cluster.requirePartition(tp)
      return to
    }
    const spec = to === 'earliest' ? 'beginning' : to === 'latest' ? 'end' : to
    // Without this check, a group that has committed nothing would have nothing to set, and nothing would be refused.
    const { members } = await this.#describe(groupId)
    if (members.length > 0) throw notEmpty(groupId)
    const topics = await this.#existing(await this.listGroupOffsets(groupId))
    // All partitions, even those without a committed offset: they would begin elsewhere than the rest of the topic.
    const found = topics.flatMap(partitionsOf).map(async tp => {
      const offset = await ifThere(this.#lookup.offsetFor(tp, spec, 'read_uncommitted'))
      return offset === undefined ? [] : [{ ...tp, offset }]
    })
    return (await Promise.all(found)).flat()
  }

  // The topics of these partitions that exist, as far as is known. The group may not know yet that one was deleted.
  async #existing(partitions: Iterable<TopicPartition>): Promise<ClusterTopic[]> {
    const names = new Set(Array.from(partitions, ({ topic }) => topic))
    const topics = await Promise.all(Array.from(names, name => ifThere(this.#cluster.topic(name))))
    return topics.filter(topic => topic !== undefined)
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

const groupIdNotFound = errnos.GROUP_ID_NOT_FOUND

// A cluster would only close the connection on a group id that is not a string.
function requireGroupId(groupId: unknown): void {
  if (typeof groupId !== 'string') throw notFound(String(groupId))
}

function notFound(groupId: string): GroupIdNotFoundError {
  return new GroupIdNotFoundError(`There is no group '${groupId}'`, { groupId })
}

function notEmpty(groupId: string, cause?: unknown): NonEmptyGroupError {
  return new NonEmptyGroupError(
    `Group '${groupId}' has members; it must be Empty before its offsets can be set: close its consumers first`,
    cause === undefined ? { groupId } : { groupId, cause },
  )
}

function isList(to: Parameters<Admin['setGroupOffsets']>[1]): to is readonly TopicPartitionOffset[] {
  return Array.isArray(to)
}
