import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, bool, int16, int32, nullable, string, uuid } from '../type.ts'

export const metadata = api(
  'Metadata',
  { key: 3, versions: [0, 13], flexible: 9 },
  {
    topics: nullable(
      array(
        struct({
          topicId: field(uuid, { since: 10 }),
          name: nullable(string, 10),
        }),
      ),
      1,
    ),
    allowAutoTopicCreation: field(bool, { since: 4 }, true),
    includeClusterAuthorizedOperations: field(bool, { since: 8, until: 10 }),
    includeTopicAuthorizedOperations: field(bool, { since: 8 }),
  },
  {
    throttleTimeMs: field(int32, { since: 3 }),
    brokers: array(
      struct({
        nodeId: int32,
        host: string,
        port: int32,
        rack: field(nullable(string), { since: 1 }, null),
      }),
    ),
    clusterId: field(nullable(string), { since: 2 }, null),
    controllerId: field(int32, { since: 1 }, -1),
    topics: array(
      struct({
        errorCode: int16,
        name: nullable(string, 12),
        topicId: field(uuid, { since: 10 }),
        isInternal: field(bool, { since: 1 }),
        partitions: array(
          struct({
            errorCode: int16,
            partitionIndex: int32,
            leaderId: int32,
            leaderEpoch: field(int32, { since: 7 }, -1),
            replicaNodes: array(int32),
            isrNodes: array(int32),
            offlineReplicas: field(array(int32), { since: 5 }),
          }),
        ),
        topicAuthorizedOperations: field(int32, { since: 8 }, -2147483648),
      }),
    ),
    clusterAuthorizedOperations: field(int32, { since: 8, until: 10 }, -2147483648),
    errorCode: field(int16, { since: 13 }),
  },
)
