import { api } from '../message.ts'
import { field, nullableStruct, struct } from '../struct.ts'
import { array, bool, int8, int16, int32, int64, nullable, string, uint16 } from '../type.ts'

export const streamsGroupHeartbeat = api(
  'StreamsGroupHeartbeat',
  { key: 88, versions: [0, 0], flexible: 0 },
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
              stateChangelogTopics: array(
                struct({
                  name: string,
                  partitions: int32,
                  replicationFactor: int16,
                  topicConfigs: array(
                    struct({
                      key: string,
                      value: string,
                    }),
                  ),
                }),
              ),
              repartitionSinkTopics: array(string),
              repartitionSourceTopics: array(
                struct({
                  name: string,
                  partitions: int32,
                  replicationFactor: int16,
                  topicConfigs: array(
                    struct({
                      key: string,
                      value: string,
                    }),
                  ),
                }),
              ),
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
    activeTasks: field(
      nullable(
        array(
          struct({
            subtopologyId: string,
            partitions: array(int32),
          }),
        ),
      ),
      {},
      null,
    ),
    standbyTasks: field(
      nullable(
        array(
          struct({
            subtopologyId: string,
            partitions: array(int32),
          }),
        ),
      ),
      {},
      null,
    ),
    warmupTasks: field(
      nullable(
        array(
          struct({
            subtopologyId: string,
            partitions: array(int32),
          }),
        ),
      ),
      {},
      null,
    ),
    processId: field(nullable(string), {}, null),
    userEndpoint: field(
      nullableStruct(
        struct({
          host: string,
          port: uint16,
        }),
      ),
      {},
      null,
    ),
    clientTags: field(
      nullable(
        array(
          struct({
            key: string,
            value: string,
          }),
        ),
      ),
      {},
      null,
    ),
    taskOffsets: field(
      nullable(
        array(
          struct({
            subtopologyId: string,
            partition: int32,
            offset: int64,
          }),
        ),
      ),
      {},
      null,
    ),
    taskEndOffsets: field(
      nullable(
        array(
          struct({
            subtopologyId: string,
            partition: int32,
            offset: int64,
          }),
        ),
      ),
      {},
      null,
    ),
    shutdownApplication: bool,
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: field(nullable(string), {}, null),
    memberId: string,
    memberEpoch: int32,
    heartbeatIntervalMs: int32,
    acceptableRecoveryLag: int32,
    taskOffsetIntervalMs: int32,
    status: nullable(
      array(
        struct({
          statusCode: int8,
          statusDetail: string,
        }),
      ),
    ),
    activeTasks: field(
      nullable(
        array(
          struct({
            subtopologyId: string,
            partitions: array(int32),
          }),
        ),
      ),
      {},
      null,
    ),
    standbyTasks: field(
      nullable(
        array(
          struct({
            subtopologyId: string,
            partitions: array(int32),
          }),
        ),
      ),
      {},
      null,
    ),
    warmupTasks: field(
      nullable(
        array(
          struct({
            subtopologyId: string,
            partitions: array(int32),
          }),
        ),
      ),
      {},
      null,
    ),
    endpointInformationEpoch: int32,
    partitionsByUserEndpoint: field(
      nullable(
        array(
          struct({
            userEndpoint: struct({
              host: string,
              port: uint16,
            }),
            activePartitions: array(
              struct({
                topic: string,
                partitions: array(int32),
              }),
            ),
            standbyPartitions: array(
              struct({
                topic: string,
                partitions: array(int32),
              }),
            ),
          }),
        ),
      ),
      {},
      null,
    ),
  },
)
