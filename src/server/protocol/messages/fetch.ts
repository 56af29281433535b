import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int8, int16, int32, int64, nullable, records, string, uuid } from '../type.ts'

export const fetch = api(
  'Fetch',
  { key: 1, versions: [4, 18], flexible: 12 },
  {
    clusterId: field(nullable(string), { since: 12, tag: 0 }, null),
    replicaId: field(int32, { until: 14 }, -1),
    replicaState: field(
      struct({
        replicaId: field(int32, {}, -1),
        replicaEpoch: field(int64, {}, -1),
      }),
      { since: 15, tag: 1 },
    ),
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: field(int32, {}, 2147483647),
    isolationLevel: int8,
    sessionId: field(int32, { since: 7 }),
    sessionEpoch: field(int32, { since: 7 }, -1),
    topics: array(
      struct({
        topic: field(string, { until: 12 }),
        topicId: field(uuid, { since: 13 }),
        partitions: array(
          struct({
            partition: int32,
            currentLeaderEpoch: field(int32, { since: 9 }, -1),
            fetchOffset: int64,
            lastFetchedEpoch: field(int32, { since: 12 }, -1),
            logStartOffset: field(int64, { since: 5 }, -1),
            partitionMaxBytes: int32,
            replicaDirectoryId: field(uuid, { since: 17, tag: 0 }),
            highWatermark: field(int64, { since: 18, tag: 1 }, Number.MAX_SAFE_INTEGER),
          }),
        ),
      }),
    ),
    forgottenTopicsData: field(
      array(
        struct({
          topic: field(string, { until: 12 }),
          topicId: field(uuid, { since: 13 }),
          partitions: array(int32),
        }),
      ),
      { since: 7 },
    ),
    rackId: field(string, { since: 11 }),
  },
  {
    throttleTimeMs: int32,
    errorCode: field(int16, { since: 7 }),
    sessionId: field(int32, { since: 7 }),
    responses: array(
      struct({
        topic: field(string, { until: 12 }),
        topicId: field(uuid, { since: 13 }),
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            highWatermark: int64,
            lastStableOffset: field(int64, {}, -1),
            logStartOffset: field(int64, { since: 5 }, -1),
            divergingEpoch: field(
              struct({
                epoch: field(int32, {}, -1),
                endOffset: field(int64, {}, -1),
              }),
              { since: 12, tag: 0 },
            ),
            currentLeader: field(
              struct({
                leaderId: field(int32, {}, -1),
                leaderEpoch: field(int32, {}, -1),
              }),
              { since: 12, tag: 1 },
            ),
            snapshotId: field(
              struct({
                endOffset: field(int64, {}, -1),
                epoch: field(int32, {}, -1),
              }),
              { since: 12, tag: 2 },
            ),
            abortedTransactions: nullable(
              array(
                struct({
                  producerId: int64,
                  firstOffset: int64,
                }),
              ),
            ),
            preferredReadReplica: field(int32, { since: 11 }, -1),
            records: records,
          }),
        ),
      }),
    ),
    nodeEndpoints: field(
      array(
        struct({
          nodeId: int32,
          host: string,
          port: int32,
          rack: field(nullable(string), {}, null),
        }),
      ),
      { since: 16, tag: 0 },
    ),
  },
)
