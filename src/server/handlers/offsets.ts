import type { ErrorCode } from '../../error-codes.ts'
import type { TopicPartitionOffset } from '../../topic-partition.ts'
import { CommittedOffsets, type WantedOffsets } from '../committed-offsets.ts'
import { groupCommit, toCommit } from '../group-commit.ts'
import { type Handler, handler } from '../handler.ts'
import { findLog, findTopic, topicIdsSince, unknownTopic } from '../named-topic.ts'
import { offsetCommit } from '../protocol/messages/offset-commit.ts'
import { offsetDelete } from '../protocol/messages/offset-delete.ts'
import { offsetFetch } from '../protocol/messages/offset-fetch.ts'
import { attempt, toWireError, type Wire } from '../wire.ts'
import { errnoOf } from '../wire-error-code.ts'

/** The committed offsets of groups. */
export function offsetHandlers(wire: Wire): Handler[] {
  return [
    handler(offsetCommit, ({ groupId, topics, ...identity }, { version }) => {
      const named = topics.map(({ name, topicId, partitions }) => {
        const topic = findTopic(wire, version, topicIdsSince.OffsetCommit, { name, topicId })
        const offsets = partitions.map(each => topic && toCommit(topic.name, each))
        return { name, topicId, partitions, offsets }
      })
      const all = named.flatMap(({ offsets }) => offsets.filter(each => each !== undefined))
      const refusal = refusalOfThread(wire, groupId, identity, all)
      const codeFor = (offset: TopicPartitionOffset | undefined) =>
        offset === undefined
          ? unknownTopic(version, topicIdsSince.OffsetCommit)
          : commit(wire, version, groupId, identity, offset, refusal)
      return {
        topics: named.map(({ name, topicId, partitions, offsets }) => ({
          name,
          topicId,
          partitions: partitions.map(({ partitionIndex }, i) => ({
            partitionIndex,
            errorCode: codeFor(offsets[i]),
          })),
        })),
      }
    }),

    handler(offsetFetch, ({ groupId, topics, groups, requireStable }, { version }) => {
      const committedOf = (id: string, wanted: readonly WantedOffsets[] | null) =>
        new CommittedOffsets(wire, version, id, requireStable).of(wanted)
      if (version < 8) return { topics: committedOf(groupId, topics as WantedOffsets[] | null) }
      return {
        groups: groups.map(({ groupId: id, memberId, memberEpoch, topics: wanted }) => {
          const refused = checkReader(wire, id, memberId, memberEpoch)
          if (refused !== undefined) return { groupId: id, errorCode: errnoOf(refused) }
          return { groupId: id, topics: committedOf(id, wanted) }
        }),
      }
    }),

    handler(offsetDelete, ({ groupId, topics }) => {
      if (groupId === '') return { errorCode: errnoOf('INVALID_GROUP_ID') }
      const group = wire.engine.groups.get(groupId)
      const classic = wire.groups.get(groupId)
      if (group === undefined && classic === undefined) return { errorCode: errnoOf('GROUP_ID_NOT_FOUND') }
      // It is unknown what members that are not consumers read.
      const members = classic?.members.length ?? 0
      if (members > 0 && classic!.protocolType !== 'consumer')
        return { errorCode: errnoOf('NON_EMPTY_GROUP') }
      return {
        topics: topics.map(({ name, partitions }) => ({
          name,
          partitions: partitions.map(({ partitionIndex }) => {
            if (findLog(wire, name, partitionIndex) === undefined)
              return { partitionIndex, errorCode: errnoOf('UNKNOWN_TOPIC_OR_PARTITION') }
            const { errorCode } = attempt(wire, () =>
              group?.deleteOffsets([{ topic: name, partition: partitionIndex }]),
            )
            return { partitionIndex, errorCode }
          }),
        })),
      }
    }),
  ]
}

interface CommitIdentity {
  readonly generationIdOrMemberEpoch: number
  readonly memberId: string
  readonly groupInstanceId: string | null
}

// The first version whose commit may name a member epoch. (KIP-848)
const epochsSince = 9

function commit(
  wire: Wire,
  version: number,
  groupId: string,
  identity: CommitIdentity,
  offset: TopicPartitionOffset,
  refusal: number,
): number {
  const { generationIdOrMemberEpoch: generation, memberId, groupInstanceId } = identity
  try {
    // That there is no such partition comes before everything, and the version before the epoch.
    wire.engine.partition(offset)
    if (version < epochsSince && knowsEpochs(wire, groupId, memberId)) return errnoOf('UNSUPPORTED_VERSION')
    if (refusal !== 0) return refusal
    const committed = groupCommit(wire, groupId, { generation, memberId, groupInstanceId }, [offset], false)
    committed.check()
    committed.commit()
    return 0
  } catch (error) {
    return toWireError(wire, error).errorCode
  }
}

// A member of a streams group commits all that it names, or nothing. (Kafka: StreamsGroup.validateOffsetCommit)
function refusalOfThread(
  wire: Wire,
  groupId: string,
  { memberId, generationIdOrMemberEpoch: generation }: CommitIdentity,
  offsets: readonly TopicPartitionOffset[],
): number {
  const group = wire.streamsGroups.get(groupId)
  if (group === undefined) return 0
  const there = offsets.filter(({ topic, partition }) => findLog(wire, topic, partition) !== undefined)
  return attempt(wire, () => group.checkCommit(memberId, generation, there)).errorCode
}

// A member that was removed is none, whatever it knows.
function knowsEpochs({ members, streamsGroups }: Wire, groupId: string, memberId: string): boolean {
  const member = members.get(groupId, memberId)
  if (member !== undefined) return member.gone === undefined
  return streamsGroups.get(groupId)?.get(memberId) !== undefined
}

// A member is answered only at its own epoch. A classic member need not name its own, as in a classic group:
// @platformatic/kafka names itself and no epoch. (Kafka: ConsumerGroup.validateOffsetFetch)
function checkReader(
  { engine, groups, members, streamsGroups }: Wire,
  groupId: string,
  memberId: string | null,
  memberEpoch: number,
): ErrorCode | undefined {
  const anonymous = memberId === null && memberEpoch < 0
  const id = memberId ?? ''
  const streams = streamsGroups.get(groupId)
  if (streams !== undefined && !anonymous) return streams.checkReader(id, memberEpoch)
  if (anonymous || !engine.groups.has(groupId) || groups.typeOf(groupId) !== 'consumer') return undefined
  const classic = groups.classicMember(groupId, id)
  const member = members.get(groupId, id) ?? classic
  if (member === undefined || member.gone !== undefined) return 'UNKNOWN_MEMBER_ID'
  if (member.epoch === memberEpoch || (classic !== undefined && memberEpoch < 0)) return undefined
  return classic === undefined ? 'STALE_MEMBER_EPOCH' : 'ILLEGAL_GENERATION'
}
