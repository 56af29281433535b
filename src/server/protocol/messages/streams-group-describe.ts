import { api } from '../message.ts'
import { field, nullableStruct, struct } from '../struct.ts'
import { array, bool, int16, int32, int64, nullable, string, uint16 } from '../type.ts'

export const streamsGroupDescribe = api(
  'StreamsGroupDescribe',
  { key: 89, versions: [0, 0], flexible: 0 },
  {
    groupIds: array(string),
    includeAuthorizedOperations: bool,
  },
  {
    throttleTimeMs: int32,
    groups: array(
      struct({
        errorCode: int16,
        errorMessage: field(nullable(string), {}, null),
        groupId: string,
        groupState: string,
        groupEpoch: int32,
        assignmentEpoch: int32,
        topology: field(
          nullableStruct(
            struct({
              epoch: int32,
              subtopologies: field(
                nullable(
                  array(
                    struct({
                      subtopologyId: string,
                      sourceTopics: array(string),
                      repartitionSinkTopics: array(string),
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
                    }),
                  ),
                ),
                {},
                null,
              ),
            }),
          ),
          {},
          null,
        ),
        members: array(
          struct({
            memberId: string,
            memberEpoch: int32,
            instanceId: field(nullable(string), {}, null),
            rackId: field(nullable(string), {}, null),
            clientId: string,
            clientHost: string,
            topologyEpoch: int32,
            processId: string,
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
            clientTags: array(
              struct({
                key: string,
                value: string,
              }),
            ),
            taskOffsets: array(
              struct({
                subtopologyId: string,
                partition: int32,
                offset: int64,
              }),
            ),
            taskEndOffsets: array(
              struct({
                subtopologyId: string,
                partition: int32,
                offset: int64,
              }),
            ),
            assignment: struct({
              activeTasks: array(
                struct({
                  subtopologyId: string,
                  partitions: array(int32),
                }),
              ),
              standbyTasks: array(
                struct({
                  subtopologyId: string,
                  partitions: array(int32),
                }),
              ),
              warmupTasks: array(
                struct({
                  subtopologyId: string,
                  partitions: array(int32),
                }),
              ),
            }),
            targetAssignment: struct({
              activeTasks: array(
                struct({
                  subtopologyId: string,
                  partitions: array(int32),
                }),
              ),
              standbyTasks: array(
                struct({
                  subtopologyId: string,
                  partitions: array(int32),
                }),
              ),
              warmupTasks: array(
                struct({
                  subtopologyId: string,
                  partitions: array(int32),
                }),
              ),
            }),
            isClassic: bool,
          }),
        ),
        authorizedOperations: field(int32, {}, -2147483648),
      }),
    ),
  },
)
