import { errorCodes } from '../../error-codes.ts'
import { type Handler, handler } from '../handler.ts'
import { offsetCommit } from '../protocol/messages/offset-commit.ts'
import { offsetFetch } from '../protocol/messages/offset-fetch.ts'
import { findTopic, toWireError, unknownTopic, type Wire } from '../wire.ts'
import { errnoOf } from '../wire-groups.ts'

interface WantedOffsets {
  readonly name: string
  readonly topicId: string
  readonly partitionIndexes: readonly number[]
}

/** What groups have committed. */
export function offsetHandlers(wire: Wire): Handler[] {
  return [
    handler(
      offsetCommit,
      ({ groupId, generationIdOrMemberEpoch, memberId, groupInstanceId, topics }, { version }) => {
        const refused = wire.groups.checkCommit(groupId, {
          generation: generationIdOrMemberEpoch,
          memberId,
          groupInstanceId,
        })
        return {
          topics: topics.map(({ name, topicId, partitions }) => {
            const topic = findTopic(wire, version, 10, { name, topicId })
            return {
              name,
              topicId,
              partitions: partitions.map(({ partitionIndex, committedOffset, committedMetadata }) => {
                if (refused !== undefined) return { partitionIndex, errorCode: errnoOf(refused) }
                if (topic === undefined) return { partitionIndex, errorCode: unknownTopic(version, 10) }
                const metadata = committedMetadata ?? ''
                const place = { topic: topic.name, partition: partitionIndex, offset: committedOffset }
                try {
                  wire.engine.commitWithoutMember(groupId, [metadata === '' ? place : { ...place, metadata }])
                  return { partitionIndex, errorCode: 0 }
                } catch (error) {
                  return { partitionIndex, errorCode: toWireError(wire, error).errorCode }
                }
              }),
            }
          }),
        }
      },
    ),

    handler(offsetFetch, ({ groupId, topics, groups }, { version }) => {
      if (version < 8)
        return { topics: committedOf(wire, version, groupId, topics as WantedOffsets[] | null) }
      return {
        groups: groups.map(each => ({
          groupId: each.groupId,
          topics: committedOf(wire, version, each.groupId, each.topics),
        })),
      }
    }),
  ]
}

// All that is committed where nothing is named.
function committedOf(wire: Wire, version: number, groupId: string, wanted: readonly WantedOffsets[] | null) {
  const group = wire.engine.groups.get(groupId)
  if (wanted !== null) {
    return wanted.map(({ name, topicId, partitionIndexes }) => {
      const topic = findTopic(wire, version, 10, { name, topicId })
      const unknown = version >= 10 && topic === undefined
      return {
        name,
        topicId,
        partitions: partitionIndexes.map(partitionIndex => {
          const committed = topic && group?.committed({ topic: topic.name, partition: partitionIndex })
          return {
            partitionIndex,
            committedOffset: committed?.offset ?? -1,
            metadata: committed?.metadata ?? '',
            errorCode: unknown ? errorCodes.UNKNOWN_TOPIC_ID.errno : 0,
          }
        }),
      }
    })
  }
  const offsets = group?.offsets ?? []
  const names = new Set(offsets.map(({ topic }) => topic))
  return [...names].map(name => ({
    name,
    topicId: wire.engine.topics.get(name)!.id,
    partitions: offsets
      .filter(({ topic }) => topic === name)
      .map(({ partition, offset, metadata }) => ({
        partitionIndex: partition,
        committedOffset: offset,
        metadata: metadata ?? '',
        errorCode: 0,
      })),
  }))
}
