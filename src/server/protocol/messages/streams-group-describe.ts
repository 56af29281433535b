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

const endpoint = struct({
  host: string,
  port: uint16,
})

const taskOffset = struct({
  subtopologyId: string,
  partition: int32,
  offset: int64,
})

const taskIds = struct({
  subtopologyId: string,
  partitions: array(int32),
})

const assignment = struct({
  activeTasks: array(taskIds),
  standbyTasks: array(taskIds),
  warmupTasks: array(taskIds),
})

const topologyDescriptionNode = struct({
  name: field(string, { since: 1 }),
  nodeType: field(int8, { since: 1 }),
  sourceTopics: field(array(string), { since: 1 }),
  sinkTopic: field(nullable(string), { since: 1 }, null),
  stores: field(array(string), { since: 1 }),
  successors: field(array(string), { since: 1 }),
})

const topologyDescriptionSubtopology = struct({
  subtopologyId: field(string, { since: 1 }),
  nodes: field(array(topologyDescriptionNode), { since: 1 }),
})

const topologyDescriptionGlobalStore = struct({
  source: field(topologyDescriptionNode, { since: 1 }),
  processor: field(topologyDescriptionNode, { since: 1 }),
})

const topologyDescription = struct({
  subtopologies: field(array(topologyDescriptionSubtopology), { since: 1 }),
  globalStores: field(array(topologyDescriptionGlobalStore), { since: 1 }),
})

export const streamsGroupDescribe = api(
  'StreamsGroupDescribe',
  { key: 89, versions: [0, 1], flexible: 0 },
  {
    groupIds: array(string),
    includeAuthorizedOperations: bool,
    includeTopologyDescription: field(bool, { since: 1 }),
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
                      stateChangelogTopics: array(topicInfo),
                      repartitionSourceTopics: array(topicInfo),
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
            userEndpoint: field(nullableStruct(endpoint), {}, null),
            clientTags: array(keyValue),
            taskOffsets: array(taskOffset),
            taskEndOffsets: array(taskOffset),
            assignment: assignment,
            targetAssignment: assignment,
            isClassic: bool,
          }),
        ),
        authorizedOperations: field(int32, {}, -2147483648),
        topologyDescription: field(nullableStruct(topologyDescription), { since: 1 }, null),
        topologyDescriptionStatus: field(int8, { since: 1 }),
        assignorName: field(nullable(string), { since: 1 }, null),
      }),
    ),
  },
)
