import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, bool, int8, int16, int32, int64, nullable, string, uuid } from '../type.ts'

export const shareAcknowledge = api(
  'ShareAcknowledge',
  { key: 79, versions: [1, 2], flexible: 0 },
  {
    groupId: field(nullable(string), {}, null),
    memberId: nullable(string),
    shareSessionEpoch: int32,
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
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: field(nullable(string), {}, null),
    acquisitionLockTimeoutMs: field(int32, { since: 2 }),
    responses: array(
      struct({
        topicId: uuid,
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            errorMessage: field(nullable(string), {}, null),
            currentLeader: struct({
              leaderId: int32,
              leaderEpoch: int32,
            }),
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
