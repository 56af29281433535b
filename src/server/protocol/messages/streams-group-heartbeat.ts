import { api } from '../message.ts'
import { field, nullableStruct, struct } from '../struct.ts'
import { array, bool, int8, int16, int32, int64, nullable, string, uint16 } from '../type.ts'

const keyValue = struct({
  key: string,
  value: string,
})

const topicInfo = struct({
  name: string,
  partitions: int32,
  replicationFactor: int16,
  topicConfigs: array(keyValue),
})

const taskIds = struct({
  subtopologyId: string,
  partitions: array(int32),
})

const endpoint = struct({
  host: string,
  port: uint16,
})

const taskOffset = struct({
  subtopologyId: string,
  partition: int32,
  offset: int64,
})

const status = struct({
  statusCode: int8,
  statusDetail: string,
})

const topicPartition = struct({
  topic: string,
  partitions: array(int32),
})

export const streamsGroupHeartbeat = api(
  'StreamsGroupHeartbeat',
  { key: 88, versions: [0, 1], flexible: 0 },
  {
    groupId: string,
    memberId: string,
    memberEpoch: int32,
    endpointInformationEpoch: int32,
    instanceId: field(nullable(string), {}, null),
    rackId: field(nullable(string), {}, null),
    rebalanceTimeoutMs: field(int32, {}, -1),
    topology: field(
      nullableStruct(
        struct({
          epoch: int32,
          subtopologies: array(
            struct({
              subtopologyId: string,
              sourceTopics: array(string),
              sourceTopicRegex: array(string),
              stateChangelogTopics: array(topicInfo),
              repartitionSinkTopics: array(string),
              repartitionSourceTopics: array(topicInfo),
              copartitionGroups: array(
                struct({
                  sourceTopics: array(int16),
                  sourceTopicRegex: array(int16),
                  repartitionSourceTopics: array(int16),
                }),
              ),
            }),
          ),
        }),
      ),
      {},
      null,
    ),
    activeTasks: field(nullable(array(taskIds)), {}, null),
    standbyTasks: field(nullable(array(taskIds)), {}, null),
    warmupTasks: field(nullable(array(taskIds)), {}, null),
    processId: field(nullable(string), {}, null),
    userEndpoint: field(nullableStruct(endpoint), {}, null),
    clientTags: field(nullable(array(keyValue)), {}, null),
    taskOffsets: field(nullable(array(taskOffset)), {}, null),
    taskEndOffsets: field(nullable(array(taskOffset)), {}, null),
    shutdownApplication: bool,
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: field(nullable(string), {}, null),
    memberId: string,
    memberEpoch: int32,
    heartbeatIntervalMs: int32,
    acceptableRecoveryLagLegacy: field(int32, { until: 0 }),
    taskOffsetIntervalMs: int32,
    acceptableRecoveryLag: field(int64, { since: 1 }, -1),
    status: nullable(array(status)),
    activeTasks: field(nullable(array(taskIds)), {}, null),
    standbyTasks: field(nullable(array(taskIds)), {}, null),
    warmupTasks: field(nullable(array(taskIds)), {}, null),
    topologyDescriptionRequired: field(bool, { since: 1 }),
    endpointInformationEpoch: int32,
    partitionsByUserEndpoint: field(
      nullable(
        array(
          struct({
            userEndpoint: endpoint,
            activePartitions: array(topicPartition),
            standbyPartitions: array(topicPartition),
          }),
        ),
      ),
      {},
      null,
    ),
  },
)
