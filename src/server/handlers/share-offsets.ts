import type { Partition } from '../../log/partition.ts'
import { byTopic } from '../by-topic.ts'
import { type Handler, handler } from '../handler.ts'
import { findLog } from '../named-topic.ts'
import { alterShareGroupOffsets } from '../protocol/messages/alter-share-group-offsets.ts'
import { deleteShareGroupOffsets } from '../protocol/messages/delete-share-group-offsets.ts'
import { describeShareGroupOffsets } from '../protocol/messages/describe-share-group-offsets.ts'
import { noUuid } from '../protocol/type.ts'
import { countOffsets } from '../share/offset-span.ts'
import type { KeptShareGroup } from '../share/share-groups.ts'
import { toWireError, type Wire } from '../wire.ts'
import { errnoOf } from '../wire-error-code.ts'

interface Wanted {
  readonly topicName: string
  readonly partitions: readonly number[]
}

const unknownPartition = errnoOf('UNKNOWN_TOPIC_OR_PARTITION')

/** Describes, sets and deletes the offsets of share groups. */
export function shareOffsetHandlers(wire: Wire): Handler[] {
  const { engine, shareGroups } = wire
  return [
    handler(describeShareGroupOffsets, ({ groups }) => ({
      groups: groups.map(({ groupId, topics }) => {
        const group = shareGroups.get(groupId)
        return {
          groupId,
          topics: (topics ?? allOf(group)).map(({ topicName, partitions }) => ({
            topicName,
            topicId: engine.topics.get(topicName)?.id ?? noUuid,
            partitions: partitions.map(partitionIndex => ({
              partitionIndex,
              ...placeOf(wire, group, findLog(wire, topicName, partitionIndex)),
            })),
          })),
        }
      }),
    })),

    handler(alterShareGroupOffsets, ({ groupId, topics }) => {
      if (groupId === '') return { errorCode: errnoOf('INVALID_GROUP_ID') }
      try {
        const known = shareGroups.find(groupId)
        if (known !== undefined) shareGroups.requireEmpty(known)
        return {
          errorCode: 0,
          responses: topics.map(({ topicName, partitions }) => {
            const topic = engine.topics.get(topicName)
            // The group is created by its first topic.
            const offsets = topic && shareGroups.of(groupId).partitions
            return {
              topicName,
              topicId: topic?.id ?? noUuid,
              partitions: partitions.map(({ partitionIndex, startOffset }) => {
                const log = topic?.partitions[partitionIndex]
                if (log === undefined) return { partitionIndex, errorCode: unknownPartition }
                offsets!.setStart(log, startOffset)
                return { partitionIndex, errorCode: 0 }
              }),
            }
          }),
        }
      } catch (error) {
        return toWireError(wire, error)
      }
    }),

    handler(deleteShareGroupOffsets, ({ groupId, topics }) => {
      if (groupId === '') return { errorCode: errnoOf('INVALID_GROUP_ID') }
      const group = shareGroups.get(groupId)
      if (group === undefined) return { errorCode: errnoOf('GROUP_ID_NOT_FOUND') }
      try {
        shareGroups.requireEmpty(group)
        return {
          errorCode: 0,
          responses: topics.map(({ topicName }) => {
            const topicId = engine.topics.get(topicName)?.id ?? noUuid
            if (group.partitions.deleteTopic(topicName)) return { topicName, topicId, errorCode: 0 }
            const errorMessage = `Group '${groupId}' has no offsets of topic '${topicName}'`
            return { topicName, topicId: noUuid, errorCode: unknownPartition, errorMessage }
          }),
        }
      } catch (error) {
        return toWireError(wire, error)
      }
    }),
  ]
}

function allOf(group: KeptShareGroup | undefined): Wanted[] {
  const logs = [...(group?.partitions.all.keys() ?? [])]
  return byTopic(logs.map(({ topic, index }) => ({ topic, partition: index }))).map(
    ({ topic, partitions }) => ({ topicName: topic, partitions }),
  )
}

const nowhere = { startOffset: -1, leaderEpoch: 0, lag: -1, errorCode: 0 }

// Offsets without a record count as lag until they are read, as in Kafka (KIP-1226).
function placeOf({ cluster }: Wire, group: KeptShareGroup | undefined, log: Partition | undefined) {
  const partition = log && group?.partitions.all.get(log)
  if (log === undefined || partition === undefined) return nowhere
  const unread = log.highWatermark - Math.max(partition.endOffset, log.logStartOffset)
  const inFlight = countOffsets(partition.inFlight)
  const { epoch: leaderEpoch } = cluster.leadershipOf(log)
  return { startOffset: partition.startOffset, leaderEpoch, lag: unread + inFlight, errorCode: 0 }
}
