import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, bool, int8, int16, int32, nullable, string, uuid } from '../type.ts'

const topicPartitions = struct({
  topicId: uuid,
  topicName: string,
  partitions: array(int32),
})

const assignment = struct({
  topicPartitions: array(topicPartitions),
})

export const consumerGroupDescribe = api(
  'ConsumerGroupDescribe',
  { key: 69, versions: [0, 1], flexible: 0 },
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
        assignorName: string,
        members: array(
          struct({
            memberId: string,
            instanceId: field(nullable(string), {}, null),
            rackId: field(nullable(string), {}, null),
            memberEpoch: int32,
            clientId: string,
            clientHost: string,
            subscribedTopicNames: array(string),
            subscribedTopicRegex: field(nullable(string), {}, null),
            assignment: assignment,
            targetAssignment: assignment,
            memberType: field(int8, { since: 1 }, -1),
          }),
        ),
        authorizedOperations: field(int32, {}, -2147483648),
      }),
    ),
  },
)
