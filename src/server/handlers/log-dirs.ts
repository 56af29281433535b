import { formatTopicPartition } from '../../topic-partition.ts'
import { type Handler, handler } from '../handler.ts'
import { LogSizes, logDir } from '../log-sizes.ts'
import { namedPartitions } from '../named-partitions.ts'
import { findLog } from '../named-topic.ts'
import { alterReplicaLogDirs } from '../protocol/messages/alter-replica-log-dirs.ts'
import { describeLogDirs } from '../protocol/messages/describe-log-dirs.ts'
import type { Wire } from '../wire.ts'
import { errnoOf } from '../wire-error-code.ts'

/** The size of each partition, which programs that show topics ask for. No log can be moved to another directory. */
export function logDirHandlers(wire: Wire): Handler[] {
  const { cluster, engine } = wire
  const sizes = new LogSizes()
  return [
    handler(describeLogDirs, ({ topics }, { node }) => {
      const wanted =
        topics &&
        new Set(
          topics.flatMap(({ topic, partitions }) =>
            partitions.map(partition => formatTopicPartition({ topic, partition })),
          ),
        )
      const described = [...engine.topics.values()].map(({ name, partitions }) => ({
        name,
        partitions: partitions
          .filter(({ index }) => wanted?.has(formatTopicPartition({ topic: name, partition: index })) ?? true)
          .filter(log => cluster.registrationOf(log).replicas.includes(node))
          .map(log => ({ partitionIndex: log.index, partitionSize: sizes.of(log) })),
      }))
      return { results: [{ logDir, topics: described.filter(({ partitions }) => partitions.length > 0) }] }
    }),

    handler(alterReplicaLogDirs, ({ dirs }, { refusalOf }) => {
      const moves = dirs.flatMap(({ path, topics }) =>
        topics.map(({ name, partitions }) => ({
          name,
          partitions: partitions.map(partitionIndex => ({ partitionIndex, path })),
        })),
      )
      return {
        results: namedPartitions(moves).map(({ name, partitions }) => ({
          topicName: name,
          partitions: partitions.map(({ partitionIndex, path }) => {
            const refused = refusalOf?.(name, partitionIndex) ?? 0
            if (refused !== 0) return { partitionIndex, errorCode: refused }
            if (isTooLong(formatTopicPartition({ topic: name, partition: partitionIndex })))
              return { partitionIndex, errorCode: errnoOf('INVALID_TOPIC_EXCEPTION') }
            if (path !== logDir) return { partitionIndex, errorCode: errnoOf('LOG_DIR_NOT_FOUND') }
            const isThere = findLog(wire, name, partitionIndex) !== undefined
            return { partitionIndex, errorCode: isThere ? 0 : errnoOf('UNKNOWN_TOPIC_OR_PARTITION') }
          }),
        })),
      }
    }),
  ]
}

// While a log moves, Kafka's folder for it has a longer name, which has to be one of 255 characters. (Kafka:
// LocalLog.logFutureDirName)
function isTooLong(log: string): boolean {
  return log.length > 255 - '.'.length - 32 - '-future'.length
}
