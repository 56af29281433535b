import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, int16, int32, int64, nullable, string, uint16, uuid } from '../type.ts'

const replicaState = struct({
  replicaId: int32,
  replicaDirectoryId: field(uuid, { since: 2 }),
  logEndOffset: int64,
  lastFetchTimestamp: field(int64, { since: 1 }, -1),
  lastCaughtUpTimestamp: field(int64, { since: 1 }, -1),
})

export const describeQuorum = api(
  'DescribeQuorum',
  { key: 55, versions: [0, 2], flexible: 0 },
  {
    topics: array(
      struct({
        topicName: string,
        partitions: array(
          struct({
            partitionIndex: int32,
          }),
        ),
      }),
    ),
  },
  {
    errorCode: int16,
    errorMessage: field(nullable(string), { since: 2 }),
    topics: array(
      struct({
        topicName: string,
        partitions: array(
          struct({
            partitionIndex: int32,
            errorCode: int16,
            errorMessage: field(nullable(string), { since: 2 }),
            leaderId: int32,
            leaderEpoch: int32,
            highWatermark: int64,
            currentVoters: array(replicaState),
            observers: array(replicaState),
          }),
        ),
      }),
    ),
    nodes: field(
      array(
        struct({
          nodeId: int32,
          listeners: array(
            struct({
              name: string,
              host: string,
              port: uint16,
            }),
          ),
        }),
      ),
      { since: 2 },
    ),
  },
)
