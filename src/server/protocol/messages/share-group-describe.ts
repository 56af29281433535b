import { api } from '../message.ts'
import { field, struct } from '../struct.ts'
import { array, bool, int16, int32, nullable, string, uuid } from '../type.ts'

const topicPartitions = struct({
  topicId: uuid,
  topicName: string,
  partitions: array(int32),
})

const assignment = struct({
  topicPartitions: array(topicPartitions),
})

export const shareGroupDescribe = api(
  'ShareGroupDescribe',
  { key: 77, versions: [1, 1], flexible: 0 },
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
            rackId: field(nullable(string), {}, null),
            memberEpoch: int32,
            clientId: string,
            clientHost: string,
            subscribedTopicNames: array(string),
            assignment: assignment,
          }),
        ),
        authorizedOperations: field(int32, {}, -2147483648),
      }),
    ),
  },
)
