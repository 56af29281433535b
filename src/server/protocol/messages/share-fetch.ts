import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, bool, int8, int16, int32, int64, nullable, records, string, uuid } from '../type.ts'

export const shareFetch = api(
  'ShareFetch',
  { key: 78, versions: [1, 2], flexible: 0 },
  {
    groupId: field(nullable(string), {}, null),
    memberId: nullable(string),
    shareSessionEpoch: int32,
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: field(int32, {}, 2147483647),
    maxRecords: int32,
    batchSize: int32,
    shareAcquireMode: field(int8, { since: 2 }),
    isRenewAck: field(bool, { since: 2 }),
    topics: array(
      struct({
        topicId: uuid,
        partitions: array(
          struct({
            partitionIndex: int32,
            acknowledgementBatches: array(
              struct({
                firstOffset: int64,
                lastOffset: int64,
                acknowledgeTypes: array(int8),
              }),
            ),
          }),
        ),
      }),
    ),
    forgottenTopicsData: array(
      struct({
        topicId: uuid,
        partitions: array(int32),
      }),
    ),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: field(nullable(string), {}, null),
    acquisitionLockTimeoutMs: int32,
    responses: array(
      struct({
        topicId: uuid,
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            errorMessage: field(nullable(string), {}, null),
            acknowledgeErrorCode: int16,
            acknowledgeErrorMessage: field(nullable(string), {}, null),
            currentLeader: struct({
              leaderId: int32,
              leaderEpoch: int32,
            }),
            records: records,
            acquiredRecords: array(
              struct({
                firstOffset: int64,
                lastOffset: int64,
                deliveryCount: int16,
              }),
            ),
          }),
        ),
      }),
    ),
    nodeEndpoints: array(
      struct({
        nodeId: int32,
        host: string,
        port: int32,
        rack: field(nullable(string), {}, null),
      }),
    ),
  },
)
