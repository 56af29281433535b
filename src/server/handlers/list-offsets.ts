import type { Partition } from '../../log/partition.ts'
import { type Handler, handler } from '../handler.ts'
import { isIsolationLevel, readCommitted } from '../isolation-level.ts'
import { namedPartitions } from '../named-partitions.ts'
import { findLog } from '../named-topic.ts'
import { listOffsets } from '../protocol/messages/list-offsets.ts'
import { offsetForLeaderEpoch } from '../protocol/messages/offset-for-leader-epoch.ts'
import type { Wire } from '../wire.ts'
import { errnoOf } from '../wire-error-code.ts'

const latest = -1
const earliest = -2
const maxTimestamp = -3
// All of a log is on its broker, so its local part begins where the log does (KIP-405).
const earliestLocal = -4
// Offsets of records on another storage, or to be copied there: there are none.
const latestTiered = -5
const earliestPendingUpload = -6
// Tools and other brokers see all of a log. (Kafka: ListOffsetsRequest.CONSUMER_REPLICA_ID)
const consumerReplicaId = -1

// Not asked for; an epoch below is one before all that there were.
const noEpoch = -1

/** The offsets that can be asked for by name, and the first version that knows each. */
const placesSince: ReadonlyMap<number, number> = new Map([
  [latest, 0],
  [earliest, 0],
  [maxTimestamp, 7],
  [earliestLocal, 8],
  [latestTiered, 9],
  [earliestPendingUpload, 11],
])

interface Found {
  readonly offset: number
  readonly timestamp: number
}

const nowhere: Found = { offset: -1, timestamp: -1 }

/** Finds offsets by name, by time, or by leader epoch. */
export function listOffsetsHandlers(wire: Wire): Handler[] {
  return [
    handler(listOffsets, ({ topics, replicaId, isolationLevel }, { version }) => ({
      topics: namedPartitions(topics).map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, timestamp, repeated }) => {
          if (!isIsolationLevel(isolationLevel))
            return { partitionIndex, errorCode: errnoOf('UNKNOWN_SERVER_ERROR') }
          // (Kafka: ListOffsetsRequest.duplicatePartitions)
          if (repeated) return { partitionIndex, errorCode: errnoOf('INVALID_REQUEST') }
          if (timestamp < 0 && !(version >= (placesSince.get(timestamp) ?? Number.POSITIVE_INFINITY)))
            return { partitionIndex, errorCode: errnoOf('UNSUPPORTED_VERSION') }
          const log = findLog(wire, name, partitionIndex)
          if (log === undefined) return { partitionIndex, errorCode: errnoOf('UNKNOWN_TOPIC_OR_PARTITION') }
          const committed = isolationLevel === readCommitted && replicaId === consumerReplicaId
          const found = lookUp(log, timestamp, committed)
          // The log does not keep epochs: its records get the first one, and only its end the present one.
          const leaderEpoch = timestamp === latest ? wire.cluster.leadershipOf(log).epoch : 0
          return { partitionIndex, errorCode: 0, ...found, leaderEpoch: found.offset < 0 ? -1 : leaderEpoch }
        }),
      })),
    })),

    handler(offsetForLeaderEpoch, ({ topics }) => ({
      topics: topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition, leaderEpoch }) => {
          const log = findLog(wire, topic, partition)
          if (log === undefined) return { partition, errorCode: errnoOf('UNKNOWN_TOPIC_OR_PARTITION') }
          // What was before the first epoch ends where that begins. (Kafka: LeaderEpochFileCache.endOffsetFor)
          if (leaderEpoch < noEpoch) return { partition, leaderEpoch, endOffset: log.logStartOffset }
          // Nothing is ever cut off a log's end, so each epoch that has been ends where the log does; others are
          // unknown.
          const was = leaderEpoch !== noEpoch && leaderEpoch <= wire.cluster.leadershipOf(log).epoch
          return was ? { partition, leaderEpoch, endOffset: log.highWatermark } : { partition }
        }),
      })),
    })),
  ]
}

// A time after the last record gives -1.
function lookUp(log: Partition, timestamp: number, committed: boolean): Found {
  if (timestamp === latest) return { offset: log.endFor(committed), timestamp: -1 }
  if (timestamp === earliest || timestamp === earliestLocal) {
    return { offset: log.logStartOffset, timestamp: -1 }
  }
  if (timestamp === maxTimestamp) return firstAt(log, maxTimestampOf(log), committed)
  return timestamp < 0 ? nowhere : firstAt(log, timestamp, committed)
}

// The largest timestamp of the records that are kept, or `-Infinity` without any.
function maxTimestampOf({ segments, logStartOffset }: Partition): number {
  let max = Number.NEGATIVE_INFINITY
  for (const segment of segments) {
    if (segment.maxTimestamp <= max) continue
    if (segment.baseOffset >= logStartOffset) max = segment.maxTimestamp
    else {
      for (let i = segment.indexFrom(logStartOffset); i < segment.count; i++)
        max = Math.max(max, segment.timestampAt(i))
    }
  }
  return max
}

// A reader of committed records cannot fetch what is not decided yet. (Kafka: UnifiedLog.fetchOffsetByTimestamp)
function firstAt(log: Partition, timestamp: number, committed: boolean): Found {
  const offset = log.offsetForTimestamp(timestamp)
  if (offset === null || offset >= log.endFor(committed)) return nowhere
  // If the offset is the end of a transaction, there is no record to ask. A client takes no negative time.
  const [record] = log.fetch(offset, 1, false)
  return { offset, timestamp: record?.offset === offset ? record.timestamp : timestamp }
}
